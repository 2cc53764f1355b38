"""Sections of the admin's navigation. Every registered model is in one of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Page:
    """A page of our own, beside the lists of the models."""

    label: str | Promise
    url_name: str
    permissions: Sequence[str]

    def refuse_others(self, request: HttpRequest) -> None:
        """Raise PermissionDenied unless the user may see it."""
        if not request.user.has_perms(self.permissions):
            raise PermissionDenied


CALENDAR = Page(_("Calendar"), "admin:calendar", ["orders.view_order", "houses.view_bookednight"])
LOG = Page(_("Who did what"), "admin:log", ["accounts.view_accountevent"])
NUMBERS = Page(_("Numbers"), "admin:numbers", ["accounts.see_numbers"])
MONTH = Page(_("Month"), "admin:month", ["accounts.see_numbers"])

HOMES = (
    *("houses.House", "houses.BookedNight", "houses.ChannelCalendar", "houses.DoubleSale"),
    *("houses.Area", "houses.Facility"),
)

SECTIONS: Sequence[tuple[str | Promise, Sequence[str | Page]]] = (
    (_("Orders"), ("orders.Order", "orders.Review", "orders.OrderEvent")),
    (_("Calendar"), (CALENDAR,)),
    (
        _("Money"),
        (
            "payments.Payment",
            "payments.Refund",
            "payments.BillLine",
            "orders.Recovery",
            "payments.GatewayMessage",
            "orders.InvoiceRequest",
        ),
    ),
    (_("Homes"), HOMES),
    (_("People"), ("accounts.User", "auth.Group", "accounts.AccountEvent", "accounts.AccessEvent", LOG)),
    (_("Reports"), (NUMBERS, MONTH)),
    (_("Documents"), ("documents.Version", "documents.Agreement")),
)
"""By label: models and pages, the one that its link leads to first."""


@dataclass(frozen=True)
class Link:
    label: str
    url: str
    is_current: bool


@dataclass(frozen=True)
class Section:
    link: Link
    links: Sequence[Link] = ()
    """Its pages, if it has several."""


def sections(path: str, apps: Iterable[dict[str, Any]], may: Callable[[str], bool]) -> list[Section]:
    """Return the sections with a page that the user may see, `apps` as AdminSite.get_app_list() has them."""
    lists = {
        entry["model"]._meta.label: (entry["name"], entry["admin_url"])
        for app in apps
        for entry in app["models"]
    }
    first = reverse("admin:index")
    found = [Section(Link(gettext("Today"), first, path == first))]
    for label, entries in SECTIONS:
        shown = [_shown(entry, lists, may) for entry in entries]
        links = [Link(name, url, path.startswith(url)) for name, url in shown if url]
        if links:
            is_current = any(link.is_current for link in links)
            found.append(Section(Link(str(label), links[0].url, is_current), links if len(links) > 1 else ()))
    return found


def _shown(
    entry: str | Page, lists: Mapping[str, tuple[str, str | None]], may: Callable[[str], bool]
) -> tuple[str, str | None]:
    """Return label and address; no address if the user may not see it."""
    if isinstance(entry, str):
        return lists.get(entry, ("", None))
    return str(entry.label), reverse(entry.url_name) if all(map(may, entry.permissions)) else None
