from django.apps import AppConfig
from django.contrib.admin import apps as admin


class DeskConfig(AppConfig):
    name = "desk"
    default = True


class AdminConfig(admin.AdminConfig):
    """Django's admin with our first page and navigation."""

    default = False
    default_site = "desk.site.DeskSite"
