"""Weekend prices, seasons, discounts and fees of some demo homes. The others cost the same every night."""

from datetime import date, timedelta

from django.utils import timezone

from houses.models import House, PriceRule

LOFT, TEA, GARDEN = 1, 4, 6
"""Places in HOUSES of seed_demo.py."""
FEES = {
    LOFT: {"weekend_price_fen": 48800, "week_discount": 8, "month_discount": 20},
    TEA: {"weekend_price_fen": 88800, "cleaning_fee_fen": 12000},
    GARDEN: {
        "weekend_price_fen": 95900,
        "week_discount": 10,
        "month_discount": 25,
        "cleaning_fee_fen": 20000,
        "guests_included": 4,
        "guest_fee_fen": 8000,
    },
}


def set_prices(houses: list[House]) -> None:
    """Set the prices of homes that have none of these yet."""
    if PriceRule.objects.exists():
        return
    for place, fees in FEES.items():
        House.objects.filter(pk=houses[place].pk).update(**fees)
        for name, value in fees.items():
            setattr(houses[place], name, value)
    today = timezone.localdate()
    new_year = date(today.year + 1, 1, 1)
    for house in (houses[TEA], houses[GARDEN]):
        _rule(house, "元旦", "New Year", new_year - timedelta(days=1), 3, 118800, min_nights=2)
    _rule(
        houses[TEA], "冬日暖茶", "Winter tea", today + timedelta(days=20), 60, 62800, weekend_price_fen=72800
    )


def _rule(
    house: House, name: str, name_en: str, first: date, nights: int, price_fen: int, **more: int
) -> None:
    last = first + timedelta(days=nights - 1)
    values = {"name": name, "name_en": name_en, "first_night": first, "last_night": last, **more}
    PriceRule.objects.create(house=house, price_fen=price_fen, **values)
