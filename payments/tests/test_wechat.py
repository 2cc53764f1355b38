"""Inside WeChat: the page that leads to the device's own browser."""

import pytest
from django.test import Client
from django.utils import timezone

from orders.models import Order
from payments.models import Payment
from tests import make

pytestmark = pytest.mark.django_db

ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/116.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.48.2580(0x28003035) WeChat/arm64"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 MicroMessenger/8.0.48(0x1800302c) NetType/WIFI Language/zh_CN"
)
COMPUTER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 "
    "Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090a13) XWEB/9129"
)
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 "
    "Safari/537.36 NetType/WIFI MicroMessenger/6.8.0(0x16080000) MacWechat/3.8.5(0x13080510) XWEB/1156"
)
LINUX = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 Safari/537.36 "
    "MicroMessenger/4.0.1 UnifiedPCLinuxWechat(0xf2541022) XWEB/14315"
)
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "MicroMessenger/8.0.48(0x1800302c) NetType/WIFI Language/zh_CN"
)
ANDROID_TABLET = ANDROID.replace("Mobile Safari", "Safari")
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Mobile/15E148 Safari/604.1"
)

in_wechat = pytest.mark.parametrize(
    "agent", [ANDROID, IPHONE, COMPUTER], ids=["android", "iphone", "computer"]
)


@pytest.fixture
def order(client: Client) -> Order:
    made = make.order()
    client.force_login(made.renter)
    return made


def pay(client: Client, order: Order, agent: str):
    return client.post(f"/payments/{order.number}/pay/", headers={"User-Agent": agent})


def way_out(client: Client, order: Order, agent: str):
    return client.get(f"/payments/{order.number}/way-out/", headers={"User-Agent": agent})


@in_wechat
def test_pay_inside_wechat_leads_to_the_way_out_and_makes_no_attempt(
    client: Client, order: Order, agent: str
) -> None:
    assert pay(client, order, agent).url == f"/payments/{order.number}/way-out/"
    assert not make.rows(Payment).exists()
    page = way_out(client, order, agent)
    assert page.status_code == 200
    html = page.content.decode()
    assert f'value="http://testserver/orders/{order.number}/" readonly' in html
    assert f'data-status-url="/payments/{order.number}/status/"' in html
    assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("agent", "heading", "step"),
    [
        (ANDROID, "Pay in your phone&#39;s browser", "Choose “Open in browser”"),
        (IPHONE, "Pay in your phone&#39;s browser", "Choose “Open in browser”"),
        (IPAD, "Pay in your browser", "Choose “Open in browser”"),
        (ANDROID_TABLET, "Pay in your browser", "Choose “Open in browser”"),
        (COMPUTER, "Pay in your computer&#39;s browser", "Choose “Open in default browser”"),
        (MAC, "Pay in your computer&#39;s browser", "Choose “Open in default browser”"),
        (LINUX, "Pay in your computer&#39;s browser", "Choose “Open in default browser”"),
    ],
)
def test_T4_the_way_out_names_the_browser_and_the_menu_of_the_device(
    client: Client, order: Order, agent: str, heading: str, step: str
) -> None:
    client.cookies["django_language"] = "en"
    html = way_out(client, order, agent).content.decode()
    assert f"<title>{heading} · " in html
    assert f"<h2>{heading}</h2>" in html
    assert step in html
    assert ("phone&#39;s" in html) is ("phone" in heading)


def test_the_way_out_says_until_when_to_pay(client: Client, order: Order) -> None:
    html = way_out(client, order, IPHONE).content.decode()
    assert f'data-deadline="{timezone.localtime(order.pay_by).isoformat()}"' in html
    assert "js/countdown.js" in html
    make.rows(Order).update(pay_by=None)
    assert "data-deadline" not in way_out(client, order, IPHONE).content.decode()


def test_anywhere_else_pay_leads_to_alipay(client: Client, order: Order) -> None:
    assert "alipay.trade.wap.pay" in pay(client, order, SAFARI).url
    assert make.rows(Payment).get().product == Payment.Product.WAP


def test_the_same_address_in_the_phones_browser_asks_to_sign_in_and_shows_the_order(order: Order) -> None:
    safari = Client()
    step = way_out(safari, order, SAFARI)
    assert step.url == f"/orders/{order.number}/"
    step = safari.get(step.url)
    assert step.url == f"/accounts/login/?next=/orders/{order.number}/"
    typed = {
        "username": order.renter.mobile,
        "password": "a-good-password",
        "next": f"/orders/{order.number}/",
    }
    step = safari.post("/accounts/login/", typed)
    assert step.url == f"/orders/{order.number}/"
    assert f'action="/payments/{order.number}/pay/"' in safari.get(step.url).content.decode()


def test_in_the_phones_browser_a_signed_in_renter_gets_the_order_at_once(
    client: Client, order: Order
) -> None:
    assert way_out(client, order, SAFARI).url == order.get_absolute_url()


@in_wechat
def test_signed_out_inside_wechat_one_signs_in_first(order: Order, agent: str) -> None:
    assert way_out(Client(), order, agent).url == f"/orders/{order.number}/"


@in_wechat
@pytest.mark.parametrize("status", sorted(set(Order.Status) - {"WAIT_PAYMENT"}))
def test_once_there_is_nothing_to_pay_it_leads_to_the_order(
    client: Client, order: Order, agent: str, status: str
) -> None:
    make.rows(Order).update(status=status)
    assert way_out(client, order, agent).url == f"/orders/{order.number}/"


def test_a_payment_made_in_the_other_browser_can_be_asked_about(client: Client, order: Order) -> None:
    """status-poll.js submits this form, too, and expects it once there is an attempt."""
    assert "data-check" not in way_out(client, order, IPHONE).content.decode()
    make.attempt(order)
    assert "data-check" in way_out(client, order, IPHONE).content.decode()


@in_wechat
def test_USR06_another_renters_order_has_no_way_out(client: Client, order: Order, agent: str) -> None:
    client.force_login(make.user())
    assert way_out(client, order, agent).status_code == 404
    assert pay(client, order, agent).status_code == 404
