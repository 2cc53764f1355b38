"""The site configured as in production, on a fresh MariaDB, with the stand-in Alipay in its own process.

All files are in a temporary folder; the empty database is passed in as DATABASE_URL.
"""

import logging
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.keys import DEMO_APP_ID, DEMO_SELLER_ID, make_demo_keys

SITE_URL = "http://127.0.0.1"
BUFFER_POOL = 1 << 30
"""Bytes of tables in MariaDB's memory: as deploy/server.sh sets them on a machine with 4 GB."""


class NotPossible(Exception):
    """The benchmark can't run; the message gives the reason."""


def pem_text(path: str) -> str:
    """Return a key for the SDK, without the line that marks our demo keys."""
    text = Path(path).read_text()
    return text[text.index("-----BEGIN") :]


@contextmanager
def prepared() -> Iterator[str]:
    """Set Django up on an empty, migrated database; yield the stand-in's URL. Raises NotPossible."""
    if not os.environ.get("DATABASE_URL", "").startswith("mysql:"):
        raise NotPossible("The benchmark needs a MariaDB of its own: run `make bench`.")
    with tempfile.TemporaryDirectory(prefix="ihome-bench-") as name:
        folder = Path(name)
        make_demo_keys(folder / "keys")
        with _standin(folder) as standin_url:
            os.environ.update(_settings(folder, standin_url))
            _set_up(folder)
            yield standin_url


def _settings(folder: Path, standin_url: str) -> dict[str, str]:
    """Return every setting but DATABASE_URL: a .env or the caller's environment must not change results."""
    return {
        "DJANGO_SETTINGS_MODULE": "ihome_site.settings",
        "DEBUG": "0",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SITE_URL": SITE_URL,
        "ALLOWED_HOSTS": "127.0.0.1",
        "CSRF_TRUSTED_ORIGINS": SITE_URL,
        "TRUST_PROXY": "0",
        "REHEARSAL": "1",
        "REDIS_URL": "",
        "EMAIL_URL": "consolemail://",
        "SMS_URL": "console://",
        "SMS_DAILY_BUDGET": "500",
        "SMS_PER_ADDRESS": "10",
        "DEFAULT_FROM_EMAIL": "ihome <noreply@localhost>",
        "CONTACT_PHONE": "",
        "CONTACT_EMAIL": "",
        "STAFF_REFUND_LIMIT": "1000.00",
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "text",
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "ALIPAY_APP_ID": DEMO_APP_ID,
        "ALIPAY_SELLER_ID": DEMO_SELLER_ID,
        "ALIPAY_GATEWAY_URL": f"{standin_url}/gateway.do",
        "ALIPAY_APP_PRIVATE_KEY_PATH": str(folder / "keys/app_private_key.pem"),
        "ALIPAY_PUBLIC_KEY_PATH": str(folder / "keys/alipay_public_key.pem"),
    }


@contextmanager
def _standin(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "standin", "--port=0", f"--keys={folder / 'keys'}"]
    with (
        (folder / "standin.log").open("wb") as log,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            first_line = process.stdout.readline()  # "stand-in Alipay on http://127.0.0.1:12345"
            if not first_line:
                raise NotPossible(f"The stand-in did not start: {(folder / 'standin.log').read_text()}")
            yield first_line.split()[-1]
        finally:
            process.terminate()


def _set_up(folder: Path) -> None:
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    connection.settings_dict["CONN_MAX_AGE"] = None  # rows.use() lasts as long as the connection
    for limit in ("read_timeout", "write_timeout"):  # a statement that fills a table may take minutes
        connection.settings_dict["OPTIONS"].pop(limit, None)
    if connection.introspection.table_names():
        raise NotPossible("The benchmark fills its database with a million rows: the database must be empty.")
    (folder / "static").mkdir()
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("migrate", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SET GLOBAL innodb_buffer_pool_size = %s", [BUFFER_POOL])
    import ihome_site.wsgi  # noqa: F401  configures logging again; refuses bad settings

    # Log lines are formatted as in production, but go to a file.
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream((folder / "site.log").open("w"))
