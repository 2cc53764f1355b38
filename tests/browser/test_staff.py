"""Staff accept and decline bookings in the admin; the renter sees the result."""

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import ASKED, DESKTOP, PASSWORD, PHONE, STAFF

pytestmark = pytest.mark.browser

REASON = "这几天院子里修水管，怕打扰您休息。"


@pytest.fixture
def renter(visit):
    renter = visit(**PHONE)
    renter.start_with_order(ASKED)
    assert renter.status() == "待确认"
    expect(renter.pay_button()).to_have_count(0)
    return renter


@pytest.fixture
def staff(visit):
    return signed_in(visit(**DESKTOP))


def signed_in(staff):
    staff.go("/admin/")
    staff.page.locator("#id_username").fill(STAFF)
    staff.page.locator("#id_password").fill(PASSWORD)
    staff.page.get_by_role("button", name="登录").click()
    staff.look("admin")
    return staff


def act(staff, number, action):
    staff.go("/admin/")
    staff.page.get_by_role("searchbox", name="查找订单").fill(number)
    staff.page.keyboard.press("Enter")
    staff.page.locator("#result_list input.action-select").check()
    staff.page.locator("select[name=action]").select_option(label=action)
    staff.look("orders")
    staff.page.get_by_role("button", name="执行").click()


def test_an_accepted_booking_can_be_paid(visit, renter, staff):
    number = renter.number()
    renter.look("to-accept")
    act(staff, number, "接单")
    expect(staff.page.locator(".messagelist .success")).to_have_text("已处理 1 个订单。")
    staff.look("accepted")
    renter.go(f"/orders/{number}/")
    assert renter.status() == "待支付"
    expect(renter.page.locator(".timeline li").first).to_contain_text("我们")
    renter.press_pay()
    renter.pay()
    expect(renter.page.get_by_role("heading", name="支付成功", exact=True)).to_be_visible()
    act(staff, number, "接单")
    expect(staff.page.locator(".messagelist .error")).to_contain_text(number)
    staff.page.locator("#result_list tbody th a").click()
    expect(staff.page.locator("#content")).to_contain_text(f"{number}_1")
    expect(staff.page.get_by_role("button", name="接单")).to_have_count(0)
    staff.look("order")


def test_a_declined_booking_shows_the_reason(visit, renter, staff):
    number = renter.number()
    act(staff, number, "拒单…")
    expect(staff.page.locator("#content")).to_contain_text(number)
    staff.look("reject")
    staff.page.get_by_label("或者自己写（租客会看到）").fill("  ")
    staff.page.get_by_role("button", name="拒单").click()
    expect(staff.page.locator(".errorlist")).to_be_visible()
    renter.go(f"/orders/{number}/")
    assert renter.status() == "待确认"
    staff.page.get_by_label("或者自己写（租客会看到）").fill(REASON)
    staff.page.get_by_role("button", name="拒单").click()
    expect(staff.page.locator(".messagelist .success")).to_have_text("已处理 1 个订单。")
    renter.go(f"/orders/{number}/")
    assert renter.status() == "预订未成功"
    expect(renter.page.locator(".next")).to_contain_text(REASON)
    renter.look("rejected")
    renter.go("/orders/")
    expect(renter.page.get_by_role("article")).to_contain_text(REASON)
    expect(renter.pay_button()).to_have_count(0)


OUTSIDE = """() => {
  const right = (element) => element.getBoundingClientRect().right;
  const fields = [...document.querySelectorAll("fieldset input[type=text]")];
  return fields.filter((field) => right(field) > right(field.closest("fieldset"))).map((field) => field.id);
}"""


def test_fields_of_forms_keep_within_their_card_on_a_phone(visit):
    staff = signed_in(visit(**PHONE))
    for page in ("/admin/accounts/user/add/", "/admin/houses/house/add/"):
        staff.go(page)
        assert staff.page.evaluate(OUTSIDE) == []


def test_a_renter_is_not_let_into_the_admin(visit):
    renter = visit(**DESKTOP)
    renter.start_with_order()
    renter.go("/admin/orders/order/")
    assert renter.path() == "/admin/login/"


def test_an_orders_page_has_no_broken_link(staff):
    staff.watch.expected_statuses = {404}
    staff.go("/admin/orders/order/")
    staff.page.locator("#result_list tbody th a").first.click()
    staff.page.wait_for_load_state()
    view_on_site = staff.page.get_by_role("link", name="在站点上查看")
    if view_on_site.count():
        assert staff.go(view_on_site.get_attribute("href")).status == 200
