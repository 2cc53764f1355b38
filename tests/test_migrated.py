"""Tests of tests/migrated.py."""

import re
import sqlite3
from pathlib import Path

import pytest
from django.db import connection

from tests import migrated

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kept(pytestconfig: pytest.Config) -> Path:
    return migrated.kept_in(migrated.folder_in(pytestconfig))


def schema(statements: list[str]) -> list[str]:
    tables = [text for text in statements if text.startswith("CREATE")]
    return sorted(re.sub(r" AUTO_INCREMENT=\d+", "", text) for text in tables)


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="MariaDB's is below")
def test_a_kept_file_has_the_tables_of_this_database(kept: Path, tmp_path: Path) -> None:
    migrated.restore(kept, tmp_path / "restored")
    found = sqlite3.connect(tmp_path / "restored").execute("SELECT sql FROM sqlite_master").fetchall()
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master")
        here = cursor.fetchall()
    assert schema([sql or "" for (sql,) in found]) == schema([sql or "" for (sql,) in here])


@pytest.mark.skipif("connection.vendor != 'mysql'", reason="SQLite's is above")
def test_kept_statements_make_the_same_tables_and_rows(kept: Path) -> None:
    wanted = kept.read_text("utf-8").split(migrated.BETWEEN)
    assert schema(wanted) == schema(list(migrated.statements()))
    here, other = connection.settings_dict["NAME"], f"{connection.settings_dict['NAME']}_restored"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {other}")
        try:
            migrated.restore(kept, other)
            cursor.execute(f"USE {other}")
            assert list(migrated.statements()) == wanted
        finally:
            cursor.execute(f"USE {here}")
            cursor.execute(f"DROP DATABASE {other}")


def test_migrations_and_what_they_import_count_but_no_test() -> None:
    counted = {str(file.relative_to(migrated.ROOT)) for file in migrated.sources()}
    assert {"orders/migrations/0001_initial.py", "accounts/roles.py", "requirements-dev.txt"} <= counted
    assert not [name for name in counted if "tests/" in name]


def test_any_changed_byte_makes_a_new_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "0001_initial.py"
    digests = set()
    for text in ("a", "b", "ab"):
        file.write_text(text)
        digests.add(migrated.fingerprint([file]))
    assert len(digests) == 3
