"""A day of the front desk, of finance and of the manager, on phone and desktop, each page inspected."""

import re

import pytest
from playwright.sync_api import expect

from houses.tests.pictures import encoded, photo_like
from tests.browser.inspecting import THOROUGH, Inspector
from tests.browser.visitor import ASKED, DESKTOP, PHONE, STAFF, new_mobile

pytestmark = pytest.mark.browser

FRONT_DESK, FINANCE, MANAGER = "13900000001", "13900000002", "13900000003"
LANGUAGES = ["zh-hans", "en"] if THOROUGH else ["zh-hans"]
"""In English only in `make browser`: the pages differ by words alone, and the run must stay short."""

in_each_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture
def colleague(visit, language):
    """Factory of inspectors: somebody of the staff, signed in on a phone, on the page 今天."""

    def signed_in(mobile):
        visitor = visit(**PHONE, language=language)
        found.append(Inspector(visitor))
        visitor.go("/accounts/login/?next=/admin/")
        visitor.sign_in(mobile)
        assert visitor.path() == "/admin/"
        return found[-1]

    found: list[Inspector] = []
    yield signed_in
    problems = [problem for inspector in found for problem in inspector.problems]
    print(*problems, sep="\n")
    assert problems == []


def find(visitor, text):
    """Type into the one search box, and open the first row."""
    box = visitor.page.get_by_role("searchbox")
    expect(box).to_have_count(1)
    box.fill(text)
    box.press("Enter")
    visitor.page.locator("#result_list tbody th a").first.click()
    visitor.page.wait_for_load_state()


def press(visitor, action, within="#content"):
    visitor.page.locator(f"{within} form:has([value={action}]) button").first.click()
    visitor.page.wait_for_load_state()


def submit(visitor, **typed):
    for field, text in typed.items():
        visitor.page.locator(f"#id_{field}").fill(text)
    visitor.page.locator(".submit-row input[type=submit]").first.click()
    visitor.page.wait_for_load_state()


def expect_done(visitor, text=""):
    expect(visitor.page.locator(".messagelist .success")).to_contain_text(text)


@in_each_language
def test_the_day_of_the_front_desk(visit, colleague, language):
    renter = visit(**PHONE)
    to_accept, to_decline = renter.start_with_order(ASKED), renter.start_with_order(ASKED)
    desk = colleague(FRONT_DESK)
    visitor, page = desk.visitor, desk.page
    desk.look_at("today")
    for number, action in ((to_accept, "accept_bookings"), (to_decline, "reject_bookings")):
        find(visitor, number)
        press(visitor, action)
        if action == "reject_bookings":
            page.locator("#id_usual_reason").select_option(index=1)
            desk.look_at("decline")
            submit(visitor)
        expect_done(visitor)
        assert re.search(r"/order/[0-9]+/change/$", visitor.path())  # where one was
    book_by_phone(desk)
    hold_a_night(desk)


def book_by_phone(desk):
    visitor, page = desk.visitor, desk.page
    visitor.go("/admin/orders/order/book/")
    first, last = visitor.free_days(2)
    mobile = new_mobile()
    page.locator("#id_home").select_option(index=1)
    submit(visitor, mobile=mobile, name="周小姐", check_in=str(first), check_out=str(last))
    desk.look_at("book-by-phone")
    expect(page.locator("[name=agreed_policy]").last).to_have_value(re.compile("[A-Z]+"))
    submit(visitor)
    expect_done(visitor)
    page.locator("#notes textarea").fill("晚到，留门。")
    page.locator(".note-form button").click()
    expect(page.locator("#notes")).to_contain_text("晚到，留门。")
    desk.look_at("order-booked-by-phone")
    visitor.go("/admin/")
    find(visitor, mobile[-4:])
    expect(page.locator(f"a[href='tel:{mobile}']").first).to_be_visible()


def hold_a_night(desk):
    visitor, page = desk.visitor, desk.page
    night, _next = visitor.free_days(1)
    visitor.go(f"/admin/calendar/?first={night}")
    page.locator("#nights select").first.select_option(index=1)
    page.locator("#nights [name=first]").fill(str(night))
    page.locator("#nights [name=note]").fill("修热水器")
    page.locator("#nights button[value=block]").click()
    expect_done(visitor)
    expect(page.locator(".calendar .bar-blocked", has_text="修热水器")).to_have_count(1)
    desk.look_at("calendar")


@pytest.fixture
def payment(visit, running):
    """A paid order, dearer than staff may refund alone. Returns its attempt's number."""
    renter = visit(**PHONE)
    number = renter.start_with_order(nights=5)
    renter.press_pay()
    renter.pay()
    renter.page.wait_for_url("**/paycomplete/**")
    return f"{number}_1"


@in_each_language
def test_the_day_of_finance(colleague, payment, standin, running):
    finance = colleague(FINANCE)
    visitor, page = finance.visitor, finance.page
    order = payment.removesuffix("_1")
    find(visitor, order)
    press(visitor, "give_back")
    expect(page.locator("#id_amount")).not_to_have_value("")  # what the policy gives
    finance.look_at("refund")
    page.locator("#id_why").select_option("PRICE")
    submit(visitor, amount="100")
    expect_done(visitor, "100.00")
    refused(finance, order, payment, standin, running)
    second_person(finance, colleague, order)
    if THOROUGH:
        visitor.go(f"/admin/payments/payment/?q={payment}")
        page.locator("#result_list tbody th a").first.click()
        expect(page.locator(".rows")).to_have_count(2)  # its refunds and messages
        finance.look_at("payment")
    visitor.go("/admin/payments/billline/")
    finance.look_at("discrepancies")
    visitor.go("/admin/month/")
    finance.look_at("month")
    link = page.locator("a[href*='month/lines.xlsx']").first.get_attribute("href")
    assert page.request.get(f"{visitor.site}/admin/month/{link.split('month/')[1]}").body().startswith(b"PK")


def refused(finance, order, payment, standin, running):
    """Alipay refuses the second refund; the order says why in words, and it is tried again from there."""
    visitor, page = finance.visitor, finance.page
    running.sweep()
    standin.post("faults", name="refund.no_balance", out_trade_no=payment)
    find(visitor, order)
    press(visitor, "give_back")
    page.locator("#id_why").select_option("GOODWILL")
    submit(visitor, amount="50.00")
    running.sweep()
    visitor.go("/admin/")
    expect(page.locator("#refunds")).to_contain_text("￥50.00")
    find(visitor, order)
    expect(page.locator(".refund")).to_contain_text(["￥100.00", "ACQ.SELLER_BALANCE_NOT_ENOUGH"])
    finance.look_at("order-with-refusal")
    standin.post("faults/clear")
    press(visitor, "try_again")
    expect_done(visitor)
    running.sweep()


def second_person(finance, colleague, order):
    """Above the limit the refund waits; the one who asked has no button for it, somebody else has."""
    visitor, page = finance.visitor, finance.page
    find(visitor, order)
    press(visitor, "give_back")
    page.locator("#id_why").select_option("HOME")
    submit(visitor, amount="1050")
    find(visitor, order)
    expect(page.locator(".sums .wait")).to_contain_text("￥1,050.00")
    press(visitor, "approve")
    submit(visitor)
    expect(page.locator(".messagelist .error")).to_be_visible()  # not by who asked for it
    other = colleague(STAFF)
    press(other.visitor, "approve", within="#refunds")
    other.look_at("approve")
    submit(other.visitor)
    expect_done(other.visitor)


@in_each_language
def test_the_day_of_the_manager(colleague, tmp_path):
    manager = colleague(MANAGER)
    visitor, page = manager.visitor, manager.page
    visitor.go("/admin/numbers/")
    manager.look_at("numbers")
    visitor.go("/admin/accounts/user/add/")
    page.locator("input[name=groups]").first.check()
    submit(visitor, mobile=new_mobile(), name="新同事")
    page.locator("#content form button, #content form input[type=submit]").first.click()
    expect(page.locator("#content")).to_contain_text("/accounts/invitation/?key=")
    manager.look_at("link-for-new-staff")
    new_home(manager, tmp_path)
    visitor.go("/admin/log/")
    manager.look_at("who-did-what")
    visitor.go("/admin/told/")
    manager.look_at("told")


def new_home(manager, folder):
    """A home with two photos at once, which then change places."""
    visitor, page = manager.visitor, manager.page
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(encoded(photo_like(900, 600, 3)))
    visitor.go("/admin/houses/house/add/")
    page.locator("#id_area").select_option(index=1)
    page.locator("#id_photos-chosen").set_input_files([folder / "a.jpg", folder / "b.jpg"])
    expect(page.locator("#photos-preview li")).to_have_count(2)
    page.locator("#id_title").fill("河边的老仓库")
    page.locator("#id_address").fill("沿河路 3 号")
    submit(visitor, price_fen="420", capacity="3")
    expect_done(visitor, "河边的老仓库")
    find(visitor, "河边的老仓库")
    before = page.locator("#photos-group li img").evaluate_all("images => images.map(one => one.src)")
    if THOROUGH:
        manager.look_at("home")  # before its photos move, which is no jump
    page.locator("button[value='down 0']").click()
    page.wait_for_load_state()
    page.locator(".submit-row [name=_continue]").click()
    expect_done(visitor)
    after = page.locator("#photos-group li img").evaluate_all("images => images.map(one => one.src)")
    assert (len(before), after) == (2, before[::-1])


def test_the_order_of_the_day_is_on_one_screen_of_a_desktop(visit):
    """Nothing of Today's numbers lies below the fold."""
    visitor = visit(**DESKTOP)
    visitor.go("/accounts/login/?next=/admin/")
    visitor.sign_in(FRONT_DESK)
    bottom = visitor.page.locator(".counts").bounding_box()
    assert bottom["y"] + bottom["height"] < DESKTOP["viewport"]["height"]
