"""Search and house page: time as a function of the number of homes and booked nights."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from benchmarks import rows
from benchmarks.calls import call
from benchmarks.measure import Act, Ratio, Side, alternate
from houses.pages import REVIEWS_SHOWN
from houses.search import Sort
from houses.views import HOUSES_PER_PAGE
from ihome_site.wsgi import application as ihome

FEW_HOMES = 100
NIGHTS_PER_HOME = 100
REACH = 1.5


@dataclass(frozen=True)
class Page:
    title: str
    path: str
    queries: Sequence[str]
    piece: bytes  # markup that occurs `pieces` times on the page
    pieces: int | None  # None: any number


def homes(many: int, rounds: int) -> list[Ratio]:
    """Measure whole pages for an anonymous visitor, with `many` homes and with FEW_HOMES."""
    for size in (FEW_HOMES, many):
        make(size)
    ratios = []
    for page in pages():
        big, small = alternate(
            f"Find a home: {page.title}", [side(page, many), side(page, FEW_HOMES)], rounds
        )
        what = f"find a home, {page.title}: time with {many:,} to {FEW_HOMES}"
        ratios.append(Ratio(what, big.seconds / small.seconds, REACH, at_most=True))
        more = len(big.statements) - len(small.statements)
        ratios.append(Ratio(f"find a home, {page.title}: further statements", more, 0, at_most=True))
    rows.use(rows.BIG)
    return ratios


def pages() -> list[Page]:
    days = [timezone.localdate() + timedelta(days=n) for n in range(5, 60)]
    stays = [f"check_in={day}&check_out={day + timedelta(days=3)}&guests=2" for day in days]
    any_guests = [stay.removesuffix("&guests=2") for stay in stays]  # so that 100 homes fill the page, too
    filters = "price_from=110&price_to=900&bedrooms=1&facilities=3&whole=1"
    card = b'<article class="card house"'
    return [
        Page("the first page", "/", [""], card, HOUSES_PER_PAGE),
        *(
            Page(f"3 nights, {sort}", "/", [f"{stay}&sort={sort}" for stay in stays], card, HOUSES_PER_PAGE)
            for sort in Sort
        ),
        *(
            Page(
                f"filters, {sort}",
                "/",
                [f"{filters}&sort={sort}&{stay}" for stay in any_guests],
                card,
                HOUSES_PER_PAGE,
            )
            for sort in (Sort.PRICE, Sort.RATED)
        ),
        Page("a typed place", "/", [f"{stay}&place=%E5%B0%8F%E5%B1%8B+7" for stay in stays], card, None),
        Page("the page of a home", "/houses/{home}/", stays, b'<article class="review"', REVIEWS_SHOWN),
    ]


def side(page: Page, size: int) -> Side:
    turns = itertools.count()

    @contextmanager
    def attempt() -> Iterator[Act]:
        rows.use(_database(size))
        turn, answers = next(turns), []
        path = page.path.format(home=turn * 37 % size + 1)
        query = page.queries[turn % len(page.queries)]
        yield lambda: answers.append(call(ihome, "GET", path, query=query))
        assert answers[0].status == 200
        found = answers[0].body.count(page.piece)
        assert page.pieces in (found, None), f"{found} on {path}?{query}"

    return Side(f"{size:,} homes, {size * NIGHTS_PER_HOME:,} nights", attempt)


ANALYZED = (
    "houses_house",
    "houses_house_facilities",
    "houses_bookednight",
    "houses_housephoto",
    "houses_pricerule",
    "orders_order",
    "orders_review",
)


def _database(size: int) -> str:
    return f"{rows.BIG}_{size}_homes"


def make(size: int) -> None:
    """Create a database of `size` homes with photos, facilities and reviews, each free on 8 days of 11."""
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{_database(size)}`")
        for table in tables:
            cursor.execute(f"CREATE TABLE `{_database(size)}`.`{table}` LIKE `{rows.BIG}`.`{table}`")
        cursor.execute(f"USE `{_database(size)}`")
        for statement in _fill(size):
            cursor.execute(statement)
        for table in ANALYZED:
            cursor.execute(f"ANALYZE TABLE {table}")
        cursor.execute(f"USE `{rows.BIG}`")


def _fill(size: int) -> list[str]:
    last_night = size * NIGHTS_PER_HOME - 1
    today = timezone.localdate()
    text = "干净、安静，离车站步行十分钟。床品一客一换，厨房可以做简单的饭菜。"
    return [
        "INSERT INTO houses_area (id, name) SELECT seq, CONCAT('地区', seq) FROM seq_1_to_8",
        """
        INSERT INTO houses_facility (id, name, icon)
        SELECT seq, CONCAT('设施', seq), 'wifi' FROM seq_1_to_16
        """,
        f"""
        INSERT INTO houses_house
            (id, title, area_id, address, description, rules, arrival, price_fen, capacity, min_nights,
             max_nights, instant_book, refund_policy, is_listed, created_at, order_count, review_count,
             rating_sum, bedrooms, space, weekend_price_fen, cleaning_fee_fen, guests_included, guest_fee_fen)
        SELECT seq, CONCAT('临海小屋 ', seq), 1 + seq % 8, '文青路 18 号', '{text * 5}', '{text}', '',
               10000 + seq * 7919 % 90000, 1 + seq % 6, 1, 30, seq % 2, 'FLEXIBLE', 1, NOW(),
               seq * 31 % 300, 12, 24 + seq * 17 % 37, 1 + seq % 3, IF(seq % 10, 'WHOLE', 'ROOM'),
               15000 + seq * 7919 % 90000, 5000, 1, 2000
        FROM seq_1_to_{size}
        """,
        f"""
        INSERT INTO houses_housephoto (house_id, image, thumbnail, width, height, position)
        SELECT 1 + seq DIV 4, CONCAT('houses/', seq, '.jpg'), CONCAT('houses/', seq, '-card.jpg'), 960, 640,
               seq % 4
        FROM seq_0_to_{4 * size - 1}
        """,
        f"""
        INSERT INTO houses_house_facilities (house_id, facility_id)
        SELECT 1 + seq DIV 12, 1 + (seq DIV 12 + seq * 5) % 16 FROM seq_0_to_{12 * size - 1}
        """,
        _seasons(size),
        # Stays of three nights every eleven days, with a different first day per home.
        f"""
        INSERT INTO houses_bookednight (house_id, night, order_number)
        SELECT 1 + seq DIV {NIGHTS_PER_HOME},
               '{today}' + INTERVAL
                   (seq % {NIGHTS_PER_HOME} DIV 3 * 11 + seq % {NIGHTS_PER_HOME} % 3
                    + seq DIV {NIGHTS_PER_HOME} % 9) DAY,
               LPAD(seq DIV 3, 14, '1')
        FROM seq_0_to_{last_night}
        """,
        """
        INSERT INTO accounts_user (id, password, is_superuser, mobile, name, email, is_active, is_staff,
                                   date_joined)
        VALUES (1, '!', 0, '13800000001', '林小满', '', 1, 0, NOW())
        """,
        f"""
        INSERT INTO orders_order
            (id, number, renter_id, house_id, house_title, check_in, check_out, nights, guests,
             price_per_night_fen, amount_fen, refund_policy, status, trade_no, closing_reason, created_at)
        SELECT 1 + seq, 26010500000000 + seq, 1, 1 + seq DIV 12, '临海小屋', '2026-01-05', '2026-01-07', 2, 2,
               30000, 60000, 'FLEXIBLE', 'COMPLETE', '', '', NOW()
        FROM seq_0_to_{12 * size - 1}
        """,
        f"""
        INSERT INTO orders_review (order_id, house_id, renter_id, rating, text, created_at)
        SELECT 1 + seq, 1 + seq DIV 12, 1, 5, '{text}', NOW() FROM seq_0_to_{12 * size - 1}
        """,
    ]


def _seasons(size: int) -> str:
    """A season of each home, a month in it, and a week in that with three nights at least."""
    today = timezone.localdate()
    return f"""
        INSERT INTO houses_pricerule
            (house_id, name, name_en, first_night, last_night, nights, price_fen, min_nights)
        SELECT 1 + seq DIV 3, '旺季', '', '{today}' + INTERVAL 10 DAY,
               '{today}' + INTERVAL (9 + ELT(1 + seq % 3, 90, 30, 7)) DAY, ELT(1 + seq % 3, 90, 30, 7),
               20000 + seq * 131 % 9000, 1 + seq % 3
        FROM seq_0_to_{3 * size - 1}
        """
