"""Statements as the database server logged them, including any that a library sends on its own."""

import re
from collections.abc import Callable

from django.db import connection

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+`?(\w+)`?")
# Equivalents: Django and the bare driver begin a transaction differently, and Django adds one to end it.
_SAME_MEANING = {"SET autocommit=0": "BEGIN", "SET autocommit=1": ""}


def statements(act: Callable[[], object]) -> list[str]:
    """Return the kinds of statements of all connections while `act` ran, such as `UPDATE orders_order`."""
    return [kind for kind in map(_kind, _sent(act)) if kind]


def messages(act: Callable[[], object]) -> int:
    """Return the number of messages to the server while `act` ran, also pings and BEGIN."""
    before = _pings()
    sent = [text for text in _sent(act) if not text.startswith("SET GLOBAL")]
    return len(sent) + _pings() - before


def _pings() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_admin_commands'")
        return int(cursor.fetchone()[1])


def _sent(act: Callable[[], object]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SET GLOBAL log_output = 'TABLE'")
        cursor.execute("TRUNCATE mysql.general_log")
        cursor.execute("SET GLOBAL general_log = ON")
    act()
    with connection.cursor() as cursor:
        cursor.execute("SET GLOBAL general_log = OFF")
        cursor.execute("SELECT argument FROM mysql.general_log WHERE command_type = 'Query'")
        return [
            text if isinstance(text, str) else bytes(text).decode(errors="replace")
            for (text,) in cursor.fetchall()
        ]


def _kind(statement: str) -> str:
    if statement.startswith("SET GLOBAL"):  # our own
        return ""
    if statement in _SAME_MEANING:
        return _SAME_MEANING[statement]
    verb = statement.split(None, 1)[0]
    if verb in ("SAVEPOINT", "RELEASE", "COMMIT", "BEGIN"):
        return verb
    table = _TABLE.search(statement)
    lock = " FOR UPDATE" if statement.rstrip().endswith("FOR UPDATE") else ""
    return f"{verb} {table[1] if table else '?'}{lock}"
