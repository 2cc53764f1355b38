"""Run the migrations once for all processes of the tests, and for all runs until the site's code changes.

The first process keeps its database as it is before `post_migrate`, in pytest's cache; the others begin with
that, and `migrate` finds nothing left to apply. Any change to the site's code or its packages makes a new
one.
"""

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management.commands import migrate
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
BETWEEN = "\0"  # in no statement


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, pytestconfig: pytest.Config
) -> Iterator[None]:
    """Let the test database, which pytest-django makes next, begin with the migrated one."""
    if (folder := folder_in(pytestconfig)) is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch, _one_at_a_time(folder) as let_go:
        kept = kept_in(folder)
        make_empty, tell = connection.creation._create_test_db, migrate.emit_post_migrate_signal

        def make(*args: object, **options: object) -> str:
            name = make_empty(*args, **options)
            if kept.exists():
                restore(kept, name, meanwhile=let_go)
            return name

        def keep_and_tell(*args: object, **options: object) -> None:
            patch.undo()  # a test that migrates has rows of its own
            if not kept.exists():
                keep(kept)
            let_go()
            tell(*args, **options)

        patch.setattr(connection.creation, "_create_test_db", make)
        patch.setattr(migrate, "emit_post_migrate_signal", keep_and_tell)
        yield


def folder_in(config: pytest.Config) -> Path | None:
    """Return our folder in pytest's cache, which is None under `-p no:cacheprovider`."""
    cache = getattr(config, "cache", None)
    return cache and cache.mkdir("migrated")


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[Callable[[], None]]:
    with (folder / f"{connection.vendor}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield partial(fcntl.flock, lock, fcntl.LOCK_UN)


def kept_in(folder: Path) -> Path:
    ending = "sqlite3" if connection.vendor == "sqlite" else "sql"
    return folder / f"{fingerprint(sources())}.{ending}"


def sources() -> list[Path]:
    """Return the files that can change what the migrations make: all of the site's code and its packages."""
    ours = [Path(app.path) for app in apps.get_app_configs() if Path(app.path).is_relative_to(ROOT)]
    found = {file for folder in [*ours, ROOT / "ihome_site"] for file in folder.rglob("*.py")}
    code = [file for file in found if "tests" not in file.relative_to(ROOT).parts]
    return sorted([*code, ROOT / "requirements-dev.txt"])


def fingerprint(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def keep(kept: Path) -> None:
    """Keep the open database, instead of those of older code."""
    part = kept.with_suffix(".part")
    if connection.vendor == "sqlite":
        copy = sqlite3.connect(part)
        connection.connection.backup(copy)
        copy.close()
    else:
        part.write_text(BETWEEN.join(statements()), encoding="utf-8")
    for old in kept.parent.glob(f"*{kept.suffix}"):
        old.unlink()
    os.replace(part, kept)


def restore(kept: Path, name: str | Path, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Fill the empty database of this name; once `kept` is read, call `meanwhile`."""
    found = kept.read_bytes()
    meanwhile()
    if connection.vendor == "sqlite":
        Path(name).write_bytes(found)
        return
    with connection.creation._nodb_cursor() as cursor:
        cursor.execute(f"USE {connection.ops.quote_name(name)}")
        cursor.execute("SET foreign_key_checks = 0")
        for statement in found.decode().split(BETWEEN):
            cursor.execute(statement)


def restore_if_kept(config: pytest.Config, file: Path) -> None:
    """Spare a site of its own on SQLite the migrations, if an earlier part of the run has kept them."""
    folder = folder_in(config)
    if folder and (kept := kept_in(folder)).exists():
        restore(kept, file)


def statements() -> Iterator[str]:
    """Yield what makes every table of the open MariaDB database, and its rows."""
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            quoted = connection.ops.quote_name(table)
            cursor.execute(f"SHOW CREATE TABLE {quoted}")
            yield cursor.fetchone()[1]
            cursor.execute(f"SELECT * FROM {quoted}")
            for row in cursor.fetchall():
                values = ", ".join(connection.connection.literal(value).decode() for value in row)
                yield f"INSERT INTO {quoted} VALUES ({values})"
