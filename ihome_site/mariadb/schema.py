"""Changes of tables that may be repeated: MariaDB commits each statement of a migration at once.

One that is killed between two of them leaves the first done. `migrate` begins it anew and passes over what is
there.
"""

from typing import Any

from django.db.backends.mysql.schema import DatabaseSchemaEditor

REPEATABLE = {
    "sql_create_table": "CREATE TABLE IF NOT EXISTS %(table)s (%(definition)s)",
    "sql_delete_table": "DROP TABLE IF EXISTS %(table)s CASCADE",
    "sql_create_column": "ALTER TABLE %(table)s ADD COLUMN IF NOT EXISTS %(column)s %(definition)s",
    "sql_delete_column": "ALTER TABLE %(table)s DROP COLUMN IF EXISTS %(column)s",
    "sql_create_column_inline_fk": (
        ", ADD CONSTRAINT %(name)s FOREIGN KEY IF NOT EXISTS %(name)s (%(column)s)"
        " REFERENCES %(to_table)s(%(to_column)s)"
    ),
    "sql_create_fk": (
        "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s FOREIGN KEY IF NOT EXISTS %(name)s (%(column)s)"
        " REFERENCES %(to_table)s (%(to_column)s)"
    ),
    "sql_delete_fk": "ALTER TABLE %(table)s DROP FOREIGN KEY IF EXISTS %(name)s",
    "sql_create_check": "ALTER TABLE %(table)s ADD CONSTRAINT IF NOT EXISTS %(name)s CHECK (%(check)s)",
    "sql_create_unique": "ALTER TABLE %(table)s ADD UNIQUE INDEX IF NOT EXISTS %(name)s (%(columns)s)",
    "sql_delete_unique": "ALTER TABLE %(table)s DROP INDEX IF EXISTS %(name)s",
    "sql_create_index": "CREATE INDEX IF NOT EXISTS %(name)s ON %(table)s (%(columns)s)%(extra)s",
    "sql_delete_index": "DROP INDEX IF EXISTS %(name)s ON %(table)s",
}
"""Django's templates with IF EXISTS or IF NOT EXISTS, which MySQL has not."""


class SchemaEditor(DatabaseSchemaEditor):
    def __init__(self, connection: Any, *args: Any, **options: Any) -> None:
        super().__init__(connection, *args, **options)
        if connection.mysql_is_mariadb:
            self.__dict__.update(REPEATABLE)
