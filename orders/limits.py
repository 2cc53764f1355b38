"""Limits of bookings that a renter may make without paying: they hold nights that others want."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from core.refusal import Refusal
from houses.models import House
from orders.models import Order, OrderEvent, StayChange

MAX_UNPAID = 5
MAX_UNPAID_PER_HOUSE = 2
MAX_UNPAID_NIGHTS = 14
"""For all unpaid orders together. A single longer stay may be booked while nothing else is held."""
MAX_UNPAID_A_DAY = 10
"""Bookings within 24 hours that were not paid. Cancelled ones count: who cancels has held nights, too."""

MAX_UNPAID_CHANGES_A_DAY = 5
"""Changes of paid stays that one renter agreed to within 24 hours, and whose difference was not paid."""


class TooManyUnpaid(Refusal):
    """The renter has too many unpaid orders."""


def check_unpaid(renter: User, house: House, nights: int) -> None:
    """Raise TooManyUnpaid if the renter may not hold so many more nights of the house now.

    Two queries. Lock the renter before, so that concurrent bookings are counted one by one.
    """
    unpaid = Order.objects.placed_by(renter).filter(status__in=Order.UNPAID).order_by()
    held = list(unpaid.values("house_id", "nights"))
    if len(held) >= MAX_UNPAID:
        message = _(
            "You have %(count)d orders awaiting acceptance or payment. Pay for or cancel one of them to "
            "book again."
        )
        raise TooManyUnpaid(message % {"count": len(held)})
    if [order["house_id"] for order in held].count(house.pk) >= MAX_UNPAID_PER_HOUSE:
        raise TooManyUnpaid(
            _(
                "You already have orders for this home awaiting acceptance or payment. Pay for or cancel "
                "one of them to book it again."
            )
        )
    _check_nights([order["nights"] for order in held], nights)
    _check_day(renter)


def check_longer(order: Order, nights: int) -> None:
    """Raise TooManyUnpaid if the renter may not hold so many nights with this unpaid order.

    Lock the renter before.
    """
    others = Order.objects.placed_by(order.renter).filter(status__in=Order.UNPAID).exclude(pk=order.pk)
    if nights > order.nights:
        _check_nights(list(others.order_by().values_list("nights", flat=True)), nights)


def check_further(order: Order, nights: int) -> None:
    """Raise TooManyUnpaid if the renter may not hold so many further nights while a paid stay changes.

    Lock the renter before.
    """
    unpaid = Order.objects.placed_by(order.renter).filter(status__in=Order.UNPAID)
    _check_nights(list(unpaid.order_by().values_list("nights", flat=True)), nights)
    day = timezone.now() - timedelta(days=1)
    own = StayChange.objects.filter(asked_by=order.renter_id, created_at__gte=day).order_by()
    if own.exclude(status=StayChange.Status.MADE).count() >= MAX_UNPAID_CHANGES_A_DAY:
        raise TooManyUnpaid(
            _("You've changed paid stays several times without paying. Please contact us, or try tomorrow.")
        )


def _check_nights(held: list[int], nights: int) -> None:
    held_nights = sum(held)
    if held and held_nights + nights > MAX_UNPAID_NIGHTS:
        message = ngettext(
            "We hold %(held)d unpaid night for you, and can hold %(most)d in all. Pay for or cancel an "
            "order to book more.",
            "We hold %(held)d unpaid nights for you, and can hold %(most)d in all. Pay for or cancel an "
            "order to book more.",
            held_nights,
        )
        raise TooManyUnpaid(message % {"held": held_nights, "most": MAX_UNPAID_NIGHTS})


def _check_day(renter: User) -> None:
    today = Order.objects.placed_by(renter).filter(created_at__gte=timezone.now() - timedelta(days=1))
    if today.exclude(events__kind=OrderEvent.Kind.PAID).order_by().count() >= MAX_UNPAID_A_DAY:
        message = _(
            "You have made %(count)d bookings within a day without paying for them. Pay for one of them, try "
            "again tomorrow, or contact us."
        )
        raise TooManyUnpaid(message % {"count": MAX_UNPAID_A_DAY})
