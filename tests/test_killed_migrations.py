"""CRA07: a migration that was killed between two of its statements runs again to the end."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.mysql.schema import DatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.migrated import statements
from tests.test_migrations import later_migrations

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite rolls back"),
]


class Killed(BaseException):
    """Nothing catches it, as nothing runs after `kill -9`."""


class Before(migrations.Migration):
    operations = [
        migrations.CreateModel(
            "Boat",
            [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=9))],
            options={"indexes": [models.Index(fields=["name"], name="boat_name")]},
        )
    ]


class EveryKind(migrations.Migration):
    operations = [
        migrations.CreateModel(
            "Trip",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("day", models.DateField()),
                ("boat", models.ForeignKey("core.Boat", models.PROTECT)),
            ],
            options={"constraints": [models.UniqueConstraint(fields=["boat", "day"], name="one_trip")]},
        ),
        migrations.AddField("boat", "seats", models.PositiveIntegerField(default=4, db_default=4)),
        migrations.AddField("boat", "sister", models.ForeignKey("core.Boat", models.PROTECT, null=True)),
        migrations.AddIndex("trip", models.Index(fields=["day"], name="trip_day")),
        migrations.AddConstraint(
            "boat", models.CheckConstraint(condition=models.Q(seats__gt=0), name="has_seats")
        ),
        migrations.AddConstraint("boat", models.UniqueConstraint(fields=["name", "seats"], name="one_name")),
        migrations.RemoveIndex("boat", "boat_name"),
        migrations.AlterField("boat", "name", models.CharField(max_length=99)),
    ]


def run(migration: type[migrations.Migration], state: ProjectState, kill_after: int = 10_000) -> ProjectState:
    """Apply a migration, killed after so many statements."""
    execute, left = BaseDatabaseSchemaEditor.execute, [kill_after]

    def count(editor: BaseDatabaseSchemaEditor, *statement: object, **params: object) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1
        execute(editor, *statement, **params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseSchemaEditor, "execute", count)
        one = migration("9999_boats", "core")
        with connection.schema_editor(atomic=one.atomic) as editor:
            return one.apply(state.clone(), editor)


def is_killed(before: ProjectState, after: int) -> bool:
    try:
        run(EveryKind, before, kill_after=after)
    except Killed:
        return True
    return False


@pytest.fixture
def before() -> Iterator[ProjectState]:
    yield run(Before, ProjectState())
    drop()


def drop() -> None:
    with connection.cursor() as cursor:
        for table in ("core_trip", "core_boat"):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")


def tables() -> list[str]:
    return [text for text in statements() if text.startswith("CREATE TABLE `core_")]


def test_CRA07_killed_after_any_statement_it_runs_again_to_the_end(before: ProjectState) -> None:
    run(EveryKind, before)
    complete, kills = tables(), 0
    drop()
    run(Before, ProjectState())
    while is_killed(before, after=kills):
        kills += 1
    assert tables() == complete
    assert kills > 7


def test_CRA07_twin_with_djangos_own_statements_it_would_not(
    before: ProjectState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SchemaEditorClass", DatabaseSchemaEditor)
    with pytest.raises(Killed):
        run(EveryKind, before, kill_after=1)
    with pytest.raises(OperationalError, match="already exists"):
        run(EveryKind, before)


def test_CRA07_every_migration_may_run_twice() -> None:
    complete, loader, state = list(statements()), MigrationLoader(None), ProjectState()
    later = {(each.app_label, each.name) for each in later_migrations()}
    for key in loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True):
        migration = loader.disk_migrations[key]
        if key not in later:
            migration.mutate_state(state, preserve=False)
            continue
        with connection.schema_editor(atomic=migration.atomic) as editor:
            state = migration.apply(state, editor)
    assert list(statements()) == complete
