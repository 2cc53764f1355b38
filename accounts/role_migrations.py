"""Rights that a migration gives to roles that exist already, where their model is new."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.auth.management import create_permissions


def giving(rights: Iterable[str], *names: str) -> Callable[[Any, Any], None]:
    """Return a step of a migration that gives `rights` (`app.codename`) to the groups `names`.

    A group may have been changed: nothing else in it is touched, and a missing one stays missing.
    """
    wanted = [name.split(".") for name in rights]

    def give(apps: Any, schema_editor: Any) -> None:
        for label in {label for label, _ in wanted}:
            config = apps.get_app_config(label)
            config.models_module = True  # the permissions would otherwise follow only after all migrations
            create_permissions(config, apps=apps, verbosity=0)
            config.models_module = None
        permissions = apps.get_model("auth", "Permission").objects
        found = [permissions.get(content_type__app_label=app, codename=code) for app, code in wanted]
        for group in apps.get_model("auth", "Group").objects.filter(name__in=names):
            group.permissions.add(*found)

    return give
