"""Columns and read-only fields of the admin that show amounts in yuan. The database counts in fen."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Model

from core.templatetags.ihome import yuan


def in_yuan(field: str, label: Any) -> Callable[[Any, Model], str]:
    """Return a method for an admin class that shows an amount of the model; empty where there is none."""

    @admin.display(description=label, ordering=field)
    def column(model_admin: Any, row: Model) -> str:
        fen = getattr(row, field)
        return model_admin.get_empty_value_display() if fen is None else yuan(fen)

    return column
