"""Staff refund, give a refund up and cancel an order in the admin; the renter sees it."""

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import DESKTOP, PASSWORD, PHONE, STAFF

pytestmark = pytest.mark.browser

COLD = "暖气坏了两天，退您一部分房费。"
LEAK = "屋顶漏水，没法住人，非常抱歉。"


@pytest.fixture
def renter(visit):
    renter = visit(**PHONE)
    renter.start_with_order()
    renter.press_pay()
    renter.pay()
    renter.page.wait_for_url("**/paycomplete/**")
    return renter


@pytest.fixture
def staff(visit):
    staff = visit(**DESKTOP)
    staff.go("/admin/")
    staff.page.locator("#id_username").fill(STAFF)
    staff.page.locator("#id_password").fill(PASSWORD)
    staff.page.get_by_role("button", name="登录").click()
    return staff


def open_row(staff, model, query):
    """Open the page of the newest row that the search finds."""
    staff.go(f"/admin/{model}/?q={query}")
    staff.page.locator("#result_list tbody th a").first.click()


def press(staff, action):
    staff.page.locator(f"#content form:has([value={action}]) button").click()


def submit(staff, name, **fields):
    for field, text in fields.items():
        staff.page.locator(f"#id_{field}").fill(text)
    staff.look(name)
    staff.page.locator(".submit-row input[type=submit]").click()


def newest_number(renter):
    renter.go("/orders/")
    renter.page.get_by_role("article").first.get_by_role("link").first.click()
    return renter.number()


def test_staff_refund_give_up_and_cancel(visit, renter, staff):
    number = newest_number(renter)
    open_row(staff, "payments/payment", number)
    staff.look("payment")
    press(staff, "give_back")
    expect(staff.page.locator("#id_amount")).not_to_have_value("")
    submit(staff, "give-back-wrong", amount="1e2", words=COLD)
    expect(staff.page.locator(".errorlist")).to_be_visible()
    submit(staff, "give-back", amount="100.00", words=COLD)
    expect(staff.page.locator(".messagelist .success")).to_contain_text("100.00")
    staff.look("given-back")
    renter.go(f"/orders/{number}/")
    expect(renter.page.locator(".timeline li").first).to_contain_text(COLD)
    renter.look("refund-on-its-way")

    open_row(staff, "payments/refund", number)
    staff.look("refund")
    press(staff, "give_up")
    submit(staff, "give-up", words="已当面退还现金。")
    expect(staff.page.locator(".messagelist .success")).to_be_visible()
    staff.look("refunds")
    renter.go(f"/orders/{number}/")
    expect(renter.page.locator(".timeline li").first).to_contain_text("现金")

    open_row(staff, "orders/order", number)
    staff.look("order")
    press(staff, "cancel_order")
    submit(staff, "cancel", reason=LEAK)
    expect(staff.page.locator(".messagelist .success")).to_contain_text(number)
    renter.go(f"/orders/{number}/")
    assert renter.status() == "已取消"
    expect(renter.page.locator(".timeline")).to_contain_text(LEAK)
    renter.look("cancelled-by-staff")
