"""An order that a restored backup lost, made again from what Alipay's bill tells of it."""

import logging
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.guests import UNKNOWN_NUMBER, unknown_renter
from houses import availability
from houses.availability import NightsTaken
from houses.models import House
from orders import transitions
from orders.models import Order, OrderEvent

log = logging.getLogger(__name__)

LONGEST = timedelta(days=366)


@transaction.atomic
def make_again(
    number: str, *, house_key: int, check_in: date, check_out: date, amount_fen: int, booked_at: datetime
) -> Order | None:
    """Make an order of an unknown renter and take its nights. None if home or nights are not to be had.

    It waits for payment and is overdue: Alipay's signed answer pays it, or it expires.
    """
    house = House.objects.select_for_update().filter(pk=house_key).first()
    if house is None or check_out - check_in > LONGEST:
        return None
    try:
        availability.hold(house, check_in, check_out, order_number=number)
    except NightsTaken:
        log.error("order %s was lost, and others hold its nights", number)
        return None
    nights = (check_out - check_in).days
    order = Order(
        number=number,
        renter=unknown_renter(),
        house=house,
        house_title=house.title,
        house_title_en=house.title_en,
        check_in=check_in,
        check_out=check_out,
        nights=nights,
        price_per_night_fen=amount_fen // nights,
        amount_fen=amount_fen,
        refund_policy=house.refund_policy,
        status=Order.Status.WAIT_PAYMENT,
        pay_by=timezone.now(),
        created_at=booked_at,
    )
    order.save(force_insert=True)
    transitions.note(order, OrderEvent.Kind.BOOKED)
    log.warning("order %s was lost, and is made again from the bill", number)
    return order


def is_of_unknown(order: Order) -> bool:
    return order.renter.mobile == UNKNOWN_NUMBER
