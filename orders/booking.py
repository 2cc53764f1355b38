"""How a stay is booked: the house says the price, the nights are taken for good, the order is made."""

from datetime import date

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import get_language

from accounts.models import User
from core.transactions import durable_transaction
from houses import availability
from houses.models import House
from orders import transitions
from orders.models import Order


@durable_transaction
def book(house_pk: int, *, renter: User, check_in: date, check_out: date, guests: int) -> Order:
    """Make an order for the nights [check_in, check_out).

    Raises NightsTaken when somebody else holds one of them, House.DoesNotExist when the house is not listed.
    """
    house = House.objects.select_for_update().get(pk=house_pk, is_listed=True)
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
        accept_by=timezone.now() + transitions.ACCEPT_WITHIN,
        language=get_language() or settings.LANGUAGE_CODE,
    )
    order.save()
    availability.hold(house, check_in, check_out, order_number=order.number)
    House.objects.filter(pk=house.pk).update(order_count=F("order_count") + 1)
    transitions.booked(order)
    return order
