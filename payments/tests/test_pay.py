"""Pressing Pay: one signed request with the values in the database, or a message on the order page."""

import json
from base64 import b64decode
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.money import MAX_FEN
from orders.models import Order
from payments.models import Payment
from tests import alipay, make
from tests.alipay import Gateway
from tests.settings import KEYS

pytestmark = pytest.mark.django_db

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
)
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
Status = Order.Status


@pytest.fixture
def order() -> Order:
    return make.order()


@pytest.fixture
def renter(order: Order, client: Client) -> Client:
    client.force_login(order.renter)
    client.cookies["django_language"] = "en"
    return client


def press(browser: Client, order: Order, agent: str = DESKTOP, **fields: str) -> str:
    """Press Pay. Returns the URL of the redirect."""
    address = reverse("payments:pay", args=[order.number])
    answer = browser.post(address, fields, headers={"User-Agent": agent})
    assert answer.status_code == 302
    return answer.headers["Location"]


def request_at(location: str) -> dict[str, str]:
    """The parameters of a request to Alipay's gateway, after verifying our signature."""
    assert location.startswith(settings.ALIPAY_GATEWAY_URL + "?")
    params = dict(parse_qsl(urlsplit(location).query, strict_parsing=True))
    text = "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name != "sign")
    key = load_pem_public_key((KEYS / "app_public_key.pem").read_bytes())
    key.verify(b64decode(params["sign"]), text.encode(), PKCS1v15(), SHA256())
    return params


def beijing(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def order_page(browser: Client, order: Order) -> str:
    return browser.get(order.get_absolute_url()).content.decode()


def test_a_desktop_is_sent_to_page_pay(renter: Client, order: Order, gateway: Gateway) -> None:
    request = request_at(press(renter, order))
    content = json.loads(request["biz_content"])
    assert request["method"] == "alipay.trade.page.pay"
    assert request["app_id"] == settings.ALIPAY_APP_ID
    assert (request["charset"], request["sign_type"], request["format"]) == ("utf-8", "RSA2", "JSON")
    assert request["return_url"] == "http://testserver/payments/paycomplete/"
    assert request["notify_url"] == "http://testserver/payments/notify/"
    assert content["product_code"] == "FAST_INSTANT_TRADE_PAY"
    assert content["out_trade_no"] == f"{order.number}_1"
    assert content["total_amount"] == "300.00"
    assert beijing(content["time_expire"]) == order.pay_by.replace(microsecond=0)
    assert abs(beijing(request["timestamp"]) - timezone.now()) < timedelta(seconds=5)
    assert "quit_url" not in content
    assert content["request_from_url"] == f"http://testserver/orders/{order.number}/"
    assert gateway.calls == []


def test_a_phone_is_sent_to_wap_pay(renter: Client, order: Order) -> None:
    request = request_at(press(renter, order, PHONE))
    content = json.loads(request["biz_content"])
    assert request["method"] == "alipay.trade.wap.pay"
    assert content["product_code"] == "QUICK_WAP_WAY"
    assert content["quit_url"] == f"http://testserver/orders/{order.number}/"


@pytest.mark.parametrize(
    ("agent", "product"),
    [
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/140.0.0.0 Mobile Safari/537.36", "WAP"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X910) Chrome/140.0.0.0 Safari/537.36", "PAGE"),
        ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) Version/12.1.2 Mobile/15E148 Safari/604.1", "WAP"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "PAGE"),
        ("", "PAGE"),
    ],
    ids=["Android phone", "Android tablet", "old iPad", "iPad that says it is a Mac", "none"],
)
def test_a_small_screen_is_sent_to_wap_pay_a_large_one_to_page_pay(
    renter: Client, order: Order, agent: str, product: str
) -> None:
    press(renter, order, agent)
    assert make.rows(Payment).get().product == product


def test_CON02_pressed_twice_is_the_identical_request(renter: Client, order: Order, gateway: Gateway) -> None:
    first, second = request_at(press(renter, order)), request_at(press(renter, order))
    assert first["biz_content"] == second["biz_content"]
    assert make.rows(Payment).count() == 1
    assert gateway.calls == []


@pytest.mark.parametrize("said", ["not_existing", "waiting", "closed"])
def test_another_device_gets_a_new_attempt_once_the_old_one_is_let_go(
    renter: Client, order: Order, gateway: Gateway, said: str
) -> None:
    press(renter, order)
    old = make.rows(Payment).get()
    answers = {
        "not_existing": alipay.not_existing(),
        "waiting": alipay.waiting(old),
        "closed": alipay.closed(old),
    }
    gateway.says["query"] = answers[said]
    gateway.says["close"] = alipay.answer("close", out_trade_no=old.out_trade_no)
    content = json.loads(request_at(press(renter, order, PHONE))["biz_content"])
    assert content["out_trade_no"] == f"{order.number}_2"
    old.refresh_from_db()
    # "Not existing" may only mean that the renter has not signed in there yet: it is still polled.
    assert (old.status, old.live_for) == ("OPEN" if said == "not_existing" else "CLOSED", None)
    assert gateway.count("close") == (said == "waiting")


def test_another_account_asks_for_a_new_attempt(renter: Client, order: Order, gateway: Gateway) -> None:
    press(renter, order)
    gateway.says["query"] = alipay.not_existing()
    content = json.loads(request_at(press(renter, order, another="1"))["biz_content"])
    assert content["out_trade_no"] == f"{order.number}_2"


def test_the_old_attempt_turns_out_to_be_paid(renter: Client, order: Order, gateway: Gateway) -> None:
    press(renter, order)
    gateway.says["query"] = alipay.paid(make.rows(Payment).get())
    assert press(renter, order, PHONE) == order.get_absolute_url()
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT
    assert make.rows(Payment).get().status == "PAID"


def test_GWX05_close_refused_because_it_was_just_paid(renter: Client, order: Order, gateway: Gateway) -> None:
    press(renter, order)
    old = make.rows(Payment).get()
    answers = iter([alipay.waiting(old), alipay.paid(old)])
    gateway.says["query"] = lambda asked: next(answers)
    gateway.says["close"] = alipay.business_error("close", "ACQ.TRADE_STATUS_ERROR")
    assert press(renter, order, PHONE) == order.get_absolute_url()
    assert "has already been paid" in order_page(renter, order)
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT


@pytest.mark.parametrize("said", ["closed", "not_existing"])
def test_asked_a_moment_ago_then_closed_without_asking_again(
    renter: Client, order: Order, gateway: Gateway, said: str
) -> None:
    press(renter, order)
    old = make.rows(Payment).get()
    make.rows(Payment).update(asked_at=timezone.now())
    closed = alipay.answer("close", out_trade_no=old.out_trade_no)
    gateway.says["close"] = closed if said == "closed" else alipay.not_existing("close")
    content = json.loads(request_at(press(renter, order, PHONE))["biz_content"])
    assert content["out_trade_no"] == f"{order.number}_2"
    assert [method for method, _ in gateway.calls] == ["close"]


def test_asked_a_moment_ago_and_paid_since(renter: Client, order: Order, gateway: Gateway) -> None:
    press(renter, order)
    make.rows(Payment).update(asked_at=timezone.now())
    gateway.says["close"] = alipay.business_error("close", "ACQ.TRADE_STATUS_ERROR")
    gateway.says["query"] = alipay.paid(make.rows(Payment).get())
    assert press(renter, order, PHONE) == order.get_absolute_url()
    assert "has already been paid" in order_page(renter, order)


@pytest.mark.parametrize("trouble", ["refused connection", "TLS", "close unanswered", "nonsense"])
def test_GWX01_alipay_down_when_pay_has_to_ask(
    renter: Client, order: Order, gateway: Gateway, trouble: str
) -> None:
    press(renter, order)
    old = make.rows(Payment).get()
    if trouble == "nonsense":
        gateway.says["query"] = b"<html>"
    elif trouble == "close unanswered":
        gateway.says["query"] = alipay.waiting(old)
    else:
        gateway.says["query"] = alipay.GatewayUnreachable(trouble)
    assert press(renter, order, PHONE) == order.get_absolute_url()
    assert "Alipay isn&#39;t responding right now" in order_page(renter, order)
    assert make.rows(Payment).get().live_for == order
    # The same device can still use the live attempt.
    request_at(press(renter, order))
    # When Alipay is back, the other device can pay, too.
    make.rows(Payment).update(asked_at=None)
    gateway.says["query"] = alipay.not_existing()
    request_at(press(renter, order, PHONE))


def test_GWX01_alipay_down_does_not_matter_for_a_first_press(
    renter: Client, order: Order, gateway: Gateway
) -> None:
    request_at(press(renter, order))
    assert gateway.calls == []


@pytest.mark.parametrize("status", [s for s in Status if s != Status.WAIT_PAYMENT])
def test_an_order_that_does_not_wait_for_payment(renter: Client, order: Order, status: str) -> None:
    make.rows(Order).update(status=status)
    assert press(renter, order) == order.get_absolute_url()
    assert "can no longer be paid" in order_page(renter, order)
    assert not make.rows(Payment).exists()


@pytest.mark.parametrize("seconds", [-3600, 0, 58])
def test_USR02_less_than_a_minute_to_the_deadline(renter: Client, order: Order, seconds: int) -> None:
    make.rows(Order).update(pay_by=timezone.now() + timedelta(seconds=seconds))
    assert press(renter, order) == order.get_absolute_url()
    assert not make.rows(Payment).exists()


def test_USR03_attempt_nearly_over_is_replaced(renter: Client, order: Order, gateway: Gateway) -> None:
    old = make.attempt(order, expires_at=timezone.now() + timedelta(seconds=30))
    gateway.says["query"] = alipay.not_existing()
    content = json.loads(request_at(press(renter, order))["biz_content"])
    assert content["out_trade_no"] == f"{order.number}_2"
    old.refresh_from_db()
    assert old.status == "OPEN"


def test_USR05_amounts_and_numbers_in_the_form_are_ignored(renter: Client, order: Order) -> None:
    other = make.order(amount_fen=1)
    location = press(
        renter, order, amount="0.01", total_amount="0.01", amount_fen="1", number=other.number, house="1"
    )
    content = json.loads(request_at(location)["biz_content"])
    assert (content["total_amount"], content["out_trade_no"]) == ("300.00", f"{order.number}_1")
    assert not other.payments.exists()


def test_signed_out_goes_to_sign_in_and_back_to_the_order(client: Client, order: Order) -> None:
    location = client.post(reverse("payments:pay", args=[order.number])).headers["Location"]
    assert location == f"/accounts/login/?next=/orders/{order.number}/"
    assert not make.rows(Payment).exists()


@pytest.mark.parametrize("amount", [0, -1, MAX_FEN + 1])
def test_FMT01_FMT03_amounts_that_alipay_would_refuse_are_refused_by_the_database(amount: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make.order(amount_fen=amount)
    with pytest.raises(IntegrityError), transaction.atomic():
        make.attempt(amount_fen=amount)


@pytest.mark.parametrize(
    ("fen", "text"), [(1, "0.01"), (10, "0.10"), (30, "0.30"), (MAX_FEN, "100000000.00")]
)
def test_FMT03_FMT04_amounts_reach_alipay_exactly(client: Client, fen: int, text: str) -> None:
    order = make.order(amount_fen=fen)
    client.force_login(order.renter)
    assert json.loads(request_at(press(client, order))["biz_content"])["total_amount"] == text


TITLES = [
    "🏡 emoji",
    "\"quotes\" 'and' <script>alert(1)</script>",
    "a&b=c&total_amount=0.01",
    "lone { brace",
    "} other",
    "\u202eright to left\u202c",
    "长" * 200,
]


@pytest.mark.parametrize("title", TITLES)
def test_FMT05_QRY14_titles_never_reach_alipay(client: Client, gateway: Gateway, title: str) -> None:
    order = make.order(house=make.house(title=title), house_title=title)
    client.force_login(order.renter)
    location = press(client, order)
    subject = json.loads(request_at(location)["biz_content"])["subject"]
    assert (
        subject == f"爱家租房 订单 {order.number} 房源 {order.house_id} {order.check_in}至{order.check_out}"
    )
    assert not set("&=/") & set(subject)
    payment = make.rows(Payment).get()
    gateway.says["query"] = alipay.paid(payment, subject=subject, store_name=title)
    assert client.get(alipay.return_url(payment)).context["state"] == "paid"
    page = client.get(order.get_absolute_url()).content.decode()
    assert "<script>alert" not in page


def test_USR06_pay_and_check_of_another_renters_order(client: Client, order: Order) -> None:
    client.force_login(make.user())
    for name in ("payments:pay", "payments:check"):
        assert client.post(reverse(name, args=[order.number])).status_code == 404
    assert client.get(reverse("payments:status", args=[order.number])).status_code == 404
    assert not make.rows(Payment).exists()


def test_status_is_shown_to_the_renter(renter: Client, order: Order) -> None:
    address = reverse("payments:status", args=[order.number])
    assert renter.get(address).json() == {"order": "WAIT_PAYMENT", "payment": None}
    old = make.attempt(order, live_for=None)
    make.attempt(order)
    assert renter.get(address).json() == {"order": "WAIT_PAYMENT", "payment": "OPEN"}
    renter.post(alipay.NOTIFY, alipay.notify_body(old), "application/x-www-form-urlencoded")
    assert renter.get(address).json() == {"order": "WAIT_COMMENT", "payment": "PAID"}


def check(browser: Client, order: Order) -> str:
    answer = browser.post(reverse("payments:check", args=[order.number]))
    assert answer.headers["Location"] == order.get_absolute_url()
    return order_page(browser, order)


def test_check_queries_alipay_and_shows_the_result(renter: Client, order: Order, gateway: Gateway) -> None:
    assert "started paying for this order yet" in check(renter, order)
    payment = make.attempt(order)
    gateway.says["query"] = alipay.waiting(payment)
    assert "has no record of your payment yet" in check(renter, order)
    assert "checked with Alipay a moment ago" in check(renter, order)
    assert gateway.count("query") == 1
    make.rows(Payment).update(asked_at=None)
    gateway.says["query"] = alipay.paid(payment)
    assert "ve received your payment" in check(renter, order)
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("DUE", "are refunding it"),
        ("DONE", "have refunded it"),
        ("GIVEN_UP", "See the order history below"),
    ],
)
def test_check_shows_the_refund_of_money_that_came_too_late(
    renter: Client, order: Order, status: str, message: str
) -> None:
    payment = make.attempt(order)
    make.rows(Order).update(status=Status.CANCELED)
    renter.post(alipay.NOTIFY, alipay.notify_body(payment), "application/x-www-form-urlencoded")
    payment.refunds.update(status=status)
    assert message in check(renter, order)


def test_check_says_when_alipay_can_t_be_asked(renter: Client, order: Order, gateway: Gateway) -> None:
    make.attempt(order)
    assert "responding right now" in check(renter, order)
    assert gateway.count("query") == 1


def test_a_script_gets_json_from_check(renter: Client, order: Order, gateway: Gateway) -> None:
    payment = make.attempt(order)
    gateway.says["query"] = alipay.paid(payment)
    answers = [
        renter.post(
            reverse("payments:check", args=[order.number]), headers={"accept": "application/json"}
        ).json()
        for _ in range(3)
    ]
    assert answers == [{"order": "WAIT_COMMENT", "payment": "PAID"}] * 3
    assert gateway.count("query") == 1
    assert "ve received your payment" not in order_page(renter, order)  # no message was added


def test_a_missing_key_gives_a_message(renter: Client, order: Order, settings: object) -> None:
    settings.ALIPAY_PUBLIC_KEY_PATH = "/nowhere.pem"
    assert press(renter, order) == order.get_absolute_url()
    assert "available yet" in order_page(renter, order)


def test_numbers_go_on_after_the_highest(renter: Client, order: Order) -> None:
    make.attempt(order, live_for=None, out_trade_no=f"{order.number}_7")
    assert json.loads(request_at(press(renter, order))["biz_content"])["out_trade_no"] == f"{order.number}_8"


@pytest.mark.parametrize("charset", ["gbk", "utf8", "nonsense"])
@pytest.mark.parametrize("name", ["payments:pay", "payments:check", "payments:cancel", "orders:review"])
def test_a_form_in_another_charset_is_refused(order: Order, name: str, charset: str) -> None:
    renter = Client(enforce_csrf_checks=True)  # reads the form of every POST, as in production
    renter.force_login(order.renter)
    renter.cookies["csrftoken"] = "a" * 32
    answer = renter.generic(
        "POST",
        reverse(name, args=[order.number]),
        b"a=b",
        f"application/x-www-form-urlencoded; charset={charset}",
        headers={"Origin": "http://testserver"},
    )
    assert (answer.status_code, answer.content) == (400, b"Send forms in UTF-8.\n")
    assert not make.rows(Payment).exists()


def test_one_order_gets_twenty_attempts_at_most(renter: Client, order: Order, gateway: Gateway) -> None:
    gateway.says["query"] = gateway.says["close"] = alipay.not_existing()
    for _ in range(20):
        make.rows(Payment).update(asked_at=None)
        request_at(press(renter, order, another="1"))
    make.rows(Payment).update(asked_at=None)
    assert press(renter, order, another="1") == order.get_absolute_url()
    assert "Too many payment attempts" in order_page(renter, order)
    assert make.rows(Payment).count() == 20
