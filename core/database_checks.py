"""Checks of the set-up of MariaDB or MySQL: a wrong one loses text, money or the guard of a transaction.

`check --deploy`, wsgi.py, sweep and reconcile_bill run them, and /readyz reports their faults. A database
that does not answer has no fault of its set-up: the site starts, and answers 503.
"""

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

DATABASE_TAG = "database_setup"

_VARIABLES = (
    *("sql_mode", "tx_isolation", "transaction_isolation"),
    *("character_set_connection", "character_set_database", "default_storage_engine"),
)
_CHARSET = "utf8mb4"
_ISOLATION = "READ-COMMITTED"
_ENGINE = "InnoDB"
NAMED = 3
"""Maximum number of tables named in a sentence."""


@register(DATABASE_TAG, deploy=True)
def check_database(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    # A connection of its own: gunicorn may fork after the checks, and workers must not share one.
    elsewhere = connection.copy()
    try:
        found = list(problems(elsewhere))
    except OperationalError:
        return []
    finally:
        elsewhere.close()
    return [Error(f"DATABASE_URL: {problem}", id="core.E001") for problem in found]


def problems(database: BaseDatabaseWrapper) -> Iterator[str]:
    """Yield a sentence for each fault of the set-up, with the remedy. None on SQLite. Three queries."""
    if database.vendor != "mysql":
        return
    names = ", ".join(["%s"] * len(_VARIABLES))
    values = dict[str, str](_rows(database, f"SHOW VARIABLES WHERE Variable_name IN ({names})", *_VARIABLES))
    yield from _faults_of_the_session(values)
    yield from _faults_of_the_tables(database, values)


def _faults_of_the_session(values: dict[str, str]) -> Iterator[str]:
    isolation = values.get("transaction_isolation") or values.get("tx_isolation", "")
    if isolation != _ISOLATION:
        yield f"the isolation level is {isolation}. The site needs {_ISOLATION}: locks decide, not snapshots."
    if not {"STRICT_ALL_TABLES", "STRICT_TRANS_TABLES"} & set(values.get("sql_mode", "").split(",")):
        yield "sql_mode is not strict, so text and amounts are cut silently. Add STRICT_ALL_TABLES."
    if values.get("character_set_connection") != _CHARSET:
        yield f"the connection's character set is {values.get('character_set_connection')}, not {_CHARSET}."


def _faults_of_the_tables(database: BaseDatabaseWrapper, values: dict[str, str]) -> Iterator[str]:
    if (charset := values.get("character_set_database")) != _CHARSET:
        yield (
            f"the database's character set is {charset}, in which an emoji or a rare name can't be written. "
            f"Run: ALTER DATABASE … CHARACTER SET {_CHARSET}"
        )
    if (engine := values.get("default_storage_engine")) != _ENGINE:
        yield f"new tables get the engine {engine}. Set default_storage_engine={_ENGINE}."
    if tables := [name for (name,) in _rows(database, _TABLES_OF_ANOTHER_ENGINE, _ENGINE)]:
        yield f"{_named(tables)} have no transactions. Run, for each: ALTER TABLE … ENGINE={_ENGINE}"
    if tables := [name for (name,) in _rows(database, _TABLES_OF_ANOTHER_CHARSET, _CHARSET)]:
        yield (
            f"{_named(tables)} can't hold every character. Run, for each: "
            f"ALTER TABLE … CONVERT TO CHARACTER SET {_CHARSET}"
        )


_TABLES_OF_ANOTHER_ENGINE = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND engine <> %s ORDER BY table_name
"""
_TABLES_OF_ANOTHER_CHARSET = """
    SELECT DISTINCT table_name FROM information_schema.columns
    WHERE table_schema = DATABASE() AND character_set_name <> %s ORDER BY table_name
"""


def _named(tables: list[str]) -> str:
    more = f" and {len(tables) - NAMED} more" if len(tables) > NAMED else ""
    return f"the tables {', '.join(tables[:NAMED])}{more}"


def _rows(database: BaseDatabaseWrapper, statement: str, *values: str) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
