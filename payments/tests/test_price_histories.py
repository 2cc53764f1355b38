"""Random histories of prices and stays: the lines, the charge and the balance agree at every step."""

import os
from contextlib import suppress
from datetime import date, timedelta

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from accounts.models import User
from core.refusal import Refusal
from houses import quotes
from houses.availability import NightsTaken
from houses.models import House, PriceRule, RefundPolicy
from orders import booking
from orders.booking import Seen
from orders.changes import Stay
from orders.models import Order
from orders.waiting_changes import waiting_change_of
from payments import callbacks, cancellation, checkout_of_change, stay_changes
from payments.books.invariants import broken_rules
from payments.models import Payment
from tests import alipay, make

EXAMPLES = int(os.environ.get("HISTORIES", "40"))
START = date(2027, 3, 1)

pytestmark = pytest.mark.django_db

prices = st.integers(1, 99_999)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("season"), st.integers(0, 20), st.integers(1, 20), prices),
        st.tuples(st.just("fees"), prices, st.sampled_from([0, 7, 33]), st.integers(1, 3)),
        st.tuples(st.just("move"), st.integers(5, 20), st.integers(1, 10), st.integers(1, 4)),
        st.tuples(
            st.sampled_from(["move_as_renter", "move_and_pay"]),
            st.integers(5, 20),
            st.integers(1, 10),
            st.integers(1, 4),
        ),
        st.tuples(st.sampled_from(["pay", "pay", "drop"]), st.just(0), st.just(0), st.just(0)),
    ),
    max_size=6,
)


class History:
    """One home, one order, and the books about it."""

    def __init__(self, policy: str, fees: tuple[int, int, int]) -> None:
        prices = {"price_fen": 10000, "weekend_price_fen": 14000}
        self.house = make.house(refund_policy=policy, instant_book=True, **prices)
        self.staff = make.user(is_staff=True)
        self.fees(*fees)

    def fees(self, fen: int, percent: int, included: int) -> None:
        values = {"cleaning_fee_fen": fen, "guest_fee_fen": fen // 7, "guests_included": included}
        House.objects.filter(pk=self.house.pk).update(week_discount=percent, **values)
        self.house.refresh_from_db()

    def season(self, first: int, nights: int, fen: int) -> None:
        begin = START + timedelta(days=first)
        rule = {"first_night": begin, "last_night": begin + timedelta(days=nights - 1), "price_fen": fen}
        PriceRule.objects.create(house=self.house, name="季", weekend_price_fen=fen + 100, **rule)

    def book(self, nights: int, guests: int) -> None:
        stay = (START + timedelta(days=10), START + timedelta(days=10 + nights), guests)
        quote = quotes.for_stay([self.house], *stay)[self.house.pk]
        seen = Seen(str(quote.total_fen))
        check_in, check_out, guests = stay
        dates = {"check_in": check_in, "check_out": check_out, "guests": guests}
        self.order = booking.book(self.house, renter=make.user(), seen=seen, **dates)
        assert self.order.amount_fen == quote.total_fen
        assert self.order.quote == quote
        Order.objects.filter(pk=self.order.pk).update(status="WAIT_PAYMENT", pay_by=None)

    def move(self, *typed: int) -> None:
        stay = _stay(*typed)
        self.order.refresh_from_db()
        with suppress(Refusal, NightsTaken):
            agreed = stay_changes.preview(self.order, stay).agreed
            stay_changes.change(self.order, stay, by=self.staff, agreed=agreed)

    def move_as_renter(self, *typed: int) -> None:
        stay = _stay(*typed)
        self.order = Order.objects.get(pk=self.order.pk)
        with suppress(Refusal, NightsTaken):
            agreed = stay_changes.preview_for_renter(self.order, stay).agreed
            stay_changes.change_for_renter(self.order, stay, agreed=agreed)

    def move_and_pay(self, *typed: int) -> None:
        self.pay()
        self.move_as_renter(*typed)
        self.pay()

    def pay(self, *_nothing: int) -> None:
        """Pay the price, or the difference of a change that waits."""
        self.order.refresh_from_db()
        if self.order.status == "WAIT_PAYMENT":
            assert callbacks.receive_notify(alipay.notify_body(make.attempt(self.order)))
        elif change := waiting_change_of(self.order):
            checkout_of_change.press_pay(self.order, Payment.Product.WAP)
            assert callbacks.receive_notify(alipay.notify_body(change.payments.get()))
            event("a difference is paid")

    def drop(self, *_nothing: int) -> None:
        with suppress(Refusal):
            stay_changes.drop(self.order, by=self.staff)

    def check(self) -> None:
        self.order = Order.objects.get(pk=self.order.pk)
        assert sum(line.fen for line in self.order.quote.lines) == self.order.amount_fen
        assert sum(line["fen"] for line in self.order.price_lines) == self.order.amount_fen
        assert self.balance() in ((self.order.amount_fen,) if self.order.is_paid else (0,))

    def balance(self) -> int:
        rows = Payment.objects.filter(order=self.order, status="PAID")
        return sum(row.received_fen - row.refund_reserved_fen for row in rows)

    def cancel(self, days_ahead: int) -> None:
        """Cancel so many days before check-in; the balance is the part that the policy keeps."""
        check_in, paid_fen = self.order.check_in, self.balance()
        cleaning = sum(line.fen for line in self.order.quote.lines if line.kind == "cleaning")
        with time_machine.travel(f"{check_in - timedelta(days=days_ahead)}T12:00:00+08:00", tick=False):
            renter = User.objects.get(pk=self.order.renter_id)
            cancellation.cancel(self.order, by=renter, agreed={})
        percent = {"FLEXIBLE": 100, "MODERATE": 100 if days_ahead >= 5 else 50}.get(
            self.order.refund_policy, 50 if days_ahead >= 7 else 0
        )
        back = cleaning + (paid_fen - cleaning) * percent // 100 if paid_fen else 0
        assert self.balance() == paid_fen - back
        assert Order.objects.get(pk=self.order.pk).status == "CANCELED"


def _stay(first: int, nights: int, guests: int) -> Stay:
    check_in = START + timedelta(days=first)
    return Stay(check_in, check_in + timedelta(days=nights), guests)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    policy=st.sampled_from(RefundPolicy.values),
    fees=st.tuples(prices, st.sampled_from([0, 10, 90]), st.integers(1, 3)),
    before=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20), prices), max_size=3),
    stay=st.tuples(st.integers(1, 12), st.integers(1, 4)),
    after=steps,
    days_ahead=st.integers(1, 9),
)
def test_PRI01_lines_charge_and_balance_agree(
    policy: str,
    fees: tuple[int, int, int],
    before: list[tuple[int, int, int]],
    stay: tuple[int, int],
    after: list[tuple[str, int, int, int]],
    days_ahead: int,
) -> None:
    with time_machine.travel(f"{START - timedelta(days=20)}T12:00:00+08:00", tick=False):
        assert timezone.localdate() < START
        history = History(policy, fees)
        for season in before:
            history.season(*season)
        history.book(*stay)
        for name, *arguments in after:
            getattr(history, name)(*arguments)
            history.check()
    history.cancel(days_ahead)
    assert list(broken_rules()) == []
