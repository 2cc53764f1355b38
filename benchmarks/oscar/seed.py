"""Fills the database of django-oscar, and leaves what the counted process needs in FOLDER/seed.json.

python -m benchmarks.oscar.seed FOLDER    # in the environment of benchmarks/oscar/requirements.txt
"""

import json
import os
import sys
from pathlib import Path

import django
import MySQLdb

ORDERS = 20


def main(folder: Path) -> None:
    from django.conf import settings

    server = settings.DATABASES["default"]
    with MySQLdb.connect(unix_socket=server["HOST"], user=server["USER"], passwd=server["PASSWORD"]) as root:
        root.cursor().execute("CREATE DATABASE oscar CHARACTER SET utf8mb4")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    cookie, numbers = _filled()
    (folder / "seed.json").write_text(json.dumps({"cookie": cookie, "numbers": numbers}))


def _filled() -> tuple[str, list[str]]:
    """Return the cookie of a customer with ORDERS orders, each of another product, and their numbers."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from oscar.test.factories import create_order

    customer = get_user_model().objects.create_user("customer", "customer@example.com", "oscar")
    numbers = [create_order(number=f"2601050000{n:04}", user=customer).number for n in range(ORDERS)]
    client = Client()
    client.force_login(customer)
    return f"sessionid={client.cookies['sessionid'].value}", numbers


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.oscar.settings"
    main(Path(sys.argv[1]))
