"""Tests of tests/emptying.py."""

import pytest
from django.db import connection

from tests import bystanders
from tests.emptying import KEPT, empty_tables, tables

pytestmark = pytest.mark.django_db


def filled() -> set[str]:
    with connection.cursor() as cursor:
        found = set()
        for table in tables():
            cursor.execute(f"SELECT COUNT(*) FROM {table}")
            found |= {table} if cursor.fetchone()[0] else set()
        return found


def test_only_content_types_and_permissions_stay() -> None:
    bystanders.insert()
    assert {"orders_order", "payments_payment", *KEPT} <= filled()
    empty_tables()
    assert filled() == KEPT
