"""Staff cancel an order: in any status, with a reason and any refund that is possible."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.models import User
from houses import availability
from houses.models import BookedNight
from orders.models import Order
from payments import callbacks, cancellation, refunding
from payments.books import attempts, refunds
from payments.books.invariants import broken_rules
from payments.books.refunds import record_external
from payments.models import Payment, Refund
from tests import alipay, make
from tests.alipay import Gateway
from tests.interleaving import before
from tests.races import at_once_whatever_breaks

pytestmark = pytest.mark.django_db

Status = Order.Status


@pytest.fixture
def staff(client: Client) -> User:
    person = make.user(is_staff=True, is_superuser=True)
    client.force_login(person)
    client.cookies["django_language"] = "en"
    return person


@pytest.fixture
def desk(client: Client, staff: User) -> Client:
    return client


@pytest.fixture
def order() -> Order:
    return booked()


def booked(**fields: object) -> Order:
    order = make.order(**fields)
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    return order


def pay(order: Order) -> Payment:
    payment = make.attempt(order)
    assert callbacks.receive_notify(alipay.notify_body(payment))
    order.refresh_from_db()
    payment.refresh_from_db()
    return payment


def press(desk: Client, order: Order, **fields: str):
    url = reverse("admin:orders_order_changelist")
    chosen = {"action": "cancel_order", "_selected_action": [order.pk]}
    return desk.post(url, {**chosen, **fields}, follow=True)


def form_of(desk: Client, order: Order) -> dict[str, str]:
    form = press(desk, order).context["form"]
    shown = {"left_fen": form["left_fen"].value(), "amount": form["amount"].value()}
    return {**shown, "reason": "The roof leaks"}


def cancel(desk: Client, order: Order, **changes: str) -> str:
    """Open the page and press its button. Returns the messages."""
    answer = press(desk, order, **{**form_of(desk, order), **changes})
    order.refresh_from_db()
    return " ".join(str(message) for message in answer.context["messages"])


@pytest.mark.parametrize("status", [Status.WAIT_ACCEPT, Status.WAIT_PAYMENT])
def test_before_it_is_paid(desk: Client, staff: User, order: Order, status: str) -> None:
    make.rows(Order).update(status=status)
    assert form_of(desk, order)["amount"] == "0.00"
    cancel(desk, order)
    event = order.events.get()
    assert (order.status, order.closing_reason) == (Status.CANCELED, "The roof leaks")
    assert (event.kind, event.actor, event.reason) == ("CANCELED", staff, "The roof leaks")
    assert LogEntry.objects.get(user=staff).object_id == str(order.pk)
    assert not make.rows(BookedNight).exists()
    assert not make.rows(Refund).exists()
    assert list(broken_rules()) == []


@pytest.mark.parametrize("status", [Status.WAIT_COMMENT, Status.COMPLETE])
def test_once_it_is_paid_the_policys_amount_is_proposed(
    desk: Client, staff: User, order: Order, status: str
) -> None:
    payment = pay(order)
    make.rows(Order).update(status=status, refund_policy="STRICT")
    assert form_of(desk, order)["amount"] == "150.00"
    cancel(desk, order)
    refund = payment.refunds.get()
    assert (order.status, refund.amount_fen, refund.reason) == (Status.CANCELED, 15000, "CANCELED")
    assert (refund.asked_by, refund.status) == (staff, Refund.Status.DUE)
    assert [event.kind for event in order.events.all()][:2] == ["REFUND_DUE", "CANCELED"]
    assert not make.rows(BookedNight).exists()
    assert list(broken_rules()) == []


@pytest.mark.parametrize(
    ("amount", "fen"), [("300.00", [30000]), ("0.01", [1]), ("0.00", []), ("30", [3000]), ("0", [])]
)
def test_more_or_less_than_the_policy_says(desk: Client, order: Order, amount: str, fen: list[int]) -> None:
    payment = pay(order)
    make.rows(Order).update(refund_policy="STRICT", check_in=timezone.localdate())
    assert form_of(desk, order)["amount"] == "0.00"
    cancel(desk, order, amount=amount)
    assert order.status == Status.CANCELED
    assert list(payment.refunds.values_list("amount_fen", flat=True)) == fen
    assert list(broken_rules()) == []


@pytest.mark.parametrize("amount", ["300.01", "-0.01", "1.0", "0.001", ""])
def test_REF09_an_amount_that_cant_be(desk: Client, order: Order, amount: str) -> None:
    pay(order)
    page = press(desk, order, **{**form_of(desk, order), "amount": amount})
    assert page.context["form"].errors["amount"]
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT


def test_a_reason_is_required(desk: Client, order: Order) -> None:
    page = press(desk, order, **{**form_of(desk, order), "reason": " "})
    assert page.context["form"].errors["reason"]
    order.refresh_from_db()
    assert order.status == Status.WAIT_PAYMENT


def test_REF10_above_the_limit_the_order_ends_and_the_refund_waits(
    desk: Client, order: Order, settings: object
) -> None:
    settings.STAFF_REFUND_LIMIT_FEN = 29999
    payment = pay(order)
    assert "awaits approval by another staff member" in cancel(desk, order)
    assert (order.status, payment.refunds.get().status) == (Status.CANCELED, Refund.Status.PROPOSED)
    assert [event.kind for event in order.events.all()] == ["CANCELED", "PAID"]
    assert list(broken_rules()) == []


def test_CON04_the_open_attempt_is_closed_first(desk: Client, order: Order, gateway: Gateway) -> None:
    payment = make.attempt(order)
    gateway.says["query"] = alipay.waiting(payment)
    gateway.says["close"] = alipay.answer("close", out_trade_no=payment.out_trade_no)
    cancel(desk, order)
    payment.refresh_from_db()
    assert (order.status, payment.status, payment.live_for) == (Status.CANCELED, "CLOSED", None)
    assert [method for method, _ in gateway.calls] == ["query", "close"]


def test_CON04_paid_meanwhile_is_seen_before_it_is_cancelled(
    desk: Client, order: Order, gateway: Gateway
) -> None:
    payment = make.attempt(order)
    gateway.says["query"] = alipay.paid(payment)
    assert "300.00" in cancel(desk, order)
    assert order.status == Status.WAIT_COMMENT
    cancel(desk, order)
    assert (order.status, payment.refunds.get().amount_fen) == (Status.CANCELED, 30000)
    assert list(broken_rules()) == []


def test_USR01_alipay_is_silent_and_the_money_comes_later(
    desk: Client, order: Order, gateway: Gateway
) -> None:
    payment = make.attempt(order)
    cancel(desk, order)
    assert order.status == Status.CANCELED
    assert callbacks.receive_notify(alipay.notify_body(payment))
    payment.refresh_from_db()
    assert (payment.status, payment.refunds.get().amount_fen) == ("SURPLUS", 30000)


def test_STA03_the_second_of_two_staff_is_told(desk: Client, order: Order) -> None:
    payment = pay(order)
    form = form_of(desk, order)
    press(desk, order, **form)
    for fields in (form, {}):
        shown = " ".join(str(message) for message in press(desk, order, **fields).context["messages"])
        assert "the status is now “Cancelled”" in shown
    assert payment.refunds.get().amount_fen == 30000
    assert LogEntry.objects.count() == 1


def test_STA03_money_went_back_while_the_page_was_open(desk: Client, order: Order) -> None:
    payment = pay(order)
    form = form_of(desk, order)
    record_external(payment, "by_hand", 10000)
    shown = press(desk, order, **{**form, "amount": "200.00"}).context["messages"]
    assert any("at most ￥200.00" in str(message) for message in shown)
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT


def test_earlier_refunds_are_not_refunded_again(desk: Client, order: Order) -> None:
    payment = pay(order)
    record_external(payment, "by_hand", 10000)
    make.rows(Order).update(refund_policy="MODERATE", check_in=timezone.localdate())
    shown = press(desk, order).context["preview"]
    assert (shown.received_fen, shown.refunded_fen, shown.refund_fen) == (30000, 10000, 10000)
    assert shown.kept_fen == 10000
    cancel(desk, order, amount="200.00")
    assert sorted(payment.refunds.values_list("amount_fen", flat=True)) == [10000, 20000]
    assert list(broken_rules()) == []


def test_REF10_a_proposal_ends_with_the_order(desk: Client, staff: User, order: Order) -> None:
    payment = pay(order)
    number = refunds.next_number(payment)
    with override_settings(STAFF_REFUND_LIMIT_FEN=0):
        refunding.request_refund(payment, 10000, number=number, by=staff, explanation="x")
    assert "set the refund below" in press(desk, order).content.decode()
    cancel(desk, order, amount="0.00")
    assert list(payment.refunds.values_list("status", flat=True)) == ["GIVEN_UP"]
    assert list(broken_rules()) == []


def test_the_renter_sees_earlier_refunds(client: Client, order: Order) -> None:
    payment = pay(order)
    record_external(payment, "by_hand", 10000)
    client.force_login(order.renter)
    address = reverse("payments:cancel", args=[order.number])
    assert "￥100.00" in client.get(address).content.decode()
    assert client.post(address, {"comes_back_fen": 20000}).status_code == 302
    payment.refresh_from_db()
    assert payment.refundable_fen == 0
    assert list(broken_rules()) == []


def test_STA05_cancelling_needs_the_money_permission_too(client: Client, order: Order) -> None:
    payment = pay(order)
    clerk = make.user(is_staff=True)
    form = {"left_fen": "30000", "amount": "300.00", "reason": "x"}
    client.force_login(clerk)
    assert press(client, order, **form).status_code == 403
    for names in (["view_order", "change_order"], ["view_order", "change_payment"]):
        clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
        press(client, order, **form)
        order.refresh_from_db()
        assert (order.status, payment.refunds.count()) == (Status.WAIT_COMMENT, 0)
    names = ["view_order", "change_order", "change_payment"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    press(client, order, **form)
    order.refresh_from_db()
    assert (order.status, payment.refunds.count()) == (Status.CANCELED, 1)


@pytest.fixture
def front_desk(client: Client) -> Client:
    client.force_login(make.staff(roles.FRONT_DESK))
    client.cookies["django_language"] = "en"
    return client


def test_the_front_desk_cancels_an_unpaid_order(front_desk: Client, order: Order) -> None:
    assert press(front_desk, order).status_code == 200
    press(front_desk, order, left_fen="0", amount="0.00", reason="Burst pipe")
    order.refresh_from_db()
    assert (order.status, order.closing_reason) == (Status.CANCELED, "Burst pipe")


def test_ACC04_the_front_desk_cancels_no_paid_order(front_desk: Client, order: Order) -> None:
    payment = pay(order)
    for form in (
        {},
        {"left_fen": "30000", "amount": "300.00", "reason": "x"},
        {"left_fen": "0", "amount": "0.00"},
    ):
        answer = press(front_desk, order, **form)
        assert "your role does not include refunds" in answer.content.decode()
    order.refresh_from_db()
    assert (order.status, payment.refunds.count()) == (Status.WAIT_COMMENT, 0)


def cancelled_by_the_front_desk_while_money_comes(front_desk: Client, order: Order) -> tuple[str, int]:
    """The money comes after the page looked at the order; the form claims to have seen it."""
    payment = make.attempt(order, next_try_at=None)
    form = {"left_fen": "30000", "amount": "0.00", "reason": "x"}
    with before("payments.cancellation._cancel_by_staff", lambda: pay_attempt(payment)):
        press(front_desk, order, **form)
    order.refresh_from_db()
    return order.status, payment.refunds.count()


def pay_attempt(payment: Payment) -> None:
    assert callbacks.receive_notify(alipay.notify_body(payment))


def test_ACC04_money_that_comes_meanwhile_keeps_the_order_from_the_front_desk(
    front_desk: Client, order: Order, gateway: Gateway
) -> None:
    found = cancelled_by_the_front_desk_while_money_comes(front_desk, order)
    assert found == (Status.WAIT_COMMENT, 0)


def test_ACC04_twin_with_what_the_form_claims_a_paid_order_is_cancelled(
    front_desk: Client, order: Order, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = cancellation.cancel_by_staff

    def as_typed(order: Order, **given: object) -> None:
        cancel(order, **{**given, "refundable_fen": 30000})

    monkeypatch.setattr(cancellation, "cancel_by_staff", as_typed)
    found = cancelled_by_the_front_desk_while_money_comes(front_desk, order)
    assert found == (Status.CANCELED, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_CON04_staff_and_renter_cancel_while_the_money_comes(gateway: Gateway) -> None:
    staff = make.user(is_staff=True)
    for _ in range(4):
        order = booked()
        body = alipay.notify_body(make.attempt(order))

        def by_staff(left_fen: int, order: Order = order) -> None:
            cancellation.cancel_by_staff(
                order, by=staff, reason="x", refundable_fen=left_fen, refund_fen=left_fen
            )

        at_once_whatever_breaks(
            lambda: by_staff(0),
            lambda: by_staff(30000),
            lambda order=order: cancellation.cancel(order, by=order.renter, agreed={"refund_fen": "30000"}),
            lambda body=body: callbacks.receive_notify(body),
        )
        assert list(broken_rules()) == []


# --- an amount that changes under a live attempt ------------------------------------------------------


@pytest.mark.parametrize("model", ["order", "payment"])
def test_CON06_no_amount_is_edited_in_the_admin(desk: Client, order: Order, model: str) -> None:
    row = order if model == "order" else make.attempt(order)
    url = reverse(f"admin:{row._meta.app_label}_{model}_change", args=[row.pk])
    assert 'name="amount_fen"' not in desk.get(url).content.decode()
    assert desk.post(url, {"amount_fen": "1", "_save": "Save"}).status_code == 403
    row.refresh_from_db()
    assert row.amount_fen == 30000


def test_CON06_changed_in_the_database_under_a_live_attempt(order: Order) -> None:
    payment = make.attempt(order)
    make.rows(Order).update(amount_fen=50000)
    assert callbacks.receive_notify(alipay.notify_body(payment))
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (order.status, payment.status) == (Status.WAIT_PAYMENT, "SURPLUS")
    assert payment.refunds.get().amount_fen == 30000
    assert list(broken_rules()) == []


def test_CON06_twin_without_comparing_with_the_order(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_is_what_was_asked", lambda order, payment, received: True)
    payment = make.attempt(order)
    make.rows(Order).update(amount_fen=50000)
    assert callbacks.receive_notify(alipay.notify_body(payment))
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT
    assert "I3" in {broken.rule for broken in broken_rules()}
