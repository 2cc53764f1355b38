"""Indexes for Django's history, which has none by time, by person and time, or by row."""

from django.conf import settings
from django.db import migrations

TABLE = "django_admin_log"
INDEXES = {
    "log_by_time": "action_time",
    "log_by_person": "user_id, action_time",
    "log_by_row": "content_type_id, object_id",
}


def columns(name, vendor):
    """MariaDB indexes the beginning of a text only; a key's is whole."""
    return INDEXES[name].replace("object_id", "object_id(40)") if vendor == "mysql" else INDEXES[name]


def add(apps, schema_editor):
    """Leave out what is there: on MariaDB, a migration that was interrupted keeps its first indexes."""
    with schema_editor.connection.cursor() as cursor:
        there = schema_editor.connection.introspection.get_constraints(cursor, TABLE)
    for name in INDEXES:
        if name not in there:
            on = columns(name, schema_editor.connection.vendor)
            schema_editor.execute(f"CREATE INDEX {name} ON {TABLE} ({on})")


def remove(apps, schema_editor):
    end = f" ON {TABLE}" if schema_editor.connection.vendor == "mysql" else ""
    for name in INDEXES:
        schema_editor.execute(f"DROP INDEX {name}{end}")


class Migration(migrations.Migration):
    atomic = False  # MariaDB has no DDL within transactions

    dependencies = [
        ('admin', '0003_logentry_add_action_flag_choices'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunPython(add, remove)]
