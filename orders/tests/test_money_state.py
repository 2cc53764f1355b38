"""Page and card of an order that is over: the reason, what was charged, and refunds."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from core.transactions import durable_transaction
from houses.models import House
from orders import mailing, transitions
from orders.models import Order
from payments import refunding
from payments.books import attempts, refunds
from payments.models import Payment, Refund
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/orders/"
Status = Order.Status
CHARGED_NOTHING = "You were not charged."
MAY_COME = "If a payment is still on its way"


@pytest.fixture
def renter(client: Client) -> User:
    person = make.user(name="Lin")
    client.force_login(person)
    client.cookies["django_language"] = "en"
    return person


def head(client: Client, order: Order) -> str:
    """Return the HTML of the section with the state of the order."""
    html = client.get(order.get_absolute_url()).content.decode()
    return html.split('<section class="card next">')[1].split("</section>")[0]


def price(client: Client, order: Order) -> str:
    html = client.get(order.get_absolute_url()).content.decode()
    return html.split("<h2>Price details</h2>")[1].split("</section>")[0]


def pay(order: Order, **fields: object) -> Payment:
    payment = make.attempt(order, **fields)
    attempts.settle(payment, attempts.Received(f"20261122{payment.pk}", 30000, None, Payment.Evidence.NOTIFY))
    payment.refresh_from_db()
    order.refresh_from_db()
    return payment


def refund(payment: Payment, fen: int, status: str = "DUE") -> Refund:
    made = durable_transaction(refunds.create)(payment, fen, reason=Refund.Reason.CANCELED)
    if status == "DONE":
        refunds.mark_done(made)
    else:
        make.rows(Refund).filter(pk=made.pk).update(status=status)
    return made


def test_the_time_to_pay_passed(client: Client, renter: User) -> None:
    order = make.order(renter)
    transitions.expire(order)
    html = head(client, order)
    assert "The payment deadline has passed" in html
    assert CHARGED_NOTHING in html


def test_staff_did_not_answer_in_time(client: Client, renter: User) -> None:
    order = make.order(renter, status=Status.WAIT_ACCEPT)
    transitions.expire(order)
    html = head(client, order)
    assert "Sorry, we didn&#39;t reply in time" in html
    assert CHARGED_NOTHING in html


@pytest.mark.parametrize("status", [Status.WAIT_ACCEPT, Status.WAIT_PAYMENT])
def test_cancelled_unpaid(client: Client, renter: User, status: str) -> None:
    order = make.order(renter, status=status)
    transitions.cancel(order, by=renter)
    html = head(client, order)
    assert "This order was cancelled" in html
    assert CHARGED_NOTHING in html
    assert MAY_COME not in html


def test_cancelled_while_alipay_does_not_answer_mentions_money_that_may_come(
    client: Client, renter: User
) -> None:
    order = make.order(renter)
    attempt = make.attempt(order)
    transitions.cancel(order, by=renter)
    assert MAY_COME in head(client, order)
    attempts.mark_closed(attempt)
    assert MAY_COME not in head(client, order)


def test_money_that_came_after_the_end_is_shown_as_charged(client: Client, renter: User) -> None:
    order = make.order(renter)
    transitions.expire(order)
    payment = pay(order)
    html = head(client, order)
    assert "The payment deadline has passed" in html
    assert "￥300.00 is on its way back" in html
    assert CHARGED_NOTHING not in html
    assert "Extra payment" in price(client, order)
    assert "/receipt/" not in price(client, order)
    refunding._give_up(payment.refunds.get(), by=make.user(is_staff=True), explanation="Paid in cash")
    html = head(client, order)
    assert "on its way back" not in html
    assert CHARGED_NOTHING not in html


def test_cancelled_after_paying_shows_the_state_of_the_refund(client: Client, renter: User) -> None:
    order = make.order(renter)
    payment = pay(order)
    transitions.cancel(order, by=renter)
    assert CHARGED_NOTHING not in head(client, order)
    made = refund(payment, 15000)
    assert "￥150.00 is on its way back" in head(client, order)
    assert "Refund on its way" in price(client, order)
    assert "￥150.00 on its way back" in client.get(LIST).content.decode()
    refunds.mark_done(made)
    assert "￥150.00 has been refunded" in head(client, order)
    assert "on its way back" not in head(client, order)
    assert ">Refunded<" in price(client, order)
    assert "￥150.00 refunded" in client.get(LIST).content.decode()


def test_the_page_of_a_cancelled_order_polls_until_the_money_is_back(client: Client, renter: User) -> None:
    order = make.order(renter)
    payment = pay(order)
    poll, refresh = f'data-status-url="/payments/{order.number}/status/"', '<meta http-equiv="refresh"'

    def page() -> str:
        return client.get(order.get_absolute_url()).content.decode()

    def standing() -> dict[str, object]:
        return client.get(f"/payments/{order.number}/status/").json()

    refund(payment, 1000)
    assert (poll in page(), refresh in page()) == (False, False)
    assert standing() == {"order": "WAIT_COMMENT", "payment": "PAID"}
    transitions.cancel(order, by=renter)
    made = refund(payment, 15000)
    for piece in (poll, 'data-order="CANCELED" data-mark="16000"', refresh, "js/status-poll.js"):
        assert piece in page()
    assert standing() == {"order": "CANCELED", "payment": "PAID"}
    for each in (made, payment.refunds.exclude(pk=made.pk).get()):
        refunds.mark_done(each)
    for piece in (poll, refresh, "js/status-poll.js"):
        assert piece not in page()


@pytest.mark.parametrize(
    ("status", "hours", "says"),
    [
        ("PROPOSED", 25, ""),
        ("DUE", 23, "on its way back"),
        ("SENT", 23, "on its way back"),
        ("DUE", 25, "delayed"),
        ("SENT", 25, "delayed"),
        ("REFUSED", 0, "delayed"),
        ("GIVEN_UP", 25, ""),
    ],
)
def test_T1_renters_read_that_a_refund_is_on_its_way_or_delayed(
    client: Client, renter: User, status: str, hours: int, says: str
) -> None:
    order = make.order(renter)
    payment = pay(order)
    transitions.cancel(order, by=renter)
    refund(payment, 15000, status)
    make.rows(Refund).update(due_at=timezone.now() - timedelta(hours=hours))
    for address in (LIST, order.get_absolute_url()):
        html = client.get(address).content.decode()
        for each in ("on its way back", "delayed"):
            assert (each in html) is (each == says)
        assert ("￥150.00" in html) is bool(says) or address != LIST
    assert ("seeing to it; you don't need to do anything" in head(client, order)) is (says == "delayed")
    assert ("Refund delayed" in price(client, order)) is (says == "delayed")
    assert "Refund on its way" not in html.split('class="timeline"')[1]  # that it started is history


def test_T1_a_delayed_part_stands_beside_parts_that_are_made_or_on_their_way(
    client: Client, renter: User
) -> None:
    order = make.order(renter)
    payment = pay(order)
    for fen, status in ((5000, "DONE"), (700, "SENT"), (30, "REFUSED")):
        refund(payment, fen, status)
    html = price(client, order)
    for label, amount in (("Refunded", "50.00"), ("Refund on its way", "7.00"), ("Refund delayed", "0.30")):
        assert f"<dt>{label}</dt><dd>￥{amount}</dd>" in html
    assert "seeing to the delayed refund" in html
    transitions.cancel(order, by=renter)
    assert "Your refund of ￥0.30 is delayed" in head(client, order)
    assert 'data-mark="700-30"' in client.get(order.get_absolute_url()).content.decode()


def test_T1_a_mail_about_a_refund_that_was_refused_meanwhile_says_so(renter: User) -> None:
    order = make.order(renter, language="en")
    payment = pay(order)
    transitions.cancel(order, by=renter)
    made = refund(payment, 15000)
    event = order.events.get(kind="CANCELED")
    assert "is on its way back" in mailing.message_of(event).body
    make.rows(Refund).filter(pk=made.pk).update(status="REFUSED")
    text = " ".join(mailing.message_of(event).body.split())
    assert "Your refund of ￥150.00 is delayed. We're seeing to it" in text
    assert "on its way back" not in text


def test_an_external_refund_does_not_hide_one_on_its_way(client: Client, renter: User) -> None:
    """Made in Alipay's console, it has no REFUND_DUE event, so sums over the timeline would be wrong."""
    order = make.order(renter)
    payment = pay(order)
    transitions.cancel(order, by=renter)
    refunds.record_external(payment, "BY-HAND", 20000)
    refund(payment, 10000)
    html = head(client, order)
    assert "￥200.00 has been refunded" in html
    assert "￥100.00 is on its way back" in html
    assert "￥100.00 on its way back" in client.get(LIST).content.decode()


def test_a_partial_refund_of_a_paid_stay_is_shown_under_price_only(client: Client, renter: User) -> None:
    order = make.order(renter)
    payment = pay(order)
    refund(payment, 5000, "DONE")
    assert "￥50.00" in price(client, order)
    assert " refunded" not in client.get(LIST).content.decode()
    assert "has been refunded" not in head(client, order)


def test_an_order_that_is_over_shows_no_price_to_pay_and_no_policy(client: Client, renter: User) -> None:
    order, terms = make.order(renter), "Cancel by 24:00 on"
    assert 'class="price"' in price(client, order)
    for status in (Status.WAIT_ACCEPT, Status.WAIT_PAYMENT, Status.WAIT_COMMENT):
        make.rows(Order).update(status=status)
        assert client.get(order.get_absolute_url()).content.decode().count(terms) == 1
    for status in (Status.CANCELED, Status.REJECTED):
        make.rows(Order).update(status=status)
        assert 'class="price"' not in price(client, order)
        assert terms not in client.get(order.get_absolute_url()).content.decode()
        assert 'class="price"' not in client.get(LIST).content.decode()


def test_a_home_that_is_still_offered_can_be_booked_again(client: Client, renter: User) -> None:
    order = make.order(renter)
    transitions.expire(order)
    again = f'<a class="button" href="{order.house.get_absolute_url()}">Book again</a>'
    assert again in head(client, order)
    make.rows(House).update(is_listed=False)
    assert "Book again" not in head(client, order)
    assert '<a class="button" href="/">Find another home</a>' in head(client, order)


@pytest.mark.parametrize("refunds", [0, 3])
def test_refunds_take_no_more_queries(
    client: Client, renter: User, refunds: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        order = make.order(renter, pay_by=timezone.now() + timedelta(minutes=30))
        payment = pay(order)
        transitions.cancel(order, by=renter)
        for _ in range(refunds):
            refund(payment, 100, "DONE")
    with django_assert_max_num_queries(5):
        client.get(LIST)
    with django_assert_max_num_queries(9):
        client.get(order.get_absolute_url())
