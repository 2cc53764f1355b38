"""The page of an order in the admin: the money in one box, and only the buttons that apply now."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import roles
from orders.models import Order, OrderEvent
from payments.books import refunds
from payments.models import Payment, Refund
from payments.staff.order_page import Money
from tests import make
from tests.alipay import Gateway

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

Status = Refund.Status
QUERIES = 19  # two for notes; one each for the invoice, the names of guests, a change that waits


def client_of(role: str = roles.MANAGER) -> Client:
    client = Client()
    client.force_login(make.staff(role))
    return client


def page_of(order: Order, client: Client | None = None):
    page = (client or client_of()).get(f"/admin/orders/order/{order.pk}/change/")
    assert page.status_code == 200
    return page


def paid_order(**fields: object) -> Payment:
    order = make.order(status=Order.Status.WAIT_COMMENT, **fields)
    return make.attempt(order, status="PAID", live_for=None, received_fen=30000)


def refund(payment: Payment, fen: int, status: str, **columns: object) -> Refund:
    payment.refresh_from_db()
    row = refunds.create(payment, fen, reason=Refund.Reason.STAFF)
    Refund.objects.filter(pk=row.pk).update(status=status, **columns)
    return row


def offered(page, row: object) -> list[str]:
    """Return the actions of the buttons on one row."""
    context = page.context
    steps = [*context["steps"]]
    for attempt in context["attempts"]:
        steps += [*attempt.steps, *(step for line in attempt.refunds for step in line.steps)]
    return [step.action for step in steps if step.row == row]


def test_the_money_box_adds_up(gateway: Gateway) -> None:
    payment = paid_order()
    twice = make.attempt(payment.order, status="SURPLUS", live_for=None, received_fen=30000)
    refund(payment, 1000, Status.DONE)
    refund(payment, 2000, Status.SENT)
    refund(payment, 4000, Status.REFUSED)
    refund(payment, 8000, Status.PROPOSED)
    refund(twice, 30000, Status.DUE)
    page = page_of(payment.order)
    assert page.context["money"] == Money(
        received=60000, refunded=1000, on_its_way=32000, refused=4000, awaiting_approval=8000, left=15000
    )
    assert "￥150.00" in page.content.decode()


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        ("WAIT_ACCEPT", ["accept_bookings", "reject_bookings", "change_stay", "cancel_order"]),
        ("WAIT_PAYMENT", ["extend_deadline", "change_stay", "cancel_order", "confirm_outside"]),
        ("WAIT_COMMENT", ["change_stay", "cancel_order", "confirm_outside"]),
        ("COMPLETE", ["change_stay", "cancel_order", "confirm_outside"]),
        ("CANCELED", ["confirm_outside"]),
        ("REJECTED", []),
    ],
)
def test_only_steps_that_apply_are_offered(status: str, actions: list[str]) -> None:
    order = make.order(status=status)
    assert offered(page_of(order), order) == actions


@pytest.mark.parametrize(
    ("status", "age_days", "actions"),
    [
        (Status.PROPOSED, 0, ["approve", "give_up"]),
        (Status.DUE, 0, ["give_up"]),
        (Status.SENT, 0, []),
        (Status.SENT, 2, ["give_up"]),
        (Status.REFUSED, 0, ["try_again", "give_up"]),
        (Status.DONE, 0, []),
        (Status.GIVEN_UP, 0, []),
    ],
)
def test_steps_of_a_refund(status: str, age_days: int, actions: list[str], gateway: Gateway) -> None:
    payment = paid_order()
    row = refund(payment, 1000, status, due_at=timezone.now() - timedelta(days=age_days, minutes=1))
    page = page_of(payment.order)
    assert offered(page, row) == actions
    on_its_own_page = client_of().get(f"/admin/payments/refund/{row.pk}/change/").context["actions"]
    assert [name for name, _label in on_its_own_page] == actions


def test_the_likely_step_is_filled(gateway: Gateway) -> None:
    order = make.order(status=Order.Status.WAIT_ACCEPT)
    assert [step.action for step in page_of(order).context["steps"] if step.is_likely] == ["accept_bookings"]


def test_a_refund_is_offered_while_money_is_left(gateway: Gateway) -> None:
    payment = paid_order()
    assert "give_back" in offered(page_of(payment.order), payment)
    refund(payment, 30000, Status.DONE)
    assert offered(page_of(payment.order), payment) == ["ask_alipay"]


def test_buttons_are_those_of_the_role(gateway: Gateway) -> None:
    payment = paid_order()
    order = payment.order
    assert offered(page_of(order, client_of(roles.FRONT_DESK)), payment) == []
    assert offered(page_of(order, client_of(roles.FINANCE)), order) == ["confirm_outside"]
    assert "give_back" in offered(page_of(order, client_of(roles.FINANCE)), payment)


def test_alipays_refusal_is_in_words_with_its_code(gateway: Gateway) -> None:
    payment = paid_order()
    refund(payment, 1000, Status.REFUSED, refusal="40004 ACQ.SELLER_BALANCE_NOT_ENOUGH")
    page = page_of(payment.order).content.decode()
    assert "余额不足" in page
    assert "ACQ.SELLER_BALANCE_NOT_ENOUGH" in page


def test_mails_sent_waiting_and_failed() -> None:
    order = make.order()
    now = timezone.now()
    for columns in ({"mailed_at": now}, {"mail_due_at": now}, {"mail_failed_at": now}):
        OrderEvent.objects.create(order=order, kind="BOOKED", **{"mail_due_at": None, **columns})
    page = page_of(order).content.decode()
    assert all(words in page for words in ("已发邮件", "邮件待发", "邮件没有发出"))


def test_a_step_comes_back_to_the_order_with_the_next_one_in_sight() -> None:
    first, second = (
        make.order(status="WAIT_ACCEPT", accept_by=timezone.now() + timedelta(hours=n), pay_by=None)
        for n in (1, 2)
    )
    address, client = f"/admin/orders/order/{first.pk}/change/", client_of()
    sent = {"action": "accept_bookings", "_selected_action": first.pk, "next": address}
    answer = client.post("/admin/orders/order/", sent, follow=True)
    assert answer.redirect_chain == [(address, 302)]
    assert answer.context["next_to_accept"] == second


def test_the_number_of_queries_does_not_grow(gateway: Gateway, django_assert_num_queries) -> None:
    payment, client = paid_order(), client_of()
    page_of(payment.order, client)
    with django_assert_num_queries(QUERIES):
        page_of(payment.order, client)
    for _ in range(3):
        refund(payment, 1000, Status.DONE)
        make.attempt(payment.order, status="CLOSED", live_for=None)
        make.order(payment.order.renter)
        OrderEvent.objects.create(order=payment.order, kind="BOOKED", actor=make.user())
    with django_assert_num_queries(QUERIES):
        page_of(payment.order, client)
