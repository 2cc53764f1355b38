"""Compilers of Django's backend; an INSERT that returns values runs in a transaction.

A Galera node repeats a statement outside of transactions that lost to another node's. The row that the first
try returned is then of a key that was never committed.
"""

from typing import Any

from django.db import transaction
from django.db.backends.mysql import compiler
from django.db.backends.mysql.compiler import SQLAggregateCompiler as SQLAggregateCompiler
from django.db.backends.mysql.compiler import SQLCompiler as SQLCompiler
from django.db.backends.mysql.compiler import SQLDeleteCompiler as SQLDeleteCompiler
from django.db.backends.mysql.compiler import SQLUpdateCompiler as SQLUpdateCompiler


class SQLInsertCompiler(compiler.SQLInsertCompiler):
    def execute_sql(self, returning_fields: Any = None) -> Any:  # type: ignore[override]
        if not returning_fields or self.connection.in_atomic_block:
            return super().execute_sql(returning_fields)
        with transaction.atomic(using=self.using, savepoint=False):
            return super().execute_sql(returning_fields)
