"""Bulk test data: two databases that differ only in the number of orders."""

from django.conf import settings
from django.db import connection

from houses.models import Area, House, HousePhoto

ORDERS_PER_RENTER = 20
RENTERS_TO_MEASURE = 50
FEW_ORDERS = ORDERS_PER_RENTER * RENTERS_TO_MEASURE
HOUSES = 200
TITLE = "临海小屋"
ORDERED_TITLE = "临海小屋 · 推窗见海"

# The twenty orders of each renter, oldest first.
STATUSES = (
    *["COMPLETE"] * 11,
    *("CANCELED", "REJECTED", "COMPLETE", "CANCELED"),
    *("WAIT_COMMENT", "WAIT_COMMENT", "WAIT_ACCEPT", "WAIT_PAYMENT", "WAIT_PAYMENT"),
)
ORDERS_IN_ONE_STATEMENT = 50_000

FIRST_RENTER = 1_000_000  # id of the first renter made here

BIG = settings.DATABASES["default"]["NAME"]
SMALL = f"{BIG}_small"


def use(database: str) -> None:
    """Switch Django's connection to `database`, until the connection is closed."""
    _execute(f"USE `{database}`")


def make_houses() -> None:
    area = Area.objects.create(name="厦门")
    for n in range(HOUSES):
        house = House.objects.create(title=f"{TITLE} {n}", area=area, address="文青路 18 号", price_fen=30000)
        HousePhoto.objects.bulk_create(
            HousePhoto(house=house, image=f"houses/{n}-{p}.jpg", width=1200, height=800, position=p)
            for p in range(4)
        )


def copy_to_small() -> None:
    """Copy all rows so far to a second database, which gets few orders."""
    tables = connection.introspection.table_names()
    _execute(f"CREATE DATABASE `{SMALL}`")
    for table in tables:
        _execute(f"CREATE TABLE `{SMALL}`.`{table}` LIKE `{BIG}`.`{table}`")
        columns = _columns(table)
        _execute(f"INSERT INTO `{SMALL}`.`{table}` ({columns}) SELECT {columns} FROM `{BIG}`.`{table}`")


def _columns(table: str) -> str:
    """Return the columns that rows are copied by: all that the server doesn't generate."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE()
            AND table_name = %s AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position
            """,
            [table],
        )
        return ", ".join(f"`{name}`" for (name,) in cursor.fetchall())


def make_renters(first: int, end: int) -> None:
    """Make users with ids FIRST_RENTER + `first` to FIRST_RENTER + `end` - 1."""
    _execute(
        f"""
        INSERT INTO accounts_user
            (id, password, is_superuser, mobile, name, email, is_active, is_staff, date_joined)
        SELECT {FIRST_RENTER} + seq, '!', 0, CONCAT('19', LPAD(seq, 9, '0')), '', '', 1, 0, NOW()
        FROM seq_{first}_to_{end - 1}
        """
    )


def make_orders(orders: int) -> None:
    """Make `orders` orders, ORDERS_PER_RENTER for each renter.

    A renter's orders are spread evenly over a year and over the table, as on a real site.
    """
    _execute("SET SESSION unique_checks = 0, SESSION foreign_key_checks = 0")
    for start in range(0, orders, ORDERS_IN_ONE_STATEMENT):
        _insert_orders(start, min(start + ORDERS_IN_ONE_STATEMENT, orders), orders)
    _execute(
        """
        INSERT INTO orders_review (order_id, house_id, renter_id, rating, text, created_at)
        SELECT id, house_id, renter_id, 5, '房间和照片一样，窗外真的能看见海。房东很用心。', created_at
        FROM orders_order WHERE status = 'COMPLETE'
        """
    )
    _execute("SET SESSION unique_checks = 1, SESSION foreign_key_checks = 1")
    for table in ("accounts_user", "orders_order", "orders_review"):
        _execute(f"ANALYZE TABLE {table}")


def make_payments() -> None:
    """Make an attempt for each order that came so far, a refund for one in fifty, and names of renters."""
    _execute(
        """
        INSERT INTO payments_payment
            (order_id, out_trade_no, product, subject, amount_fen, expires_at, status, trade_no, received_fen,
             refund_reserved_fen, paid_at, evidence, created_at)
        SELECT id, CONCAT(number, '_1'), 'WAP', '', amount_fen, created_at + INTERVAL 30 MINUTE,
               IF(trade_no = '', 'CLOSED', 'PAID'), trade_no, IF(trade_no = '', 0, amount_fen),
               IF(trade_no <> '' AND id % 50 = 0, 10000, 0),
               IF(trade_no = '', NULL, created_at + INTERVAL 5 MINUTE), IF(trade_no = '', '', 'NOTIFY'),
               created_at
        FROM orders_order WHERE status NOT IN ('WAIT_ACCEPT', 'REJECTED')
        AND id NOT IN (SELECT order_id FROM payments_payment)
        """
    )
    _execute(
        """
        INSERT INTO payments_refund
            (payment_id, out_request_no, amount_fen, status, reason, refusal, due_at, next_try_at, done_at,
             created_at)
        SELECT id, CONCAT(out_trade_no, '_R1'), 10000,
               CASE WHEN id % 10007 < 3 THEN 'REFUSED' WHEN id % 5003 < 2 THEN 'SENT' ELSE 'DONE' END,
               'STAFF', '', created_at, IF(id % 5003 < 2, NOW() + INTERVAL 1 DAY, NULL), created_at,
               created_at
        FROM payments_payment WHERE refund_reserved_fen > 0
        AND id NOT IN (SELECT payment_id FROM payments_refund)
        """
    )
    _execute(
        f"""
        UPDATE accounts_user SET name = CONCAT(
            ELT(1 + id % 7, '林', '周', '陈', '顾', '赵', '王', '李'),
            ELT(1 + id % 11, '小满', '远', '默', '北', '一', '芳', '伟', '娜', '敏', '静', '强'))
        WHERE id >= {FIRST_RENTER}
        """
    )
    for table in ("accounts_user", "payments_payment", "payments_refund"):
        _execute(f"ANALYZE TABLE {table}")


def make_timelines() -> None:
    """Make the events of each order that came so far, its nights, and the counters of the homes.

    Nights are in homes of their own, which don't exist: so many stays would collide in those that do.
    """
    events = {
        "BOOKED": "1",
        "ACCEPTED": "status NOT IN ('WAIT_ACCEPT', 'REJECTED')",
        "PAID": "trade_no <> ''",
        "REVIEWED": "status = 'COMPLETE'",
    }
    for kind, condition in events.items():
        _execute(
            f"""
            INSERT INTO orders_orderevent
                (order_id, kind, from_status, to_status, reason, created_at, mailed_at)
            SELECT id, '{kind}', '', '', '', created_at, created_at FROM orders_order
            WHERE {condition} AND house_title = '{ORDERED_TITLE}'
            """
        )
    _execute("SET SESSION foreign_key_checks = 0")
    for night in range(2):
        _execute(
            f"""
            INSERT INTO houses_bookednight (house_id, night, order_number)
            SELECT 1000000 + id, check_in + INTERVAL {night} DAY, number FROM orders_order
            WHERE status NOT IN ('CANCELED', 'REJECTED') AND house_title = '{ORDERED_TITLE}'
            """
        )
    _execute("SET SESSION foreign_key_checks = 1")
    _execute(
        """
        UPDATE houses_house SET
            order_count = (SELECT COUNT(*) FROM orders_order o
                           WHERE o.house_id = houses_house.id AND o.trade_no <> ''),
            review_count = (SELECT COUNT(*) FROM orders_review r WHERE r.house_id = houses_house.id),
            rating_sum = 5 * review_count
        """
    )
    for table in ("orders_orderevent", "houses_bookednight", "houses_house"):
        _execute(f"ANALYZE TABLE {table}")


def give_orders_to(renter: int, count: int, *, of: int) -> None:
    """Give user `renter` `count` of the `of` orders, spread over the table, of renters not measured."""
    _execute(
        f"""
        UPDATE orders_order SET renter_id = {renter}
        WHERE renter_id >= {FIRST_RENTER + RENTERS_TO_MEASURE} AND id % {of // count // 2} = 0 LIMIT {count}
        """
    )


def _insert_orders(start: int, end: int, orders: int) -> None:
    renters = orders // ORDERS_PER_RENTER
    first_house = House.objects.order_by("id").values_list("id", flat=True)[0]
    statuses = ", ".join(f"'{status}'" for status in STATUSES)
    # 30 million seconds are about a year. 99999989 is prime: numbers of a day look random, and differ.
    _execute(
        f"""
        INSERT INTO orders_order
            (number, renter_id, house_id, house_title, check_in, check_out, nights, guests,
             price_per_night_fen, amount_fen, refund_policy, status, accept_by, pay_by,
             trade_no, closing_reason, created_at)
        SELECT
            CONCAT(DATE_FORMAT(made_at, '%y%m%d'), LPAD(n * 48271 % 99999989, 8, '0')),
            {FIRST_RENTER} + n % {renters}, {first_house} + n * 7 % {HOUSES}, '{ORDERED_TITLE}',
            DATE(made_at) + INTERVAL 20 DAY, DATE(made_at) + INTERVAL 22 DAY, 2, 2,
            30000, 60000, 'FLEXIBLE', status,
            IF(status = 'WAIT_ACCEPT', NOW() + INTERVAL 1 DAY, NULL),
            IF(status = 'WAIT_PAYMENT', NOW() + INTERVAL 1 DAY, NULL),
            IF(status IN ('COMPLETE', 'WAIT_COMMENT'), CONCAT('20261122220014', LPAD(n, 14, '0')), ''),
            IF(status = 'REJECTED', '这几天院子里修水管，怕打扰您休息。', ''), made_at
        FROM (
            SELECT seq AS n, ELT(1 + seq DIV {renters}, {statuses}) AS status,
                   NOW() - INTERVAL ({orders} - seq) * 30000000 DIV {orders} SECOND AS made_at
            FROM seq_{start}_to_{end - 1}
        ) AS made
        """
    )


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
