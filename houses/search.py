"""Search for homes: filters and sort orders."""

from datetime import date

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from houses import availability
from houses.models import Area, House


class Sort(models.TextChoices):
    NEW = "new", _("Newest")
    PRICE = "price", _("Lowest price")
    PRICE_DOWN = "price_down", _("Highest price")
    BOOKED = "booked", _("Most booked")
    RATED = "rated", _("Best rated")


# Each ends in the id, for stable pages. House.Meta.indexes has an index for each.
_ORDER = {
    Sort.NEW: ("-id",),
    Sort.PRICE: ("price_fen", "id"),
    Sort.PRICE_DOWN: ("-price_fen", "-id"),
    Sort.BOOKED: ("-order_count", "-id"),
    Sort.RATED: ("-rating_rank", "-id"),
}


def find(
    *,
    area: Area | None = None,
    stay: tuple[date, date] | None = None,
    guests: int | None = None,
    sort: Sort = Sort.NEW,
) -> QuerySet[House]:
    """Return the listed homes that match; for `stay`, those free and allowed for [check_in, check_out)."""
    homes = House.objects.filter(is_listed=True)
    if area:
        homes = homes.filter(area=area)
    if guests:
        homes = homes.filter(capacity__gte=guests)
    if stay:
        nights = (stay[1] - stay[0]).days
        homes = availability.free(homes.filter(min_nights__lte=nights, max_nights__gte=nights), *stay)
    return homes.order_by(*_ORDER[sort])
