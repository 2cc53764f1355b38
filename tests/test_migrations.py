"""Migrations leave tables that the version before can use: it serves while they run, and after a rollback."""

from collections.abc import Iterator

import pytest
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED, IntegerField

SINCE = {
    "accounts": "0017_own_number",
    "houses": "0008_note_of_a_night",
    "orders": "0018_events_by_time_and_person",
    "payments": "0016_outside_alipay",
    "jobs": "0002_staff_mails",
    "desk": "0001_history_by_time",
    "core": "0003_rate_count",
    "bills": "",
}
"""The newest of each application when upgrades without a gap began; those up to it are not looked at."""

BREAKING = (
    *(operations.RenameField, operations.RenameModel, operations.AlterModelTable),
    *(operations.RemoveField, operations.DeleteModel),
)
SPLIT = "remove it in a version of its own, once no version that may serve reads it"


def problems(migration: Migration) -> Iterator[str]:
    """Yield a sentence for each operation after which the code before could not read or write."""
    for operation in migration.operations:
        if isinstance(operation, BREAKING):
            yield f"{operation.describe()}: the version before still uses the old name; {SPLIT}"
        elif isinstance(operation, operations.AddField):
            field = operation.field
            is_filled_in = field.generated or field.db_default is not NOT_PROVIDED
            if not (field.null or field.many_to_many or is_filled_in):
                yield f"{operation.describe()}: the version before writes rows without it: use db_default"


def later_migrations() -> list[Migration]:
    return [
        migration
        for (app, name), migration in MigrationLoader(None).disk_migrations.items()
        if app in SINCE and name > SINCE[app]
    ]


def test_OPS06_the_version_before_works_on_the_tables_of_this_one() -> None:
    assert [f"{each}: {problem}" for each in later_migrations() for problem in problems(each)] == []


def with_operation(operation: Operation) -> Migration:
    migration = Migration("9999_later", "orders")
    migration.operations = [operation]
    return migration


@pytest.mark.parametrize(
    "operation",
    [
        operations.RenameField("order", "number", "no"),
        operations.RemoveField("order", "number"),
        operations.DeleteModel("Order"),
        operations.AddField("order", "dogs", IntegerField(default=0)),
    ],
    ids=["rename", "remove", "delete", "no default in the database"],
)
def test_an_operation_that_breaks_the_version_before_is_found(operation: Operation) -> None:
    assert list(problems(with_operation(operation)))


@pytest.mark.parametrize("field", [IntegerField(default=0, db_default=0), IntegerField(null=True)])
def test_a_new_column_that_the_version_before_need_not_write_is_fine(field: IntegerField) -> None:
    assert list(problems(with_operation(operations.AddField("order", "dogs", field)))) == []
