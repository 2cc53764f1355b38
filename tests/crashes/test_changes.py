"""`kill -9` while a dearer change of a paid stay is agreed on, paid, dropped, or lapses."""

from datetime import timedelta

from django.utils import timezone

from orders.models import Order, OrderEvent, StayChange
from tests import make
from tests.crashes.killing import Point, after, before
from tests.crashes.test_crashes import COMMIT, SETTLE, points
from tests.crashes.world import World, event_count, refunded_fen, time_passes

HOLD_MORE = "houses.availability.hold_more"
SWAP = "houses.availability.swap"
AGREE = "orders.waiting_changes.agree"
COMPLETE = "orders.waiting_changes.complete"
REFUND_ALL = "payments.books.refunds.create_of_order"
END = "orders.waiting_changes.end"
AGREED = "1-30000-45000-{check_in:%Y%m%d}-{check_out:%Y%m%d}-{guests}"


def paid(world: World) -> Order:
    order = world.order(house=make.house(price_fen=15000, instant_book=True))
    world.pay(order)
    return order


def press_change(world: World, order: Order):
    stay = {"check_in": order.check_in, "check_out": order.check_out + timedelta(days=1), "guests": 1}
    return world.press("change", order, **stay, agreed=AGREED.format(**stay))


def go_to_alipay(world: World, order: Order) -> str:
    return world.go_to_alipay(order, button="change/pay")


def now(order: Order) -> tuple[int, list[str]]:
    """Return the amount of the order, and the statuses of its changes."""
    order.refresh_from_db()
    return order.amount_fen, list(order.stay_changes.values_list("status", flat=True))


@points(after(HOLD_MORE), before(COMMIT, since=AGREE), after(COMMIT, since=AGREE))
def test_CRA01_a_change_is_agreed_on(world: World, point: Point) -> None:
    order = paid(world)
    world.arm(point)
    assert press_change(world, order) is None
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    if point != after(COMMIT, since=AGREE):
        assert now(order) == (30000, [])
        assert press_change(world, order).status == 302
    assert now(order) == (30000, ["WAITING"])
    world.standin.pay(go_to_alipay(world, order))
    world.notices_are_tried()
    assert now(order) == (45000, ["MADE"])
    assert world.broken() == []


@points(before(COMPLETE), after(SWAP), before(COMMIT, since=SETTLE), after(COMMIT, since=SETTLE))
def test_CRA01_notify_of_a_difference(world: World, point: Point) -> None:
    order = paid(world)
    press_change(world, order)
    number = go_to_alipay(world, order)
    world.arm(point)
    world.standin.pay(number)
    world.worker_dies()
    world.notices_are_repeated()
    assert now(order) == (45000, ["MADE"])  # before any sweep
    world.recover()
    assert world.broken() == []
    kinds = (OrderEvent.Kind.PAID_MORE, OrderEvent.Kind.CHANGED)
    assert [event_count(order, kind) for kind in kinds] == [1, 1]
    assert refunded_fen(order) == 0


@points(before(COMMIT, since=END), after(COMMIT, since=END))
def test_CRA01_a_change_is_dropped(world: World, point: Point) -> None:
    order = paid(world)
    press_change(world, order)
    world.standin.open(go_to_alipay(world, order))
    world.arm(point)
    assert world.press("change/drop", order) is None
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    if point == before(COMMIT, since=END):
        time_passes()  # queries are limited to one in a few seconds
        assert world.press("change/drop", order).status == 302
    assert now(order) == (30000, ["DROPPED"])
    assert world.broken() == []


@points(before(COMMIT, since=END), after(COMMIT, since=END))
def test_CRA02_a_change_lapses(world: World, point: Point) -> None:
    order = paid(world)
    press_change(world, order)
    StayChange.objects.filter(order=order).update(pay_by=timezone.now() - timedelta(seconds=1))
    world.arm(point)
    world.sweep_dies()
    world.recover()
    assert world.broken() == []
    assert now(order) == (30000, ["LAPSED"])


@points(before(COMMIT, since=REFUND_ALL))
def test_CRA01_a_refund_of_both_payments(world: World, point: Point) -> None:
    order = paid(world)
    press_change(world, order)
    world.standin.pay(go_to_alipay(world, order))
    world.notices_are_tried()
    world.arm(point)
    assert world.press("cancel", order, comes_back_fen=45000) is None
    world.worker_dies()
    world.recover()
    assert refunded_fen(order) == 0
    assert world.press("cancel", order, comes_back_fen=45000).status == 302
    world.sweep()
    assert world.broken() == []
    assert refunded_fen(order) == 45000
