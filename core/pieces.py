"""Large tables piece by piece: each statement is short and reads a bounded number of rows."""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Min, Model, QuerySet

M = TypeVar("M", bound=Model)

KEYS = 50_000
"""MariaDB reads so many rows in a fraction of a second."""


def pieces(rows: QuerySet[M], by: str = "pk") -> Iterator[QuerySet[M]]:
    """Cut `rows` by ranges of a key, its own or a foreign one. Unordered: nothing has to be sorted."""
    every = rows.model._default_manager.order_by()
    first = every.aggregate(first=Min(by))["first"]
    while first is not None:
        end = first + KEYS
        yield rows.order_by().filter(**{f"{by}__gte": first, f"{by}__lt": end})
        first = every.filter(**{f"{by}__gte": end}).aggregate(first=Min(by))["first"]
