"""My orders, the whole HTML page: time as a function of table size and of the renter's own orders."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from accounts.models import User
from benchmarks import article, rows
from benchmarks.measure import Act, Ratio, Side, alternate
from benchmarks.wsgi import Application, Browser
from ihome_site.wsgi import application as ihome
from tests import make

ARTICLE: Application = article.Article()
OURS, THEIRS = "/orders/", "/article/orders/"


def my_orders(orders: int, rounds: int) -> list[Ratio]:
    """Measure with `orders` and with few rows in the table, for renters with 20 orders and one with 1,000."""
    big_renter = make.user()
    rows.make_houses()
    rows.make_renters(0, rows.RENTERS_TO_MEASURE)
    renters = User.objects.filter(pk__gte=rows.FIRST_RENTER).order_by("pk")
    browsers = [Browser.of(renter) for renter in renters]
    big_renters_browser = Browser.of(big_renter)
    rows.copy_to_small()
    rows.use(rows.SMALL)
    rows.make_orders(rows.FEW_ORDERS)
    rows.use(rows.BIG)
    rows.make_renters(rows.RENTERS_TO_MEASURE, orders // rows.ORDERS_PER_RENTER)
    rows.make_orders(orders)
    many = min(1000, orders // 20)
    rows.give_orders_to(big_renter.pk, many, of=orders)

    @contextmanager
    def page(
        database: str, visitors: Iterator[Browser], application: Application, path: str, cards: int
    ) -> Iterator[Act]:
        rows.use(database)
        browser, answers = next(visitors), []
        yield lambda: answers.append(browser.get(application, path))
        assert answers[0].body.count(b'<article class="card order"') == cards
        with connection.cursor() as cursor:
            cursor.execute("SELECT DATABASE()")
            assert cursor.fetchone() == (database,), "Django reconnected, and is back on the default database"

    def of_twenty(database: str, application: Application = ihome, path: str = OURS) -> Side:
        visitors = itertools.cycle(browsers)
        size = orders if database == rows.BIG else rows.FEW_ORDERS
        who = "ihome" if application is ihome else "the article's way"
        return Side(f"{who}, {size:,} in the table", lambda: page(database, visitors, application, path, 20))

    big, small, theirs = alternate(
        "My orders, a renter with 20 orders: whole page of 20 cards",
        [of_twenty(rows.BIG), of_twenty(rows.SMALL), of_twenty(rows.BIG, ARTICLE, THEIRS)],
        rounds,
    )
    visitor = itertools.repeat(big_renters_browser)
    ours_many, theirs_many = alternate(
        f"My orders, a renter with {many:,} orders, {orders:,} in the table",
        [
            Side("ihome, 20 cards", lambda: page(rows.BIG, visitor, ihome, OURS, 20)),
            Side(
                f"the article's way, {many:,} cards",
                lambda: page(rows.BIG, visitor, ARTICLE, THEIRS, many),
            ),
        ],
        max(2, rounds // 4),
    )
    most = max(len(each.statements) for each in (big, small, ours_many))
    return [
        Ratio(f"my orders: queries, with 20 and with {many:,} orders", most, 5, at_most=True),
        Ratio(
            f"my orders: time with {orders:,} in the table to {rows.FEW_ORDERS:,}",
            big.seconds / small.seconds,
            1.3,
            at_most=True,
        ),
        Ratio("my orders, renter with 20: times the article's", theirs.seconds / big.seconds),
        Ratio(
            f"my orders, renter with {many:,}: times the article's", theirs_many.seconds / ours_many.seconds
        ),
    ]
