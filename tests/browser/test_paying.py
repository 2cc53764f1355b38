"""Paying when things go otherwise: slow news, no return, no money, two presses, no session."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import DESKTOP, PATIENCE, PHONE

pytestmark = pytest.mark.browser

js_or_not = pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
phone_or_desktop = pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])

# A page that waits looks again every 5 s.
BY_ITSELF_MS = 40_000


# As when the wallet lies over the page, or no longer does.
SIGHT = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def says(page, words):
    return page.get_by_role("heading", name=words, exact=True)


def keep_quiet(standin, attempt):
    """Alipay says "waiting" when asked about a paid attempt, and its notices get lost. The faults' names."""
    faults = ("query.waiting", "notify.lost")
    for name in faults:
        standin.post("faults", name=name, out_trade_no=attempt)
    return faults


@pytest.fixture
def quiet_alipay(standin):
    yield lambda attempt: keep_quiet(standin, attempt)
    standin.post("faults/clear")


def comes_back_unconfirmed(renter, quiet_alipay):
    """Book, pay, and be told 正在确认. The order's number."""
    number = renter.start_with_order()
    quiet_alipay(f"{number}_1")
    renter.press_pay()
    renter.pay()
    expect(says(renter.page, "正在确认")).to_be_visible()
    return number


class TestWhileItIsConfirmed:
    def test_the_page_turns_by_itself_when_the_notice_comes(self, visit, standin, quiet_alipay):
        renter = visit(**PHONE)
        number = comes_back_unconfirmed(renter, quiet_alipay)
        expect(renter.page.get_by_text("您无需重复付款")).to_be_visible()
        renter.look("being-confirmed")
        standin.post("faults/clear")
        standin.post("notify-now", out_trade_no=f"{number}_1")
        expect(says(renter.page, "支付成功")).to_be_visible(timeout=BY_ITSELF_MS)
        expect(renter.page.locator("main")).to_contain_text("￥518.00")

    @pytest.mark.parametrize(
        "js",
        [
            pytest.param(True, id="js"),
            pytest.param(False, id="no-js"),
        ],
    )
    def test_the_page_turns_by_itself_when_alipay_knows_when_asked(self, visit, standin, quiet_alipay, js):
        renter = visit(**PHONE, java_script_enabled=js)
        comes_back_unconfirmed(renter, quiet_alipay)
        standin.post("faults/clear", name="query.waiting")
        expect(says(renter.page, "支付成功")).to_be_visible(timeout=BY_ITSELF_MS)

    @js_or_not
    def test_the_order_itself_asks_for_no_money_and_turns(self, visit, standin, quiet_alipay, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = comes_back_unconfirmed(renter, quiet_alipay)
        renter.click("查看订单")
        expect(says(renter.page, "正在确认您的付款")).to_be_visible()
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
        expect(renter.page.locator(".pill")).to_have_text("待评价", timeout=BY_ITSELF_MS)

    def test_the_same_order_in_another_tab_asks_for_no_money_either(self, visit, standin, quiet_alipay):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        quiet_alipay(f"{number}_1")
        renter.press_pay()
        other = renter.new_tab(f"/orders/{number}/")
        expect(other.get_by_role("button", name="继续支付")).to_be_visible()
        renter.pay()
        expect(says(renter.page, "正在确认")).to_be_visible()
        expect(says(other, "正在确认您的付款")).to_be_visible(timeout=BY_ITSELF_MS)
        expect(other.get_by_role("button", name="继续支付")).to_have_count(0)

    def test_asking_by_hand_settles_it(self, visit, standin, quiet_alipay):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        quiet_alipay(f"{number}_1")
        renter.page.route(PATIENCE, lambda route: route.abort("aborted"))  # nothing asks but the hand
        renter.press_pay()
        renter.pay()
        expect(says(renter.page, "正在确认")).to_be_visible()
        standin.post("faults/clear", name="query.waiting")
        renter.page.wait_for_timeout(4_000)  # Alipay is asked every 3 s at most
        renter.click("我已付款，帮我查一下")
        expect(renter.page.get_by_text("您的付款已到账。")).to_be_visible()
        assert renter.number() == number
        assert renter.status() == "待评价"

    @js_or_not
    def test_signed_out_it_shows_no_details_and_still_turns(self, visit, standin, quiet_alipay, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        quiet_alipay(f"{number}_1")
        renter.press_pay()
        renter.lose_session()
        renter.pay()
        expect(says(renter.page, "正在确认")).to_be_visible()
        tells_nothing(renter, number)
        renter.look("being-confirmed-signed-out")
        standin.post("faults/clear", name="query.waiting")
        expect(says(renter.page, "支付成功")).to_be_visible(timeout=BY_ITSELF_MS)
        tells_nothing(renter, number)
        renter.look("paid-signed-out")


def tells_nothing(visitor, number):
    """No number, no sum, no house: whoever holds the address of a return learns nothing of the order."""
    shown = visitor.page.locator("body").inner_text()
    for detail in (number, "518.00", "江景", "/orders/2"):
        assert detail not in shown
    assert number not in visitor.page.locator("main").inner_html()


class TestWithoutPaying:
    @phone_or_desktop
    def test_who_gives_up_can_still_pay(self, visit, device):
        renter = visit(**device)
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay("abandon")
        renter.page.wait_for_url(f"{renter.site}/**")
        if device is PHONE:  # page.pay has no quit_url: desktops get the front page
            assert renter.number() == number
        renter.go(f"/orders/{number}/")
        assert renter.status() == "待支付"
        expect(renter.page.get_by_role("heading", name="未支付")).to_be_visible()
        expect(renter.pay_button()).to_have_text("继续支付")
        expect(renter.page.get_by_text("支付成功")).to_have_count(0)
        renter.look("gave-up")
        renter.press_pay()
        renter.pay()
        expect(says(renter.page, "支付成功")).to_be_visible()

    @js_or_not
    def test_who_is_refused_can_pay_with_the_same_attempt(self, visit, standin, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay("refuse")
        expect(renter.page.get_by_role("alert")).to_contain_text("余额不足")
        renter.go(f"/orders/{number}/")
        assert renter.status() == "待支付"
        renter.press_pay()
        renter.pay()
        expect(says(renter.page, "支付成功")).to_be_visible()
        assert list(standin.attempts(number)) == [f"{number}_1"]


class TestWithoutReturning:
    def test_the_open_order_page_learns_of_the_payment(self, visit):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        waiting = renter.new_tab(f"/orders/{number}/")
        renter.press_pay()
        renter.pay("pay-drop")
        expect(renter.page.get_by_role("heading", name="付款成功")).to_be_visible()
        expect(waiting.locator(".pill")).to_have_text("待评价", timeout=BY_ITSELF_MS)
        expect(waiting.get_by_role("button", name="去支付")).to_have_count(0)

    def test_a_page_out_of_sight_does_not_ask_and_back_in_sight_asks_at_once(self, visit):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        page = renter.page
        page.clock.install()
        renter.go(f"/orders/{number}/")
        page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))  # no timer runs by itself
        page.evaluate(SIGHT, True)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.run_for(60_000)
        page.wait_for_timeout(300)
        assert asked == []
        with page.expect_request(f"{renter.site}/payments/{number}/status/"):
            page.evaluate(SIGHT, False)

    @pytest.mark.parametrize("opened", ["before", "after"])
    def test_NOT23_return_and_notify_lost_the_open_order_page_still_learns_of_it(
        self, visit, standin, opened
    ):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        standin.post("faults", name="notify.lost", out_trade_no=f"{number}_1")
        waiting = renter.new_tab(f"/orders/{number}/") if opened == "before" else None
        renter.press_pay()
        renter.pay("pay-drop")
        expect(renter.page.get_by_role("heading", name="付款成功")).to_be_visible()
        waiting = waiting or renter.new_tab(f"/orders/{number}/")
        # No sweep runs here: the page itself has Alipay asked.
        expect(waiting.locator(".pill")).to_have_text("待评价", timeout=30_000)
        standin.post("faults/clear")

    def test_without_a_script_the_next_look_shows_it(self, visit):
        renter = visit(**PHONE, java_script_enabled=False)
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay("pay-drop")
        expect(renter.page.get_by_role("heading", name="付款成功")).to_be_visible()

        def look_again():
            renter.go(f"/orders/{number}/")
            return renter.status()

        renter.wait_for(look_again, "待评价")


class TestTwice:
    @js_or_not
    def test_CON02_a_double_click_makes_one_attempt(self, visit, standin, js):
        renter = visit(**DESKTOP, java_script_enabled=js)
        number = renter.start_with_order()
        renter.at_cashier(lambda: renter.pay_button().dblclick())
        renter.pay()
        expect(says(renter.page, "支付成功")).to_be_visible()
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
    def test_the_script_spares_a_second_press(self, visit, site, js):
        renter = visit(**DESKTOP, java_script_enabled=js)
        number = renter.start_with_order()
        posts = renter.posts_to(f"/payments/{number}/pay/")
        renter.page.route(f"{site}/payments/{number}/pay/", lambda route: None)  # the answer takes its time
        box = renter.pay_button().bounding_box()
        for _ in range(2):
            renter.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            renter.page.wait_for_timeout(1_000)  # the script takes the button away at once, for 10 s
        assert len(posts) == (1 if js else 2)

    @js_or_not
    def test_USR04_pay_in_a_page_from_before_leads_back_with_words(self, visit, standin, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        stale = renter.new_tab(f"/orders/{number}/")
        if js:
            stale.route("**/status/", lambda route: None)  # nothing tells it
            stale.route("**/check/", lambda route: None)
        renter.press_pay()
        renter.pay()
        expect(says(renter.page, "支付成功")).to_be_visible()
        stale.get_by_role("button", name="去支付").click()
        expect(stale.get_by_text("这个订单已不能支付。")).to_be_visible()
        expect(stale.locator(".pill")).to_have_text("待评价")
        assert list(standin.attempts(number)) == [f"{number}_1"]

    @js_or_not
    def test_the_back_button_after_paying_offers_no_second_payment(self, visit, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay()
        expect(says(renter.page, "支付成功")).to_be_visible()
        renter.page.go_back()
        expect(renter.page.get_by_role("heading", name="付款成功")).to_be_visible()  # the cashier
        expect(renter.page.locator("button#pay")).to_have_count(0)
        renter.page.goto(f"/orders/{number}/")
        renter.go("/orders/")
        renter.page.go_back()
        assert renter.status() == "待评价"
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
        expect(says(renter.page, "支付成功")).to_be_visible()
        attempts = standin.attempts(number)
        assert {name: trade["status"] for name, trade in attempts.items()} == {
            f"{number}_1": "TRADE_CLOSED",
            f"{number}_2": "TRADE_SUCCESS",
        }
        assert attempts[f"{number}_2"]["buyer"] == "2"


class TestWithoutASession:
    def test_USR08_who_was_signed_out_meanwhile_has_paid(self, visit):
        renter = visit(**PHONE)
        number = renter.start_with_order()
        renter.press_pay()
        renter.lose_session()
        renter.pay()
        expect(says(renter.page, "支付成功")).to_be_visible()
        tells_nothing(renter, number)
        renter.page.locator("main").get_by_role("link", name="登录").click()
        renter.sign_in()
        assert renter.path() == "/orders/"
        expect(renter.page.get_by_role("article")).to_contain_text(number)
        assert renter.status() == "待评价"

    def test_RET05_who_is_signed_in_as_somebody_else_sees_no_details(self, visit):
        renter, other = visit(**PHONE), visit(**PHONE)
        number = renter.start_with_order()
        renter.press_pay()
        renter.pay()
        expect(says(renter.page, "支付成功")).to_be_visible()
        other.start_with_order()
        other.go(renter.page.url)
        expect(says(other.page, "支付成功")).to_be_visible()
        tells_nothing(other, number)

    @js_or_not
    def test_pay_after_the_session_ended_leads_through_sign_in_to_the_order(self, visit, js):
        renter = visit(**PHONE, java_script_enabled=js)
        number = renter.start_with_order()
        renter.lose_session(keep="csrftoken")
        renter.click("去支付")
        assert renter.path() == "/accounts/login/"
        renter.sign_in()
        assert renter.number() == number
        renter.press_pay()
