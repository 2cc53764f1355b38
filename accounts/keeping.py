"""Protection against deletion: users whom orders or the admin's history refer to are closed instead."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import PROTECT, ProtectedError
from django.db.models.fields.related import ForeignObjectRel

from accounts.models import User


def did_anything(user: User) -> bool:
    """Return True if the admin's history, or a row that protects them (an order, say), refers to the user."""
    return LogEntry.objects.filter(user=user).exists() or any(
        relation.related_model._base_manager.filter(**{relation.field.name: user}).exists()
        for relation in User._meta.get_fields(include_hidden=True)
        if isinstance(relation, ForeignObjectRel) and relation.on_delete is PROTECT
    )


def protect_history(sender: type[User], instance: User, **kwargs: Any) -> None:
    """Receiver of pre_delete: refuse for authors of history entries, which Django would delete along."""
    entries = LogEntry.objects.filter(user=instance)
    if entries.exists():
        raise ProtectedError(f"{instance} is the author of entries in the admin's history", set(entries[:10]))
