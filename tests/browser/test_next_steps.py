"""A renter's other actions: find an order, print a receipt, leave WeChat, edit the profile."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import DESKTOP, INSTANT, NARROW, PASSWORD, PHONE, RENTER, WECHAT

pytestmark = pytest.mark.browser

small_and_plain_or_large = pytest.mark.parametrize(
    ("device", "js"), [(NARROW, False), (DESKTOP, True)], ids=["narrow-no-js", "desktop-js"]
)
WITHOUT_CLIPBOARD = "Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined })"
js_or_not = pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])


@small_and_plain_or_large
def test_an_order_can_be_found(visit, device, js):
    renter = visit(**device, java_script_enabled=js)
    page = renter.page
    number = renter.start_with_order()
    other = renter.book(INSTANT)
    for text, found in ((number[-6:], [number]), ("江景", [other, number]), ("2031-01-01", [])):
        renter.go("/orders/")
        page.get_by_label("查找订单").first.fill(text)
        renter.click("查找订单")
        expect(page.locator("article b.figures")).to_have_text(found)
        expect(page.locator("#q")).to_have_value(text)
    renter.look("none-found")
    renter.click("查看全部订单")
    expect(page.locator("article")).to_have_count(2)
    expect(page.locator(".chips a", has_text="待支付")).to_contain_text("2")
    renter.look("tabs-with-counts")


@small_and_plain_or_large
def test_a_paid_stay_has_a_receipt_and_a_file_for_the_calendar(visit, device, js):
    renter = visit(**device, java_script_enabled=js)
    page = renter.page
    number = renter.start_with_order()
    renter.press_pay()
    renter.pay()
    renter.go(f"/orders/{number}/")
    expect(page.get_by_role("heading", name="入住指引")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="加入我的日历").click()
    assert download.value.suggested_filename == f"ihome-{number}.ics"
    renter.click("收据")
    expect(page.locator("article")).to_contain_text("人民币伍佰壹拾捌元整")
    expect(page.get_by_role("button", name="打印")).to_have_count(1 if js else 0)
    renter.look("receipt")
    page.emulate_media(media="print")
    expect(page.locator(".nav")).to_be_hidden()
    expect(page.locator(".rehearsal")).to_be_visible()
    renter.look("receipt-on-paper")


@js_or_not
def test_a_countdown_is_shown_only_in_the_last_hour(visit, js):
    renter = visit(**PHONE, java_script_enabled=js)
    renter.start_with_order()  # to be paid within 30 minutes
    counted = re.compile(r"^还剩 [0-9]{2}:[0-9]{2}$" if js else r"^请在 .+ 前支付$")
    expect(renter.page.locator(".due")).to_have_text(counted)
    accepted = visit(**NARROW, java_script_enabled=js)  # accepted by staff: to be paid within a day
    accepted.go("/accounts/login/")
    accepted.sign_in(RENTER)
    accepted.go("/orders/?status=WAIT_PAYMENT&q=四合院")
    expect(accepted.page.locator(".due").first).to_have_text(re.compile(r"^请在 .+ 前支付$"))
    accepted.look("orders")


def test_the_countdown_uses_the_servers_clock_and_reloads_at_the_end(visit):
    renter = visit(**PHONE)
    number = renter.start_with_order()
    page = renter.page
    page.clock.install(time=datetime.now(UTC) + timedelta(hours=3))  # this phone's clock is wrong
    renter.go(f"/orders/{number}/")
    expect(page.locator(".due")).to_have_text(re.compile("^还剩 29:"))
    with page.expect_request(f"{renter.site}/orders/{number}/"):
        # Not 30 minutes: Pay ends a minute before the nights are free again. The last seconds pass unaided,
        # since a page that reloads while its clock is moved may leave that call without an answer.
        page.clock.fast_forward("28:50")


def open_orders(renter):
    """Open the list with one order, due in 29 minutes; return the page and the list of later loads."""
    renter.start_with_order()
    page, loads = renter.page, []
    page.clock.install()
    renter.go("/orders/")
    expect(page.locator(".due")).to_have_text(re.compile("^还剩 29:"))
    page.on("request", lambda request: loads.append(request) if request.is_navigation_request() else None)
    return page, loads


def test_no_reload_interrupts_typing(visit):
    page, loads = open_orders(visit(**PHONE))
    page.locator("#q").press_sequentially("江景")
    page.clock.fast_forward("29:30")
    page.clock.run_for(5_000)
    assert loads == []
    expect(page.locator("#q")).to_have_value("江景")
    with page.expect_request(lambda request: request.is_navigation_request()):
        page.locator("#q").blur()


def test_a_due_reload_waits_for_the_network(visit):
    page, loads = open_orders(visit(**PHONE))
    page.context.set_offline(True)
    page.clock.fast_forward("40:00")
    page.clock.run_for(5_000)
    assert loads == []
    expect(page.locator(".due")).to_have_text("还剩 00:00")
    page.context.set_offline(False)
    with page.expect_request(lambda request: request.is_navigation_request()):
        pass  # its clock goes on


def test_the_address_is_copied_without_the_clipboard_api(visit):
    renter = visit(**WECHAT)
    renter.start_with_order()
    renter.page.add_init_script(WITHOUT_CLIPBOARD)
    renter.click("去支付")
    address = renter.page.get_by_label("复制订单地址")
    renter.page.get_by_role("button", name="复制").click()
    expect(renter.page.get_by_role("button", name="已复制")).to_be_visible()
    assert renter.page.evaluate("getSelection().toString()") == address.input_value()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_signing_in_in_another_tab_keeps_the_stay_and_the_page(visit, language):
    renter = visit(**PHONE, language=language)
    page, translated = renter.page, renter.translated
    renter.go("/")
    renter.click(INSTANT)
    renter.choose_nights()
    renter.page = renter.new_tab("/accounts/signup/")
    renter.sign_up()
    renter.page = page
    renter.click(translated("Book"))
    assert renter.path().startswith("/houses/")
    expect(page.locator(".notice.warning")).to_be_visible()
    expect(page.locator("#stay-total")).to_have_text("￥518.00")
    renter.look("led-back")
    renter.click(translated("Book"))
    renter.number()


@js_or_not
def test_a_cancelled_order_updates_itself_when_refunded(visit, running, js):
    renter = visit(**PHONE, fast_clock=True, java_script_enabled=js)
    number = renter.start_with_order()
    renter.press_pay()
    renter.pay()
    renter.go(f"/payments/{number}/cancel/")
    renter.click("取消订单")
    lines = renter.page.locator(".aside .lines")
    expect(lines).to_contain_text("退款处理中")
    renter.look("on-its-way")
    running.sweep()
    expect(lines).to_contain_text("已退款", timeout=60_000)
    expect(lines).not_to_contain_text("退款处理中")


@js_or_not
def test_out_of_wechat_and_back(visit, js):
    renter = visit(**WECHAT, java_script_enabled=js)
    number = renter.start_with_order()
    renter.click("去支付")
    assert renter.path() == f"/payments/{number}/way-out/"
    address = renter.page.get_by_label("复制订单地址").input_value()
    assert address == f"{renter.site}/orders/{number}/"
    copy = renter.page.get_by_role("button", name="复制")
    expect(copy).to_have_count(1 if js else 0)
    if js:
        copy.click()
        expect(renter.page.get_by_role("button", name="已复制")).to_be_visible()
    renter.look("way-out")

    # The same address, opened in a browser through WeChat's menu.
    in_browser = visit(**PHONE, java_script_enabled=js)
    in_browser.go(f"/payments/{number}/way-out/")
    in_browser.sign_in(renter.mobile)
    assert in_browser.number() == number
    in_browser.press_pay()
    in_browser.pay()
    expect(in_browser.page.get_by_role("heading", name="支付成功")).to_be_visible()

    if not js:
        renter.go(f"/payments/{number}/way-out/")
    renter.page.wait_for_url(re.compile(f"/orders/{number}/"))
    assert renter.status() == "待入住"


@small_and_plain_or_large
def test_the_profile_page(visit, device, js):
    person = visit(**device, java_script_enabled=js)
    person.watch.expected_statuses = {422}
    page = person.page
    person.join()
    elsewhere = visit(**device, java_script_enabled=js)
    elsewhere.go("/accounts/login/?next=/accounts/me/")
    elsewhere.sign_in(person.mobile)
    person.go("/accounts/me/")
    page.get_by_label("姓名").fill("林小满")
    page.get_by_label("邮箱").fill("lin@x")  # a browser lets that pass
    person.click("保存")
    expect(page.locator(".field .error")).to_have_count(1)
    expect(page.get_by_label("姓名")).to_have_value("林小满")
    person.look("refused")
    page.get_by_label("邮箱").fill("lin@example.com")
    person.click("保存")
    expect(page.get_by_text("已保存。")).to_be_visible()
    person.click("修改密码")
    page.get_by_label("当前密码").fill(PASSWORD)
    for label in ("新密码", "确认新密码"):
        page.get_by_label(label, exact=True).fill(f"{PASSWORD}-2")
    person.look("password")
    person.click("修改密码")
    assert person.path() == "/accounts/me/"
    elsewhere.go("/accounts/me/")
    assert elsewhere.path() == "/accounts/login/"


def test_USR10_paying_works_on_a_slow_phone_without_scripts(visit):
    """A phone on 2G with 500 ms latency and a CPU six times slower."""
    renter = visit(**NARROW, java_script_enabled=False)
    number = renter.start_with_order()
    slow = renter.page.context.new_cdp_session(renter.page)
    slow.send("Network.enable")
    limits = {"offline": False, "latency": 500, "downloadThroughput": 30_000, "uploadThroughput": 6_000}
    slow.send("Network.emulateNetworkConditions", limits)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    renter.page.set_default_timeout(60_000)
    renter.page.set_default_navigation_timeout(60_000)
    renter.press_pay()
    renter.pay()
    expect(renter.page.get_by_role("heading", name="支付成功")).to_be_visible(timeout=60_000)
    renter.click("回到我的订单")
    expect(renter.page.locator("article")).to_contain_text(number)
    assert renter.status() == "待入住"
