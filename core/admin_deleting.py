"""The page that asks before rows are deleted names only rows that have names."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import capfirst


class NamedDeletions(admin.ModelAdmin):
    """Mixin: leave out the rows between two models, `House-facility relationship: object (7)`."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        between = [
            each._meta for each in apps.get_models(include_auto_created=True) if each._meta.auto_created
        ]
        plurals = {str(meta.verbose_name_plural) for meta in between}
        counts = {name: count for name, count in counts.items() if str(name) not in plurals}
        starts = tuple(f"{capfirst(meta.verbose_name)}: " for meta in between)
        return _without(deleted, starts), counts, lacking, protected


def _without(nested: list[Any], starts: tuple[str, ...]) -> list[Any]:
    """Return the list without texts that begin so, and without lists that are empty then."""
    kept = [_without(one, starts) if isinstance(one, list) else one for one in nested]
    return [one for one in kept if one and not (isinstance(one, str) and one.startswith(starts))]
