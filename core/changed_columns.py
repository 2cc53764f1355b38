"""Models whose save() writes only the columns that were changed since the row was read."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Self

from django.db import models


@cache
def _columns(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if not field.primary_key]


class SavesChangedColumns(models.Model):
    """Abstract model for rows that Django's own code reads, holds for long and saves whole.

    `manage.py changepassword` waits for somebody to type, and a password takes its time to hash: meanwhile
    the account may be closed.
    """

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        names = kwargs.get("update_fields")
        if names is None and not args and not kwargs.get("force_insert") and not self._state.adding:
            names = kwargs["update_fields"] = self._changed_columns()
        super().save(*args, **kwargs)
        self._remember(names)

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        row = super().from_db(*args, **kwargs)
        columns = row.__dict__
        row._as_read = {name: columns[name] for name in _columns(cls) if name in columns}
        return row

    def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None
    ) -> None:
        names = None if fields is None else list(fields)
        super().refresh_from_db(using=using, fields=names, from_queryset=from_queryset)
        self._remember(names)

    def _changed_columns(self) -> list[str]:
        before: dict[str, object] = self.__dict__.get("_as_read", {})
        return [name for name, value in self._loaded().items() if name not in before or before[name] != value]

    def _remember(self, names: Iterable[str] | None = None) -> None:
        """Keep the columns as they are now in the database: all that are loaded, or those of `names`."""
        self._as_read = {**self.__dict__.get("_as_read", {}), **self._loaded(names)}

    def _loaded(self, names: Iterable[str] | None = None) -> dict[str, object]:
        wanted = None if names is None else set(names)
        return {
            field.attname: self.__dict__[field.attname]
            for field in self._meta.concrete_fields
            if field.attname in self.__dict__
            and not field.primary_key
            and (wanted is None or wanted & {field.name, field.attname})
        }
