"""DBX09: the site behaves the same on SQLite and MariaDB, although their defaults differ. Runs on both."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.money import MAX_FEN
from houses.models import House
from orders.models import Order, Review
from payments import callbacks
from payments.alipay.messages import Reason, Rejected
from payments.books import attempts, message_log, refunds
from payments.books.invariants import broken_rules
from payments.models import GatewayMessage, Payment, Refund
from tests import alipay, make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db

Verdict = GatewayMessage.Verdict

EMOJI = "海边小屋 🏖️👨‍👩‍👧 𠮷野家"
FULL_WIDTH = str.maketrans("0123456789_", "０１２３４５６７８９＿")


def look_alikes(number: str) -> dict[str, str]:
    """Strings that some collation takes as equal: MariaDB's default ignores case, width, trailing blanks."""
    return {
        "trailing blank": f"{number} ",
        "leading blank": f" {number}",
        "no-break space": f"{number}\u00a0",
        "full width": number.translate(FULL_WIDTH),
        "one full width digit": number[:-1] + number[-1].translate(FULL_WIDTH),
        "zero width": f"{number}\u200b",
        "leading zero": number.replace("_", "_0"),
        "sign": number.replace("_", "_+"),
        "line end": f"{number}\n",
    }


@pytest.mark.parametrize("kind", look_alikes("_"))
def test_DBX09_a_number_that_looks_alike_is_another(kind: str) -> None:
    payment = make.attempt()
    number = look_alikes(payment.out_trade_no)[kind]
    assert not callbacks.receive_notify(alipay.notify_body(payment, out_trade_no=number))
    assert make.rows(GatewayMessage).get().verdict == Verdict.UNKNOWN_NUMBER
    payment.refresh_from_db()
    assert payment.status == "OPEN"


@pytest.mark.parametrize("kind", ["trailing blank", "full width", "one full width digit", "zero width"])
def test_DBX09_an_address_that_looks_alike_is_not_found(client: Client, kind: str) -> None:
    order = make.order()
    client.force_login(order.renter)
    address = order.get_absolute_url()
    other = address.replace(order.number, look_alikes(order.number)[kind])
    assert client.get(address).status_code == 200
    assert client.get(other).status_code == 404


@pytest.mark.parametrize("trade_no", ["2026aBcD_1", "2026AbCd_1", "x" * 64])
def test_DBX09_alipays_number_is_kept_letter_by_letter(trade_no: str) -> None:
    payment = make.attempt()
    assert callbacks.receive_notify(alipay.notify_body(payment, trade_no=trade_no))
    payment.refresh_from_db()
    assert (payment.trade_no, payment.order.trade_no) == (trade_no, trade_no)


@pytest.mark.parametrize(
    "trade_no", ["x" * 65, "2026 ", "２０２６", "房"], ids=["long", "blank", "wide", "han"]
)
def test_DBX09_a_number_that_would_not_fit_is_refused_before_the_database(trade_no: str) -> None:
    payment = make.attempt()
    assert not callbacks.receive_notify(alipay.notify_body(payment, trade_no=trade_no))
    payment.refresh_from_db()
    assert (payment.status, make.rows(GatewayMessage).get().verdict) == ("OPEN", Verdict.UNEXPECTED)


def test_DBX09_messages_that_differ_in_case_alone_are_two() -> None:
    payment = make.attempt()
    for passback in ("abc", "ABC", "abc "):
        callbacks.receive_notify(alipay.notify_body(payment, passback_params=passback))
    assert make.rows(GatewayMessage).count() == 3


@pytest.mark.parametrize("detail", ["x" * 5000, EMOJI * 100], ids=["ascii", "emoji"])
def test_DBX09_an_over_long_detail_is_cut_and_not_refused(detail: str) -> None:
    payment = make.attempt()
    message_log.record_bad("NOTIFY", b"x", Rejected(Reason.SIGNATURE, detail))
    message = make.rows(GatewayMessage).get()
    assert message.detail == detail[:300]
    message_log.judge(message, Verdict.BAD, payment=payment, detail=detail)
    message.refresh_from_db()
    assert message.detail == detail[:300]
    received = attempts.Received(alipay.trade_no(payment), payment.amount_fen, None, "QUERY")
    attempts.settle(payment, received)
    refund = Refund.objects.create(
        payment=payment, out_request_no="1_1_R1", amount_fen=1, status="SENT", reason="STAFF"
    )
    refunds.mark_refused(refund, detail)
    refund.refresh_from_db()
    assert refund.refusal == detail[:120]


def test_DBX09_emoji_blanks_and_case_come_back_as_they_were(client: Client) -> None:
    title = f"{EMOJI}  "
    order = make.order(house=make.house(title=title, description=EMOJI))
    order.refresh_from_db()
    assert (order.house_title, order.house.title, order.house.description) == (title, title, EMOJI)
    make.attempt(order)
    assert callbacks.receive_notify(alipay.notify_body(order.payments.get()))
    client.force_login(order.renter)
    text = f"{EMOJI}\nSo nice, SO nice 🥰"
    client.post(reverse("orders:review", args=[order.number]), {"rating": "5", "text": text})
    assert make.rows(Review).get().text.split() == text.split()


def test_DBX09_a_review_that_is_too_long_is_refused_in_the_form(client: Client) -> None:
    order = make.order(status=Order.Status.WAIT_COMMENT)
    client.force_login(order.renter)
    review = reverse("orders:review", args=[order.number])
    assert client.post(review, {"rating": "5", "text": "🥰" * 1001}).status_code == 422
    assert client.post(review, {"rating": "5", "text": "🥰" * 1000}).status_code == 302
    assert len(make.rows(Review).get().text) == 1000


def test_DBX09_the_largest_sum_is_paid_and_given_back_to_the_fen(gateway: Gateway) -> None:
    order = make.order(amount_fen=MAX_FEN, price_per_night_fen=MAX_FEN // 2)
    payments = [make.attempt(order, live_for=None), make.attempt(order)]
    for payment in payments:  # the second one is surplus
        assert callbacks.receive_notify(alipay.notify_body(payment))
        payment.refresh_from_db()
    assert [payment.received_fen for payment in payments] == [10_000_000_000] * 2
    assert (payments[1].status, payments[1].refunds.get().amount_fen) == ("SURPLUS", MAX_FEN)
    assert "100000000.00" in alipay.notify_body(payments[0]).decode()
    assert list(broken_rules()) == []


def test_DBX09_sums_of_large_sums_do_not_overflow() -> None:
    for _ in range(3):
        payment = make.attempt(make.order(amount_fen=MAX_FEN))
        callbacks.receive_notify(alipay.notify_body(payment))
    with connection.cursor() as cursor:
        cursor.execute("SELECT SUM(received_fen) FROM payments_payment WHERE id > 0")
        assert int(cursor.fetchone()[0]) == 3 * MAX_FEN


def test_DBX09_moments_come_back_to_the_microsecond() -> None:
    moment = timezone.now().replace(microsecond=123456)
    payment = make.attempt(expires_at=moment, next_try_at=moment)
    assert make.rows(Payment).filter(pk=payment.pk, next_try_at=moment).exists()  # claims compare such times
    payment.refresh_from_db()
    assert payment.expires_at == moment


def test_DBX09_days_are_beijings_on_both() -> None:
    """Midnight in Beijing is still the day before in UTC."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    order = make.order(created_at=midnight)
    assert make.rows(Order).filter(created_at__date=timezone.localdate()).get() == order
    make.rows(House).filter(pk=order.house_id).update(created_at=midnight - timedelta(seconds=1))
    yesterday = timezone.localdate() - timedelta(days=1)
    assert make.rows(House).filter(created_at__date=yesterday).exists()
