"""After a test that commits, empty the tables; content types and permissions stay.

Django's own `flush` deletes these too and then creates the same ones again, for a tenth of a second a test.
"""

from collections.abc import Iterator

import pytest
from django.core.management.color import no_style
from django.db import connection
from django.test import TransactionTestCase

KEPT = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session", autouse=True)
def quickly_emptied() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda test: empty_tables())
        yield


def empty_tables() -> None:
    statements = connection.ops.sql_flush(no_style(), sorted(tables() - KEPT))
    connection.ops.execute_sql_flush(statements)


def tables() -> set[str]:
    """All tables of the models."""
    return set(connection.introspection.django_table_names(only_existing=True, include_views=False))
