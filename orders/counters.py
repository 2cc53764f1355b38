"""Counters of a house: paid stays, reviews and stars. Its row keeps them, since lists would have to count.

transitions.py and review_sums.py move them. Here they are counted from the rows, to check and to mend them.
"""

from collections import Counter, defaultdict

from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from core.pieces import pieces
from houses.models import MARKS, House
from orders.models import Order, Review

SUMS_OF_MARKS = {f"{mark}_sum": Sum(mark) for mark in MARKS}
COUNTS_OF_MARKS = {f"{mark}_count": Count(mark) for mark in MARKS}
OF_REVIEWS = {"review_count": Count("pk"), "rating_sum": Sum("rating"), **COUNTS_OF_MARKS, **SUMS_OF_MARKS}
COUNTERS = ("order_count", *OF_REVIEWS)


def miscounted() -> QuerySet[House]:
    """Houses whose counters are not what their orders and reviews say."""
    counted = {f"true_{name}": value for name, value in _counted().items()}
    right = Q(*((name, F(f"true_{name}")) for name in COUNTERS))
    return House.objects.annotate(**counted).exclude(right)


def suspects() -> list[int]:
    """Keys of houses whose counters seem wrong. Rows may change while pieces of them are counted."""
    counted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    paid, shown = Order.objects.filter(status__in=Order.PAID), Review.objects.counted()
    for rows, sums in ((paid, {"order_count": Count("pk")}), (shown, OF_REVIEWS)):
        for piece in pieces(rows):
            for found in piece.values("house").annotate(**sums):
                counted[found.pop("house")].update({name: value or 0 for name, value in found.items()})
    houses = House.objects.order_by("pk").values("pk", *COUNTERS)
    return [
        house["pk"] for house in houses if any(house[name] != counted[house["pk"]][name] for name in COUNTERS)
    ]


@transaction.atomic
def recount(house: House) -> None:
    """Lock the house, as every payment and review does, and count anew."""
    row = House.objects.select_for_update().only("pk").get(pk=house.pk)
    counted = House.objects.annotate(**{f"true_{name}": value for name, value in _counted().items()})
    true = counted.values(*(f"true_{name}" for name in COUNTERS)).get(pk=row.pk)
    House.objects.filter(pk=row.pk).update(**{name: true[f"true_{name}"] for name in COUNTERS})


def _counted() -> dict[str, Coalesce]:
    orders = Order.objects.filter(house=OuterRef("pk"), status__in=Order.PAID).order_by().values("house")
    reviews = Review.objects.counted().filter(house=OuterRef("pk")).order_by().values("house")
    return {
        "order_count": Coalesce(Subquery(orders.annotate(n=Count("pk")).values("n")), 0),
        **{
            name: Coalesce(Subquery(reviews.annotate(n=how).values("n")), 0)
            for name, how in OF_REVIEWS.items()
        },
    }
