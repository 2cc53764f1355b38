"""今天: each number is the number of rows behind its link; the buttons return to the page."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import roles
from desk import today
from orders import reviewing, transitions
from orders.models import Order, StayChange
from payments.books import refunds
from payments.models import ComparedBill, Payment, Refund
from tests import make
from tests.alipay import Gateway

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

STATUS = Order.Status
QUERIES = 53


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(make.staff(roles.MANAGER))
    return client


def counts(client: Client) -> dict[str, int]:
    return {listed.kind.name: listed.count for listed in client.get("/admin/").context["lists"]}


def make_a_busy_day() -> None:
    day = timezone.localdate()
    tomorrow = day + timedelta(days=1)
    for status, check_in, nights in [
        (STATUS.WAIT_ACCEPT, day + timedelta(days=9), 2),
        (STATUS.WAIT_COMMENT, day, 2),
        (STATUS.WAIT_PAYMENT, day, 1),
        (STATUS.CANCELED, day, 1),
        (STATUS.COMPLETE, day - timedelta(days=2), 2),
        (STATUS.WAIT_COMMENT, day - timedelta(days=2), 4),
        (STATUS.CANCELED, day - timedelta(days=2), 4),
        (STATUS.WAIT_COMMENT, tomorrow, 1),
    ]:
        make.order(status=status, check_in=check_in, check_out=check_in + timedelta(days=nights))
    make_a_waiting_change()
    payment = make.attempt(
        make.order(status=STATUS.COMPLETE), status="PAID", live_for=None, received_fen=30000
    )
    refund = refunds.create(payment, 10000, reason=Refund.Reason.STAFF)
    Refund.objects.filter(pk=refund.pk).update(
        status="REFUSED", refusal="40004 ACQ.SELLER_BALANCE_NOT_ENOUGH"
    )


def make_a_waiting_change() -> None:
    order = make.order(status=STATUS.WAIT_COMMENT)
    StayChange.objects.create(
        order=order,
        waiting_for=order,
        check_in=order.check_in,
        check_out=order.check_out + timedelta(days=1),
        guests=order.guests,
        old_amount_fen=order.amount_fen,
        amount_fen=order.amount_fen + 15000,
        pay_by=timezone.now() + timedelta(hours=2),
        asked_by=order.renter,
    )


def test_each_number_is_that_of_the_rows_behind_its_link(desk: Client, gateway: Gateway) -> None:
    make_a_busy_day()
    page = desk.get("/admin/")
    for listed in page.context["lists"]:
        found = desk.get(listed.url).context["cl"].queryset
        assert {row.pk for row in found} >= {row.pk for row in listed.rows}
        assert found.count() == listed.count, listed.kind.name
    assert counts(desk) == {
        **{"accept": 1, "arriving": 2, "tomorrow": 1, "leaving": 1, "in_house": 2, "unpaid": 1},
        **{"refunds": 1, "changes": 1},
    }


def test_an_empty_day_says_so(desk: Client) -> None:
    page = desk.get("/admin/")
    assert page.context["is_all_done"]
    assert "没有需要处理的事" in page.content.decode()
    assert set(counts(desk).values()) == {0}


def test_a_big_number_is_cut(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(today, "COUNTED", 1)
    for _ in range(3):
        make.order(status=STATUS.WAIT_ACCEPT)
    (accept,) = (one for one in desk.get("/admin/").context["lists"] if one.kind.name == "accept")
    assert accept.counted == "1+"


def test_a_booking_is_accepted_where_one_is(desk: Client) -> None:
    order = make.order(status=STATUS.WAIT_ACCEPT, pay_by=None)
    sent = {"action": "accept_bookings", "_selected_action": order.pk, "next": "/admin/"}
    answer = desk.post("/admin/orders/order/", sent, follow=True)
    assert answer.redirect_chain == [("/admin/", 302)]
    order.refresh_from_db()
    assert order.status == STATUS.WAIT_PAYMENT
    assert "已处理 1 个订单" in answer.content.decode()


def test_a_stay_that_its_renter_has_just_changed_is_not_accepted_unseen(desk: Client) -> None:
    order = make.order(status=STATUS.WAIT_ACCEPT, pay_by=None)
    [seen] = re.findall(r'name="seen_stay" value="(.*?)"', desk.get("/admin/").content.decode())[:1]
    order.guests += 1
    order.save()
    sent = {"action": "accept_bookings", "_selected_action": order.pk, "next": "/admin/", "seen_stay": seen}
    answer = desk.post("/admin/orders/order/", sent, follow=True)
    assert "租客刚刚修改了入住" in answer.content.decode()
    order.refresh_from_db()
    assert order.status == STATUS.WAIT_ACCEPT
    desk.post("/admin/orders/order/", {**sent, "seen_stay": order.stay_stamp})
    order.refresh_from_db()
    assert order.status == STATUS.WAIT_PAYMENT


def test_a_button_leads_to_no_other_site(desk: Client) -> None:
    order = make.order(status=STATUS.WAIT_ACCEPT, pay_by=None)
    sent = {"action": "accept_bookings", "_selected_action": order.pk, "next": "//elsewhere.example/"}
    assert desk.post("/admin/orders/order/", sent)["Location"] == "/admin/orders/order/"


def test_declining_asks_for_a_reason_and_comes_back(desk: Client) -> None:
    order = make.order(status=STATUS.WAIT_ACCEPT)
    sent: dict[str, Any] = {"action": "reject_bookings", "_selected_action": order.pk, "next": "/admin/"}
    form = desk.post("/admin/orders/order/", sent)
    assert '<input type="hidden" name="next" value="/admin/">' in form.content.decode()
    assert desk.post("/admin/orders/order/", {**sent, "reason": "Repairs"})["Location"] == "/admin/"


@pytest.mark.parametrize("role", [roles.FRONT_DESK, roles.FINANCE])
def test_lists_are_those_that_the_role_may_see(role: str, gateway: Gateway) -> None:
    make_a_busy_day()
    client = Client()
    client.force_login(make.staff(role))
    assert ("refunds" in counts(client)) and ("accept" in counts(client))
    page = client.get("/admin/").content.decode()
    assert ("accept_bookings" in page) == (role == roles.FRONT_DESK)
    assert ("try_again" in page) == (role == roles.FINANCE)


def test_more_rows_cost_no_more_queries(
    desk: Client, django_assert_num_queries: DjangoAssertNumQueries, gateway: Gateway
) -> None:
    make_a_busy_day()
    desk.get("/admin/")
    with django_assert_num_queries(QUERIES):
        desk.get("/admin/")
    make_a_busy_day()
    with django_assert_num_queries(QUERIES):
        desk.get("/admin/")


def test_a_bill_is_reconciled_once_it_was_compared(desk: Client) -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    cash = make.attempt(channel=Payment.Channel.CASH, created_at=timezone.now() - timedelta(days=3))
    assert desk.get("/admin/").context["bill_state"] == ""
    Payment.objects.filter(pk=cash.pk).update(channel=Payment.Channel.ALIPAY)
    assert desk.get("/admin/").context["bill_state"] == "昨天的账单还没有到。"
    ComparedBill.objects.create(day=yesterday)
    assert desk.get("/admin/").context["bill_state"] == "昨天的账单已核对。"


def test_who_may_see_nothing_is_told() -> None:
    client = Client()
    client.force_login(make.user(is_staff=True))
    assert "没有查看或编辑任何内容的权限" in client.get("/admin/").content.decode()


def test_who_arrives_is_named_with_the_time(desk: Client) -> None:
    day = timezone.localdate()
    make.order(status=STATUS.WAIT_COMMENT, check_in=day, guest_names="林晓、王芳", arrival_time="18:00")
    page = desk.get("/admin/").content.decode()
    assert "18:00 – 19:00" in page
    assert "林晓、王芳" in page


def test_a_review_that_was_edited_while_hidden_waits_until_staff_decide(desk: Client) -> None:
    order = make.ended()
    review = transitions.review(order, by=order.renter, rating=1, text="Names a neighbour")
    boss = make.user()
    reviewing.hide(review.pk, by=boss, reason="Names a neighbour")
    assert "reviews" not in counts(desk)
    review.refresh_from_db()
    seen = reviewing.version_of(review)
    reviewing.edit(review.pk, seen=seen, rating=2, text="Loud at night")
    assert counts(desk)["reviews"] == 1
    assert "Loud at night" in desk.get("/admin/").content.decode()
    [listed] = [one for one in desk.get("/admin/").context["lists"] if one.kind.name == "reviews"]
    assert [row.pk for row in desk.get(listed.url).context["cl"].queryset] == [review.pk]
    reviewing.hide(review.pk, by=boss, reason="Still no stay of theirs")  # it stays hidden
    assert "reviews" not in counts(desk)
    with pytest.raises(reviewing.CannotReview):
        reviewing.hide(review.pk, by=boss, reason="Again")
