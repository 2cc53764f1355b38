"""The page of the accountant's month, and its files."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from core.dates import parse_date
from core.exports import download
from core.refusal import Refusal
from desk.month import Month, cells_of, chosen_month, day_table, entries_of, line_table, month_in
from desk.navigation import MONTH
from desk.periods import DAY, Period
from payments.models import BillEntry

LINES_SHOWN = 200


def month_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Show the days of a month, and the lines of one day; `context` is the admin's."""
    MONTH.refuse_others(request)
    typed = request.GET.get("month", "")[:20]
    page = {**context, "title": gettext("Month"), "typed": typed}
    try:
        period = chosen_month(typed)
    except Refusal as refusal:
        return TemplateResponse(request, "admin/month.html", {**page, "problem": str(refusal)})
    month = month_in(period)
    page |= {"month": month, "typed": _text(period.first), "before": _text(period.first - DAY)}
    page |= {"after": _text(period.end), **_lines(month, request.GET.get("day", ""))}
    return TemplateResponse(request, "admin/month.html", page)


def month_file(request: HttpRequest, of: str, kind: str) -> HttpResponseBase:
    """Send the days or the lines of a month. A month that the page refuses leads there."""
    MONTH.refuse_others(request)
    try:
        month = month_in(chosen_month(request.GET.get("month", "")))
    except Refusal:
        return HttpResponseRedirect(f"{reverse('admin:month')}?{request.GET.urlencode()}")
    table = day_table(month) if of == "days" else line_table(month)
    return download(table, request, kind=kind, model=BillEntry, name=f"{of}-of-{_text(month.period.first)}")


def _lines(month: Month, typed: str) -> dict[str, Any]:
    """Return the day that was chosen, and its first lines."""
    chosen = parse_date(typed)
    if chosen is None or chosen not in [each.day for each in month.days if each.has_entries]:
        return {}
    found = list(entries_of(Period(chosen, chosen))[: LINES_SHOWN + 1])
    shown = [(cells_of(entry), entry) for entry in found[:LINES_SHOWN]]
    return {"day": chosen, "lines": shown, "has_more": len(found) > LINES_SHOWN}


def _text(day: date) -> str:
    return f"{day:%Y-%m}"
