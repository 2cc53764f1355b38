"""The admin: what staff see, may do and can't do."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.db.models.deletion import ProtectedError
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from houses import availability
from houses.models import Area, BookedNight, House
from orders.models import Order, OrderEvent, Review
from payments.alipay.messages import Reason, Rejected
from payments.books import message_log
from payments.books.refunds import create
from payments.models import GatewayMessage, Payment, Refund
from payments.staff.masking import masked
from tests import alipay, make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db

Status = Order.Status
UNTOUCHABLE = [Order, OrderEvent, Payment, Refund, GatewayMessage, Review]


@pytest.fixture
def boss(client: Client) -> User:
    """A superuser."""
    person = make.user(is_staff=True, is_superuser=True)
    client.force_login(person)
    return person


def clerk(client: Client, *permissions: str) -> User:
    person = make.user(is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        person.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client.force_login(person)
    return person


@pytest.fixture
def refund() -> Refund:
    """A refund of a surplus payment; its order has one row of every related model."""
    house = make.house(title="Lighthouse")
    order = make.order(house=house, status=Status.WAIT_COMMENT, trade_no="2026TRADE")
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    order.events.create(kind="PAID", amount_fen=30000)
    Review.objects.create(order=order, house=order.house, renter=order.renter, rating=5, text="Fine")
    payment = make.attempt(order, status="SURPLUS", live_for=None, received_fen=30000, trade_no="2026TRADE")
    message_log.judge(
        message_log.record_signed("NOTIFY", alipay.notify_body(payment), {}), "KNOWN", payment=payment
    )
    return create(payment, 30000, reason=Refund.Reason.SURPLUS)


def page(model: type[Model], what: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=arguments)


def act(client: Client, model: type[Model], action: str, *rows: Model, **fields: str):
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(page(model, "changelist"), {**chosen, **fields}, follow=True)


def everything() -> list[object]:
    models = (*UNTOUCHABLE, BookedNight, House, Area)
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def said(answer: object) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


# --- looking ------------------------------------------------------------------------------------------


def test_every_list_and_page_opens(client: Client, boss: User, refund: Refund) -> None:
    assert client.get("/admin/").status_code == 200
    for model in admin.site._registry:
        assert client.get(page(model, "changelist")).status_code == 200, model
        for row in model._base_manager.all()[:2]:
            assert client.get(page(model, "change", row.pk)).status_code == 200, model


def test_everything_that_staff_need_is_there() -> None:
    assert {*UNTOUCHABLE, BookedNight, House, Area, User} <= set(admin.site._registry)


def test_orders_are_found(client: Client, boss: User, refund: Refund) -> None:
    order = refund.payment.order
    other = make.order()
    other.renter.name = "Li Lei"
    other.renter.save()
    for query, found in (
        (order.number, order),
        ("2026TRADE", order),
        (order.house_title, order),
        (order.renter.mobile, order),
        ("Li Lei", other),
    ):
        assert list(client.get(page(Order, "changelist"), {"q": query}).context["cl"].queryset) == [found]
    assert not client.get(page(Order, "changelist"), {"q": "nobody's"}).context["cl"].queryset


def test_orders_are_filtered(client: Client, boss: User) -> None:
    waiting, paid = make.order(), make.order(status=Status.WAIT_COMMENT)
    area = Area.objects.create(name="Gulangyu")
    there = make.order(house=make.house(area=area), status=Status.CANCELED)
    for query, found in (
        ({"status__exact": "WAIT_PAYMENT"}, waiting),
        ({"status__exact": "WAIT_COMMENT"}, paid),
        ({"house__area__id__exact": str(area.pk)}, there),
    ):
        rows = client.get(page(Order, "changelist"), query).context["cl"].queryset
        assert [row for row in rows if row.pk > 0] == [found]


def test_payments_refunds_and_messages_are_found(client: Client, boss: User, refund: Refund) -> None:
    make.attempt()
    for model, query, found in (
        (Payment, refund.payment.out_trade_no, refund.payment),
        (Payment, "2026TRADE", refund.payment),
        (Refund, refund.out_request_no, refund),
        (GatewayMessage, refund.payment.out_trade_no, make.rows(GatewayMessage).get()),
        (OrderEvent, refund.payment.order.number, make.rows(OrderEvent).filter(kind="PAID").get()),
    ):
        rows = client.get(page(model, "changelist"), {"q": query}).context["cl"].queryset
        assert found in rows, model
        assert len(rows) == (2 if model is OrderEvent else 1)


def test_the_filter_shows_messages_that_need_staff(client: Client, boss: User) -> None:
    payment = make.attempt()
    for verdict in GatewayMessage.Verdict:
        message = message_log.record_signed("NOTIFY", b"x", {"n": verdict})
        message_log.judge(message, verdict, payment=payment)
    rows = client.get(page(GatewayMessage, "changelist"), {"for_staff": "1"}).context["cl"].queryset
    assert {row.verdict for row in rows} == {*GatewayMessage.NEEDS_STAFF, GatewayMessage.Verdict.ASKED}


def test_too_many_notices_at_once_are_refused_with_a_message(client: Client, boss: User) -> None:
    payment = make.attempt()
    notices = [message_log.record_signed("NOTIFY", b"x", {"n": str(n)}) for n in range(11)]
    for notice in notices:
        message_log.judge(notice, GatewayMessage.Verdict.REFUND_NOTICE, payment=payment)
    client.cookies["django_language"] = "en"
    answer = act(client, GatewayMessage, "look_again", *notices)
    assert [str(message) for message in answer.context["messages"]] == [
        "Select at most 10: each is a request to Alipay."
    ]


def test_every_page_of_a_rehearsal_says_so(client: Client, boss: User, refund: Refund) -> None:
    client.cookies["django_language"] = "en"
    for address in (reverse("admin:index"), page(Refund, "changelist"), page(Refund, "change", refund.pk)):
        assert "no real money is charged" in client.get(address).content.decode()
        with override_settings(REHEARSAL=False):
            assert "no real money is charged" not in client.get(address).content.decode()


def test_the_filter_shows_refunds_that_need_staff(client: Client, boss: User) -> None:
    payment = make.attempt()
    now = timezone.now()
    for hours in (23, 25):
        for status in Refund.Status:
            payment.refunds.create(
                out_request_no=f"{status}-{hours}",
                amount_fen=1,
                status=status,
                reason=Refund.Reason.STAFF,
                created_at=now - timedelta(hours=hours),
                next_try_at=now if status == Refund.Status.DUE else None,  # as every refund at Alipay
            )
    rows = client.get(page(Refund, "changelist"), {"for_staff": "1"}).context["cl"].queryset
    at_any_age = {f"{status}-{hours}" for status in ("PROPOSED", "REFUSED") for hours in (23, 25)}
    assert {row.out_request_no for row in rows} == at_any_age | {"DUE-25", "SENT-25"}


def test_a_list_of_orders_takes_the_same_number_of_queries(
    client: Client, boss: User, django_assert_max_num_queries: Callable
) -> None:
    for _ in range(30):
        make.order()
    with django_assert_max_num_queries(12):
        client.get(page(Order, "changelist"))


def test_the_message_log_masks_signatures_and_people(client: Client, boss: User, refund: Refund) -> None:
    payment = refund.payment
    logon = "li***@example.com"
    body = alipay.notify_body(payment, buyer_logon_id=logon, seller_email="boss@example.com")
    answer = alipay.paid(payment, buyer_user_id="2088CANARY", buyer_logon_id=logon)
    kept = [
        message_log.record_signed(message_log.Channel.NOTIFY, body, {"n": "1"}),
        message_log.record_signed(
            message_log.Channel.RETURN, alipay.return_url(payment).partition("?")[2].encode(), {}
        ),
        message_log.record_answer(answer, signed=True, payment=payment),
    ]
    for message in kept:
        html = client.get(page(GatewayMessage, "change", message.pk)).content.decode()
        assert payment.out_trade_no in html
        assert "***" in html
        for hidden in ("2088722003899169", "2088CANARY", logon, "boss@example.com", "ALIPAYACCOUNT"):
            assert hidden not in html
        signature = re.search(r'"?sign"?[=:]"?([^"&]+)', unquote(message.raw.decode()))[1]
        assert len(signature) == 344
        assert signature[:20] not in html
        assert signature[-20:] not in html


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe\x00", b"{", b'{"sign":', "sign=房".encode("gbk"), b"<script>alert(1)</script>"]
)
def test_NOT14_the_message_log_shows_any_bytes(client: Client, boss: User, raw: bytes) -> None:
    message_log.record_bad(message_log.Channel.NOTIFY, raw, Rejected(Reason.SIGNATURE, "no message"))
    html = client.get(page(GatewayMessage, "change", make.rows(GatewayMessage).get().pk)).content.decode()
    assert "<script>alert" not in html


# --- accepting and rejecting --------------------------------------------------------------------------


def booking() -> Order:
    order = make.order(status=Status.WAIT_ACCEPT, pay_by=None)
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    return order


def test_staff_accept_bookings(client: Client, boss: User) -> None:
    orders = [booking(), booking()]
    act(client, Order, "accept_bookings", *orders)
    for order in orders:
        order.refresh_from_db()
        assert order.status == Status.WAIT_PAYMENT
        assert order.pay_by > timezone.now() + timedelta(hours=23)
        assert (order.events.get().kind, order.events.get().actor) == ("ACCEPTED", boss)


def test_staff_say_why_before_a_booking_is_rejected(client: Client, boss: User) -> None:
    order, other = booking(), booking()
    asked = act(client, Order, "reject_bookings", order)
    assert 'name="reason"' in asked.content.decode()
    assert order.number in asked.content.decode()
    assert act(client, Order, "reject_bookings", order, reason="  ").context["form"].errors
    order.refresh_from_db()
    assert order.status == Status.WAIT_ACCEPT
    act(client, Order, "reject_bookings", order, reason="Being painted")
    order.refresh_from_db()
    assert (order.status, order.closing_reason) == (Status.REJECTED, "Being painted")
    assert (order.events.get().actor, order.events.get().reason) == (boss, "Being painted")
    assert set(make.rows(BookedNight).values_list("order_number", flat=True)) == {other.number}


def test_STA03_the_second_of_two_staff_is_told(client: Client, boss: User) -> None:
    order, late = booking(), booking()
    act(client, Order, "accept_bookings", late)
    shown = said(act(client, Order, "reject_bookings", order, late, reason="Being painted"))
    assert any(late.number in message for message in shown)
    assert not any(order.number in message for message in shown)
    assert any("Being painted" in message for message in shown)  # what was typed
    late.refresh_from_db()
    assert late.status == Status.WAIT_PAYMENT
    assert late.events.count() == 1


ACTIONS = [
    (Order, "accept_bookings", {}),
    (Order, "reject_bookings", {"reason": "Being painted"}),
    (Payment, "ask_alipay", {}),
]


@pytest.mark.parametrize(("model", "action", "fields"), ACTIONS)
def test_STA05_looking_is_not_acting(
    client: Client, gateway: Gateway, model: type[Model], action: str, fields: dict[str, str]
) -> None:
    make.attempt(booking())
    clerk(client, "orders.view_order", "payments.view_payment")
    row, before = make.rows(model).get(), everything()
    assert f'value="{action}"' not in client.get(page(model, "changelist")).content.decode()
    act(client, model, action, row, **fields)
    assert everything() == before
    assert gateway.calls == []


@pytest.mark.parametrize(("model", "action", "fields"), ACTIONS)
def test_staff_with_the_change_permission_may_act(
    client: Client, gateway: Gateway, model: type[Model], action: str, fields: dict[str, str]
) -> None:
    make.attempt(booking())
    gateway.says["query"] = alipay.waiting(make.rows(Payment).get())
    names = ["view_order", "change_order"] if model is Order else ["view_payment", "change_payment"]
    clerk(client, *(f"{model._meta.app_label}.{name}" for name in names))
    before = everything()
    act(client, model, action, make.rows(model).get(), **fields)
    assert everything() != before


def test_only_staff_get_in(client: Client) -> None:
    client.force_login(make.user())
    for model in admin.site._registry:
        assert client.get(page(model, "changelist")).status_code == 302
        assert client.post(page(model, "changelist"), {"action": "accept_bookings"}).status_code == 302


def test_staff_without_any_permission_see_nothing(client: Client, refund: Refund) -> None:
    clerk(client)
    for model in admin.site._registry:
        assert client.get(page(model, "changelist")).status_code == 403


def test_STA04_asking_alipay_is_limited_and_settles(client: Client, boss: User, gateway: Gateway) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.paid(payment)
    shown = [said(act(client, Payment, "ask_alipay", payment)) for _ in range(5)]
    assert gateway.count("query") == 1
    assert all(payment.out_trade_no in messages[0] for messages in shown)
    payment.refresh_from_db()
    assert (payment.status, payment.evidence) == ("PAID", "QUERY")
    assert LogEntry.objects.filter(user=boss, object_id=str(payment.pk)).count() == 5


# --- forbidden to all staff ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", UNTOUCHABLE)
def test_STA01_nothing_is_added_or_edited_by_hand(
    client: Client, boss: User, refund: Refund, model: type[Model]
) -> None:
    row, before = model._base_manager.first(), everything()
    assert client.get(page(model, "add")).status_code == 403
    assert client.post(page(model, "add"), {"status": "PAID"}).status_code == 403
    claims = {
        "status": "COMPLETE",
        "amount_fen": "1",
        "received_fen": "1",
        "trade_no": "x",
        "reason": "x",
        "verdict": "KNOWN",
        "rating": "1",
        "text": "x",
        "_save": "Save",
    }
    assert client.post(page(model, "change", row.pk), claims).status_code == 403
    assert 'name="_save"' not in client.get(page(model, "change", row.pk)).content.decode()
    formset = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(row.pk)}
    client.post(page(model, "changelist"), {**formset, "form-0-status": "COMPLETE", "_save": "Save"})
    assert everything() == before


@pytest.mark.parametrize("model", UNTOUCHABLE)
def test_STA02_nothing_is_deleted_by_hand(
    client: Client, boss: User, refund: Refund, model: type[Model]
) -> None:
    row, before = model._base_manager.first(), everything()
    assert client.get(page(model, "delete", row.pk)).status_code == 403
    assert client.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in client.get(page(model, "changelist")).content.decode()
    act(client, model, "delete_selected", row, post="yes")
    assert everything() == before


@pytest.mark.parametrize("model", [User, House, Area])
def test_STA02_rows_that_money_refers_to_are_not_deleted_either(
    client: Client, boss: User, refund: Refund, model: type[Model]
) -> None:
    order = refund.payment.order
    row = {User: order.renter, House: order.house, Area: order.house.area}[model]
    client.post(page(model, "delete", row.pk), {"post": "yes"})
    act(client, model, "delete_selected", row, post="yes")
    assert model._base_manager.filter(pk=row.pk).exists()


def test_STA02_the_models_protect_themselves(refund: Refund) -> None:
    payment = refund.payment
    order = payment.order
    for row in (payment, order, order.renter, order.house, order.house.area):
        with pytest.raises(ProtectedError):
            row.delete()
    staff = make.user(is_staff=True)
    order.events.create(kind="ACCEPTED", actor=staff)
    with pytest.raises(ProtectedError):
        staff.delete()


def test_STA02_the_night_of_an_order_stays(client: Client, boss: User, refund: Refund) -> None:
    night, before = make.rows(BookedNight).first(), everything()
    assert client.get(page(BookedNight, "delete", night.pk)).status_code == 403
    assert client.post(page(BookedNight, "delete", night.pk), {"post": "yes"}).status_code == 403
    act(client, BookedNight, "delete_selected", night, post="yes")
    claims = {"house": str(make.house().pk), "night": "2030-01-01", "_save": "Save"}
    assert client.post(page(BookedNight, "change", night.pk), claims).status_code == 403
    assert make.rows(BookedNight).get(pk=night.pk).house == night.house
    assert everything()[:7] == before[:7]


def test_staff_hold_and_free_nights_of_their_own(client: Client, boss: User) -> None:
    house, night = make.house(), timezone.localdate() + timedelta(days=9)
    answer = client.post(page(BookedNight, "add"), {"house": str(house.pk), "night": str(night)})
    held = make.rows(BookedNight).get()
    assert (answer.status_code, held.house, held.night, held.order_number) == (302, house, night, "")
    client.post(page(BookedNight, "delete", held.pk), {"post": "yes"})
    assert not make.rows(BookedNight).exists()


def test_BOK05_a_taken_night_is_refused_in_the_form(client: Client, boss: User, refund: Refund) -> None:
    night, before = make.rows(BookedNight).first(), everything()
    answer = client.post(page(BookedNight, "add"), {"house": str(night.house_id), "night": str(night.night)})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert everything() == before


def test_the_counters_of_a_house_are_not_edited(client: Client, boss: User) -> None:
    house = make.house()
    page_of_house = client.get(page(House, "change", house.pk)).content.decode()
    for name in ("order_count", "review_count", "rating_sum"):
        assert f'name="{name}"' not in page_of_house


def test_masking_covers_names_in_other_spellings() -> None:
    raw = b"%73ign=SECRET&b%75yer_id=2088SECRET;sign=SECRET&total_amount=300.00&gmt=%ff"
    shown = masked(raw)
    assert "SECRET" not in shown
    assert "total_amount=300.00" in shown
    node = {"buyer_user_name": "SECRET", "fund_bill_list": [{"a": "SECRET"}], "code": "1"}
    answer = json.dumps({"alipay_trade_query_response": node, "sign": "SECRET"}).encode()
    assert "SECRET" not in masked(answer)
    assert '"code": "1"' in masked(answer)


@pytest.mark.parametrize(
    "raw",
    [
        b"out_trade_no%3D1%26sign%3DSECRET",
        b"a=1%26sign=SECRET"[3:],
        b'{"x":{"fund_bill_list":[{"buyer_user_name":"SECRET"',
        b"SIGN=SECRET",
        b"+sign=SECRET",
        b"%2573ign=SECRET",
        b"\nsign=SECRET",
        b"\xff\xfe&sign=SECRET",
    ],
)
def test_masking_hides_fields_that_it_cannot_parse(raw: bytes) -> None:
    assert "SECRET" not in masked(raw)
