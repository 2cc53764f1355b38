"""Notes of staff on orders and renters: added once each, read by staff alone."""

import uuid

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.db.models import ProtectedError
from django.test import Client

from accounts import roles
from accounts.models import User, UserNote
from orders import mailing
from orders.models import Order, OrderEvent, OrderNote
from tests import make

pytestmark = pytest.mark.django_db

SECRET = "Arrives with a dog <b>& no</b> lead"


def client_of(role: str = roles.FRONT_DESK) -> tuple[Client, User]:
    client, person = Client(), make.staff(role, name="Li Na")
    client.force_login(person)
    client.cookies["django_language"] = "en"
    return client, person


def page_of(client: Client, order: Order) -> str:
    return client.get(f"/admin/orders/order/{order.pk}/change/").content.decode()


def write(client: Client, order: Order, **typed: str):
    return client.post(f"/admin/orders/order/{order.pk}/note/", typed)


@pytest.mark.parametrize("role", [roles.FRONT_DESK, roles.FINANCE, roles.MANAGER])
def test_a_note_stands_on_the_order_with_author_and_time(role: str) -> None:
    client, person = client_of(role)
    order = make.order()
    answer = write(client, order, text=SECRET, form_key=str(uuid.uuid4()))
    assert answer.url == f"/admin/orders/order/{order.pk}/change/"
    note = OrderNote.objects.get(order=order)
    assert (note.text, note.author) == (SECRET, person)
    page = page_of(client, order)
    assert "Arrives with a dog &lt;b&gt;&amp; no&lt;/b&gt; lead" in page
    assert "Li Na" in page
    assert LogEntry.objects.get(object_id=str(order.pk)).change_message == "Added a note."


def test_a_note_on_the_renter_stands_on_all_their_orders_and_their_page() -> None:
    client, _person = client_of(roles.MANAGER)
    first = make.order()
    second, strange = make.order(first.renter), make.order()
    write(client, first, text="Old friend", about_renter="on")
    assert "Old friend" in page_of(client, second)
    assert "about the renter" in page_of(client, second)
    assert "Old friend" not in page_of(client, strange)
    assert "Old friend" in client.get(f"/admin/accounts/user/{first.renter_id}/change/").content.decode()


def test_a_note_from_the_page_of_a_user() -> None:
    client, person = client_of(roles.MANAGER)
    renter = make.user()
    answer = client.post(f"/admin/accounts/user/{renter.pk}/note/", {"text": "Likes high floors"})
    assert answer.url == f"/admin/accounts/user/{renter.pk}/change/"
    assert list(UserNote.objects.values_list("user", "text", "author")) == [
        (renter.pk, "Likes high floors", person.pk)
    ]


def test_sent_twice_it_is_one_note() -> None:
    client, _person = client_of()
    order, key = make.order(), str(uuid.uuid4())
    for _ in range(2):
        assert write(client, order, text="Late", form_key=key).status_code == 302
    assert OrderNote.objects.count() == 1
    assert LogEntry.objects.filter(object_id=str(order.pk)).count() == 1


def test_twin_without_the_key_of_the_form_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.staff_notes.NoteForm.clean_form_key", lambda form: uuid.uuid4())
    test = pytest.raises(AssertionError, match="2 == 1")
    with test:
        test_sent_twice_it_is_one_note()


@pytest.mark.parametrize(
    ("text", "error"), [("", "a few words"), ("  \u200b", "a few words"), ("x" * 1001, "1000")]
)
def test_a_refused_note_comes_back_as_it_was_typed(text: str, error: str) -> None:
    client, _person = client_of()
    answer = write(client, make.order(), text=text, about_renter="on")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert error in page
    assert text.strip("\u200b ") in page
    assert "checked" in page
    assert OrderNote.objects.count() == 0


def test_the_renter_never_sees_a_note() -> None:
    client, person = client_of(roles.MANAGER)
    order = make.order(make.user(email="renter@example.com"))
    OrderEvent.objects.create(order=order, kind="BOOKED")
    write(client, order, text="SECRET-1")
    write(client, order, text="SECRET-2", about_renter="on")
    browser = Client()
    browser.force_login(order.renter)
    pages = [browser.get(address).content.decode() for address in (order.get_absolute_url(), "/accounts/me/")]
    mailing.send(order.pk)
    pages += [message.body for message in mail.outbox]
    assert len(pages) == 3
    assert not any("SECRET" in page or person.name in page for page in pages)


def test_no_note_without_the_right() -> None:
    client, person = client_of()
    order = make.order()
    person.groups.get().permissions.remove(
        *person.groups.get().permissions.model.objects.filter(codename__endswith="note")
    )
    OrderNote.objects.create(order=order, author=make.user(), text="Hidden", form_key=uuid.uuid4())
    assert write(client, order, text="x").status_code == 403
    assert "Hidden" not in page_of(client, order)


def test_authors_and_orders_of_notes_are_kept() -> None:
    client, person = client_of()
    order = make.order()
    write(client, order, text="x")
    for row in (person, order):
        with pytest.raises(ProtectedError):
            row.delete()
