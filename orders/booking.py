"""Booking of a stay: check the price and the limits, create the order, take the nights."""

import logging
from dataclasses import dataclass
from datetime import date
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts import guests as renters
from accounts.models import User
from core.log_context import note_order
from core.refusal import Refusal
from core.transactions import durable_transaction
from documents import agreements
from documents.models import Agreement
from houses import availability, quotes
from houses.availability import NightsTaken
from houses.models import House
from houses.quotes import Quote
from orders import limits, price_lines, recovery, transitions
from orders.models import Order

log = logging.getLogger(__name__)


class PriceChanged(Exception):
    """The price, or the refund policy, is not what the renter saw. Nothing was written."""


@dataclass(frozen=True)
class Seen:
    """Price in fen and refund policy that the page showed, as its form sends them; empty if unknown.

    `night` is the price per night, shown until dates are chosen. It is enough where the price is plain.
    """

    total: str = ""
    night: str = ""
    policy: str = ""

    def is_price(self, quote: Quote) -> bool:
        if self.total:
            return self.total == str(quote.total_fen)
        return not self.night or (quote.is_plain and self.night == str(quote.average_fen))


class AccountClosed(Refusal):
    """The account was closed in the meantime. Nothing was written."""


class NumberUnverified(Refusal):
    """The renter has not proven yet that the mobile number is theirs. Nothing was written."""


def book(
    house: House,
    *,
    renter: User,
    check_in: date,
    check_out: date,
    guests: int,
    seen: Seen | None = None,
    agreed: str = "",
) -> Order:
    """Create an order for the nights [check_in, check_out).

    Idempotent: returns the renter's existing order of the same stay, so that a double click is harmless.
    `agreed` has the versions of the documents that the page named, as its form sends it.
    Raises NightsTaken, AccountClosed, NumberUnverified, limits.TooManyUnpaid, PriceChanged, BookingsHeld,
    IllegalTransition if the stay begins in the past, and House.DoesNotExist if the house is no longer listed.
    """
    # An optimisation for a rush on the same nights: refuse without a transaction. The unique rows decide.
    stay = {"check_in": check_in, "check_out": check_out}
    if availability.taken(house, check_in, check_out) and not _booked_before(house, renter, **stay):
        raise NightsTaken(house, check_in, check_out)
    return _book(house.pk, renter=renter, guests=guests, seen=seen or Seen(), agreed=agreed, **stay)


@durable_transaction
def _book(
    house_pk: int, *, renter: User, check_in: date, check_out: date, guests: int, seen: Seen, agreed: str
) -> Order:
    """Lock the renter, so that concurrent bookings are counted one by one, then the house."""
    renter = User.objects.select_for_update().get(pk=renter.pk)
    _check_account(renter)
    house = House.objects.select_for_update().get(pk=house_pk, is_listed=True)
    if order := _booked_before(house, renter, check_in, check_out):
        return order
    price = _price_of(house, check_in, check_out, guests, seen)
    limits.check_unpaid(renter, house, (check_out - check_in).days)
    order = _new_order(renter, house, check_in, check_out, guests, price)
    order.language = get_language() or settings.LANGUAGE_CODE
    _place(order)
    agreements.record(renter.pk, Agreement.Place.BOOKING, agreed, order.number)
    return order


@durable_transaction
def book_by_staff(
    house_pk: int,
    *,
    mobile: str,
    name: str,
    check_in: date,
    check_out: date,
    guests: int,
    seen: Seen,
    by: User,
) -> tuple[Order, bool]:
    """Book for a renter whom staff spoke to, found or invited by number. True if the order is new.

    The number may be unverified, and the limits of unpaid orders don't hold: they keep strangers from holding
    nights, and here staff vouch. The order is accepted at once. Raises as book(), and Refusal if the renter's
    account is closed.
    """
    renter = renters.account_of(mobile, name, by=by)
    house = House.objects.select_for_update().get(pk=house_pk, is_listed=True)
    if order := _booked_before(house, renter, check_in, check_out):
        return order, False
    price = _price_of(house, check_in, check_out, guests, seen)
    order = _new_order(renter, house, check_in, check_out, guests, price)
    order.language = _language_of(renter)
    _place(order, by=by)
    return order, True


def _price_of(house: House, check_in: date, check_out: date, guests: int, seen: Seen) -> Quote:
    """Return the price of the stay. Raises PriceChanged, also for another policy or more least nights."""
    rates = quotes.rates_for(house, check_in, check_out)
    price = quotes.quote(rates, check_in, check_out, guests)
    is_what_was_seen = seen.is_price(price) and seen.policy in ("", house.refund_policy)
    if not is_what_was_seen or (check_out - check_in).days < rates.min_nights(check_in):
        raise PriceChanged(house)
    return price


def _new_order(
    renter: User, house: House, check_in: date, check_out: date, guests: int, price: Quote
) -> Order:
    return Order(
        renter=renter,
        house=house,
        house_title=house.title,
        house_title_en=house.title_en,
        check_in=check_in,
        check_out=check_out,
        nights=(check_out - check_in).days,
        guests=guests,
        **price_lines.columns_of(price),
        refund_policy=house.refund_policy,
        status=Order.Status.WAIT_ACCEPT,
        accept_by=transitions.accept_by(check_in),
    )


def _place(order: Order, *, by: User | None = None) -> None:
    """Save the order, take its nights and write its first event."""
    recovery.refuse_while_held()
    order.save()
    note_order(order.number)
    transaction.on_commit(partial(log.info, "order %s booked for house %s", order.number, order.house_id))
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    transitions.booked(order, by=by)


def _language_of(renter: User) -> str:
    """Return the language in which the renter booked last, Chinese if never."""
    newest = Order.objects.placed_by(renter).order_by("-created_at", "-id").values_list("language", flat=True)
    return newest.first() or settings.LANGUAGE_CODE


def _check_account(renter: User) -> None:
    if not renter.is_active:
        raise AccountClosed(_("This account has been closed."))
    if renter.mobile_verified_at is None:
        raise NumberUnverified(
            _("To book, please confirm that this mobile number is yours: we'll send it a code.")
        )


def _booked_before(house: House, renter: User, check_in: date, check_out: date) -> Order | None:
    """Return the renter's order of exactly this stay, unless it is over."""
    same = Order.objects.placed_by(renter).filter(house=house, check_in=check_in, check_out=check_out)
    return same.exclude(status__in=Order.OVER).first()
