"""L4: the history of each row in the admin has what staff did; people who did anything are not deleted."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, ProtectedError
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from houses.models import BookedNight, ChannelCalendar, DoubleSale
from orders.deadlines import stamp_of
from orders.invoices import InvoiceRequest
from orders.models import Order, OrderEvent, Recovery, Review, StayChange
from payments.books import message_log
from payments.books.refunds import create
from payments.models import BillLine, GatewayMessage, Payment, Refund
from tests import alipay, make
from tests.alipay import Gateway
from tests.pages import Desk, Fields

pytestmark = pytest.mark.django_db


@pytest.fixture
def li() -> Desk:
    return Desk("Li Lei")


def waiting() -> Order:
    return make.order(status=Order.Status.WAIT_ACCEPT, accept_by=timezone.now() + timedelta(hours=1))


def received() -> Payment:
    order = make.order(status=Order.Status.WAIT_COMMENT)
    return make.attempt(order, status="PAID", live_for=None, received_fen=30000, trade_no="2026TRADE")


def contradicted() -> Payment:
    return make.attempt(status="CLOSED", live_for=None, contradicted_at=timezone.now())


def refund(**columns: object) -> Refund:
    made = create(received(), 100, reason=Refund.Reason.STAFF, asked_by=make.user(is_staff=True))
    make.rows(Refund).filter(pk=made.pk).update(**columns)
    return made


def to_hand_over() -> Refund:
    payment = received()
    columns = {
        "channel": "CASH",
        "evidence": "STAFF",
        "trade_no": "",
        "recorded_by": make.user(is_staff=True),
    }
    make.rows(Payment).filter(pk=payment.pk).update(**columns)
    payment.refresh_from_db()
    return create(payment, 100, reason=Refund.Reason.STAFF)


def unjudged() -> GatewayMessage:
    return message_log.record_signed("NOTIFY", alipay.notify_body(received()), {})


def message() -> GatewayMessage:
    payment = received()
    row = message_log.record_signed("NOTIFY", alipay.notify_body(payment), {})
    message_log.judge(row, GatewayMessage.Verdict.REFUND_NOTICE, payment=payment)
    return row


def bill_line() -> BillLine:
    return BillLine.objects.create(
        bill_date=timezone.localdate(), kind=BillLine.Kind.choices[0][0], out_trade_no="1", bill_fen=100
    )


def mailed() -> OrderEvent:
    return OrderEvent.objects.create(
        order=make.order(make.user(email="lin@example.com")),
        kind="BOOKED",
        mail_due_at=None,
        mailed_at=timezone.now(),
    )


def invoice_wanted() -> InvoiceRequest:
    return InvoiceRequest.objects.create(order=received().order, title="Wang", email="wang@example.com")


def channel(**fields: str) -> ChannelCalendar:
    url = "https://channel.example/a.ics"
    return ChannelCalendar.objects.create(house=make.house(), channel="Airbnb", url=url, **fields)


def restored() -> Recovery:
    return Recovery.objects.create(lost_from=timezone.now())


def sold_twice() -> DoubleSale:
    return DoubleSale.objects.create(
        house=make.house(), channel="Airbnb", order_number="1", nights="2026-12-05"
    )


def reviewed(**fields: object) -> Review:
    order = make.ended(status="COMPLETE")
    return Review.objects.create(
        order=order, house=order.house, renter=order.renter, rating=5, text="Fine", is_counted=False, **fields
    )


def hidden() -> Review:
    return reviewed(hidden_at=timezone.now(), hidden_by=make.user(is_staff=True), hidden_reason="Rude")


def change_waits() -> Order:
    order = received().order
    StayChange.objects.create(
        order=order,
        waiting_for=order,
        check_in=order.check_in,
        check_out=order.check_out,
        guests=4,
        old_amount_fen=order.amount_fen,
        amount_fen=order.amount_fen + 1000,
        pay_by=timezone.now() + timedelta(hours=1),
        asked_by=order.renter,
    )
    return order


ASKS_FIRST = {(Order, "change_stay"): 2, (InvoiceRequest, "mark_issued"): 1}
"""Actions whose page carries what it showed, and how often they ask."""

ACTIONS: dict[tuple[type[Model], str], tuple[Callable[[], Model], dict[str, str]]] = {
    (Order, "accept_bookings"): (waiting, {}),
    (Order, "reject_bookings"): (waiting, {"reason": "Painters"}),
    (Order, "cancel_order"): (
        lambda: received().order,
        {"amount": "300.00", "left_fen": "30000", "reason": "Painters"},
    ),
    (Order, "change_stay"): (make.order, {"guests": "3", "reason": "Painters"}),
    (Order, "drop_change"): (change_waits, {}),
    (OrderEvent, "resend_mail"): (mailed, {}),
    (ChannelCalendar, "read_now"): (channel, {}),
    (ChannelCalendar, "believe_empty"): (lambda: channel(trouble="EMPTIED"), {}),
    (ChannelCalendar, "new_address"): (channel, {}),
    (DoubleSale, "settle"): (sold_twice, {"how": "Painters"}),
    (Recovery, "lift"): (restored, {"how": "Painters"}),
    (Review, "reply_to_reviews"): (reviewed, {"reply": "Painters"}),
    (Review, "hide_reviews"): (reviewed, {"reason": "Painters"}),
    (Review, "show_reviews"): (hidden, {}),
    (InvoiceRequest, "mark_issued"): (invoice_wanted, {}),
    (Order, "extend_deadline"): (
        make.order,
        {"seen": "{seen}", "hours": "2", "until": "", "words": "Painters"},
    ),
    (Order, "confirm_outside"): (
        make.order,
        {
            "status": "WAIT_PAYMENT",
            "number": "{row}_1",
            "channel": "CASH",
            "amount": "300",
            "reference": "Painters",
        },
    ),
    (Payment, "ask_alipay"): (make.attempt, {}),
    (Payment, "give_back"): (received, {"amount": "1.00", "number": "{row}_R1", "words": "Painters"}),
    (Payment, "dealt_with"): (contradicted, {"how": "Painters"}),
    (Refund, "approve"): (lambda: refund(status=Refund.Status.PROPOSED), {"agreed": "1"}),
    (Refund, "try_again"): (lambda: refund(status=Refund.Status.REFUSED), {}),
    (Refund, "give_up"): (lambda: refund(status=Refund.Status.PROPOSED), {"words": "Painters"}),
    (Refund, "hand_over"): (to_hand_over, {"reference": "Painters"}),
    (GatewayMessage, "replay"): (unjudged, {}),
    (GatewayMessage, "look_again"): (message, {}),
    (GatewayMessage, "dealt_with"): (message, {"how": "Painters"}),
    (BillLine, "dealt_with"): (bill_line, {"how": "Painters"}),
}


def history(row: Model) -> list[tuple[str, str]]:
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk)
    )
    return [(entry.user.name, entry.get_change_message()) for entry in entries]


@pytest.mark.parametrize(("model", "action"), list(ACTIONS))
def test_L4_an_action_is_in_the_history_of_its_row(
    li: Desk, gateway: Gateway, model: type[Model], action: str
) -> None:
    new, typed = ACTIONS[model, action]
    row = new()
    seen = stamp_of(row) if isinstance(row, Order) else ""
    fields = {name: text.replace("{row}", str(row)).replace("{seen}", seen) for name, text in typed.items()}
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    sent = {"action": action, "_selected_action": [str(row.pk)], **fields}
    if (model, action) in ASKS_FIRST:  # twice, where what is typed is shown again with its amounts
        for _ in range(ASKS_FIRST[model, action]):
            asked = Fields(li.browser.post(page, sent).content.decode()).values
            sent = {**asked, "next": "", **sent}
    li.browser.post(page, sent)
    [(who, what)] = history(row.order if isinstance(row, OrderEvent) else row)
    assert who == "Li Lei"
    assert what
    assert "Painters" in what or "Painters" not in typed.values()


def test_L4_every_action_of_the_admin_is_among_these() -> None:
    request = RequestFactory().get("/")
    request.user = User(is_active=True, is_staff=True, is_superuser=True)
    offered = {
        (model, name)
        for model, model_admin in admin.site._registry.items()
        for name in model_admin.get_actions(request)
        if name != "delete_selected"  # Django logs it
    }
    assert offered == set(ACTIONS)


def test_L4_a_refund_has_who_asked_for_it_in_its_own_history(li: Desk, gateway: Gateway) -> None:
    payment = received()
    typed = {"amount": "1.00", "number": f"{payment}_R1", "words": "Painters"}
    page = reverse("admin:payments_payment_changelist")
    li.browser.post(page, {"action": "give_back", "_selected_action": [str(payment.pk)], **typed})
    [(who, what)] = history(payment.refunds.get())
    assert (who, "Painters" in what) == ("Li Lei", True)


def test_L4_returns_that_are_resolved_with_their_payment_say_so(li: Desk) -> None:
    payment = contradicted()
    told = message_log.record_signed("RETURN", b"x=1", {"x": "1"})
    message_log.judge(told, GatewayMessage.Verdict.ASKED, payment=payment)
    page = reverse("admin:payments_payment_changelist")
    typed = {"action": "dealt_with", "_selected_action": [str(payment.pk)], "how": "Painters"}
    li.browser.post(page, typed)
    [(who, what)] = history(told)
    assert (who, "Painters" in what) == ("Li Lei", True)


def test_L4_nights_that_staff_hold_and_release_are_in_the_history_of_the_house(li: Desk) -> None:
    house, night = make.house(), timezone.localdate() + timedelta(days=9)
    li.browser.post(reverse("admin:houses_bookednight_add"), {"house": house.pk, "night": str(night)})
    held = make.rows(BookedNight).get()
    assert [who for who, _ in history(held)] == ["Li Lei"]
    li.browser.post(reverse("admin:houses_bookednight_delete", args=[held.pk]), {"post": "yes"})
    assert not make.rows(BookedNight).exists()
    assert sorted(what for _, what in history(house)) == [
        f"Blocked the night {night}.",
        f"Released the night {night}.",
    ]


# --- people -------------------------------------------------------------------------------------------


def who_changed_a_price() -> User:
    staff, house = Desk("Han Meimei"), make.house()
    staff.send(house, staff.open(house), price_fen="320.00")
    return staff.person


def who_accepted() -> User:
    staff = make.user(name="Han Meimei", is_staff=True)
    make.order().events.create(kind="ACCEPTED", actor=staff)
    return staff


def who_booked() -> User:
    return make.order(make.user(name="Han Meimei")).renter


DOERS = pytest.mark.parametrize("new", [who_changed_a_price, who_accepted, who_booked])


def in_words(page: str) -> bool:
    return "Han Meimei has orders or has worked here" in page and "untick “Active” and save" in page


@DOERS
def test_L4_ROW04_who_did_anything_is_not_deleted_but_closed(li: Desk, new: Callable[[], User]) -> None:
    user = new()
    entries = LogEntry.objects.filter(user=user).count()
    page = reverse("admin:accounts_user_delete", args=[user.pk])
    for answer in (li.browser.get(page), li.browser.post(page, {"post": "yes"})):
        assert (answer.status_code, in_words(answer.content.decode())) == (200, True)
    assert (make.rows(User).filter(pk=user.pk).count(), LogEntry.objects.filter(user=user).count()) == (
        1,
        entries,
    )
    form = li.open(user)
    form.pop("is_active")
    li.send(user, form)
    user.refresh_from_db()
    assert not user.is_active


@DOERS
def test_L4_ROW04_nor_among_others(li: Desk, new: Callable[[], User]) -> None:
    chosen = [str(new().pk), str(make.user().pk)]
    users = make.rows(User).count()
    typed = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    answer = li.browser.post(reverse("admin:accounts_user_changelist"), typed, follow=True)
    assert in_words(answer.content.decode())
    assert make.rows(User).count() == users


@DOERS
def test_L4_ROW04_nor_by_code(new: Callable[[], User]) -> None:
    user = new()
    for delete in (user.delete, make.rows(User).filter(pk=user.pk).delete):
        with pytest.raises(ProtectedError), transaction.atomic():
            delete()
    assert make.rows(User).filter(pk=user.pk).exists()


def test_L4_an_account_that_did_nothing_can_be_deleted(li: Desk) -> None:
    user = make.user()
    li.browser.post(reverse("admin:accounts_user_delete", args=[user.pk]), {"post": "yes"})
    assert not make.rows(User).filter(pk=user.pk).exists()


def test_L4_the_price_is_in_the_history_with_old_and_new_value(li: Desk) -> None:
    house = make.house(price_fen=30000)
    li.send(house, li.open(house), price_fen="320.00")
    [(who, what)] = history(house)
    assert who == "Li Lei"
    assert "300.00 → 320.00" in what
    shown = li.browser.get(reverse("admin:houses_house_history", args=[house.pk])).content.decode()
    assert "300.00 → 320.00" in shown
