"""Booking of a stay: check the price and the limits, create the order, take the nights."""

from datetime import date

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from core.refusal import Refusal
from core.transactions import durable_transaction
from houses import availability
from houses.availability import NightsTaken
from houses.models import House
from orders import limits, transitions
from orders.models import Order


class PriceChanged(Exception):
    """The price has changed since the renter saw it. Nothing was written."""


class AccountClosed(Refusal):
    """The account was closed in the meantime. Nothing was written."""


class NumberUnverified(Refusal):
    """The renter has not proven yet that the mobile number is theirs. Nothing was written."""


def book(
    house: House, *, renter: User, check_in: date, check_out: date, guests: int, seen_price: str = ""
) -> Order:
    """Create an order for the nights [check_in, check_out).

    Idempotent: returns the renter's existing order of the same stay, so that a double click is harmless.
    `seen_price` is the price per night in fen that the page showed, as its form sends it; empty if unknown.
    Raises NightsTaken, AccountClosed, NumberUnverified, limits.TooManyUnpaid, PriceChanged, IllegalTransition
    if the stay begins in the past, and House.DoesNotExist if the house is no longer listed.
    """
    # An optimisation for a rush on the same nights: refuse without a transaction. The unique rows decide.
    stay = {"check_in": check_in, "check_out": check_out}
    if availability.taken(house, **stay) and not _booked_before(house, renter, **stay):
        raise NightsTaken(house, check_in, check_out)
    return _book(house.pk, renter=renter, guests=guests, seen_price=seen_price, **stay)


@durable_transaction
def _book(
    house_pk: int, *, renter: User, check_in: date, check_out: date, guests: int, seen_price: str
) -> Order:
    """Lock the renter, so that concurrent bookings are counted one by one, then the house."""
    renter = User.objects.select_for_update().get(pk=renter.pk)
    _check_account(renter)
    house = House.objects.select_for_update().get(pk=house_pk, is_listed=True)
    if order := _booked_before(house, renter, check_in, check_out):
        return order
    if seen_price not in ("", str(house.price_fen)):
        raise PriceChanged(house)
    nights = (check_out - check_in).days
    limits.check_unpaid(renter, house, nights)
    order = Order(
        renter=renter,
        house=house,
        house_title=house.title,
        check_in=check_in,
        check_out=check_out,
        nights=nights,
        guests=guests,
        price_per_night_fen=house.price_fen,
        amount_fen=nights * house.price_fen,
        refund_policy=house.refund_policy,
        status=Order.Status.WAIT_ACCEPT,
        accept_by=transitions.accept_by(check_in),
        language=get_language() or settings.LANGUAGE_CODE,
    )
    order.save()
    availability.hold(house, check_in, check_out, order_number=order.number)
    transitions.booked(order)
    return order


def _check_account(renter: User) -> None:
    if not renter.is_active:
        raise AccountClosed(_("This account has been closed."))
    if renter.mobile_verified_at is None:
        raise NumberUnverified(
            _("To book, please confirm that this mobile number is yours: we send a code to it.")
        )


def _booked_before(house: House, renter: User, check_in: date, check_out: date) -> Order | None:
    """Return the renter's order of exactly this stay, unless it is over."""
    same = Order.objects.placed_by(renter).filter(house=house, check_in=check_in, check_out=check_out)
    return same.exclude(status__in=Order.OVER).first()
