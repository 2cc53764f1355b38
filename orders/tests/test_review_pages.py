"""The form of a review with its marks, its edit on the order's page, and the reviews of a house."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from houses.models import House
from orders import reviewing
from orders.models import Order, Review
from tests import make

pytestmark = pytest.mark.django_db

WORDS = {"rating": "4", "text": "Quiet"}


@pytest.fixture
def order(client: Client) -> Order:
    client.cookies["django_language"] = "en"
    made = make.ended()
    client.force_login(made.renter)
    return made


def send(client: Client, order: Order, **fields: str):
    return client.post(f"/orders/{order.number}/review/", {**WORDS, **fields})


def page_of(client: Client, order: Order, query: str = "") -> str:
    return client.get(f"{order.get_absolute_url()}{query}").content.decode()


def seen(order: Order) -> str:
    return reviewing.version_of(Review.objects.get(order=order))


def test_marks_are_optional_stars_shown_with_the_review_and_as_averages(client: Client, order: Order) -> None:
    other = make.ended(order.renter, house=order.house)
    assert send(client, order, cleanliness="5", host="4").status_code == 302
    assert send(client, other, cleanliness="4").status_code == 302
    review = Review.objects.get(order=order)
    assert (review.cleanliness, review.location, review.host, review.accuracy) == (5, None, 4, None)
    html = client.get(order.house.get_absolute_url()).content.decode()
    assert '<dt>Cleanliness</dt><dd class="figures">4.5</dd>' in html
    assert '<dt>Host</dt><dd class="figures">4.0</dd>' in html
    assert "<dt>Location</dt>" not in html


@pytest.mark.parametrize("wrong", ["0", "6", "x", "\0"])
def test_a_wrong_mark_is_refused_and_the_words_stay(client: Client, order: Order, wrong: str) -> None:
    page = send(client, order, host=wrong, text="Typed with care")
    assert page.status_code == 422
    assert "Typed with care" in page.content.decode()
    assert not make.rows(Review).exists()


def test_a_review_of_a_stay_ahead_says_from_when_it_is_shown(client: Client, order: Order) -> None:
    make.rows(Order).update(check_out=timezone.localdate() + timedelta(days=2))
    assert "It appears on the home" in page_of(client, order)
    send(client, order)
    html = page_of(client, order)
    assert "It appears on the home" in html
    assert "Quiet" in html
    assert "Quiet" not in client.get(order.house.get_absolute_url()).content.decode()


def test_the_renter_edits_the_review_on_a_form_that_has_it(client: Client, order: Order) -> None:
    send(client, order, host="2")
    assert f"{order.get_absolute_url()}?edit=review#review" in page_of(client, order)
    html = page_of(client, order, "?edit=review")
    for piece in (
        'id="star-4" value="4" required checked',
        'id="host-2" value="2" checked',
        ">\nQuiet</textarea>",
    ):
        assert piece in html
    assert f'name="seen" value="{seen(order)}"' in html
    assert send(client, order, rating="2", text="Loud", host="1", seen=seen(order)).status_code == 302
    review = Review.objects.get(order=order)
    assert (review.rating, review.text, review.host) == (2, "Loud", 1)
    house = House.objects.get(pk=order.house_id)
    assert (house.review_count, house.rating_sum, house.host_count, house.host_sum) == (1, 2, 1, 1)
    assert order.events.filter(kind="REVIEWED").count() == 1


def test_of_two_windows_the_second_sees_both_texts_and_may_save_again(client: Client, order: Order) -> None:
    send(client, order)
    before = seen(order)
    send(client, order, text="First window", seen=before)
    page = send(client, order, text="Second window", seen=before)
    assert page.status_code == 409
    html = page.content.decode()
    for text in ("First window", "Second window", "saved this review in another window"):
        assert text in html
    assert f'name="seen" value="{seen(order)}"' in html
    send(client, order, text="Second window", seen=seen(order))
    assert Review.objects.get(order=order).text == "Second window"


def test_two_weeks_after_check_out_the_form_is_gone_and_a_late_edit_keeps_its_text(
    client: Client, order: Order
) -> None:
    send(client, order)
    today = timezone.localdate()
    for days, editable in ((14, True), (15, False)):
        make.rows(Order).update(check_in=today - timedelta(days=20), check_out=today - timedelta(days=days))
        assert ("?edit=review#review" in page_of(client, order)) is editable
        assert ("<textarea" in page_of(client, order, "?edit=review")) is editable
    page = send(client, order, text="Typed too late", seen=seen(order))
    assert page.status_code == 409
    for text in ("Typed too late", "Reviews can be edited until 14 days after check-out."):
        assert text in page.content.decode()
    assert Review.objects.get(order=order).text == "Quiet"


def test_the_writer_reads_why_a_review_is_hidden_and_may_edit_it(client: Client, order: Order) -> None:
    send(client, order)
    review = Review.objects.get(order=order)
    reviewing.hide(review.pk, by=make.user(), reason="Names a neighbour")
    html = page_of(client, order)
    assert "hidden this review: Names a neighbour" in html
    assert "?edit=review#review" in html
    assert "Quiet" not in client.get(order.house.get_absolute_url()).content.decode()


def test_our_reply_stands_with_the_review(client: Client, order: Order) -> None:
    send(client, order)
    reviewing.reply(Review.objects.get(order=order).pk, by=make.user(name="Wang"), text="Come <b>again")
    for html in (page_of(client, order), client.get(order.house.get_absolute_url()).content.decode()):
        assert "Our reply" in html
        assert "Come &lt;b&gt;again" in html
        assert "Wang" not in html
