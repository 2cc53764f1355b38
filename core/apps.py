from django.apps import AppConfig
from django.conf import settings


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core import constraint_checks, database_checks  # noqa: F401  they register their checks

        if settings.SENTRY_DSN:
            from core import error_tracking

            error_tracking.start(settings.SENTRY_DSN)
