"""Users who did anything are closed, never deleted: their orders and the admin's history refer to them."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import PROTECT, ProtectedError
from django.db.models.fields.related import ForeignObjectRel

from accounts.models import User


def did_anything(user: User) -> bool:
    """Tell whether the history, or any row that protects them such as an order, refers to them."""
    return LogEntry.objects.filter(user=user).exists() or any(
        relation.related_model._base_manager.filter(**{relation.field.name: user}).exists()
        for relation in User._meta.get_fields(include_hidden=True)
        if isinstance(relation, ForeignObjectRel) and relation.on_delete is PROTECT
    )


def protect_history(sender: type[User], instance: User, **kwargs: Any) -> None:
    """Refuse to delete the author of entries in the history, which Django would delete with them."""
    entries = LogEntry.objects.filter(user=instance)
    if entries.exists():
        raise ProtectedError(f"{instance} is the author of entries in the admin's history", set(entries[:10]))
