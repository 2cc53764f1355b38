"""The return: a browser comes back from Alipay, and 支付完成 shows the result."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from core.transactions import durable_transaction
from orders.models import Order
from payments import callbacks, queries
from payments.books import refunds
from payments.models import GatewayMessage, Payment, Refund
from payments.page_state import PaymentPage, page_of
from tests import alipay, make
from tests.alipay import PAYCOMPLETE, Gateway

pytestmark = pytest.mark.django_db

Status = Order.Status
Verdict = GatewayMessage.Verdict


@pytest.fixture
def payment() -> Payment:
    return make.attempt()


@pytest.fixture
def renter(payment: Payment, client: Client) -> Client:
    client.force_login(payment.order.renter)
    return client


def state(payment: Payment) -> tuple[str, str, int]:
    """Status of the order, status of the attempt and received fen, from the database."""
    payment.refresh_from_db()
    payment.order.refresh_from_db()
    return payment.order.status, payment.status, payment.received_fen


UNPAID = (Status.WAIT_PAYMENT, "OPEN", 0)
PAID = (Status.WAIT_COMMENT, "PAID", 30000)


def test_RET01_genuine_return_confirmed_by_query(renter: Client, payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.paid(payment)
    page = renter.get(alipay.return_url(payment))
    assert page.context["state"] == "paid"
    assert state(payment) == PAID
    assert payment.order.trade_no == alipay.trade_no(payment)
    assert payment.evidence == "QUERY"
    assert [event.kind for event in payment.order.events.all()] == ["PAID"]


def links_of(html: str) -> list[tuple[str, str]]:
    """Return looks and address of the links that look like buttons."""
    return re.findall(r'<a class="(button[^"]*)" href="([^"]+)"', html.split("<main")[1].split("<footer")[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("says", ["paid", "confirming", "delayed", "refunded", "neutral"])
def test_T3_the_filled_button_leads_to_the_order(
    renter: Client, payment: Payment, gateway: Gateway, says: str
) -> None:
    """The address, the check-in guide and the calendar file are there."""
    gateway.says["query"] = alipay.waiting(payment) if says == "confirming" else alipay.paid(payment)
    renter.get(alipay.return_url(payment))
    if says not in ("paid", "confirming"):
        refund(payment, 30000, status={"delayed": "REFUSED", "refunded": "DONE"}.get(says, "PROPOSED"))
        make.rows(Order).update(status=Status.CANCELED)
    page = renter.get(alipay.return_url(payment))
    assert page.context["state"] == says
    own = [("button", payment.order.get_absolute_url()), ("button quiet", "/orders/")]
    assert links_of(page.content.decode()) == own
    renter.force_login(make.user())
    assert links_of(renter.get(alipay.return_url(payment)).content.decode()) == [("button", "/orders/")]
    renter.logout()
    [(looks, address)] = links_of(renter.get(alipay.return_url(payment)).content.decode())
    assert (looks, address) == ("button", "/accounts/login/?next=/orders/")


def test_T3_confirming_names_amount_home_and_order(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    html = renter.get(alipay.return_url(payment)).content.decode()
    details = ("￥300.00", payment.order.house_title, payment.order.number)
    for each in details:
        assert each in html
    renter.logout()
    html = renter.get(alipay.return_url(payment)).content.decode()
    for each in details:
        assert each not in html


def test_RET01_query_says_not_paid_then_confirming(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    page = renter.get(alipay.return_url(payment))
    assert page.context["state"] == "confirming"
    assert b'http-equiv="refresh"' in page.content
    assert state(payment) == UNPAID
    assert payment.next_try_at is not None


UNUSABLE = {
    "unreachable": alipay.GatewayUnreachable("timed out"),
    "html": b"<html>busy</html>",
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
    "deep": b"[" * 60_000,
    "cut": b'{"alipay_trade_query_response":{"code":"10000","trade_st',
    "unsigned": b'{"alipay_trade_query_response":{"code":"40002","sub_code":"isv.invalid-signature"}}',
}


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_RET01_unreachable_gateway_then_the_return_settles_and_is_asked_again(
    renter: Client, payment: Payment, gateway: Gateway, answer: bytes | Exception
) -> None:
    gateway.says["query"] = answer
    page = renter.get(alipay.return_url(payment))
    assert page.context["state"] == "paid"
    assert state(payment) == PAID
    assert payment.evidence == "RETURN"
    assert payment.next_try_at < timezone.now() + timedelta(minutes=1)


@pytest.mark.parametrize("sub_code", ["ACQ.SYSTEM_ERROR", "isp.unknow-error", "ACQ.INVALID_PARAMETER"])
def test_RET01_a_signed_error_of_alipay_proves_nothing(
    renter: Client, payment: Payment, gateway: Gateway, sub_code: str
) -> None:
    code = "20000" if sub_code.startswith("isp") else "40004"
    gateway.says["query"] = alipay.business_error("query", sub_code, code)
    assert renter.get(alipay.return_url(payment)).context["state"] == "paid"
    assert state(payment) == PAID


def test_RET01_answer_about_another_trade_proves_nothing(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.paid(
        payment, out_trade_no="26010100000000_1", trade_status="WAIT_BUYER_PAY"
    )
    assert renter.get(alipay.return_url(payment)).context["state"] == "paid"


def test_return_that_a_query_later_confirms_needs_no_more_polling(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    renter.get(alipay.return_url(payment))
    gateway.says["query"] = alipay.paid(payment)
    make.rows(Payment).update(asked_at=None)
    queries.query_trade(payment)
    assert state(payment) == PAID
    assert (payment.evidence, payment.next_try_at) == ("QUERY", None)


def test_return_contradicted_after_it_settled_is_left_to_staff(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    renter.get(alipay.return_url(payment))
    gateway.says["query"] = alipay.not_existing()
    make.rows(Payment).update(asked_at=None)
    queries.query_trade(payment)
    assert state(payment) == PAID
    assert payment.contradicted_at is not None
    assert not make.rows(Refund).exists()


@pytest.mark.parametrize("settled", [True, False])
def test_a_contradiction_ends_once_alipay_confirms_the_payment(
    renter: Client, payment: Payment, gateway: Gateway, settled: bool
) -> None:
    if not settled:
        gateway.says["query"] = alipay.waiting(payment)
    renter.get(alipay.return_url(payment))
    gateway.says["query"] = alipay.not_existing()
    make.rows(Payment).update(asked_at=None)
    queries.query_trade(payment)
    assert (state(payment) == PAID, payment.contradicted_at is None) == (settled, False)
    gateway.says["query"] = alipay.paid(payment)
    make.rows(Payment).update(asked_at=None)
    queries.query_trade(payment)
    assert state(payment) == PAID
    assert (payment.contradicted_at, payment.next_try_at) == (None, None)


def test_a_clock_that_was_ahead_does_not_prevent_a_query(payment: Payment, gateway: Gateway) -> None:
    make.rows(Payment).update(asked_at=timezone.now() + timedelta(days=1))
    gateway.says["query"] = alipay.paid(payment)
    queries.query_trade(payment)
    assert state(payment) == PAID


def test_RET02_return_after_notify(renter: Client, payment: Payment, gateway: Gateway) -> None:
    renter.post(alipay.NOTIFY, alipay.notify_body(payment), "application/x-www-form-urlencoded")
    page = renter.get(alipay.return_url(payment))
    assert page.context["state"] == "paid"
    assert gateway.calls == []
    assert state(payment) == PAID
    assert payment.order.events.count() == 1


def test_RET03_reloaded_fifty_times_asks_once(renter: Client, payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    with time_machine.travel(timezone.now(), tick=False):
        states = {
            renter.get(alipay.return_url(payment), headers={"Sec-Purpose": "prefetch"}).context["state"]
            for _ in range(50)
        }
    assert states == {"confirming"}
    assert gateway.count("query") == 1
    assert state(payment) == UNPAID


def test_RET03_reloaded_after_paying_changes_nothing(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.paid(payment)
    for _ in range(50):
        assert renter.get(alipay.return_url(payment)).context["state"] == "paid"
    assert gateway.count("query") == 1
    assert payment.order.events.count() == 1


def test_RET04_amount_changed(renter: Client, payment: Payment, gateway: Gateway) -> None:
    params = alipay.signed(alipay.return_params(payment))
    page = renter.get(PAYCOMPLETE, {**params, "total_amount": "0.01"})
    assert (page.status_code, page.context["state"]) == (200, "neutral")
    assert state(payment) == UNPAID
    message = make.rows(GatewayMessage).get()
    assert (message.verdict, message.signature_ok) == (Verdict.BAD, False)
    assert gateway.calls == []


@pytest.mark.parametrize(
    "amount", ["0.01", "299.99", "300.01", "300", "3e2", "-300.00", "NaN", "３００.00", "30,0.00"]
)
def test_RET04_genuine_signature_over_another_amount(
    renter: Client, payment: Payment, gateway: Gateway, amount: str
) -> None:
    page = renter.get(alipay.return_url(payment, total_amount=amount))
    assert (page.status_code, page.context["state"]) == (200, "neutral")
    assert state(payment) == UNPAID
    assert make.rows(GatewayMessage).get().verdict in GatewayMessage.NEEDS_STAFF


def test_RET05_another_renters_return(client: Client, payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.paid(payment)
    client.force_login(make.user())
    page = client.get(alipay.return_url(payment))
    assert page.status_code == 200
    assert page.context["order"] is None
    for secret in (payment.order.number, alipay.trade_no(payment), "300.00"):
        assert secret not in page.content.decode()
    assert state(payment) == PAID


def test_RET06_return_without_login(client: Client, payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.paid(payment)
    page = client.get(alipay.return_url(payment))
    assert payment.order.number not in page.content.decode()
    assert "/accounts/login/" in page.content.decode()
    assert state(payment) == PAID


def test_USR08_logged_out_while_paying(renter: Client, payment: Payment, gateway: Gateway) -> None:
    renter.logout()
    gateway.says["query"] = alipay.paid(payment)
    renter.get(alipay.return_url(payment))
    assert state(payment) == PAID


def test_RET07_made_up_signatures_change_nothing_and_stay_bounded(
    client: Client, payment: Payment, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.books.message_log.KEPT_BAD_MESSAGES", 20)
    monkeypatch.setattr("payments.books.message_log.PRUNE_ONE_IN", 1)
    params = alipay.return_params(payment)
    for n in range(60):
        query = urlencode({**params, "sign": alipay.signature(f"made up {n}", "app_private_key.pem")})
        assert client.get(f"{PAYCOMPLETE}?{query}").context["state"] == "neutral"
    assert state(payment) == UNPAID
    assert gateway.calls == []
    assert make.rows(GatewayMessage).filter(verdict=Verdict.BAD).count() == 20


@pytest.mark.parametrize("kind", ["waiting", "not_existing"])
def test_RET08_query_contradicts_the_return(
    renter: Client, payment: Payment, gateway: Gateway, kind: str
) -> None:
    gateway.says["query"] = alipay.waiting(payment) if kind == "waiting" else alipay.not_existing()
    assert renter.get(alipay.return_url(payment)).context["state"] == "confirming"
    assert state(payment) == UNPAID
    assert payment.next_try_at is not None
    # Later the gateway is silent: the signed contradiction still stands.
    gateway.says.clear()
    make.rows(Payment).update(asked_at=None)
    assert renter.get(alipay.return_url(payment)).context["state"] == "confirming"
    assert state(payment) == UNPAID
    # Then it confirms.
    gateway.says["query"] = alipay.paid(payment)
    make.rows(Payment).update(asked_at=None)
    assert renter.get(alipay.return_url(payment)).context["state"] == "paid"
    assert state(payment) == PAID


def test_return_of_a_trade_that_alipay_has_closed_shows_a_refund(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.closed(payment)
    for _ in range(2):
        assert renter.get(alipay.return_url(payment)).context["state"] == "refunded"
    assert state(payment) == (Status.WAIT_PAYMENT, "CLOSED", 0)


def test_return_for_an_order_that_is_over_is_refunded(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    make.rows(Order).update(status=Status.CANCELED)
    gateway.says["query"] = alipay.paid(payment)
    assert renter.get(alipay.return_url(payment)).context["state"] == "refunding"
    assert state(payment) == (Status.CANCELED, "SURPLUS", 30000)
    refund = payment.refunds.get()
    assert (refund.amount_fen, refund.status) == (30000, "DUE")
    assert refund.out_request_no == f"{payment.out_trade_no}_R1"
    assert payment.refund_reserved_fen == 30000


# --- refunds ----------------------------------------------------------------------------------------


def refund(payment: Payment, fen: int, reason: str = Refund.Reason.CANCELED, status: str = "DUE") -> Refund:
    """A refund of a payment, which a notice settles first."""
    callbacks.receive_notify(alipay.notify_body(payment))
    made = payment.refunds.first() or durable_transaction(refunds.create)(payment, fen, reason=reason)
    make.rows(Refund).filter(pk=made.pk).update(status=status)
    return made


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("status", "hours", "state", "sentence"),
    [
        ("DUE", 23, "refunding", "usually within a day"),
        ("SENT", 23, "refunding", "usually within a day"),
        ("SENT", 25, "delayed", "It takes longer than usual. We're seeing to it"),
        ("REFUSED", 0, "delayed", "It takes longer than usual. We're seeing to it"),
        ("DONE", 25, "refunded", "Refunded to the account you paid from on"),
    ],
)
def test_T1_a_refund_is_shown_as_made_only_once_it_is_and_as_delayed_if_refused_or_late(
    renter: Client, payment: Payment, status: str, hours: int, state: str, sentence: str
) -> None:
    renter.cookies["django_language"] = "en"
    refund(payment, 30000, status=status)
    make.rows(Refund).update(due_at=timezone.now() - timedelta(hours=hours))
    make.rows(Refund).update(done_at=timezone.now() if status == "DONE" else None)
    make.rows(Order).update(status=Status.CANCELED)
    page = renter.get(alipay.return_url(payment))
    assert page.context["state"] == state
    html = page.content.decode()
    for each in (sentence, "￥300.00", "The order was cancelled."):
        assert each in html
    assert ("Refunded to the account" in html) is (status == "DONE")
    assert ("usually within a day" in html) is (state == "refunding")
    renter.logout()
    html = renter.get(alipay.return_url(payment)).content.decode()
    for each in ("￥300.00", "was cancelled", payment.order.number):
        assert each not in html


@pytest.mark.django_db(transaction=True)
def test_the_page_shows_refunds_that_are_still_on_their_way(renter: Client, payment: Payment) -> None:
    refund(payment, 10000, status="DONE")
    second = durable_transaction(refunds.create)(payment, 20000, reason=Refund.Reason.STAFF)
    page = renter.get(alipay.return_url(payment))
    assert (page.context["state"], page.context["refunds_fen"]) == ("refunding", 20000)
    refunds.mark_done(second)
    page = renter.get(alipay.return_url(payment))
    assert (page.context["state"], page.context["refunds_fen"]) == ("refunded", 30000)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("order_status", "fen", "status", "state"),
    [
        (Status.WAIT_COMMENT, 10000, "DONE", "paid"),
        (Status.WAIT_COMMENT, 30000, "PROPOSED", "paid"),
        (Status.CANCELED, 10000, "DUE", "refunding"),
        (Status.CANCELED, 10000, "DONE", "refunded"),
        (Status.CANCELED, 30000, "PROPOSED", "neutral"),
    ],
)
def test_only_a_refund_in_the_timeline_counts(
    renter: Client, payment: Payment, order_status: str, fen: int, status: str, state: str
) -> None:
    refund(payment, fen, status=status)
    make.rows(Order).update(status=order_status)
    assert renter.get(alipay.return_url(payment)).context["state"] == state


@pytest.mark.django_db(transaction=True)
def test_the_page_shows_staffs_explanation_of_a_refund(renter: Client, payment: Payment) -> None:
    renter.cookies["django_language"] = "en"
    refund(payment, 30000, Refund.Reason.STAFF)
    make.rows(Refund).update(explanation="The heating <broke")
    html = renter.get(alipay.return_url(payment)).content.decode()
    assert "We're refunding it." in html
    assert "The heating &lt;broke" in html


@pytest.mark.django_db(transaction=True)
def test_a_refund_made_while_the_page_is_rendered_leaves_it_consistent(
    renter: Client, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = refund(payment, 30000)
    read = page_of

    def read_then_mark_done(payment: Payment) -> PaymentPage:
        page = read(payment)
        refunds.mark_done(made)
        return page

    monkeypatch.setattr(callbacks, "page_of", read_then_mark_done)
    page = renter.get(alipay.return_url(payment))
    assert (page.context["state"], page.context["refunds_fen"]) == ("refunding", 30000)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 5])
def test_refunds_take_no_more_queries(
    renter: Client, payment: Payment, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    refund(payment, 100)
    for _ in range(count - 1):
        durable_transaction(refunds.create)(payment, 100, reason=Refund.Reason.STAFF)
    make.rows(Order).update(status=Status.CANCELED)
    url = alipay.return_url(payment)
    renter.get(url)
    with django_assert_num_queries(9):
        assert renter.get(url).context["state"] == "refunding"


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_RET10_other_methods(client: Client, method: str) -> None:
    assert getattr(client, method)(PAYCOMPLETE).status_code == 405


def test_RET10_head_does_no_work(client: Client, payment: Payment, gateway: Gateway) -> None:
    assert client.head(alipay.return_url(payment)).status_code == 200
    assert not make.rows(GatewayMessage).exists()
    assert gateway.calls == []


def test_return_without_parameters_is_neutral(client: Client) -> None:
    page = client.get(PAYCOMPLETE)
    assert (page.status_code, page.context["state"]) == (200, "neutral")
    assert b"<h2>" not in page.content  # the top bar has the title
    assert not make.rows(GatewayMessage).exists()


def test_return_of_2020_signed_with_its_sign_type(renter: Client, payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.paid(payment)
    params = alipay.signed(alipay.return_params(payment), leave_out=())
    assert renter.get(PAYCOMPLETE, params).context["state"] == "paid"


def test_return_for_another_app_or_seller(renter: Client, payment: Payment, gateway: Gateway) -> None:
    for changes in ({"app_id": "2016082000295641"}, {"seller_id": "2088102172237210"}):
        assert renter.get(alipay.return_url(payment, **changes)).context["state"] == "neutral"
        assert make.rows(GatewayMessage).latest("id").verdict == Verdict.OTHER_APP
    assert state(payment) == UNPAID


@pytest.mark.parametrize(
    "number",
    [
        "１２３４５６７８９０１２３４_1",
        "26112200000000_1",
        "26112200000000",
        "x",
        "' OR 1=1 --",
        "26112200000000_1 ",
    ],
)
def test_return_about_a_number_that_is_not_ours(
    renter: Client, payment: Payment, gateway: Gateway, number: str
) -> None:
    assert renter.get(alipay.return_url(payment, out_trade_no=number)).context["state"] == "neutral"
    assert make.rows(GatewayMessage).get().verdict == Verdict.UNKNOWN_NUMBER


def test_full_width_digits_do_not_find_the_attempt(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    wide = payment.out_trade_no.translate({ord("0") + n: ord("０") + n for n in range(10)})
    assert renter.get(alipay.return_url(payment, out_trade_no=wide)).context["state"] == "neutral"
    assert state(payment) == UNPAID


@pytest.mark.parametrize("status", ["WAIT_BUYER_PAY", "TRADE_CLOSED", "TRADE_SUCCESS"])
def test_a_genuine_notice_is_no_return(
    renter: Client, payment: Payment, gateway: Gateway, status: str
) -> None:
    body = alipay.notify_body(payment, trade_status=status).decode()
    assert renter.get(f"{PAYCOMPLETE}?{body}").context["state"] == "neutral"
    assert state(payment) == UNPAID
    assert make.rows(GatewayMessage).get().verdict == Verdict.UNEXPECTED


def test_a_genuine_return_is_no_notice(client: Client, payment: Payment) -> None:
    body = alipay.return_url(payment).partition("?")[2]
    answer = client.post(alipay.NOTIFY, body.encode(), "application/x-www-form-urlencoded")
    assert answer.content == b"fail"
    assert state(payment) == UNPAID


@pytest.mark.parametrize(
    "query", [f"{'a' * 400}=%00", f"{'a' * 400}=1&{'a' * 400}=2", "a=1&" * 99 + "b=" + "x" * 9000]
)
def test_long_names_are_no_trouble(client: Client, payment: Payment, query: str) -> None:
    assert client.get(f"{PAYCOMPLETE}?{query}").status_code == 200
    assert make.rows(GatewayMessage).get().verdict == Verdict.BAD


@pytest.mark.parametrize("when", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "never", ""])
def test_impossible_times_are_left_out(client: Client, payment: Payment, when: str) -> None:
    answer = client.post(
        alipay.NOTIFY, alipay.notify_body(payment, gmt_payment=when), "application/x-www-form-urlencoded"
    )
    assert answer.content == b"success"
    assert state(payment) == PAID
    assert abs(payment.paid_at - timezone.now()) < timedelta(minutes=1)


def test_RET03_reloading_keeps_one_row_in_the_message_log(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    for _ in range(10):
        renter.get(alipay.return_url(payment))
    assert make.rows(GatewayMessage).filter(channel="RETURN").count() == 1


def test_a_notify_that_comes_while_the_page_is_rendered_is_shown(
    renter: Client, payment: Payment, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    confirm = callbacks._confirm_return

    def confirm_then_notify(*args: object) -> object:
        page = confirm(*args)
        callbacks.receive_notify(alipay.notify_body(payment))
        return page

    monkeypatch.setattr(callbacks, "_confirm_return", confirm_then_notify)
    assert renter.get(alipay.return_url(payment)).context["state"] == "paid"


def test_a_closed_attempt_is_settled_by_alipay_alone_not_by_a_return(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.closed(payment)
    queries.query_trade(payment)
    gateway.says.clear()
    make.rows(Payment).update(asked_at=None)
    renter.get(alipay.return_url(payment))
    assert state(payment) == (Status.WAIT_PAYMENT, "CLOSED", 0)
    assert payment in Payment.objects.unsure()
    gateway.says["query"] = alipay.paid(payment)
    make.rows(Payment).update(asked_at=None)
    queries.query_trade(payment)
    assert state(payment) == PAID


def test_a_return_padded_with_empty_fields_is_the_same_message(
    client: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    for n in range(5):
        assert client.get(f"{alipay.return_url(payment)}&x{n}=").context["state"] == "confirming"
    assert make.rows(GatewayMessage).filter(channel="RETURN").count() == 1


def test_I3_money_that_does_not_cover_the_order_is_surplus(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    make.rows(Payment).update(amount_fen=1)
    payment.refresh_from_db()
    gateway.says["query"] = alipay.paid(payment)
    renter.get(alipay.return_url(payment))
    assert state(payment) == (Status.WAIT_PAYMENT, "SURPLUS", 1)


def test_DBX01_without_the_database_the_page_is_a_503(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: object, **kwargs: object) -> None:
        raise OperationalError(2006, "the database is gone")

    monkeypatch.setattr(callbacks, "receive_return", gone)
    page = client.get(PAYCOMPLETE)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "10")
    assert b"2006" not in page.content


@pytest.mark.parametrize(
    "appended", ["&from=singlemessage&isappinstalled=0", "&utm_source=x&spm=a.1", "&_t=1", "&"]
)
def test_W2_ACC06_a_return_with_something_appended_settles(
    renter: Client, payment: Payment, gateway: Gateway, appended: str
) -> None:
    gateway.says["query"] = alipay.paid(payment)
    assert renter.get(f"{alipay.return_url(payment)}{appended}").context["state"] == "paid"
    assert state(payment) == PAID
