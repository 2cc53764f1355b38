"""Change of a stay: other dates or guests, its price anew, its nights swapped.

payments/stay_changes.py calls it, and moves the money in the same transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from core.refusal import Refusal
from core.templatetags.ihome import stay_date
from houses import availability, quotes
from houses.quotes import Quote
from houses.refund_policy import percent_of
from orders import invoices, price_lines, review_sums, transitions
from orders.models import Order, OrderEvent

CHANGEABLE = (Order.Status.WAIT_ACCEPT, Order.Status.WAIT_PAYMENT, Order.Status.WAIT_COMMENT)


class CannotChange(Refusal):
    """A sentence for whoever changes the stay. Nothing was written."""


@dataclass(frozen=True)
class Stay:
    check_in: date
    check_out: date
    guests: int

    @property
    def nights(self) -> int:
        return (self.check_out - self.check_in).days


def stay_of(order: Order) -> Stay:
    return Stay(order.check_in, order.check_out, order.guests)


def is_changeable(order: Order) -> bool:
    """Return True until the stay is over or cancelled. A review written before counts after it."""
    today = timezone.localdate()
    if order.status == Order.Status.COMPLETE:
        return order.check_out > today
    return order.status in CHANGEABLE and order.check_out >= today


def check_for_renter(order: Order, stay: Stay) -> None:
    """Raise CannotChange unless the renter may change to this stay."""
    if not order.is_changeable_by_renter:
        raise CannotChange(_("This stay can't be changed here any more. Please contact us."))
    has_other_dates = (stay.check_in, stay.check_out) != (order.check_in, order.check_out)
    if has_other_dates and (reason := why_dates_stay(order)):
        raise CannotChange(reason)


def why_dates_stay(order: Order) -> str:
    """Return why the renter can change no dates, but guests alone; "" if they can."""
    if not order.house.is_listed:
        return _("This home is no longer available for other dates.")
    if order.status != Order.Status.WAIT_ACCEPT and not order.house.instant_book:
        return _("We've accepted these dates. To change them, please contact us.")
    return ""


def check_policy(order: Order, stay: Stay, *, is_cheaper: bool) -> None:
    """Raise CannotChange if the renter would get around the policy of a paid order.

    While a cancellation gives everything back, so does a change. After that it may neither give back money
    nor move the arrival, by which the policy counts, further away.
    """
    if (is_cheaper or stay.check_in > order.check_in) and (reason := why_no_shorter_stay(order)):
        raise CannotChange(reason)


def why_no_shorter_stay(order: Order) -> str:
    """Return why the renter can change to no cheaper or later stay, "" if they can."""
    percent = percent_of(order.refund_policy, order.check_in, timezone.localdate())
    if not order.is_paid or percent == 100:
        return ""
    return _(
        "A cancellation would no longer be refunded in full, so we arrange a shorter or later stay "
        "with you. Please contact us."
    )


def further_nights(order: Order, stay: Stay) -> list[date]:
    """Return the nights that the order would hold beyond its own."""
    own = availability.nights_between(order.check_in, order.check_out)
    return [n for n in availability.nights_between(stay.check_in, stay.check_out) if n not in own]


def requote(order: Order, stay: Stay) -> Quote:
    """Return the price of the new stay: of other dates as today, of the same ones as agreed.

    With the same dates, only the fee for further guests is that of today. One query.
    """
    if (stay.check_in, stay.check_out) != (order.check_in, order.check_out):
        rates = quotes.rates_for(order.house, stay.check_in, stay.check_out)
        return quotes.quote(rates, stay.check_in, stay.check_out, stay.guests)
    agreed = price_lines.quote_of(order)
    if stay.guests == order.guests:
        return agreed
    kept = tuple(line for line in agreed.lines if line.kind != quotes.GUESTS)
    further = quotes.guest_line(order.house, kept, stay.guests)
    return Quote((*kept, further) if further else kept)


def change_stay(order: Order, stay: Stay, *, price: Quote, by: User, reason: str = "") -> None:
    """Write the new stay with its price, and swap the nights. Nights in both stay held.

    Call it in a transaction with the order locked, then the house. Raises NightsTaken.
    """
    told = told_in(order.language, stay_of(order), stay)
    availability.swap(order.house, stay.check_in, stay.check_out, order_number=order.number)
    columns = {
        "check_in": stay.check_in,
        "check_out": stay.check_out,
        "guests": stay.guests,
        "nights": stay.nights,
        **price_lines.columns_of(price),
        **_deadlines(order, stay),
    }
    Order.objects.filter(pk=order.pk).update(**columns)
    for name, value in columns.items():
        setattr(order, name, value)
    review_sums.follow(order)
    if order.is_paid:
        invoices.reopen(order)
    note = f"{told} · {reason}" if reason else told
    transitions.note(order, OrderEvent.Kind.CHANGED, actor=by, reason=note[:200], amount_fen=order.amount_fen)


def _deadlines(order: Order, stay: Stay) -> dict[str, datetime]:
    """Return the deadlines of an unpaid order that the last moment of the new stay brings forward."""
    if order.status not in Order.UNPAID:
        return {}
    latest = transitions.last_moment(stay.check_in)
    deadlines = {name: getattr(order, name) for name in ("accept_by", "pay_by")}
    earlier = {name: latest for name, at in deadlines.items() if at and at > latest}
    if "pay_by" in earlier and order.remind_at:
        earlier["remind_at"] = min(order.remind_at, transitions.remind_at(latest))
    return earlier


def told_in(language: str, before: Stay, after: Stay) -> str:
    """Return a line such as `12月4日 周五 – 12月6日 周日 → 12月5日 周六 – 12月7日 周一`."""
    with translation.override(language):
        lines = [_days(stay) for stay in (before, after)]
        if before.guests != after.guests:
            lines = [f"{line}, {_guests(stay)}" for line, stay in zip(lines, (before, after), strict=True)]
        return " → ".join(lines)


def named_in(language: str, stay: Stay) -> str:
    """Return a stay such as `12月5日 周六 – 12月7日 周一, 2 人`."""
    with translation.override(language):
        return f"{_days(stay)}, {_guests(stay)}"


def _days(stay: Stay) -> str:
    return f"{stay_date(stay.check_in)} – {stay_date(stay.check_out)}"


def _guests(stay: Stay) -> str:
    return ngettext("%d guest", "%d guests", stay.guests) % stay.guests
