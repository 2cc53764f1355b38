"""From nobody to a reviewed stay: the whole way, on a phone and on a desktop, with JavaScript and without."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import DESKTOP, INSTANT, PHONE

pytestmark = pytest.mark.browser

REVIEW = "江上的灯一直亮到半夜，床很舒服。\n钥匙在门口的花盆旁边，一找就到。"


@pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
@pytest.mark.parametrize(
    ("device", "product"),
    [
        (PHONE, ("alipay.trade.wap.pay", "QUICK_WAP_WAY")),
        (DESKTOP, ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY")),
    ],
    ids=["phone", "desktop"],
)
def test_from_signing_up_to_a_review(visit, standin, site, device, product, js):
    renter = visit(**device, java_script_enabled=js)
    page = renter.page

    renter.go("/orders/")
    assert renter.path() == "/accounts/login/"
    renter.look("sign-in")
    renter.click("注册")
    renter.look("sign-up")
    renter.sign_up()
    assert renter.path() == "/orders/"
    renter.look("no-orders")
    page.locator("main").get_by_role("link", name="找房").click()
    renter.look("houses")
    renter.click(INSTANT)
    renter.choose_nights(nights=2)
    renter.look("house")
    renter.click("预订")
    number = renter.number()
    assert renter.status() == "待支付"
    renter.look("order-to-pay")

    renter.go("/orders/")
    card = page.get_by_role("article")
    expect(card).to_contain_text(number)
    expect(card).to_contain_text("￥518.00")
    renter.look("orders-to-pay")
    way = renter.press_pay()
    goes_through_three_origins(way, number, site, standin.url, product)
    renter.look("cashier")

    renter.pay()
    expect(page.get_by_role("heading", name="支付成功")).to_be_visible()
    assert renter.path() == "/payments/paycomplete/"
    [attempt] = standin.attempts(number).values()
    assert attempt["received_fen"] == 51800
    for words in ("￥518.00", number, attempt["trade_no"]):
        expect(page.locator("main")).to_contain_text(words)
    renter.look("paid")

    renter.click("回到我的订单")
    assert renter.path() == "/orders/"
    assert renter.status() == "待评价"
    expect(renter.pay_button()).to_have_count(0)
    renter.look("orders-paid")
    renter.click("发表评价")
    assert renter.number() == number
    page.locator("label[for=star-5]").click()
    page.get_by_label("您的评价").fill(REVIEW)
    renter.look("review-written")
    renter.click("提交评价")

    assert renter.number() == number
    assert renter.status() == "已完成"
    expect(page.get_by_text("感谢您的评价。")).to_be_visible()
    mine = page.locator("section", has=page.get_by_role("heading", name="您的评价"))
    expect(mine).to_contain_text("床很舒服")
    expect(mine.get_by_role("img", name="5 星，满分 5 星")).to_be_visible()
    expect(page.locator(".timeline b")).to_have_text(["已评价", "已支付", "已接单", "已下单"])
    expect(page.locator(".timeline li").nth(1)).to_contain_text("￥518.00")
    renter.look("order-complete")
    renter.click("回到我的订单")
    assert renter.status() == "已完成"
    expect(page.get_by_role("article")).to_contain_text("床很舒服")
    renter.look("orders-complete")


def goes_through_three_origins(way, number, site, alipay, product):
    """The form post to the site, its redirect to the gateway, that one's redirect to the cashier."""
    form, gateway, cashier = way
    assert (form.method, form.url) == ("POST", f"{site}/payments/{number}/pay/")
    assert form.response().status == 302
    assert gateway.method == "GET"
    assert gateway.url.startswith(f"{alipay}/gateway.do?")
    assert gateway.response().status == 302
    sent = parse_qs(urlsplit(gateway.url).query)
    assert sent["method"] == [product[0]]
    assert f'"product_code":"{product[1]}"' in re.sub(r":\s+", ":", sent["biz_content"][0])
    assert cashier.response().status == 200
    origins = [urlsplit(request.url).netloc for request in way]
    assert len(set(origins)) == 3, origins
    assert [origin.split(":")[0] for origin in origins] == ["127.0.0.1", "127.0.0.1", "localhost"]


def test_the_policy_would_stop_a_form_that_leads_elsewhere(visit, site):
    """The twin: with form-action 'self' alone, Chromium refuses the redirect, and the watch hears of it."""
    renter = visit(**DESKTOP)
    number = renter.start_with_order()

    def narrower(route):
        answer = route.fetch()
        headers = answer.headers
        policy, changes = re.subn(
            r"form-action [^;]*", "form-action 'self'", headers["content-security-policy"]
        )
        assert changes == 1
        route.fulfill(response=answer, headers={**headers, "content-security-policy": policy})

    renter.page.route(f"{site}/orders/{number}/", narrower)
    renter.go(f"/orders/{number}/")
    renter.click("去支付")
    renter.page.wait_for_timeout(1000)
    assert renter.number() == number
    assert any("form-action" in trouble for trouble in renter.watch.troubles), renter.watch.troubles
    renter.watch.troubles.clear()


@pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
def test_the_watch_hears_of_what_the_policy_forbids(visit, site, js):
    visitor = visit(**DESKTOP, java_script_enabled=js)

    def with_foreign_picture(route):
        answer = route.fetch()
        body = answer.text().replace("</main>", '<img src="http://127.0.0.2/a.png" alt=""></main>')
        route.fulfill(response=answer, body=body)

    visitor.page.route(f"{site}/", with_foreign_picture)
    visitor.go("/")
    assert any("Content" in t and "Policy" in t for t in visitor.watch.troubles), visitor.watch.troubles
    visitor.watch.troubles.clear()
