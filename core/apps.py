from django.apps import AppConfig
from django.conf import settings


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core import database_checks  # noqa: F401  registers its check

        if settings.SENTRY_DSN:
            from core import error_tracking

            error_tracking.start(settings.SENTRY_DSN)
