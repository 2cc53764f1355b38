"""Pages are in both languages, keep what was typed, and link on; long texts fit."""

import re

import pytest
from playwright.sync_api import expect

from demo import homes
from demo.management.commands import seed_demo
from tests.browser.more_data import LONG_DISTRICT, LONG_TITLE
from tests.browser.visitor import ASKED, DESKTOP, INSTANT, NARROW, PASSWORD, PHONE, RENTER

pytestmark = pytest.mark.browser

js_or_not = pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])

UNKNOWN = "/orders/00000000000000/"
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff01-\uff5e]+")
HOUSE_TEXTS = [
    *(text for row in seed_demo.HOUSES for text in row[:3]),
    *(row[0] for row in seed_demo.FACILITIES),
    *(home["description"] for home in homes.DETAILS),
    *(line for text in (seed_demo.RULES, *homes.ARRIVALS) for line in text.splitlines()),
]
FOR_THE_DRIVER = ["师傅您好，请送我到：", "找不到请打", "，谢谢！"]
"""Of the message that a renter shows to a taxi driver, in Chinese on every page."""


# All text of the page, including text for screen readers and scripts
TEXT = """() => {
    const names = ['aria-label', 'alt', 'placeholder', 'title'];
    const all = [...document.querySelectorAll('*')];
    const aside = all.flatMap((element) => [
        ...names.map((name) => element.getAttribute(name) ?? ''),
        ...Object.values(element.dataset ?? {}),
    ]);
    return [document.title, document.documentElement.textContent, ...aside].join('\\n');
}"""


@pytest.mark.parametrize("device", [NARROW, DESKTOP], ids=["narrow", "desktop"])
def test_long_titles_and_large_sums_fit(visit, device):
    renter = visit(**device)
    number = renter.start_with_order(LONG_TITLE, nights=10)
    expect(renter.page.locator("main")).to_contain_text("￥999,999.90")
    renter.look("order")
    renter.go("/orders/")
    renter.look("orders")
    renter.go("/")
    renter.click(LONG_TITLE)
    renter.look("house")
    renter.go(f"/orders/{number}/")
    renter.press_pay()
    renter.pay()
    expect(renter.page.get_by_role("heading", name="支付成功", exact=True)).to_be_visible()
    renter.look("paid")


class TestEnglish:
    @js_or_not
    def test_the_footer_changes_the_language_and_stays_on_the_page(self, visit, js):
        visitor = visit(**PHONE, java_script_enabled=js)
        for path in ("/", "/accounts/login/?next=/orders/", "/accounts/signup/", "/payments/paycomplete/"):
            visitor.go(path)
            expect(visitor.page.locator("html")).to_have_attribute("lang", "zh-Hans")
            visitor.click("English")
            expect(visitor.page.locator("html")).to_have_attribute("lang", "en")
            assert visitor.page.url == visitor.site + path
            visitor.click("中文")

    def test_the_footer_works_on_the_page_that_a_return_opens(self, visit):
        renter = visit(**PHONE)
        renter.start_with_order()
        renter.press_pay()
        renter.pay()
        renter.click("English")
        expect(renter.page.locator("html")).to_have_attribute("lang", "en")
        assert renter.path() == "/payments/paycomplete/"

    def test_no_chinese_is_left_except_the_houses_texts(self, visit):
        renter = visit(**DESKTOP, language="en")
        renter.watch.expected_statuses = {404, 422}
        for path in ("/", "/accounts/login/", "/payments/paycomplete/", UNKNOWN, "/accounts/signup/"):
            renter.go(path)
            is_english(renter)
        renter.page.get_by_label("Mobile number").fill("12345")
        renter.page.get_by_label("Password").fill("12345")
        renter.click("Sign up")
        is_english(renter)
        renter.page.get_by_label("Mobile number").fill("15900000001")
        renter.page.get_by_label("Password").fill(PASSWORD)
        renter.click("Sign up")
        is_english(renter)
        renter.type_code()
        is_english(renter)
        renter.go("/accounts/me/")
        is_english(renter)
        for title in (ASKED, INSTANT):
            renter.go("/")
            renter.click(title)
            if title == ASKED:  # the other one has reviews by then
                is_english(renter)
            renter.choose_nights()
            renter.click("Book")
            is_english(renter)
        renter.go("/orders/")
        is_english(renter)
        renter.look("orders")
        renter.at_cashier(lambda: renter.click("Pay"))
        renter.pay()
        expect(renter.page.get_by_role("heading", name="Payment successful", exact=True)).to_be_visible()
        is_english(renter)
        renter.look("paid")
        renter.click("View order")
        renter.page.locator("label[for=star-4]").click()
        renter.page.get_by_label("Your review").fill("Quiet, clean, near the bridge.")
        renter.click("Submit review")
        expect(renter.page.get_by_text("Thanks for your review.")).to_be_visible()
        is_english(renter)
        renter.look("order")


def is_english(visitor):
    """Assert that no text of the page is Chinese, except the houses' own texts."""
    text = visitor.page.evaluate(TEXT)
    # Longest first: some texts contain others.
    for own in sorted(
        (*HOUSE_TEXTS, *FOR_THE_DRIVER, LONG_TITLE, LONG_DISTRICT, "中文"), key=len, reverse=True
    ):
        text = text.replace(own.strip(), "")
    assert CHINESE.findall(text) == [], visitor.page.url


class TestRefusedFormsKeepTheirValues:
    def test_signing_in(self, visit):
        visitor = visit(**PHONE)
        visitor.go("/accounts/login/?next=/accounts/me/")
        visitor.page.get_by_label("手机号").fill(RENTER)
        visitor.page.get_by_label("密码").fill("not the password")
        visitor.click("登录")
        expect(visitor.page.get_by_role("alert")).to_have_text("手机号或密码不正确。")
        expect(visitor.page.get_by_label("手机号")).to_have_value(RENTER)
        visitor.look("refused")
        visitor.sign_in(RENTER)
        assert visitor.path() == "/accounts/me/"

    def test_signing_up(self, visit):
        visitor = visit(**PHONE)
        visitor.go("/accounts/signup/")
        visitor.page.get_by_label("手机号").fill("12345")
        visitor.page.get_by_label("密码").fill("12345678")
        visitor.page.get_by_label("邮箱").fill("xiaoman@example.com")
        visitor.click("注册")
        expect(visitor.page.get_by_text("请输入 11 位手机号。")).to_be_visible()
        expect(visitor.page.get_by_label("手机号")).to_have_value("12345")
        expect(visitor.page.get_by_label("邮箱")).to_have_value("xiaoman@example.com")
        visitor.look("refused")

    def test_booking(self, visit):
        renter = visit(**PHONE)
        renter.watch.expected_statuses = {422}
        renter.start_with_order()
        renter.go("/")
        renter.click(INSTANT)
        renter.choose_nights(nights=-1)
        chosen = [renter.page.get_by_label(label, exact=True).input_value() for label in ("入住", "退房")]
        renter.page.get_by_label("入住人数").fill("2")
        renter.click("预订")
        expect(renter.page.get_by_text("退房日期须晚于入住日期。")).to_be_in_viewport()
        for label, value in zip(("入住", "退房", "入住人数"), (*chosen, "2"), strict=True):
            expect(renter.page.get_by_label(label, exact=True)).to_have_value(value)
        renter.look("refused")

    def test_reviewing(self, visit):
        renter = visit(**PHONE)
        renter.watch.expected_statuses = {422}
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay()
        renter.click("查看订单")
        renter.page.get_by_label("您的评价").fill("只写了字，忘了点星星")
        renter.page.locator("#review form").evaluate("form => { form.noValidate = true }")
        renter.click("提交评价")
        expect(renter.page.locator("#review .error")).to_be_in_viewport()
        expect(renter.page.get_by_label("您的评价")).to_have_value("只写了字，忘了点星星")
        renter.look("refused")
        renter.page.locator("label[for=star-2]").click()
        renter.click("提交评价")
        assert renter.number() == number
        assert "待入住" in renter.status()
        expect(renter.page.locator("#review .stars")).to_be_visible()


class TestLinks:
    def test_signing_in_redirects_to_the_requested_page(self, visit):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        renter.go("/accounts/me/")
        renter.click("退出登录")
        assert renter.path() == "/"
        renter.go(f"/orders/{number}/")
        assert renter.path() == "/accounts/login/"
        renter.sign_in()
        assert renter.number() == number

    def test_booking_signed_out_keeps_the_dates(self, visit):
        visitor = visit(**PHONE)
        visitor.go("/")
        visitor.click(INSTANT)
        visitor.choose_nights()
        chosen = visitor.page.get_by_label("入住", exact=True).input_value()
        visitor.click("预订")
        assert visitor.path() == "/accounts/login/"
        visitor.click("注册")
        visitor.sign_up()
        expect(visitor.page.get_by_label("入住", exact=True)).to_have_value(chosen)
        visitor.click("预订")
        assert visitor.status() == "待支付"

    @pytest.mark.parametrize("path", ["/nothing/", "/houses/999999/", UNKNOWN])
    def test_a_missing_page_links_on(self, visit, path):
        visitor = visit(**PHONE)
        visitor.watch.expected_statuses = {404}
        visitor.join()
        assert visitor.go(path).status == 404
        expect(visitor.page.get_by_role("heading", name="找不到这个页面")).to_be_visible()
        visitor.look("not-found")
        visitor.click("我的订单")
        assert visitor.path() == "/orders/"
