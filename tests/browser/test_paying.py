"""Paying off the happy path: late confirmation, no return, no money, double clicks, no session."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import DESKTOP, PHONE, POLLING_SCRIPTS

pytestmark = pytest.mark.browser

js_or_not = pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
phone_or_desktop = pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])

# A waiting page checks again every 5 s.
UNATTENDED_MS = 40_000


POLLS = re.compile("/(check|status)/$")

# As when the wallet app covers the page, or is closed.
SET_HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def heading(page, text):
    return page.get_by_role("heading", name=text, exact=True)


def withhold_confirmation(standin, attempt):
    """Make Alipay answer "waiting" about a paid attempt and lose its notices; return the faults' names."""
    faults = ("query.waiting", "notify.lost")
    for name in faults:
        standin.post("faults", name=name, out_trade_no=attempt)
    return faults


@pytest.fixture
def unconfirmed(standin):
    yield lambda attempt: withhold_confirmation(standin, attempt)
    standin.post("faults/clear")


def return_unconfirmed(renter, unconfirmed):
    """Book, pay, and get the page 正在确认; return the order's number."""
    number = renter.start_with_order()
    unconfirmed(f"{number}_1")
    renter.press_pay()
    renter.pay()
    expect(heading(renter.page, "正在确认")).to_be_visible()
    return number


class TestBeingConfirmed:
    def test_the_page_reloads_when_the_notice_comes(self, visit, standin, unconfirmed):
        renter = visit(**PHONE, fast_clock=True)
        number = return_unconfirmed(renter, unconfirmed)
        expect(renter.page.get_by_text("您无需重复付款")).to_be_visible()
        renter.look("being-confirmed")
        standin.post("faults/clear")
        standin.post("notify-now", out_trade_no=f"{number}_1")
        expect(heading(renter.page, "支付成功")).to_be_visible(timeout=UNATTENDED_MS)
        expect(renter.page.locator("main")).to_contain_text("￥518.00")

    @pytest.mark.parametrize(
        "js",
        [
            pytest.param(True, id="js"),
            pytest.param(False, id="no-js"),
        ],
    )
    def test_the_page_reloads_when_a_query_finds_the_payment(self, visit, standin, unconfirmed, js):
        renter = visit(**PHONE, fast_clock=True, java_script_enabled=js)
        return_unconfirmed(renter, unconfirmed)
        standin.post("faults/clear", name="query.waiting")
        expect(heading(renter.page, "支付成功")).to_be_visible(timeout=UNATTENDED_MS)

    @js_or_not
    def test_the_order_page_offers_no_payment_and_reloads(self, visit, standin, unconfirmed, js):
        renter = visit(**PHONE, fast_clock=True, java_script_enabled=js)
        number = return_unconfirmed(renter, unconfirmed)
        renter.click("查看订单")
        expect(heading(renter.page, "正在确认您的付款")).to_be_visible()
        expect(renter.pay_button()).to_have_count(0)
        expect(renter.page.get_by_role("button", name="我还没付款，去支付宝")).to_be_visible()
        renter.look("order-being-confirmed")
        renter.go("/orders/")
        expect(renter.page.get_by_text("正在确认您的付款")).to_be_visible()
        expect(renter.pay_button()).to_have_count(0)
        renter.look("orders-being-confirmed")
        renter.go(f"/orders/{number}/")
        standin.post("faults/clear")
        standin.post("notify-now", out_trade_no=f"{number}_1")
        expect(renter.page.locator(".pill")).to_contain_text("待入住", timeout=UNATTENDED_MS)

    def test_the_order_in_another_tab_offers_no_payment_either(self, visit, standin, unconfirmed):
        renter = visit(**PHONE, fast_clock=True)
        number = renter.start_with_order()
        unconfirmed(f"{number}_1")
        renter.press_pay()
        other = renter.new_tab(f"/orders/{number}/")
        expect(other.get_by_role("button", name="继续支付")).to_be_visible()
        renter.pay()
        expect(heading(renter.page, "正在确认")).to_be_visible()
        expect(heading(other, "正在确认您的付款")).to_be_visible(timeout=UNATTENDED_MS)
        expect(other.get_by_role("button", name="继续支付")).to_have_count(0)

    def test_the_check_button_settles_it(self, visit, standin, unconfirmed):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        unconfirmed(f"{number}_1")
        renter.page.route(POLLING_SCRIPTS, lambda route: route.abort("aborted"))  # only the button asks
        renter.press_pay()
        renter.pay()
        expect(heading(renter.page, "正在确认")).to_be_visible()
        standin.post("faults/clear", name="query.waiting")
        renter.page.wait_for_timeout(4_000)  # at most one query per 3 s
        renter.click("我已付款，帮我查一下")
        expect(renter.page.get_by_text("您的付款已到账。")).to_be_visible()
        assert renter.number() == number
        assert renter.status() == "待入住"

    @js_or_not
    def test_signed_out_it_shows_no_details_and_still_reloads(self, visit, standin, unconfirmed, js):
        renter = visit(**PHONE, fast_clock=True, java_script_enabled=js)
        number = renter.start_with_order()
        unconfirmed(f"{number}_1")
        renter.press_pay()
        renter.lose_session()
        renter.pay()
        expect(heading(renter.page, "正在确认")).to_be_visible()
        reveals_nothing(renter, number)
        renter.look("being-confirmed-signed-out")
        standin.post("faults/clear", name="query.waiting")
        expect(heading(renter.page, "支付成功")).to_be_visible(timeout=UNATTENDED_MS)
        reveals_nothing(renter, number)
        renter.look("paid-signed-out")


def reveals_nothing(visitor, number):
    """Assert that the page shows no number, sum or house: a return's address must reveal no order."""
    shown = visitor.page.locator("body").inner_text()
    for detail in (number, "518.00", "江景", "/orders/2"):
        assert detail not in shown
    assert number not in visitor.page.locator("main").inner_html()


class TestWithoutPaying:
    @phone_or_desktop
    def test_T3_after_giving_up_one_is_back_at_the_order_and_can_still_pay(self, visit, device):
        renter = visit(**device)
        number = renter.start_with_order()
        renter.press_pay()
        asked = []
        renter.page.on("request", lambda request: POLLS.search(request.url) and asked.append(request.url))
        renter.pay("abandon")
        renter.page.wait_for_url(f"{renter.site}/orders/**")
        assert renter.number() == number
        assert renter.status() == "待支付"
        expect(heading(renter.page, "还没有收到付款，房间仍为您保留")).to_be_visible()
        assert asked[0].endswith("/check/")  # of Alipay, before any other poll
        expect(renter.pay_button()).to_have_text("继续支付")
        expect(renter.page.get_by_text("支付成功")).to_have_count(0)
        renter.look("gave-up")
        renter.press_pay()
        renter.pay()
        expect(heading(renter.page, "支付成功")).to_be_visible()

    @js_or_not
    def test_after_a_refused_payment_the_same_attempt_can_be_paid(self, visit, standin, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay("refuse")
        expect(renter.page.get_by_role("alert")).to_contain_text("余额不足")
        renter.go(f"/orders/{number}/")
        assert renter.status() == "待支付"
        renter.press_pay()
        renter.pay()
        expect(heading(renter.page, "支付成功")).to_be_visible()
        assert list(standin.attempts(number)) == [f"{number}_1"]


class TestWithoutReturning:
    def test_the_open_order_page_shows_the_payment(self, visit):
        renter = visit(**PHONE, fast_clock=True)
        number = renter.start_with_order()
        waiting = renter.new_tab(f"/orders/{number}/")
        renter.press_pay()
        renter.pay("pay-drop")
        expect(renter.page.get_by_role("heading", name="付款成功")).to_be_visible()
        expect(waiting.locator(".pill")).to_contain_text("待入住", timeout=UNATTENDED_MS)
        expect(waiting.get_by_role("button", name="去支付")).to_have_count(0)

    def test_a_hidden_page_does_not_poll_and_polls_at_once_when_shown(self, visit):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        page = renter.page
        page.clock.install()
        renter.go(f"/orders/{number}/")
        page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))  # timers run only when told to
        page.evaluate(SET_HIDDEN, True)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.run_for(60_000)
        page.wait_for_timeout(300)
        assert asked == []
        with page.expect_request(f"{renter.site}/payments/{number}/status/"):
            page.evaluate(SET_HIDDEN, False)

    @pytest.mark.parametrize("opened", ["before", "after"])
    def test_NOT23_with_return_and_notify_lost_the_open_order_page_shows_the_payment(
        self, visit, standin, opened
    ):
        renter = visit(**PHONE, fast_clock=True)
        number = renter.start_with_order()
        standin.post("faults", name="notify.lost", out_trade_no=f"{number}_1")
        waiting = renter.new_tab(f"/orders/{number}/") if opened == "before" else None
        renter.press_pay()
        renter.pay("pay-drop")
        expect(renter.page.get_by_role("heading", name="付款成功")).to_be_visible()
        waiting = waiting or renter.new_tab(f"/orders/{number}/")
        # No sweep runs here: the page itself triggers the query.
        expect(waiting.locator(".pill")).to_contain_text("待入住", timeout=30_000)
        standin.post("faults/clear")

    @js_or_not
    def test_T2_while_alipay_is_silent_checking_comes_first(self, visit, standin, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        for name in ("notify.lost", "query.empty"):
            standin.post("faults", name=name, out_trade_no=f"{number}_1")
        renter.press_pay()
        renter.pay("pay-drop")
        renter.go(f"/orders/{number}/")
        expect(renter.page.get_by_role("heading", name="还没有收到付款结果")).to_be_visible()
        check = renter.page.get_by_role("button", name="我已付款，帮我查一下")
        expect(renter.page.locator(".action-bar .button")).to_have_count(1)
        expect(renter.page.locator(".action-bar .button")).to_have_text("我已付款，帮我查一下")
        renter.look("no-result-yet")
        renter.page.wait_for_timeout(4_000 if js else 0)  # its script has just checked; one query per 3 s
        check.click()
        expect(renter.page.get_by_text("支付宝暂时没有回应。")).to_be_visible()
        expect(renter.page.get_by_role("heading", name="还没有收到付款结果")).to_be_visible()
        standin.post("faults/clear")
        renter.page.wait_for_timeout(4_000)  # at most one query per 3 s
        if renter.status() == "待支付":  # else the page has checked by itself
            check.click()
        expect(renter.page.locator(".pill")).to_contain_text("待入住")

    def test_without_a_script_the_next_load_shows_it(self, visit):
        renter = visit(**PHONE, java_script_enabled=False)
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay("pay-drop")
        expect(renter.page.get_by_role("heading", name="付款成功")).to_be_visible()

        def look_again():
            renter.go(f"/orders/{number}/")
            return renter.status()

        renter.wait_for(look_again, "待入住")


class TestTwice:
    @js_or_not
    def test_CON02_a_double_click_makes_one_attempt(self, visit, standin, js):
        renter = visit(**DESKTOP, java_script_enabled=js)
        number = renter.start_with_order()
        renter.at_cashier(lambda: renter.pay_button().dblclick())
        renter.pay()
        expect(heading(renter.page, "支付成功")).to_be_visible()
        assert list(standin.attempts(number)) == [f"{number}_1"]

    def test_CON03_two_tabs_make_one_attempt(self, visit, standin):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        other = renter.new_tab(f"/orders/{number}/")
        posts = renter.posts_to(f"/payments/{number}/pay/")
        for page in (renter.page, other):
            page.get_by_role("button", name="去支付").click(no_wait_after=True)
        for page in (renter.page, other):
            page.wait_for_url("http://localhost:*/cashier/*")
        assert len(posts) == 2
        assert renter.page.url == other.url
        assert list(standin.attempts(number)) == [f"{number}_1"]

    @js_or_not
    def test_the_script_prevents_a_second_post(self, visit, site, js):
        renter = visit(**DESKTOP, java_script_enabled=js)
        number = renter.start_with_order()
        posts = renter.posts_to(f"/payments/{number}/pay/")
        renter.page.route(f"{site}/payments/{number}/pay/", lambda route: None)  # no answer arrives
        box = renter.pay_button().bounding_box()
        for _ in range(2):
            renter.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            renter.page.wait_for_timeout(1_000)  # the script disables the button for 10 s
        assert len(posts) == (1 if js else 2)

    @js_or_not
    def test_USR04_pay_in_a_stale_page_redirects_with_a_message(self, visit, standin, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        stale = renter.new_tab(f"/orders/{number}/")
        if js:
            stale.route("**/status/", lambda route: None)  # its polling gets no answer
            stale.route("**/check/", lambda route: None)
        renter.press_pay()
        renter.pay()
        expect(heading(renter.page, "支付成功")).to_be_visible()
        stale.get_by_role("button", name="去支付").click()
        expect(stale.get_by_text("这个订单已不能支付。")).to_be_visible()
        expect(stale.locator(".pill")).to_contain_text("待入住")
        assert list(standin.attempts(number)) == [f"{number}_1"]

    @js_or_not
    def test_the_back_button_after_paying_offers_no_second_payment(self, visit, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay()
        expect(heading(renter.page, "支付成功")).to_be_visible()
        renter.page.go_back()
        expect(renter.page.get_by_role("heading", name="付款成功")).to_be_visible()  # the cashier
        expect(renter.page.locator("button#pay")).to_have_count(0)
        renter.page.goto(f"/orders/{number}/")
        renter.go("/orders/")
        renter.page.go_back()
        assert renter.status() == "待入住"
        expect(renter.pay_button()).to_have_count(0)

    def test_another_account_gets_an_attempt_of_its_own(self, visit, standin):
        renter = visit(**DESKTOP)
        number = renter.start_with_order()
        expect(renter.page.get_by_role("button", name="换一个支付宝账号")).to_have_count(0)
        renter.press_pay()
        renter.pay("login")
        renter.go(f"/orders/{number}/")
        renter.look("with-other-account")
        renter.at_cashier(lambda: renter.click("换一个支付宝账号"))
        renter.page.get_by_label("买家2").check()
        renter.pay()
        expect(heading(renter.page, "支付成功")).to_be_visible()
        attempts = standin.attempts(number)
        assert {name: trade["status"] for name, trade in attempts.items()} == {
            f"{number}_1": "TRADE_CLOSED",
            f"{number}_2": "TRADE_SUCCESS",
        }
        assert attempts[f"{number}_2"]["buyer"] == "2"


class TestWithoutASession:
    def test_USR08_a_payment_counts_although_the_session_ended(self, visit):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        renter.press_pay()
        renter.lose_session()
        renter.pay()
        expect(heading(renter.page, "支付成功")).to_be_visible()
        reveals_nothing(renter, number)
        renter.page.locator("main").get_by_role("link", name="登录").click()
        renter.sign_in()
        assert renter.path() == "/orders/"
        expect(renter.page.get_by_role("article")).to_contain_text(number)
        assert renter.status() == "待入住"

    def test_RET05_another_user_sees_no_details(self, visit):
        renter, other = visit(**PHONE), visit(**PHONE)
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay()
        expect(heading(renter.page, "支付成功")).to_be_visible()
        other.start_with_order()
        other.go(renter.page.url)
        expect(heading(other.page, "支付成功")).to_be_visible()
        reveals_nothing(other, number)

    @js_or_not
    def test_pay_after_the_session_ended_redirects_through_sign_in_to_the_order(self, visit, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        renter.lose_session(keep="csrftoken")
        renter.click("去支付")
        assert renter.path() == "/accounts/login/"
        renter.sign_in()
        assert renter.number() == number
        renter.press_pay()


def test_a_night_more_is_paid_and_the_other_tab_follows(visit):
    renter = visit(**PHONE, fast_clock=True)
    number = renter.start_with_order()
    renter.press_pay()
    renter.pay()
    expect(heading(renter.page, "支付成功")).to_be_visible(timeout=UNATTENDED_MS)
    _night, check_out = renter.free_days(1)  # right after the two that were booked
    renter.go(f"/orders/{number}/")
    renter.click("修改日期或人数")
    renter.field("Check-out").fill(str(check_out))
    renter.click("查看新价格")
    expect(renter.page.locator("main")).to_contain_text("需补付")
    renter.look("change-after-payment")
    renter.click("去补付")
    renter.look("change-waits")
    other = renter.new_tab(f"/orders/{number}/")
    expect(heading(other, "补付差价后修改入住")).to_be_visible()
    renter.at_cashier(renter.page.get_by_role("button", name=re.compile("^去支付 ￥259.00")).click)
    renter.pay()
    expect(heading(renter.page, "支付成功")).to_be_visible(timeout=UNATTENDED_MS)
    expect(renter.page.locator("main")).to_contain_text("￥259.00")
    expect(other.get_by_text("已补付差价")).to_be_visible(timeout=UNATTENDED_MS)
    expect(other.locator(".stay .nights")).to_have_text("3晚")
