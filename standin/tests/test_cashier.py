"""The cashier: its buttons, the redirects, and the parameters of the return."""

import re
import subprocess
from urllib.parse import urlsplit

import pytest

from .merchant import NUMBER, PAGE, WAP, fetch, message

RETURN_URL = "http://127.0.0.1:9/payments/paycomplete/"


@pytest.fixture
def cashier(merchant) -> str:
    return merchant.press_pay(return_url=RETURN_URL).location


def press(cashier: str, action: str, buyer: str = "1"):
    return fetch(cashier, f"action={action}&buyer={buyer}".encode())


def shown(cashier: str) -> str:
    answer = fetch(cashier)
    assert answer.status == 200
    return answer.body.decode()


def test_it_shows_the_payment_and_that_it_is_a_simulation(cashier):
    page = shown(cashier)
    for text in ("模拟支付宝", "￥300.00", f"ihome {NUMBER}", NUMBER, '<html lang="zh-Hans">'):
        assert text in page
    assert set(re.findall(r'<button id="([a-z-]+)"', page)) == {
        "pay",
        "login",
        "pay-drop",
        "refuse",
        "abandon",
    }


def test_its_pages_need_no_script_and_forbid_it(cashier):
    answer = fetch(cashier)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:9" in policy
    assert not re.search(r"<script|style=|onclick|<style", answer.body.decode())


def test_text_of_the_merchant_is_escaped(merchant):
    page = shown(merchant.press_pay(subject="<b>'\"").location)
    assert "&lt;b&gt;&#x27;&quot;" in page
    assert "<b>" not in page


def test_paying_sends_the_buyer_back_with_a_signed_return(merchant, standin, cashier):
    answer = press(cashier, "pay")
    assert answer.status == 302
    address, _, query = answer.location.partition("?")
    assert address == RETURN_URL
    params = message(query)
    # Every real return has exactly these
    assert set(params) == {
        *("charset", "out_trade_no", "method", "total_amount", "sign", "trade_no", "auth_app_id"),
        *("version", "app_id", "sign_type", "seller_id", "timestamp"),
    }
    assert params["method"] == "alipay.trade.page.pay.return"
    assert (params["total_amount"], params["out_trade_no"]) == ("300.00", NUMBER)
    assert params["trade_no"] == standin.trade(NUMBER)["trade_no"]
    assert merchant.is_signed_message(query)
    assert not merchant.is_signed_message(query, leave_out=("sign",))


def test_openssl_agrees_about_the_signature(standin, standin_keys, cashier, tmp_path):
    import base64

    params = message(urlsplit(press(cashier, "pay").location).query)
    (tmp_path / "sign").write_bytes(base64.b64decode(params["sign"]))
    signed = "&".join(f"{key}={params[key]}" for key in sorted(params) if key not in ("sign", "sign_type"))
    command = ["openssl", "dgst", "-sha256", "-verify", standin_keys / "alipay_public_key.pem"]
    run = subprocess.run(
        [*command, "-signature", tmp_path / "sign"], input=signed.encode(), capture_output=True
    )
    assert run.stdout == b"Verified OK\n"


def test_a_return_url_keeps_a_query_of_its_own_which_breaks_the_signature(merchant):
    cashier = merchant.press_pay(return_url=f"{RETURN_URL}?lang=zh").location
    query = urlsplit(press(cashier, "pay").location).query
    assert query.startswith("lang=zh&charset=utf-8&")
    assert not merchant.is_signed_message(query)
    assert merchant.is_signed_message(query.removeprefix("lang=zh&"))


def test_paying_twice_is_one_payment_and_the_page_leads_back(standin, cashier):
    press(cashier, "pay")
    paid_at = standin.trade(NUMBER)["paid_at"]
    again = press(cashier, "pay")
    assert again.status == 303
    page = shown(cashier)
    assert 'id="return"' in page
    assert 'id="pay"' not in page
    assert standin.trade(NUMBER)["paid_at"] == paid_at
    back = fetch(f"{cashier}/return")
    assert back.location.startswith(RETURN_URL)


def test_signing_in_makes_the_trade_exist_on_the_desktop(merchant, cashier):
    signed_in = press(cashier, "login", "2")
    assert signed_in.location.endswith("?buyer=2")
    assert merchant.call("trade.query", out_trade_no=NUMBER).node["trade_status"] == "WAIT_BUYER_PAY"


def test_signing_in_on_a_phone_does_not_but_the_password_does(merchant):
    cashier = merchant.press_pay(product=WAP).location
    press(cashier, "login")
    assert merchant.call("trade.query", out_trade_no=NUMBER).code == "ACQ.TRADE_NOT_EXIST"
    press(cashier, "refuse")
    assert merchant.call("trade.query", out_trade_no=NUMBER).node["trade_status"] == "WAIT_BUYER_PAY"
    press(cashier, "pay")
    assert merchant.call("trade.query", out_trade_no=NUMBER).node["trade_status"] == "TRADE_SUCCESS"


def test_a_signed_in_buyer_only_confirms(cashier):
    page = shown(f"{cashier}?buyer=2")
    assert '<input type="hidden" name="buyer" value="2">' in page
    # Not back to this address: its query would repeat the form's buyer.
    assert f'<form method="post" action="{urlsplit(cashier).path}">' in page
    assert "确认付款" in page
    assert 'id="login"' not in page


def test_another_buyer_cannot_pay_the_trade_of_another_buyer(standin, cashier):
    press(cashier, "login", "2")
    refused = press(cashier, "pay", "1")
    page = shown(cashier.rpartition("/cashier/")[0] + refused.location)
    assert "另一个支付宝账号" in page
    assert standin.trade(NUMBER)["status"] == "WAIT_BUYER_PAY"


def test_pay_and_drop_pays_and_stays(standin, cashier):
    answer = press(cashier, "pay-drop")
    assert (answer.status, urlsplit(answer.location).netloc) == (303, "")
    assert standin.trade(NUMBER)["status"] == "TRADE_SUCCESS"


def test_a_refused_payment_says_so_and_can_be_tried_again(standin, cashier):
    answer = press(cashier, "refuse")
    assert "余额不足" in shown(cashier.rpartition("/cashier/")[0] + answer.location)
    assert standin.trade(NUMBER)["received_fen"] == 0
    assert press(cashier, "pay").status == 302


@pytest.mark.parametrize(
    ("urls", "where"),
    [
        (
            {"return_url": RETURN_URL, "quit_url": "http://127.0.0.1:9/orders/1/"},
            "http://127.0.0.1:9/orders/1/",
        ),
        (
            {"return_url": RETURN_URL, "request_from_url": "http://127.0.0.1:9/orders/1/"},
            "http://127.0.0.1:9/orders/1/",
        ),
        ({"return_url": RETURN_URL}, "http://127.0.0.1:9/"),
        ({}, ""),
    ],
)
@pytest.mark.parametrize("product", [WAP, PAGE])
def test_T3_abandoning_leads_to_the_merchant_without_a_payment(merchant, standin, product, urls, where):
    answer = press(merchant.press_pay(product=product, **urls).location, "abandon")
    assert answer.location == where or (not where and answer.location.startswith("/cashier/"))
    assert standin.trade(NUMBER)["status"] == "NOT_EXIST"


def test_without_return_url_the_buyer_stays_on_a_page_that_says_paid(merchant):
    cashier = merchant.press_pay().location
    assert press(cashier, "pay").status == 303
    assert "付款成功" in shown(cashier)
    assert fetch(f"{cashier}/return").status == 303


def test_after_time_expire_an_open_cashier_cannot_pay(standin, cashier):
    press(cashier, "login")
    standin.clock(601)
    assert press(cashier, "pay").status == 303
    assert "交易已关闭" in shown(cashier)
    assert standin.trade(NUMBER)["received_fen"] == 0


def test_after_time_expire_an_unopened_link_says_so(standin, cashier):
    standin.expire(NUMBER)
    answer = press(cashier, "pay")
    assert answer.status == 303
    assert "交易已关闭" in shown(cashier)


@pytest.mark.parametrize(
    "body", [b"", b"action=steal", b"action=pay&action=pay", b"action=pay&buyer=9", b"%ff"]
)
def test_odd_forms_do_nothing(standin, cashier, body):
    assert fetch(cashier, body).status in (200, 303)
    assert standin.trade(NUMBER)["status"] == "NOT_EXIST"


def test_an_unknown_session_is_not_found(standin):
    for path in ("/cashier/x", "/cashier/x/return", "/cashier/"):
        assert fetch(standin.url + path).status == 404


@pytest.mark.parametrize("step", ["", "login", "refuse", "pay", "abandon"])
def test_its_link_leads_to_english_and_a_cookie_keeps_it(merchant, step):
    cashier = merchant.press_pay(subject="ihome stay").location
    assert 'lang="en">English</a>' in shown(cashier)
    chosen = fetch(f"{cashier}?lang=en")
    assert (chosen.status, chosen.location) == (303, urlsplit(cashier).path)
    cookie = chosen.headers["Set-Cookie"].partition(";")[0]
    address = cashier
    if step:
        answer = fetch(cashier, f"action={step}&buyer=1".encode(), Cookie=cookie)
        address = cashier.rpartition("/cashier/")[0] + answer.location
    page = fetch(address, Cookie=cookie).body.decode()
    assert '<html lang="en">' in page
    assert not re.search("[\u4e00-\u9fff]", page.replace(">中文</a>", ""))
    assert '<html lang="zh-Hans">' in shown(cashier)


def test_the_language_of_the_browser_counts_until_one_is_chosen(cashier):
    for first_choice, chosen, language in (
        ("en-GB,en;q=0.9,zh;q=0.8", "", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "zh-Hans"),
        ("fr", "", "zh-Hans"),
        ("en", "cashier_language=zh", "zh-Hans"),
        ("zh-CN", "cashier_language=en", "en"),
    ):
        page = fetch(cashier, Cookie=chosen, **{"Accept-Language": first_choice}).body.decode()
        assert f'<html lang="{language}">' in page


def test_an_odd_language_is_chinese(cashier):
    assert fetch(f"{cashier}?lang=xx").status == 200
    assert '<html lang="zh-Hans">' in fetch(cashier, Cookie="cashier_language=xx; \x7f=,").body.decode()


def test_every_text_of_the_cashier_has_english():
    from standin.cashier import _ALERTS
    from standin.language import ENGLISH
    from standin.records import PRODUCTS

    texts = {*_ALERTS.values(), *(product.label for product in PRODUCTS.values())}
    assert texts <= ENGLISH.keys()
