"""A day at the front desk: guests who arrive, leave and are in house, and nights that staff block."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from houses import availability
from houses.models import House
from orders.models import Order

# mobile, name, house, first night in days from today, nights. All houses confirm bookings at once.
GUESTS = [
    ("13800000003", "陈默", "西湖山脚 · 茶园木屋", -2, 2),
    ("13800000004", "顾北", "西湖山脚 · 茶园木屋", 0, 2),
    ("13800000005", "韩梅", "江景高层，夜里看得见桥上的灯", -1, 3),
    ("13800000006", "李雷", "雪山下的藏式民居", 1, 3),
]
# house, first night in days from today, nights, note
BLOCKED = [
    ("鼓浪屿花园洋房一层", 1, 5, "维修：热水器"),
    ("四合院东厢房，枣树下有张茶桌", -1, 2, "朋友借住"),
]
BOOKED_AHEAD = 40
"""Days ahead at which the stays are booked and paid, before they are moved: past days can't be booked."""


def make(
    person: Callable[[str, str], User],
    book: Callable[[User, House, int, int], Order],
    pay: Callable[[Order], Order],
    houses: Sequence[House],
) -> None:
    by_title, today = {house.title: house for house in houses}, timezone.localdate()
    for mobile, name, title, first_night, nights in GUESTS:
        order = pay(book(person(mobile, name), by_title[title], BOOKED_AHEAD, nights))
        move(order, today + timedelta(days=first_night))
    for title, first_night, nights, note in BLOCKED:
        first = today + timedelta(days=first_night)
        availability.hold(by_title[title], first, first + timedelta(days=nights), note=note)


def move(order: Order, check_in: date) -> Order:
    """Move a paid order and its traces to an earlier stay."""
    by = order.check_in - check_in
    order.check_in -= by
    order.check_out -= by
    for line in order.price_lines:
        if "first" in line:
            line["first"] = str(date.fromisoformat(line["first"]) - by)
    order.created_at -= by
    order.remind_at = None
    with transaction.atomic():
        order.save()
        availability.release(order.number)
        availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
        order.events.update(created_at=order.created_at)
        order.payments.update(paid_at=order.created_at)
    return order
