from django.apps import AppConfig
from django.contrib.admin import apps as admin


class DeskConfig(AppConfig):
    name = "desk"
    default = True

    def ready(self) -> None:
        from desk import yes_no

        yes_no.install()


class AdminConfig(admin.AdminConfig):
    """Django's admin with our first page and navigation."""

    default = False
    default_site = "desk.site.DeskSite"
