"""Invoice requests (发票): asked for by the renter of a paid order, listed and marked as issued by staff."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts import roles
from core.money import MAX_FEN
from orders import invoices
from orders.models import InvoiceRequest, Order
from tests import make

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/invoicerequest/"
TYPED = {"title": "厦门海风有限公司", "tax_number": "91350200ma2xn4k31q", "email": "book@example.com"}


def paid_order(**fields: object) -> Order:
    return make.order(
        make.user(name="Lin", email="lin@example.com"), status=Order.Status.WAIT_COMMENT, **fields
    )


def browser_of(order: Order) -> Client:
    return make.browser_of(order.renter)


def address(order: Order) -> str:
    return f"/orders/{order.number}/invoice/"


def client_of(role: str = roles.FINANCE) -> Client:
    return make.browser_of(make.staff(role))


def asked(order: Order | None = None, **columns: object) -> InvoiceRequest:
    values = {"title": "Wang", "email": "wang@example.com", **columns}
    return InvoiceRequest.objects.create(order=order or paid_order(), **values)


def test_the_renter_asks_from_the_page_of_a_paid_order() -> None:
    order = paid_order()
    browser = browser_of(order)
    assert address(order) in browser.get(order.get_absolute_url()).content.decode()
    form = browser.get(address(order)).content.decode()
    assert 'value="Lin"' in form and 'value="lin@example.com"' in form
    page = browser.post(address(order), TYPED, follow=True).content.decode()
    assert "Requested. We'll send it to book@example.com." in page
    assert InvoiceRequest.objects.get(order=order).tax_number == "91350200MA2XN4K31Q"


def test_it_can_be_corrected_until_it_is_issued() -> None:
    order = paid_order()
    request, browser = asked(order), browser_of(order)
    browser.post(address(order), TYPED)
    request.refresh_from_db()
    assert request.title == TYPED["title"]
    make.rows(InvoiceRequest).update(issued_at=timezone.now())
    assert browser.post(address(order), {**TYPED, "title": "x"}).url == order.get_absolute_url()
    assert not invoices.ask(order, title="x", tax_number="", email="x@example.com")
    request.refresh_from_db()
    assert request.title == TYPED["title"]
    assert "Issued on" in browser.get(order.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", ""), ("title", "x" * 101), ("tax_number", "123"), ("tax_number", "9" * 21), ("email", "x")],
)
def test_errors_stand_beside_the_fields(field: str, value: str) -> None:
    order = paid_order()
    page = browser_of(order).post(address(order), {**TYPED, field: value})
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert not make.rows(InvoiceRequest).exists()


def test_a_person_needs_no_tax_number() -> None:
    order = paid_order()
    assert browser_of(order).post(address(order), {**TYPED, "tax_number": ""}).status_code == 302


@pytest.mark.parametrize("status", ["WAIT_ACCEPT", "WAIT_PAYMENT", "CANCELED", "REJECTED"])
def test_an_order_that_is_not_paid_has_none(status: str) -> None:
    order = make.order(status=status)
    browser = browser_of(order)
    assert browser.get(address(order)).status_code == 404
    assert address(order) not in browser.get(order.get_absolute_url()).content.decode()


def test_it_is_for_the_renter_alone() -> None:
    order = paid_order()
    assert browser_of(paid_order()).post(address(order), TYPED).status_code == 404
    assert "/accounts/login/" in Client().post(address(order), TYPED).url
    assert not make.rows(InvoiceRequest).exists()


def titles(client: Client, **query: str) -> list[str]:
    rows = client.get(LIST, query).context["cl"].result_list
    return [row.title for row in rows if row.pk > 0]


def test_the_list_says_which_are_issued() -> None:
    asked(title="First", issued_at=timezone.now())
    second = asked(title="Second")
    client = client_of()
    assert titles(client) == ["Second", "First"]
    assert titles(client, issued="0") == ["Second"]
    assert titles(client, issued="1") == ["First"]
    assert titles(client, q=second.order.number) == ["Second"]
    assert "To issue" in client.get(f"/admin/orders/order/{second.order_id}/change/").content.decode()


def press(client: Client, row: InvoiceRequest, **more: str):
    return client.post(LIST, {"action": "mark_issued", "_selected_action": row.pk, **more}, follow=True)


def test_staff_see_what_they_mark_as_issued() -> None:
    row, client = asked(), client_of()
    page = press(client, row)
    assert "wang@example.com" in page.content.decode()
    done = press(client, row, seen=page.context["seen"])
    assert "1 invoice issued." in done.content.decode()
    row.refresh_from_db()
    assert row.issued_by == done.wsgi_request.user
    assert "Issued already." in press(client, row, seen=page.context["seen"]).content.decode()


def test_an_invoice_of_the_highest_amount_is_issued() -> None:
    row = asked(paid_order(amount_fen=MAX_FEN))
    assert invoices.mark_issued(row, by=make.user(is_staff=True))
    row.refresh_from_db()
    assert row.issued_fen == MAX_FEN


def test_a_correction_meanwhile_is_shown_before_it_is_issued() -> None:
    row, client = asked(), client_of()
    seen = press(client, row).context["seen"]
    invoices.ask(row.order, **TYPED)
    assert TYPED["title"] in press(client, row, seen=seen).content.decode()
    row.refresh_from_db()
    assert row.issued_at is None


def corrected_while_it_is_marked() -> bool:
    row = asked()
    invoices.ask(row.order, **TYPED)
    invoices.mark_issued(row, by=make.user(is_staff=True))
    return InvoiceRequest.objects.get(pk=row.pk).issued_at is not None


def test_a_correction_at_the_same_moment_wins() -> None:
    assert not corrected_while_it_is_marked()


def test_twin_without_comparing_the_old_title_counts_as_issued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoices, "_as_read", lambda request: invoices.Q())
    assert corrected_while_it_is_marked()


def test_the_front_desk_sees_and_marks_none() -> None:
    row, client = asked(), client_of(roles.FRONT_DESK)
    assert titles(client) == ["Wang"]
    press(client, row)
    row.refresh_from_db()
    assert row.issued_at is None
