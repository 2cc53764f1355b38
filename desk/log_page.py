"""The page of desk/log.py: its filters, and links that keep them."""

from datetime import date
from typing import Any

from django.apps import apps
from django.db.models import Model, Q
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.utils.translation import gettext

from accounts.guards import signed_in_user
from accounts.mobile import clean_mobile, is_mobile
from accounts.models import User
from core.dates import is_in_range, parse_date
from desk import log, navigation

MAX_PERSONS = 20
NAMES = ("person", "day", "kind", "row")


def page(request: HttpRequest, context: dict[str, Any]) -> TemplateResponse:
    """Return a page of the log; `context` is that of the admin. Raises PermissionDenied."""
    navigation.LOG.refuse_others(request)
    user = signed_in_user(request)
    typed = {name: request.GET.get(name, "")[:100].strip() for name in NAMES}
    day, row = parse_date(typed["day"]) if typed["day"] else None, _row(typed["row"])
    problem = _problem(typed, day, row)
    wanted = log.Wanted(_persons(typed["person"]), day, typed["kind"], row)
    after = log.Place.read(request.GET.get("after", ""))
    entries, place = ([], None) if problem else log.read(user, wanted, after)
    kept = {name: value for name, value in typed.items() if value}
    shown = {
        "title": gettext("Who did what"),
        "entries": entries,
        "next_page": urlencode({**kept, "after": str(place)}) if place else "",
        "first_page": urlencode(kept) if after else None,
        "typed": typed,
        "problem": problem,
        "sources": [source for source in log.SOURCES if user.has_perm(source.permission)],
    }
    return TemplateResponse(request, "admin/log.html", {**context, **shown})


def _problem(typed: dict[str, str], day: date | None, row: object) -> str:
    if typed["day"] and not (day and is_in_range(day)):
        return gettext("“%(text)s” is no day.") % {"text": typed["day"]}
    if typed["row"] and row is None:
        return gettext("There is no such row.")
    return ""


def _row(text: str) -> tuple[type[Model], str] | None:
    """Read such as `orders.order-12`."""
    label, _hyphen, key = text.partition("-")
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        return None
    return (model, key) if key.isascii() and key.isdigit() and len(key) < 19 else None


def _persons(text: str) -> list[int] | None:
    """Return the keys of the accounts with this number, or with such a name; None if nothing was typed."""
    if not text:
        return None
    mobile = clean_mobile(text)
    which = Q(mobile=mobile) if is_mobile(mobile) else Q(name__icontains=text)
    rows = User.objects.filter(which)
    return list(rows.order_by("id").values_list("pk", flat=True)[:MAX_PERSONS])
