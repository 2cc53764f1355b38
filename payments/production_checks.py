"""Deployment checks of the machine where real money moves: what is fine in a rehearsal is refused there.

`check --deploy`, wsgi.py, sweep and reconcile_bill run them. Each sentence names the setting and the remedy.
Missing migrations are looked for only with `--database default`: server.sh and upgrade.sh check the settings
before they migrate.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from payments.checks import is_production

PRODUCTION_TAG = "production"


@register(Tags.security, PRODUCTION_TAG, deploy=True)
def check_production(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    if not is_production():
        return []
    return _errors([*_settings(), *_files(), *_database()])


@register(Tags.database, PRODUCTION_TAG, deploy=True)
def check_migrated(
    app_configs: object, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    return _errors(_migrations()) if databases and is_production() else []


def _errors(problems: Iterable[tuple[int, str]]) -> list[CheckMessage]:
    return [Error(message, id=f"payments.E{number:03d}") for number, message in problems]


def _settings() -> Iterator[tuple[int, str]]:
    if settings.DEBUG:
        yield 21, "DEBUG=1 shows code and settings to every visitor. Leave DEBUG out where real money moves."
    if not settings.TRUST_PROXY:
        yield (
            22,
            "TRUST_PROXY is not set. gunicorn speaks no TLS: without a proxy that ends it and TRUST_PROXY=1, "
            "each page would redirect to itself.",
        )
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        yield 23, "EMAIL_URL is not set: mail to renters would be printed. Set it to your mail server."


def _files() -> Iterator[tuple[int, str]]:
    env = settings.BASE_DIR / ".env"
    if env.is_file() and env.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        yield 24, f"Every user of this machine can read {env}, which holds secrets. Run: chmod 600 {env}"
    media = Path(settings.MEDIA_ROOT)
    if not os.access(media, os.W_OK | os.X_OK):
        yield 25, f"MEDIA_ROOT: photos can't be saved in {media}. Make the folder, owned by the site's user."


def _database() -> Iterator[tuple[int, str]]:
    if connection.vendor == "sqlite":
        yield (
            26,
            "DATABASE_URL is SQLite: one writer at a time, and a copy of its file is no backup. Use MariaDB.",
        )


def _migrations() -> Iterator[tuple[int, str]]:
    if names := _pending_migrations():
        yield 27, f"The database lacks {len(names)} migrations ({names[0]} …). Run: manage.py migrate"


def _pending_migrations() -> list[str]:
    # A connection of its own: gunicorn may fork after the checks, and workers must not share one.
    elsewhere = connection.copy()
    try:
        executor = MigrationExecutor(elsewhere)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError:  # down for the moment: the site starts, and answers 503
        return []
    finally:
        elsewhere.close()
    return [str(migration) for migration, _backwards in plan]
