"""Factories for test rows, with defaults for the fields that a test does not set."""

from datetime import timedelta
from itertools import count
from typing import TypeVar

from django.contrib.auth.models import Group
from django.db.models import F, Model, QuerySet
from django.test import Client
from django.utils import timezone

from accounts import roles
from accounts.models import User
from houses.models import Area, House, HousePhoto
from orders.models import Order
from payments.models import Payment

_number = count(1)
M = TypeVar("M", bound=Model)


def number_from(first: int) -> None:
    """Number the next rows from `first`, in a database where another process has made rows."""
    global _number
    _number = count(first)


def rows(model: type[M]) -> QuerySet[M]:
    """Return the rows of the test, without those of the bystanders, whose keys are below zero."""
    return model._base_manager.filter(pk__gt=0)


def user(**fields: object) -> User:
    """Make a renter whose number and email are verified, unless `fields` override that."""
    values = {"mobile_verified_at": timezone.now(), "email_verified_at": timezone.now(), **fields}
    return User.objects.create_user(f"138{next(_number):08d}", password="a-good-password", **values)


def staff(role: str, **fields: object) -> User:
    """Make a member of staff with one of the roles of accounts/roles.py."""
    roles.add_missing()
    person = user(is_staff=True, **fields)
    person.groups.add(Group.objects.get(name=role))
    return person


def browser_of(person: User) -> Client:
    """Return a browser where a person is signed in and reads English."""
    browser = Client()
    browser.force_login(person)
    browser.cookies["django_language"] = "en"
    return browser


def house(**fields: object) -> House:
    n = next(_number)
    values = {"title": f"House {n}", "address": f"{n} Sea Road", "price_fen": 15000, "capacity": 4, **fields}
    if "area" not in values:
        values["area"] = Area.objects.get_or_create(name="Xiamen")[0]
    return House.objects.create(**values)


def house_with_cover(**fields: object) -> House:
    home = house(**fields)
    HousePhoto.objects.create(house=home, image="cover.jpg", width=960, height=640)
    return home


def order(renter: User | None = None, **fields: object) -> Order:
    """Make an order of 300.00 yuan that waits for payment, unless `fields` override that."""
    check_in = timezone.localdate() + timedelta(days=20)
    home = fields.pop("house", None) or house()
    values = {
        "house_title": home.title,
        "check_in": check_in,
        "check_out": check_in + timedelta(days=2),
        "nights": 2,
        "price_per_night_fen": 15000,
        "amount_fen": 30000,
        "status": Order.Status.WAIT_PAYMENT,
        "pay_by": timezone.now() + timedelta(minutes=30),
        **fields,
    }
    order = Order.objects.create(renter=renter or user(), house=home, **values)
    if order.is_paid:  # as a payment does
        House.objects.filter(pk=home.pk).update(order_count=F("order_count") + 1)
    return order


def ended(renter: User | None = None, **fields: object) -> Order:
    """Make a paid order whose stay ended yesterday."""
    check_out = timezone.localdate() - timedelta(days=1)
    stay = {"check_in": check_out - timedelta(days=2), "check_out": check_out}
    return order(renter, **{"status": Order.Status.WAIT_COMMENT, **stay, **fields})


def end_stay(order: Order) -> None:
    """Move the stay of an order into the past: its last night was the one before this."""
    today = timezone.localdate()
    rows(Order).filter(pk=order.pk).update(check_in=today - timedelta(days=2), check_out=today)


def attempt(for_order: Order | None = None, **fields: object) -> Payment:
    """Make a live attempt to pay `for_order`."""
    for_order = for_order or order()
    n = for_order.payments.count() + 1
    values = {
        "live_for": for_order,
        "out_trade_no": f"{for_order.number}_{n}",
        "subject": f"爱家租房 订单 {for_order.number}",
        "amount_fen": for_order.amount_fen,
        "expires_at": for_order.pay_by or timezone.now() + timedelta(minutes=30),
        "next_try_at": timezone.now() + timedelta(days=9),
        **fields,
    }
    return Payment.objects.create(order=for_order, **values)
