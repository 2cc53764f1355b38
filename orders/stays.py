"""Orders by the days of their stay: who arrives, leaves, is in house."""

from datetime import date, timedelta

from django.db.models import Q

from houses.models import MAX_NIGHTS
from orders.models import Order

LONGEST_STAY = timedelta(days=MAX_NIGHTS)
ORDER_BY = {"arriving": ("check_in", "id"), "leaving": ("check_out", "id"), "in_house": ("check_out", "id")}
"""By the function below: the order that an index has."""


def arriving(first: date, last: date) -> Q:
    """Match orders with check-in on one of the days, paid or not yet. Both days are included."""
    return Q(check_in__range=(first, last), status__in=[*Order.UNPAID, *Order.PAID])


def leaving(first: date, last: date) -> Q:
    """Match paid orders with check-out on one of the days."""
    return Q(check_out__range=(first, last), status__in=Order.PAID)


def in_house(first: date, last: date) -> Q:
    """Match paid orders with a night on one of the days."""
    # The second bound of check-out leaves a range of days to read, not all that ever came or will.
    return Q(
        check_in__lte=last, check_out__gt=first, check_out__lte=last + LONGEST_STAY, status__in=Order.PAID
    )
