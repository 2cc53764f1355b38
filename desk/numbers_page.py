"""The page with the numbers of a range of days, and its files."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from core.export_files import Cell, yuan
from core.exports import download
from core.refusal import Refusal
from core.templatetags.ihome import yuan as yuan_in_text
from desk.charts import Chart, chart_of, duration_in_text
from desk.navigation import NUMBERS
from desk.numbers import Figures, Numbers, numbers_of
from desk.periods import period_of, usual
from desk.templatetags.desk import percent
from orders.models import Order

_HEADS = (
    *(_("Bookings"), _("Nights sold"), _("Price of these nights (yuan)"), _("Nights on offer")),
    *(_("Occupancy (percent)"), _("Average nightly rate (yuan)")),
)


def numbers_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Show the numbers; `context` is the admin's."""
    NUMBERS.refuse_others(request)
    today = timezone.localdate()
    typed = {name: request.GET.get(name, "")[:40] for name in ("first", "last")}
    page = {**context, "title": gettext("Numbers"), "usual": list(usual(today)), "typed": typed}
    try:
        period = period_of(request.GET)
    except Refusal as refusal:
        return TemplateResponse(request, "admin/numbers.html", {**page, "problem": str(refusal)})
    numbers = numbers_of(period)
    typed = {"first": str(period.first), "last": str(period.last)}
    page |= {"period": period, "typed": typed, "numbers": numbers, "tiles": _tiles(numbers)}
    return TemplateResponse(request, "admin/numbers.html", {**page, "charts": _charts(numbers)})


def numbers_file(request: HttpRequest, by: str) -> HttpResponseBase:
    """Send the numbers by day or by home as CSV. Days that the page refuses lead there."""
    NUMBERS.refuse_others(request)
    try:
        numbers = numbers_of(period_of(request.GET))
    except Refusal:
        return HttpResponseRedirect(f"{reverse('admin:numbers')}?{request.GET.urlencode()}")
    table = _days(numbers) if by == "days" else _homes(numbers)
    return download(table, request, kind="csv", model=Order, name=f"numbers-{by}")


def _tiles(numbers: Numbers) -> list[tuple[str, str]]:
    total = numbers.total
    return [
        (gettext("Bookings"), str(total.bookings)),
        (gettext("Money in"), yuan_in_text(total.received_fen)),
        (gettext("Refunded"), yuan_in_text(total.refunded_fen)),
        (gettext("of which outside Alipay"), yuan_in_text(total.outside_fen)),
        (gettext("refunded outside Alipay"), yuan_in_text(total.outside_refunded_fen)),
        (_fees_label(numbers.days_without_fees), yuan_in_text(total.fee_fen)),
        (gettext("Nights sold"), str(total.nights)),
        (gettext("Occupancy"), percent(total.occupancy)),
        (gettext("Average nightly rate"), "–" if total.rate_fen is None else yuan_in_text(total.rate_fen)),
        (gettext("Share paid"), percent(numbers.share_paid)),
        (gettext("Time to pay"), duration_in_text(numbers.time_to_pay) or "–"),
        (gettext("Booked ahead"), duration_in_text(numbers.lead_time) or "–"),
    ]


def _fees_label(unknown: int) -> str:
    if not unknown:
        return gettext("Fees")
    return ngettext("Fees, %d day unknown", "Fees, %d days unknown", unknown) % unknown


def _charts(numbers: Numbers) -> list[Chart]:
    days = list(numbers.by_day)
    found = list(numbers.by_day.values())
    money = [
        (_("Money in"), [each.received_fen for each in found]),
        (_("Refunded"), [each.refunded_fen for each in found]),
    ]
    return [
        chart_of("money", gettext("Money"), days, money, yuan_in_text),
        chart_of("bookings", gettext("Bookings"), days, [(_("Bookings"), [f.bookings for f in found])], str),
        chart_of(
            "nights", gettext("Nights sold"), days, [(_("Nights sold"), [f.nights for f in found])], str
        ),
    ]


def _days(numbers: Numbers) -> Iterator[Sequence[Cell]]:
    yield [
        *(gettext("Day"), gettext("Bookings"), gettext("Money in (yuan)"), gettext("Refunded (yuan)")),
        *(gettext("of which outside Alipay (yuan)"), gettext("refunded outside Alipay (yuan)")),
        *(gettext("Fees (yuan)"), gettext("Nights sold")),
    ]
    for day, figures in numbers.by_day.items():
        money = (yuan(figures.received_fen), yuan(figures.refunded_fen))
        outside = (yuan(figures.outside_fen), yuan(figures.outside_refunded_fen))
        yield [day, figures.bookings, *money, *outside, yuan(figures.fee_fen), figures.nights]


def _homes(numbers: Numbers) -> Iterator[Sequence[Cell]]:
    yield [gettext("Area"), pgettext("a house", "Home"), *map(str, _HEADS)]
    for home, figures in numbers.by_home.items():
        yield [str(home.area), home.title, *_cells(figures)]


def _cells(figures: Figures) -> list[Cell]:
    share = figures.occupancy
    return [
        *(figures.bookings, figures.nights, yuan(figures.earned_fen), figures.offered),
        *(None if share is None else round(share * 100), yuan(figures.rate_fen)),
    ]
