"""The models of the version before write and read rows in the tables of this one: OPS06, shown in a database.

test_migrations.py looks at the operations. Here a column fails that the version before leaves empty, that is
gone, or whose value is refused by now.
"""

import uuid
from datetime import UTC, date, datetime

import pytest
from django.apps.registry import Apps
from django.db import DatabaseError, models, transaction
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.test_migrations import SINCE

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
VALUES: list[tuple[type[models.Field], object]] = [
    (models.DateTimeField, NOON),
    (models.DateField, NOON.date()),
    (models.IntegerField, 1),
    (models.BooleanField, False),
    (models.BinaryField, b"x"),
    (models.UUIDField, uuid.UUID(int=1)),
    (models.JSONField, {}),
    (models.Field, "x"),
]
"""Values for columns without a default, by the first class that fits."""
OTHERS = {"check_out": date(2026, 11, 30)}
"""Columns that the database compares with another."""


@pytest.fixture(scope="module")
def version_before() -> ProjectState:
    leaves = [(app, name) for app, name in SINCE.items() if name]
    return MigrationLoader(None).project_state(leaves)


def write_and_read(apps: Apps) -> int:
    """Write a row of each model, write it again, and read it; return how many models there are."""
    rows: dict[type[models.Model], models.Model] = {}
    ours = [model for model in apps.get_models() if model._meta.app_label in SINCE]
    for model in ours:
        row = row_of(model, rows)
        row.save()
        assert model._base_manager.get(pk=row.pk)
    return len(ours)


def row_of(model: type[models.Model], rows: dict[type[models.Model], models.Model]) -> models.Model:
    """Return the row of a model, made with those that it refers to, and kept in `rows`."""
    if model not in rows:
        fields = [field for field in model._meta.concrete_fields if is_needed(field)]
        rows[model] = model._base_manager.create(**{field.name: value_of(field, rows) for field in fields})
    return rows[model]


def is_needed(field: models.Field) -> bool:
    is_filled_in = field.null or field.generated or field.has_default()
    return not (is_filled_in or isinstance(field, models.AutoField))


def value_of(field: models.Field, rows: dict[type[models.Model], models.Model]) -> object:
    if field.remote_field:
        return row_of(field.related_model, rows)
    return OTHERS.get(field.name) or next(value for kind, value in VALUES if isinstance(field, kind))


def test_OPS06_the_version_before_writes_and_reads_every_table(version_before: ProjectState) -> None:
    assert write_and_read(version_before.apps) > 20


BREAKING = {
    "house_title": operations.RemoveField("order", "house_title"),  # a new column that it leaves empty
    "dogs": operations.AddField("order", "dogs", models.IntegerField(default=0)),  # one that is gone
    "title_then": operations.RenameField("order", "house_title", "title_then"),
    "orders_dog": operations.CreateModel("Dog", [("id", models.BigAutoField(primary_key=True))]),
}
"""By the name that the database misses: the difference to this version, on the side of the one before."""


@pytest.mark.parametrize("missed", BREAKING)
def test_twin_OPS06_a_breaking_migration_is_found(missed: str, version_before: ProjectState) -> None:
    state = version_before.clone()
    BREAKING[missed].state_forwards("orders", state)
    with pytest.raises(DatabaseError, match=missed), transaction.atomic():
        write_and_read(state.apps)
