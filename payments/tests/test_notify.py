"""Notices that Alipay's server posts. `success` means recorded; after anything else Alipay sends it again."""

from datetime import timedelta
from urllib.parse import quote_plus, urlencode

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from orders.models import Order
from payments import queries
from payments.models import GatewayMessage, Payment, Refund
from payments.tests.test_return import PAID, UNPAID, state
from tests import alipay, make
from tests.alipay import NOTIFY, Gateway

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded; charset=utf-8"
Status = Order.Status
Verdict = GatewayMessage.Verdict


@pytest.fixture
def payment() -> Payment:
    return make.attempt()


def send(client: Client, body: bytes, content_type: str = FORM) -> bytes:
    """Post a notice as Alipay does. Returns the body of the answer."""
    answer = client.post(NOTIFY, body, content_type)
    assert answer.status_code < 500
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return answer.content


def verdict() -> str:
    return make.rows(GatewayMessage).latest("id").verdict


def test_NOT01_genuine_success(client: Client, payment: Payment, gateway: Gateway) -> None:
    assert send(client, alipay.notify_body(payment)) == b"success"
    assert state(payment) == PAID
    assert (payment.evidence, payment.trade_no) == ("NOTIFY", alipay.trade_no(payment))
    assert payment.order.trade_no == alipay.trade_no(payment)
    assert timezone.localtime(payment.paid_at).isoformat() == "2026-11-22T20:14:43+08:00"
    assert verdict() == Verdict.SETTLED
    assert gateway.calls == []


def test_NOT01_finished_is_paid_too(client: Client, payment: Payment) -> None:
    assert send(client, alipay.notify_body(payment, trade_status="TRADE_FINISHED")) == b"success"
    assert state(payment) == PAID


def test_NOT02_forged_signature(client: Client, payment: Payment) -> None:
    params = alipay.signed(alipay.notify_params(payment), key="app_private_key.pem")
    assert send(client, urlencode(params).encode()) == b"fail"
    assert state(payment) == UNPAID
    assert verdict() == Verdict.BAD


def test_NOT05_replayed_thirty_days_later(client: Client, payment: Payment) -> None:
    body = alipay.notify_body(payment)
    send(client, body)
    make.rows(Order).update(status=Status.COMPLETE)
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        assert send(client, body) == b"success"
    assert state(payment) == (Status.COMPLETE, "PAID", 30000)
    assert payment.order.events.count() == 1
    assert not make.rows(Refund).exists()


@pytest.mark.parametrize(
    "changes", [{"app_id": "2016082000295641"}, {"app_id": None}, {"seller_id": "2088102172237210"}]
)
def test_NOT06_NOT07_another_app_or_seller(client: Client, payment: Payment, changes: dict[str, str]) -> None:
    assert send(client, alipay.notify_body(payment, **changes)) == b"fail"
    assert state(payment) == UNPAID
    assert verdict() == Verdict.OTHER_APP


def test_notice_without_a_seller_is_trusted_by_its_app(client: Client, payment: Payment) -> None:
    assert send(client, alipay.notify_body(payment, seller_id=None)) == b"success"
    assert state(payment) == PAID


@pytest.mark.parametrize("number", ["26112299999999_1", "26112299999999", "１２３_1", "", "x" * 5000, "%00"])
def test_NOT08_unknown_number(client: Client, payment: Payment, number: str) -> None:
    assert send(client, alipay.notify_body(payment, out_trade_no=number)) == b"fail"
    assert state(payment) == UNPAID
    assert verdict() == Verdict.UNKNOWN_NUMBER
    assert verdict() in GatewayMessage.NEEDS_STAFF


@pytest.mark.parametrize("amount", ["0.01", "299.99", "300.01", "3000.00"])
def test_NOT09_another_amount(client: Client, payment: Payment, gateway: Gateway, amount: str) -> None:
    assert send(client, alipay.notify_body(payment, total_amount=amount)) == b"fail"
    assert state(payment) == UNPAID
    message = make.rows(GatewayMessage).get()
    assert (message.verdict, message.payment) == (Verdict.WRONG_AMOUNT, payment)
    assert amount in message.detail and "300.00" in message.detail
    # A query that confirms the money records it; the order still waits, and the money is refunded.
    gateway.says["query"] = alipay.paid(payment, total_amount=amount)
    queries.query_trade(payment)
    fen = round(float(amount) * 100)
    assert state(payment) == (Status.WAIT_PAYMENT, "SURPLUS", fen)
    assert payment.refunds.get().amount_fen == fen
    assert payment.live_for is None


def test_QRY02_query_alone_with_another_amount_is_ignored(payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.paid(payment, total_amount="0.01")
    queries.query_trade(payment)
    assert state(payment) == UNPAID
    assert verdict() == Verdict.WRONG_AMOUNT


@pytest.mark.parametrize(
    "amount", ["", "300", "3e2", "-300.00", "NaN", "３００.00", "300.000", "1,000.00", " 300.00"]
)
def test_FMT02_invalid_amount(client: Client, payment: Payment, amount: str) -> None:
    assert send(client, alipay.notify_body(payment, total_amount=amount)) == b"fail"
    assert state(payment) == UNPAID
    assert verdict() == Verdict.UNEXPECTED


def split_differently(params: dict[str, str], by: str) -> bytes:
    """The same signed text, with two adjacent fields merged into one."""
    signed = alipay.signed(params)
    total, status = signed.pop("total_amount"), signed["trade_no"]
    if by == "& in a value":  # subject … total_amount … trade_no are neighbours when sorted
        signed["subject"] = f"{signed['subject']}&total_amount={total}"
    else:
        del signed["trade_no"]
        signed[f"total_amount={total}&trade_no"] = status
    text = "&".join(f"{k}={v}" for k, v in sorted(signed.items()) if k not in ("sign", "sign_type"))
    assert alipay.signature(text) == signed["sign"], "only the split may differ from a genuine message"
    return urlencode(signed, quote_via=quote_plus).encode()


def test_NOT10_cut_in_a_value(client: Client, payment: Payment) -> None:
    """A text of the buyer contains another amount; the signed text is split so that it becomes a field."""
    params = alipay.notify_params(payment, total_amount="0.01")
    params["passback_params"] = "a&total_amount=300.00"
    text = "&".join(f"{k}={v}" for k, v in sorted(params.items()) if k != "sign_type")
    sign = alipay.signature(text)
    cut = {k: v for k, v in params.items() if k not in ("passback_params", "total_amount")}
    cut["passback_params"], cut["total_amount"] = "a", "300.00&total_amount=0.01"
    for forged in (params, cut):
        assert send(client, urlencode({**forged, "sign": sign}).encode()) == b"fail"
        assert verdict() == Verdict.BAD
    assert state(payment) == UNPAID


@pytest.mark.parametrize("by", ["& in a value", "& in a name"])
def test_NOT10_same_signature_over_other_fields(client: Client, payment: Payment, by: str) -> None:
    assert send(client, split_differently(alipay.notify_params(payment), by)) == b"fail"
    assert state(payment) == UNPAID


@pytest.mark.parametrize("name", ["total amount", "total-amount", "总额", "a.b", "a[]", ""])
def test_NOT10_invalid_names(client: Client, payment: Payment, name: str) -> None:
    body = urlencode(alipay.signed({**alipay.notify_params(payment), name: "1"})).encode()
    assert send(client, body) == b"fail"
    assert state(payment) == UNPAID


def test_NOT10_a_new_field_is_allowed(client: Client, payment: Payment) -> None:
    assert send(client, alipay.notify_body(payment, something_new="yes = no? + 中文")) == b"success"
    assert state(payment) == PAID


def test_NOT11_repeated_field(client: Client, payment: Payment) -> None:
    body = alipay.notify_body(payment)
    for repeated in (b"total_amount=0.01&" + body, body + b"&total_amount=300.00", body + b"&" + body):
        assert send(client, repeated) == b"fail"
        assert verdict() == Verdict.BAD
    assert state(payment) == UNPAID


@pytest.mark.parametrize("sign_type", ["RSA", "rsa2", "RSA2 ", "", None, "RSA3"])
def test_NOT12_sign_type(client: Client, payment: Payment, sign_type: str | None) -> None:
    assert send(client, alipay.notify_body(payment, sign_type=sign_type)) == b"fail"
    assert state(payment) == UNPAID


@pytest.mark.parametrize(
    "sign", [None, "", "a", "abc", "====", "中文", "A" * 40_000, "\x00", "AAAA", "{}", "A" * 344]
)
def test_NOT13_invalid_sign(client: Client, payment: Payment, sign: str | None) -> None:
    params = alipay.notify_params(payment)
    if sign is not None:
        params["sign"] = sign
    assert send(client, urlencode(params).encode()) == b"fail"
    assert state(payment) == UNPAID
    assert verdict() == Verdict.BAD


def test_NOT13_sign_written_another_way(client: Client, payment: Payment) -> None:
    """Base64 with junk inside decodes to the same bytes; only the canonical form is accepted."""
    params = alipay.signed(alipay.notify_params(payment))
    good = params["sign"]
    for sign in (
        good[:20] + "\n" + good[20:],
        good + "\n",
        good + "=",
        "*" + good,
        good.replace("+", " ") + " ",
    ):
        assert send(client, urlencode({**params, "sign": sign}).encode()) == b"fail"
    assert state(payment) == UNPAID


def test_NOT13_sign_of_a_megabyte(client: Client, payment: Payment) -> None:
    body = urlencode({**alipay.notify_params(payment), "sign": "A" * 1_000_000}).encode()
    answer = client.post(NOTIFY, body, FORM)
    assert (answer.status_code, answer.content) == (413, b"fail")
    assert state(payment) == UNPAID


BAD_BYTES = {
    "gbk": "subject=支付宝".encode("gbk"),
    "broken utf-8": b"subject=%ff%fe",
    "nul": b"subject=a%00b",
    "surrogate": b"subject=%ed%a0%80",
    "raw bytes": bytes(range(128, 256)),
    "no equals": b"subject",
}


@pytest.mark.parametrize("extra", BAD_BYTES.values(), ids=BAD_BYTES.keys())
def test_NOT14_bytes_that_are_not_text(client: Client, payment: Payment, extra: bytes) -> None:
    body = alipay.notify_body(payment, subject=None) + b"&" + extra
    assert send(client, body) == b"fail"
    assert state(payment) == UNPAID
    message = make.rows(GatewayMessage).get()
    assert message.verdict == Verdict.BAD
    staff = make.user(is_staff=True, is_superuser=True)
    client.force_login(staff)
    assert client.get(f"/admin/payments/gatewaymessage/{message.pk}/change/").status_code == 200


@pytest.mark.parametrize("charset", ["big5", "utf-16", ""])
def test_NOT14_other_charset_named_in_the_message(client: Client, payment: Payment, charset: str) -> None:
    assert send(client, alipay.notify_body(payment, charset=charset)) == b"fail"
    assert state(payment) == UNPAID


def test_W3_ACC06_a_coupon_with_an_ampersand(client: Client, payment: Payment) -> None:
    coupon = '[{"name":"满100减10&限时券","amount":"10.00"}]'
    assert send(client, alipay.notify_body(payment, voucher_detail_list=coupon)) == b"success"
    assert state(payment) == PAID


def test_W1_a_notice_in_gbk_settles(client: Client, payment: Payment) -> None:
    params = alipay.notify_params(payment, charset="GBK", buyer_pay_name="张三丂")
    text = "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name != "sign_type")
    body = urlencode({**params, "sign": alipay.signature(text, charset="gbk")}, encoding="gbk").encode()
    assert send(client, body) == b"success"
    assert state(payment) == PAID
    client.force_login(make.user(is_staff=True, is_superuser=True))
    message = make.rows(GatewayMessage).get()
    page = client.get(f"/admin/payments/gatewaymessage/{message.pk}/change/")
    assert "爱家租房 订单" in page.content.decode()


@pytest.mark.parametrize("charset", ["GBK", "utf8", "nonsense"])
def test_NOT14_charset_of_the_content_type_is_no_trap(client: Client, payment: Payment, charset: str) -> None:
    """The bytes and their signature decide; Django alone would answer 400 to `charset=utf8`."""
    content_type = f"application/x-www-form-urlencoded; charset={charset}"
    answer = client.generic("POST", NOTIFY, alipay.notify_body(payment), content_type)
    assert answer.content == b"success"


def test_NOT13_empty_body(client: Client) -> None:
    assert client.generic("POST", NOTIFY, b"", FORM).content == b"fail"
    assert verdict() == Verdict.BAD


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"]
)
def test_NOT15_wrong_content_type(client: Client, payment: Payment, content_type: str) -> None:
    answer = client.generic("POST", NOTIFY, alipay.notify_body(payment), content_type)
    assert answer.status_code == 415
    assert verdict() == Verdict.BAD
    assert state(payment) == UNPAID


def test_NOT15_five_thousand_fields(client: Client, payment: Payment) -> None:
    body = b"&".join(b"f%d=1" % n for n in range(5000))
    assert send(client, body) == b"fail"


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_NOT16_other_methods(client: Client, payment: Payment, method: str) -> None:
    answer = getattr(client, method)(f"{NOTIFY}?{alipay.notify_body(payment).decode()}")
    assert answer.status_code == 405
    assert not make.rows(GatewayMessage).exists()
    assert state(payment) == UNPAID


@pytest.mark.parametrize("first", ["TRADE_CLOSED", "WAIT_BUYER_PAY"])
def test_NOT17_closed_then_success(client: Client, payment: Payment, first: str) -> None:
    assert send(client, alipay.notify_body(payment, trade_status=first)) == b"success"
    assert state(payment) == UNPAID
    assert send(client, alipay.notify_body(payment)) == b"success"
    assert state(payment) == PAID


def test_NOT17_success_for_an_attempt_that_we_closed(
    client: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.closed(payment)
    queries.query_trade(payment)
    assert payment.status == "CLOSED"
    assert send(client, alipay.notify_body(payment)) == b"success"
    assert state(payment) == PAID


def test_NOT17_success_when_the_booking_is_gone(client: Client, payment: Payment) -> None:
    make.rows(Order).update(status=Status.CANCELED)
    assert send(client, alipay.notify_body(payment)) == b"success"
    assert state(payment) == (Status.CANCELED, "SURPLUS", 30000)
    assert payment.refunds.get().status == Refund.Status.DUE
    assert [event.kind for event in payment.order.events.all()] == ["REFUND_DUE", "SURPLUS"]


LATE = ["WAIT_BUYER_PAY", "TRADE_CLOSED", "TRADE_FINISHED", "TRADE_SUCCESS"]


@pytest.mark.parametrize("late", LATE)
def test_NOT18_paid_stays_paid_whatever_comes_late(
    client: Client, payment: Payment, gateway: Gateway, late: str
) -> None:
    send(client, alipay.notify_body(payment))
    assert send(client, alipay.notify_body(payment, trade_status=late)) == b"success"
    gateway.says["query"] = alipay.paid(payment, trade_status=late)
    queries.query_trade(payment)
    assert state(payment) == PAID
    assert payment.order.events.count() == 1


def test_NOT18_twin_without_the_compare_and_set_paid_is_lost(
    client: Client, payment: Payment, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close_without_looking(payment: Payment) -> None:
        make.rows(Payment).filter(pk=payment.pk).update(status=Payment.Status.CLOSED)

    monkeypatch.setattr("payments.books.attempts.mark_closed", close_without_looking)
    send(client, alipay.notify_body(payment))
    gateway.says["query"] = alipay.closed(payment)
    queries.query_trade(payment)
    assert state(payment) != PAID


def test_NOT19_finished_three_months_later(client: Client, payment: Payment) -> None:
    send(client, alipay.notify_body(payment))
    with time_machine.travel(timezone.now() + timedelta(days=90)):
        assert send(client, alipay.notify_body(payment, trade_status="TRADE_FINISHED")) == b"success"
    assert state(payment) == PAID
    assert verdict() == Verdict.KNOWN


def test_NOT21_refund_notice_is_no_payment(client: Client, payment: Payment) -> None:
    send(client, alipay.notify_body(payment))
    refund = {"refund_fee": "100.00", "gmt_refund": "2026-11-23 10:00:00.123", "out_biz_no": "by_hand_1"}
    assert send(client, alipay.notify_body(payment, **refund)) == b"success"
    assert state(payment) == PAID
    assert verdict() == Verdict.REFUND_NOTICE
    assert verdict() in GatewayMessage.NEEDS_STAFF


def test_an_unknown_status_is_recorded_for_staff(client: Client, payment: Payment) -> None:
    assert send(client, alipay.notify_body(payment, trade_status="TRADE_PENDING")) == b"success"
    assert state(payment) == UNPAID
    assert verdict() == Verdict.UNEXPECTED


def test_NOT22_notify_before_our_attempt_is_there(client: Client) -> None:
    order = make.order()
    ghost = Payment(order=order, out_trade_no=f"{order.number}_1", subject="s", amount_fen=order.amount_fen)
    body = alipay.notify_body(ghost)
    assert send(client, body) == b"fail"
    assert verdict() == Verdict.UNKNOWN_NUMBER
    payment = make.attempt(order)
    assert send(client, body) == b"success"
    assert state(payment) == PAID


@pytest.mark.parametrize(
    "function",
    [
        "orders.transitions.mark_paid",
        "payments.books.message_log.record_signed",
        "payments.books.message_log.judge",
    ],
)
def test_NOT24_trouble_of_our_own_is_never_success(
    client: Client, payment: Payment, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError(1021, "Disk full")

    body = alipay.notify_body(payment)
    with monkeypatch.context() as trouble:
        trouble.setattr(function, fail)
        answer = client.post(NOTIFY, body, FORM)
    assert (answer.status_code, answer.content) == (503, b"fail")
    assert state(payment) == UNPAID
    assert send(client, body) == b"success"
    assert state(payment) == PAID


def test_NOT25_the_answer_was_lost(client: Client, payment: Payment) -> None:
    body = alipay.notify_body(payment)
    send(client, body)
    assert send(client, body) == b"success"
    assert verdict() == Verdict.SETTLED
    assert make.rows(GatewayMessage).count() == 1
    assert payment.order.events.count() == 1


def two_attempts(gateway: Gateway) -> tuple[Payment, Payment]:
    order = make.order()
    old = make.attempt(order, live_for=None)
    gateway.says["close"] = lambda asked: alipay.answer("close", out_trade_no=asked["out_trade_no"])
    return old, make.attempt(order)


def test_NOT26_money_for_an_old_attempt(client: Client, gateway: Gateway) -> None:
    old, new = two_attempts(gateway)
    assert send(client, alipay.notify_body(old)) == b"success"
    assert state(old) == PAID
    assert gateway.calls == [("close", {"out_trade_no": new.out_trade_no})]
    new.refresh_from_db()
    assert (new.status, new.live_for) == ("CLOSED", None)


def test_NOT26_the_new_one_is_paid_as_well(client: Client, gateway: Gateway) -> None:
    old, new = two_attempts(gateway)
    gateway.says["close"] = alipay.business_error("close", "ACQ.TRADE_STATUS_ERROR")
    send(client, alipay.notify_body(old))
    assert send(client, alipay.notify_body(new, trade_no="2026112222001400009999999999")) == b"success"
    assert state(old) == PAID
    assert state(new) == (Status.WAIT_COMMENT, "SURPLUS", 30000)
    assert new.refunds.get().amount_fen == 30000
    assert old.order.trade_no == alipay.trade_no(old)


def test_NOT26_asking_afterwards_finds_the_money(client: Client, gateway: Gateway) -> None:
    old, _new = two_attempts(gateway)
    send(client, alipay.notify_body(old))
    client.force_login(old.order.renter)
    client.cookies["django_language"] = "en"
    page = client.post(f"/payments/{old.order.number}/check/", follow=True).content.decode()
    assert "ve received your payment" in page


def test_check_asks_about_every_open_attempt(client: Client, gateway: Gateway) -> None:
    old, _ = two_attempts(gateway)
    answers = {old.out_trade_no: alipay.paid(old)}
    gateway.says["query"] = lambda asked: answers.get(str(asked["out_trade_no"]), alipay.not_existing())
    client.force_login(old.order.renter)
    client.post(f"/payments/{old.order.number}/check/")
    assert state(old) == PAID


def test_NOT26_alipay_silent_when_the_new_one_must_be_closed(client: Client, gateway: Gateway) -> None:
    old, new = two_attempts(gateway)
    gateway.says.clear()
    assert send(client, alipay.notify_body(old)) == b"success"
    new.refresh_from_db()
    assert (new.status, new.live_for) == ("OPEN", None)
    assert new.next_try_at <= timezone.now()


def test_USR08_USR09_account_closed_while_paying(client: Client, payment: Payment) -> None:
    payment.order.renter.is_active = False
    payment.order.renter.save()
    assert send(client, alipay.notify_body(payment)) == b"success"
    assert state(payment) == PAID
