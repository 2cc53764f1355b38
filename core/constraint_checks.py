"""The check that the database holds our CHECK constraints: some databases read them and forget them.

TiDB does unless `tidb_enable_check_constraint` is on, MySQL did before 8.0.16, and a dump of such a database
has none. Amounts and nights would then be guarded by our code alone.
"""

from collections.abc import Iterator

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models import CheckConstraint

from core.database_checks import DATABASE_TAG, NAMED

_OF_THIS_DATABASE = """
    SELECT constraint_name FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()
"""


@register(DATABASE_TAG, deploy=True)
def check_constraints(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    # A connection of its own: gunicorn may fork after the checks, and workers must not share one.
    elsewhere = connection.copy()
    try:
        missing = missing_constraints(elsewhere)
    except OperationalError:  # away: the site starts, and answers 503
        return []
    finally:
        elsewhere.close()
    return [Error(f"DATABASE_URL: {sentence}", id="core.E002") for sentence in _sentence(missing)]


def missing_constraints(database: BaseDatabaseWrapper) -> list[str]:
    """Return the names of our CHECK constraints that the database lacks. None on SQLite, which keeps them.

    None either while its migrations are not ours: before an upgrade, and after going back.
    """
    if database.vendor != "mysql":
        return []
    with database.cursor() as cursor:
        cursor.execute(_OF_THIS_DATABASE)
        found = {name for (name,) in cursor.fetchall()}
    missing = sorted(set(_ours()) - found)
    return missing if missing and _has_our_migrations(database) else []


def _ours() -> Iterator[str]:
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if isinstance(constraint, CheckConstraint):
                yield constraint.name


def _has_our_migrations(database: BaseDatabaseWrapper) -> bool:
    loader = MigrationLoader(database)
    ours = {app.label for app in apps.get_app_configs()}
    applied = {key for key in loader.applied_migrations if key[0] in ours}
    return applied == set(loader.disk_migrations)


def _sentence(missing: list[str]) -> Iterator[str]:
    if missing:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        yield (
            f"it does not keep the CHECK constraints {', '.join(missing[:NAMED])}{more}. On TiDB set "
            "tidb_enable_check_constraint=ON; then load the schema anew with manage.py migrate."
        )
