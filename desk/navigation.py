"""Sections of the admin's navigation. Every registered model is in one of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

LOG = "log"
"""The page of desk/log.py, among the models."""

MODELS: Sequence[tuple[str | Promise, Sequence[str]]] = (
    (_("Orders"), ("orders.Order", "orders.Review", "orders.OrderEvent")),
    (
        _("Money"),
        (
            "payments.Payment",
            "payments.Refund",
            "payments.BillLine",
            "payments.GatewayMessage",
            "orders.InvoiceRequest",
        ),
    ),
    (_("Homes"), ("houses.House", "houses.BookedNight", "houses.Area", "houses.Facility")),
    (_("People"), ("accounts.User", "auth.Group", "accounts.AccountEvent", "accounts.AccessEvent", LOG)),
)
"""By section: its models, the one that its link leads to first."""

MAY_SEE_LOG = "accounts.view_accountevent"
MAY_SEE_CALENDAR = ("orders.view_order", "houses.view_bookednight")

REPORTS: Sequence[tuple[str | Promise, str, str]] = (
    (_("Numbers"), "admin:numbers", "accounts.see_numbers"),
    (_("Month"), "admin:month", "accounts.see_numbers"),
)
"""Pages of the reports: label, name of the URL, permission."""


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
    lists = {entry["model"]._meta.label: entry for app in apps for entry in app["models"]}
    if may(MAY_SEE_LOG):
        lists[LOG] = {"name": gettext("Who did what"), "admin_url": reverse("admin:log")}
    first = reverse("admin:index")
    found = [Section(Link(gettext("Today"), first, path == first))]
    for label, names in MODELS:
        links = [_link(lists[name], path) for name in names if name in lists and lists[name]["admin_url"]]
        if links:
            is_current = any(link.is_current for link in links)
            found.append(Section(Link(str(label), links[0].url, is_current), links if len(links) > 1 else ()))
        if names[0] == "orders.Order" and all(map(may, MAY_SEE_CALENDAR)):
            url = reverse("admin:calendar")
            found.append(Section(Link(gettext("Calendar"), url, path == url)))
    reports = [Link(str(label), url, path == url) for label, url in _reports(may)]
    if reports:
        is_current = any(link.is_current for link in reports)
        found.append(Section(Link(gettext("Reports"), reports[0].url, is_current), reports))
    return found


def _reports(may: Callable[[str], bool]) -> list[tuple[str | Promise, str]]:
    return [(label, reverse(name)) for label, name, permission in REPORTS if may(permission)]


def _link(entry: dict[str, Any], path: str) -> Link:
    return Link(entry["name"], entry["admin_url"], path.startswith(entry["admin_url"]))
