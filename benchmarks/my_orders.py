"""My orders, the whole HTML page: time as a function of table size and of the renter's own orders."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from accounts.models import User
from benchmarks import article, rows
from benchmarks.calls import Application
from benchmarks.measure import Act, Measured, Ratio, Side, alternate
from benchmarks.wsgi import Browser
from ihome_site.wsgi import application as ihome
from tests import make

ARTICLE: Application = article.Article()
OURS, THEIRS = "/orders/", "/article/orders/"


def my_orders(orders: int, rounds: int) -> list[Ratio]:
    """Measure with `orders` and with few rows in the table, for renters with 20 orders and one with 1,000."""
    many = min(1000, orders // 20)
    browsers, big_renters_browser = fill(orders, many)
    big, small, theirs = _with_twenty(orders, browsers, rounds)
    ours_many, theirs_many = _with_many(orders, many, big_renters_browser, max(2, rounds // 4))
    most = max(len(each.statements) for each in (big, small, ours_many))
    few = f"{rows.FEW_ORDERS:,}"
    growth, times = big.seconds / small.seconds, theirs_many.seconds / ours_many.seconds
    return [
        Ratio(f"my orders: queries, with 20 and with {many:,} orders", most, 5, at_most=True),
        Ratio(f"my orders: time with {orders:,} in the table to {few}", growth, 1.3, at_most=True),
        Ratio("my orders, renter with 20: times the article's", theirs.seconds / big.seconds),
        Ratio(f"my orders, renter with {many:,}: times the article's", times),
    ]


def fill(orders: int, many: int) -> tuple[list[Browser], Browser]:
    """Fill a small and a big table. Returns browsers of renters with 20 orders, and of one with `many`."""
    big_renter = make.user()
    rows.make_houses()
    rows.make_renters(0, rows.RENTERS_TO_MEASURE)
    renters = User.objects.filter(pk__gte=rows.FIRST_RENTER).order_by("pk")
    browsers = [Browser.of(renter) for renter in renters], Browser.of(big_renter)
    rows.copy_to_small()
    rows.use(rows.SMALL)
    rows.make_orders(rows.FEW_ORDERS)
    rows.use(rows.BIG)
    rows.make_renters(rows.RENTERS_TO_MEASURE, orders // rows.ORDERS_PER_RENTER)
    rows.make_orders(orders)
    rows.give_orders_to(big_renter.pk, many, of=orders)
    return browsers


def _with_twenty(orders: int, browsers: list[Browser], rounds: int) -> list[Measured]:
    def side(database: str, application: Application = ihome, path: str = OURS) -> Side:
        visitors = itertools.cycle(browsers)
        size = orders if database == rows.BIG else rows.FEW_ORDERS
        who = "ihome" if application is ihome else "the article's way"
        return Side(f"{who}, {size:,} in the table", lambda: page(database, visitors, application, path, 20))

    return alternate(
        "My orders, a renter with 20 orders: whole page of 20 cards",
        [side(rows.BIG), side(rows.SMALL), side(rows.BIG, ARTICLE, THEIRS)],
        rounds,
    )


def twenty_cards() -> list[Side]:
    """Return our side and the article's, for renters whose orders fill() made."""
    renters = User.objects.filter(pk__gte=rows.FIRST_RENTER).order_by("pk")[: rows.RENTERS_TO_MEASURE]
    visitors = itertools.cycle([Browser.of(renter) for renter in renters])
    return [
        Side(name, lambda app=app, path=path: page(rows.BIG, visitors, app, path, 20))
        for name, app, path in (("ihome", ihome, OURS), ("the article's way", ARTICLE, THEIRS))
    ]


def _with_many(orders: int, many: int, browser: Browser, rounds: int) -> list[Measured]:
    visitor = itertools.repeat(browser)
    return alternate(
        f"My orders, a renter with {many:,} orders, {orders:,} in the table",
        [
            Side("ihome, 20 cards", lambda: page(rows.BIG, visitor, ihome, OURS, 20)),
            Side(
                f"the article's way, {many:,} cards",
                lambda: page(rows.BIG, visitor, ARTICLE, THEIRS, many),
            ),
        ],
        rounds,
    )


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
        assert cursor.fetchone() == (database,), "the connection was made anew in between"
