"""How a stay is booked: the house says the price, the nights are taken for good, the order is made."""

from datetime import date

from django.conf import settings
from django.db.models import F
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from core.transactions import durable_transaction
from houses import availability
from houses.availability import NightsTaken
from houses.models import House
from orders import transitions
from orders.models import Order

MOST_UNPAID = 5
MOST_UNPAID_IN_ONE_HOUSE = 2
"""How many orders a renter may have at once that hold nights and are not paid."""


class TooManyUnpaid(Exception):
    """Words for the renter. Nothing was written."""


class PriceChanged(Exception):
    """The renter saw another price than the house has now. Nothing was written."""


def book(
    house: House, *, renter: User, check_in: date, check_out: date, guests: int, seen_price: str = ""
) -> Order:
    """Make an order for the nights [check_in, check_out).

    Where the renter has booked just these before, it is that order: the button was pressed twice.
    `seen_price`: fen a night that the page showed, as its form sends it; empty where it didn't say. Raises
    NightsTaken, TooManyUnpaid, PriceChanged, House.DoesNotExist when the house is not listed any more.
    """
    # The rows decide, below; but of many after the same nights most need no transaction to be told.
    stay = {"check_in": check_in, "check_out": check_out}
    if availability.taken(house, **stay) and not _booked_before(house, renter, **stay):
        raise NightsTaken(house, check_in, check_out)
    return _book(house.pk, renter=renter, guests=guests, seen_price=seen_price, **stay)


@durable_transaction
def _book(
    house_pk: int, *, renter: User, check_in: date, check_out: date, guests: int, seen_price: str
) -> Order:
    """Locks the renter, then the house: what one renter books at once is counted one by one."""
    renter = User.objects.select_for_update().get(pk=renter.pk)
    house = House.objects.select_for_update().get(pk=house_pk, is_listed=True)
    if order := _booked_before(house, renter, check_in, check_out):
        return order
    if seen_price not in ("", str(house.price_fen)):
        raise PriceChanged(house)
    _check_unpaid(renter, house)
    nights = (check_out - check_in).days
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
    House.objects.filter(pk=house.pk).update(order_count=F("order_count") + 1)
    transitions.booked(order)
    return order


def _booked_before(house: House, renter: User, check_in: date, check_out: date) -> Order | None:
    """The renter's own order of this very stay, while it stands."""
    same = Order.objects.placed_by(renter).filter(house=house, check_in=check_in, check_out=check_out)
    return same.exclude(status__in=Order.OVER).first()


def _check_unpaid(renter: User, house: House) -> None:
    waiting = [Order.Status.WAIT_ACCEPT, Order.Status.WAIT_PAYMENT]
    held = Order.objects.placed_by(renter).filter(status__in=waiting).order_by()
    house_keys = list(held.values_list("house_id", flat=True))
    if len(house_keys) >= MOST_UNPAID:
        words = _(
            "You have %(count)d orders awaiting confirmation or payment. Pay for or cancel one of them to "
            "book again."
        )
        raise TooManyUnpaid(words % {"count": len(house_keys)})
    if house_keys.count(house.pk) >= MOST_UNPAID_IN_ONE_HOUSE:
        raise TooManyUnpaid(
            _(
                "You already have orders for this home awaiting confirmation or payment. Pay for or cancel "
                "one of them to book it again."
            )
        )
