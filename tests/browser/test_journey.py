"""From search to review and refund: phone and desktop, both languages, with and without JavaScript, and once
by keyboard alone."""

import re
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import translation
from playwright.sync_api import expect

from tests.browser.visitor import DESKTOP, INSTANT, PASSWORD, PHONE

pytestmark = pytest.mark.browser

REVIEW = "江上的灯一直亮到半夜，床很舒服。\n钥匙在门口的花盆旁边，一找就到。"
PRODUCTS = {
    "phone": ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
    "desktop": ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
}


# Pairwise: every combination of two of device, language and JavaScript occurs.
@pytest.mark.parametrize(
    ("device", "language", "js"),
    [
        ("phone", "zh-hans", True),
        ("phone", "en", False),
        ("desktop", "zh-hans", False),
        ("desktop", "en", True),
    ],
    ids=["phone-chinese-js", "phone-english-no-js", "desktop-chinese-no-js", "desktop-english-js"],
)
def test_from_the_search_to_a_review_and_to_a_refund(visit, running, standin, device, language, js):
    options = PHONE if device == "phone" else DESKTOP
    renter = visit(**options, java_script_enabled=js, language=language)
    page, translated = renter.page, renter.translated

    with translation.override(language):
        paid = translation.pgettext("the page after paying", "Payment successful")
    renter.go("/")
    find(renter, nights=2)
    renter.click(translated("Book"))
    assert renter.path() == "/accounts/login/"
    renter.look("sign-in")
    renter.click(translated("Create an account"))
    renter.sign_up()
    expect(page.locator("#stay-total")).to_have_text("￥518.00")
    renter.look("house-with-the-same-stay")
    renter.click(translated("Book"))
    number = renter.number()
    assert renter.status() == translated("Payment due")
    renter.look("order-to-pay")

    renter.go("/orders/")
    card = page.get_by_role("article")
    expect(card).to_contain_text(number)
    expect(card).to_contain_text("￥518.00")
    renter.look("orders-to-pay")
    requests = renter.press_pay()
    goes_through_three_origins(requests, number, running.url, standin.url, PRODUCTS[device])
    renter.pay()
    expect(page.get_by_role("heading", name=paid, exact=True)).to_be_visible()
    assert renter.path() == "/payments/paycomplete/"
    [attempt] = standin.attempts(number).values()
    assert attempt["received_fen"] == 51800
    for detail in ("￥518.00", number, attempt["trade_no"]):
        expect(page.locator("main")).to_contain_text(detail)
    renter.look("paid")

    renter.click(translated("Back to my orders"))
    assert renter.path() == "/orders/"
    assert renter.status() == translated("Upcoming")
    expect(renter.pay_button()).to_have_count(0)
    renter.look("orders-paid")
    renter.click(translated("Check-in guide"))
    renter.click(translated("Receipt"))
    expect(page.locator("article")).to_contain_text("人民币伍佰壹拾捌元整")
    renter.look("receipt")

    renter.go("/orders/")
    renter.click(translated("Write a review"))
    assert renter.number() == number
    page.locator("label[for=star-5]").click()
    renter.field("Your review").fill(REVIEW)
    renter.look("review-written")
    renter.click(translated("Submit review"))
    assert renter.number() == number
    assert renter.status() == translated("Upcoming")
    expect(page.get_by_text(translated("Thanks for your review."))).to_be_visible()
    mine = page.locator("section", has=page.get_by_role("heading", name=translated("Your review")))
    expect(mine).to_contain_text("床很舒服")
    timeline = ("Reviewed", "Payment confirmed by Alipay", "Accepted automatically", "Booked")
    expect(page.locator(".timeline b")).to_have_text([translated(each) for each in timeline])
    expect(page.locator(".timeline li").nth(1)).to_contain_text("￥518.00")
    renter.look("order-complete")

    renter.go("/")
    find(renter, nights=3)
    renter.click(translated("Book"))
    other = renter.number()
    renter.press_pay()
    renter.pay()
    renter.click(translated("View order"))
    renter.click(translated("Cancel order"))
    expect(page.locator("main")).to_contain_text("￥777.00")
    renter.look("cancel")
    renter.click(translated("Cancel order"))
    assert renter.number() == other
    assert renter.status() == translated("Cancelled")
    expect(page.locator(".timeline b").first).to_have_text(translated("Refund started"))
    renter.look("cancelled")
    running.sweep()
    renter.go(f"/orders/{other}/")
    expect(page.locator(".timeline b").first).to_have_text(translated("Refunded"))
    expect(page.locator(".timeline li").first).to_contain_text("￥777.00")
    assert standin.attempts(other)[f"{other}_1"]["refunded_fen"] == 77700
    renter.look("refunded")


def find(renter, nights):
    """Search for a stay in 重庆 and open the house that is found."""
    check_in, check_out = renter.free_days(nights)
    renter.field("Where to?").fill("Chongqing" if renter.language == "en" else "重庆")
    renter.field("Check-in").fill(str(check_in))
    renter.field("Check-out").fill(str(check_out))
    renter.field("Guests").fill("2")
    renter.click(renter.translated("Search"))
    expect(renter.page.locator("article.house")).to_have_count(1)
    renter.look("found")
    renter.click(INSTANT)
    expect(renter.field("Check-in")).to_have_value(str(check_in))
    expect(renter.page.locator("#stay-total")).to_have_text(f"￥{259 * nights}.00")
    renter.look("house")


def test_with_the_keyboard_alone(visit):
    renter = visit(**DESKTOP)
    page, press = renter.page, renter.page.keyboard.press

    def reach(found):
        """Press Tab until the element has the focus."""
        for _ in range(120):
            press("Tab")
            if found.evaluate("element => element === document.activeElement"):
                expect(found).to_be_in_viewport()
                return
        raise AssertionError(f"the Tab key does not reach {found}")

    def enter(name, role="link"):
        reach(page.get_by_role(role, name=name, exact=True).last)
        with page.expect_navigation():
            press("Enter")

    renter.go("/")
    enter(INSTANT)
    check_in, check_out = renter.free_days(2)
    while check_in.month != check_out.month:  # only one of them might be shown
        check_in, check_out = renter.free_days(2)
    while not page.locator(f"#calendar [data-date='{check_in}']").count():
        enter("后两个月")
    days = page.locator("#calendar td[data-date]")
    weeks_on, days_on = divmod((check_in - date.fromisoformat(days.first.get_attribute("data-date"))).days, 7)
    reach(days.first.locator("button"))
    arrows = ["ArrowDown"] * weeks_on + ["ArrowRight"] * days_on
    for key in (*arrows, "Enter", "ArrowRight", "ArrowRight", "Enter"):
        press(key)
    expect(page.get_by_label("退房", exact=True)).to_have_value(str(check_out))
    expect(page.locator("#stay-total")).to_have_text("￥518.00")
    enter("预订", "button")
    assert renter.path() == "/accounts/login/"
    enter("注册")
    for name, text in (("手机号", "15800000000"), ("密码", PASSWORD)):
        if not page.get_by_label(name).evaluate("field => field === document.activeElement"):
            reach(page.get_by_label(name))
        page.keyboard.type(text)
    with page.expect_navigation():
        press("Enter")
    page.keyboard.type(page.locator(".rehearsal strong").inner_text())  # the field has the focus
    with page.expect_navigation():
        press("Enter")
    enter("预订", "button")
    renter.number()
    enter("去支付", "button")
    reach(page.locator("button#pay"))
    press("Enter")
    expect(page.get_by_role("heading", name="支付成功")).to_be_visible()
    enter("回到我的订单")
    assert renter.status() == "待入住"


def goes_through_three_origins(requests, number, site, alipay, product):
    """Check the requests: form post to the site, redirect to the gateway, redirect to the cashier."""
    form, gateway, cashier = requests
    assert (form.method, form.url) == ("POST", f"{site}/payments/{number}/pay/")
    assert form.response().status == 302
    assert gateway.method == "GET"
    assert gateway.url.startswith(f"{alipay}/gateway.do?")
    assert gateway.response().status == 302
    sent = parse_qs(urlsplit(gateway.url).query)
    assert sent["method"] == [product[0]]
    assert f'"product_code":"{product[1]}"' in re.sub(r":\s+", ":", sent["biz_content"][0])
    assert cashier.response().status == 200
    origins = [urlsplit(request.url).netloc for request in requests]
    assert len(set(origins)) == 3, origins
    assert [origin.split(":")[0] for origin in origins] == ["127.0.0.1", "127.0.0.1", "localhost"]


def test_twin_the_policy_blocks_a_form_that_redirects_elsewhere(visit, site):
    """The twin: with form-action 'self' only, Chromium blocks the redirect and Watch reports it."""
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
    assert any("form-action" in problem for problem in renter.watch.problems), renter.watch.problems
    renter.watch.problems.clear()


@pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
def test_watch_reports_what_the_policy_blocks(visit, site, js):
    visitor = visit(**DESKTOP, java_script_enabled=js)

    def with_foreign_picture(route):
        answer = route.fetch()
        body = answer.text().replace("</main>", '<img src="http://127.0.0.2/a.png" alt=""></main>')
        route.fulfill(response=answer, body=body)

    visitor.page.route(f"{site}/", with_foreign_picture)
    visitor.go("/")
    assert any("Content" in t and "Policy" in t for t in visitor.watch.problems), visitor.watch.problems
    visitor.watch.problems.clear()
