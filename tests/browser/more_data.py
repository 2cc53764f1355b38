"""Data that the demo lacks: very long texts, a very high price, and orders in other states."""

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from demo.management.commands.seed_demo import PASSWORD, RENTER, book, pay_in_our_books
from houses.models import Area, House
from orders import transitions
from orders.models import Order
from payments.models import Payment

FACTOR_STAFF = "13900000099"
LONG_TITLE = ("从窗口能看到海和整条老街的三层小楼，带一个种满三角梅的院子和一间能晒太阳的阅读室 " * 5)[:200]
LONG_DISTRICT = "曾厝垵" * 13

NEWCOMER = User(pk=900, mobile="13700000000", password="!", email="new@example.com")
"""Never signs in, so links to set their password can be made of these values."""


def set_up() -> None:
    """Fill a new site, in one process: each command by itself would start Django anew."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("seed_demo")
    make()


def make() -> None:
    NEWCOMER.save()
    User.objects.create_superuser(FACTOR_STAFF, password=PASSWORD)  # sets up second factors
    renter = User.objects.get(mobile=RENTER)
    house = _long_house()
    _overdue(_booked(renter, house, days=100))
    _moved(pay_in_our_books(_booked(renter, house, days=101)), days=-9)  # over, not reviewed
    reviewed = _moved(pay_in_our_books(_booked(renter, house, days=102)), days=-20)
    transitions.review(reviewed, by=renter, rating=2, text="字写得很多。" * 60)
    cancelled = _booked(renter, house, days=103)
    transitions.cancel(cancelled, by=renter)
    pay_in_our_books(cancelled)  # refunded automatically


def _long_house() -> House:
    return House.objects.create(
        title=LONG_TITLE,
        area=Area.objects.get_or_create(name="厦门")[0],
        address="思明区" + "曾厝垵" * 20 + " 18 号",
        address_en="18 " + "Zengcuoan" * 20,
        district=LONG_DISTRICT,
        nearby="曾厝垵公交站" * 20 + "\n" + "W" * 80,
        coordinates="118.125740,24.430560",
        price_fen=9_999_999,
        capacity=12,
        instant_book=True,
    )


def _booked(renter: User, house: House, *, days: int) -> Order:
    return book(renter, house, days, nights=1)


def _overdue(order: Order) -> None:
    """Move an order past its deadline. Its attempt is unknown to Alipay, so no sweep closes it too early."""
    Order.objects.filter(pk=order.pk).update(pay_by=timezone.now() - timedelta(minutes=1))
    Payment.objects.create(
        order=order,
        out_trade_no=f"{order.number}_1",
        subject=f"爱家租房 订单 {order.number}",
        amount_fen=order.amount_fen,
        expires_at=timezone.now() + timedelta(hours=2),
        live_for=order,
    )


def _moved(order: Order, *, days: int) -> Order:
    """Move the stay to `days` from today (negative: into the past)."""
    order.check_in = timezone.localdate() + timedelta(days=days)
    order.check_out = order.check_in + timedelta(days=order.nights)
    order.save()
    return order
