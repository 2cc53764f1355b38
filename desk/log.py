"""Log of people's acts: the admin's history, steps of orders and accounts, and sign-ins, as one list by time.

Each source is read by an index, one row more than a page shows, from the last row of the page before; then
they are merged. A page costs the same at any depth.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import access_log
from accounts.models import AccessEvent, AccountEvent, User
from core.money import yuan_text
from orders import reasons
from orders.models import Order, OrderEvent

PAGE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    who: User | None
    text: str
    about: str = ""
    url: str = ""
    row: str = ""
    """The row that it is about, as the page's address names it."""


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    title: str | Promise
    model: type[Model]
    permission: str
    at: str
    """Its time. An index begins with it, and another with the person and it."""
    person: str
    prefetch: Sequence[str]
    entry: Callable[[Any], Entry]
    about: Callable[[type[Model], str], Q | None]
    """Condition for the events of one row; None if it has none of that model."""

    def rows(self, persons: Sequence[int] | None) -> QuerySet:
        which = {f"{self.person}__isnull": False} if persons is None else {f"{self.person}__in": persons}
        return self.model._default_manager.filter(**which)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the page."""

    persons: Sequence[int] | None = None
    day: date | None = None
    kind: str = ""
    row: tuple[type[Model], str] | None = None


def _change(row: LogEntry) -> Entry:
    model = row.content_type and row.content_type.model_class()
    key = f"{model._meta.label_lower}-{row.object_id}" if model else ""
    text = row.get_change_message() or str(row.get_action_flag_display())
    return Entry(row.action_time, row.user, text, row.object_repr, row.get_admin_url() or "", key)


def _order_step(row: OrderEvent) -> Entry:
    amount = "" if row.amount_fen is None else f"￥{yuan_text(row.amount_fen)}"
    text = " · ".join(filter(None, [str(row.get_kind_display()), amount, reasons.shown(row.reason)]))
    url = reverse("admin:orders_order_change", args=[row.order_id])
    return Entry(row.created_at, row.actor, text, row.order.number, url, f"orders.order-{row.order_id}")


def _account_step(row: AccountEvent) -> Entry:
    text = " · ".join(filter(None, [str(row.get_kind_display()), row.detail_in_words]))
    url = reverse("admin:accounts_user_change", args=[row.account]) if row.user else ""
    about = str(row.user or f"#{row.account}")
    return Entry(row.created_at, row.actor, text, about, url, f"accounts.user-{row.account}")


def _access(row: AccessEvent) -> Entry:
    reason = str(access_log.REASONS.get(row.reason, row.reason))
    times = f"× {row.count}" if row.count > 1 else ""
    text = " · ".join(filter(None, [str(row.get_kind_display()), reason, times]))
    url = reverse("admin:accounts_accessevent_change", args=[row.pk])
    return Entry(row.last_at, row.user, text, row.address, url)


SOURCES = (
    Source(
        name="changes",
        title=_("changes in the admin"),
        model=LogEntry,
        permission="accounts.view_accountevent",
        at="action_time",
        person="user",
        prefetch=("user", "content_type"),
        entry=_change,
        about=lambda model, key: Q(
            content_type__app_label=model._meta.app_label,
            content_type__model=model._meta.model_name,
            object_id=key,
        ),
    ),
    Source(
        name="orders",
        title=_("orders"),
        model=OrderEvent,
        permission="orders.view_orderevent",
        at="created_at",
        person="actor",
        prefetch=("actor", "order"),
        entry=_order_step,
        about=lambda model, key: Q(order=key) if model is Order else None,
    ),
    Source(
        name="accounts",
        title=_("accounts"),
        model=AccountEvent,
        permission="accounts.view_accountevent",
        at="created_at",
        person="actor",
        prefetch=("actor", "user"),
        entry=_account_step,
        about=lambda model, key: Q(user=key) if model is User else None,
    ),
    Source(
        name="access",
        title=_("sign-ins and codes"),
        model=AccessEvent,
        permission="accounts.view_accessevent",
        at="last_at",
        person="user",
        prefetch=("user",),
        entry=_access,
        about=lambda model, key: Q(user=key) if model is User else None,
    ),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the list: newest first, then by source, then by key."""

    at: datetime
    source: int
    key: int

    def __str__(self) -> str:
        return f"{self.at.timestamp():.6f}_{self.source}_{self.key}"

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """Read what the address of a page has. None if that is no place."""
        try:
            seconds, source, key = text.split("_")
            at = datetime.fromtimestamp(float(seconds), tz=timezone.get_current_timezone())
            return cls(at, int(source), int(key))
        except (ValueError, OverflowError, OSError):
            return None

    @property
    def rank(self) -> tuple[float, int, int]:
        return -self.at.timestamp(), self.source, -self.key


def read(user: User, wanted: Wanted, after: Place | None) -> tuple[list[Entry], Place | None]:
    """Return a page of what the user may see, and the place after which the next one begins, if any."""
    streams = []
    for number, source in enumerate(SOURCES):
        if user.has_perm(source.permission) and wanted.kind in ("", source.name):
            rows = _rows(source, number, wanted, after)
            streams.append([(_place(source, number, row), row) for row in rows])
    merged = heapq.merge(*streams, key=lambda pair: pair[0].rank)
    found = [pair for pair, _n in zip(merged, range(PAGE + 1), strict=False)]
    entries = [SOURCES[place.source].entry(row) for place, row in found[:PAGE]]
    return entries, found[PAGE - 1][0] if len(found) > PAGE else None


def _place(source: Source, number: int, row: Any) -> Place:
    return Place(getattr(row, source.at), number, row.pk)


def _rows(source: Source, number: int, wanted: Wanted, after: Place | None) -> list[Model]:
    rows = source.rows(wanted.persons)
    if wanted.day is not None:
        start = timezone.make_aware(datetime.combine(wanted.day, datetime.min.time()))
        rows = rows.filter(**{f"{source.at}__gte": start, f"{source.at}__lt": start + timedelta(days=1)})
    if wanted.row is not None:
        about = source.about(*wanted.row)
        rows = rows.none() if about is None else rows.filter(about)
    if after is not None:
        rows = rows.filter(_following(source, number, after), **{f"{source.at}__lte": after.at})
    ordered = rows.order_by(f"-{source.at}", "-pk")
    return list(ordered.prefetch_related(*source.prefetch)[: PAGE + 1])


def _following(source: Source, number: int, after: Place) -> Q:
    """Match the rows of a source that come after a place, which may be another source's row."""
    earlier, same = Q(**{f"{source.at}__lt": after.at}), Q(**{source.at: after.at})
    if number == after.source:
        return earlier | (same & Q(pk__lt=after.key))
    return earlier | same if number > after.source else earlier
