"""Django's backend for MariaDB and MySQL with fewer messages to the server.

Django turns autocommit off before a transaction and on again after it, and pings before each request: three
messages where BEGIN is enough. And silence.py ends the wait for a database that hangs.
"""

from time import monotonic
from typing import Any

import MySQLdb
from django.db.backends.mysql import base, operations

from ihome_site.mariadb import silence
from ihome_site.mariadb.schema import SchemaEditor

PING_AFTER = 1.0
"""Seconds of idleness after which a connection is asked whether it is alive. One that was just used is."""


class DatabaseOperations(operations.DatabaseOperations):
    compiler_module = "ihome_site.mariadb.compiler"


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
    SchemaEditorClass = SchemaEditor
    _used_at = float("-inf")

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if silence.is_silent():
            raise MySQLdb.OperationalError(2002, "the database does not answer")
        connection = super().get_new_connection(conn_params)
        silence.note(connection)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        self._used_at = monotonic()
        return super().create_cursor(name)

    def is_usable(self) -> bool:
        was_just_used = monotonic() - self._used_at < PING_AFTER and not self.errors_occurred
        return was_just_used or super().is_usable()

    def _start_transaction_under_autocommit(self) -> None:
        """Begin a transaction. Django calls it instead of turning autocommit off."""
        with self.wrap_database_errors:
            self.connection.query("BEGIN")

    def _set_autocommit(self, autocommit: bool) -> None:
        with self.wrap_database_errors:
            # The state is the one that the server told with its last answer.
            if self.connection.get_autocommit() != autocommit:
                self.connection.autocommit(autocommit)
