"""The process that callgrind watches for django-oscar: `counted.py` of the other side.

Runs in the environment of benchmarks/oscar/requirements.txt, and prints the same lines of JSON.
"""

import json
import os
import sys
from pathlib import Path

import django
import MySQLdb

ORDERS = 20
SIDE = "django-oscar"


def main(folder: Path) -> None:
    from django.conf import settings

    server = settings.DATABASES["default"]
    with MySQLdb.connect(unix_socket=server["HOST"], user=server["USER"], passwd=server["PASSWORD"]) as root:
        root.cursor().execute("CREATE DATABASE oscar CHARACTER SET utf8mb4")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    cookie, numbers = _filled()
    _count(folder, "my orders", "/accounts/orders/", cookie, numbers)
    _count(folder, "an order", f"/accounts/orders/{numbers[0]}/", cookie, numbers[:1])


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


def _count(folder: Path, work: str, path: str, cookie: str, numbers: list[str]) -> None:
    from django.core.wsgi import get_wsgi_application

    from benchmarks import callgrind, server_log
    from benchmarks.calls import Answer, call

    site, answers = get_wsgi_application(), list[Answer]()

    def act() -> None:
        answers.append(call(site, "GET", path, HTTP_COOKIE=cookie))

    act()
    messages = server_log.messages(act)
    instructions = callgrind.each(folder, [act] * callgrind.REQUESTS)
    for answer in answers:
        assert answer.status == 200 and all(number.encode() in answer.body for number in numbers), answer
    figures = {"work": work, "side": SIDE, "instructions": instructions, "messages": messages}
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.oscar.settings"
    main(Path(sys.argv[1]))
