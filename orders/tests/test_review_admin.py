"""Staff reply to reviews, hide them and show them again."""

import pytest
from django.core import mail
from django.test import Client

from accounts import roles
from orders import mailing, reviewing, transitions
from orders.models import Review
from tests import make

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/review/"


@pytest.fixture
def review() -> Review:
    order = make.ended(make.user(email="renter@example.com"))
    return transitions.review(order, by=order.renter, rating=5, text="Quiet")


@pytest.fixture
def desk(client: Client) -> Client:
    client.cookies["django_language"] = "en"
    client.force_login(make.staff(roles.MANAGER))
    return client


def act(client: Client, review: Review, action: str, **typed: str):
    return client.post(LIST, {"action": action, "_selected_action": str(review.pk), **typed})


def mailed(review: Review) -> str:
    for key in mailing.due():
        mailing.send(key)
    return str(mail.outbox[-1].subject) + mail.outbox[-1].body


@pytest.mark.parametrize(
    ("action", "typed", "asked"),
    [
        ("reply_to_reviews", {"reply": "Come again"}, "Publish reply"),
        ("hide_reviews", {"reason": "Names a neighbour"}, "Hide reviews"),
    ],
)
def test_the_first_press_asks_and_an_empty_answer_asks_again(
    desk: Client, review: Review, action: str, typed: dict[str, str], asked: str
) -> None:
    before = Review.objects.values().get(pk=review.pk)
    for answer in ({}, dict.fromkeys(typed, " ")):
        page = act(desk, review, action, **answer)
        assert page.status_code == 200
        assert asked in page.content.decode()
        assert "Quiet" in page.content.decode()
    assert Review.objects.values().get(pk=review.pk) == before
    assert act(desk, review, action, **typed).status_code == 302
    assert Review.objects.values().get(pk=review.pk) != before


def test_a_reply_is_published_with_its_writer_and_the_renter_is_mailed(desk: Client, review: Review) -> None:
    act(desk, review, "reply_to_reviews", reply="Come again")
    review.refresh_from_db()
    assert review.reply == "Come again"
    assert review.replied_at
    assert str(review.replied_by) in desk.get(f"{LIST}{review.pk}/change/").content.decode()
    with_mail = mailed(review)
    assert with_mail
    again = act(desk, review, "reply_to_reviews", reply="Or not")
    shown = desk.get(again.url).content.decode()
    assert "this review has a reply" in shown
    assert "Your text was not used: Or not" in shown


def test_STA03_the_reason_of_who_hides_it_second_is_kept(desk: Client, review: Review) -> None:
    act(desk, review, "hide_reviews", reason="Names a neighbour")
    again = act(desk, review, "hide_reviews", reason="Rude")
    assert "Your text was not used: Rude" in desk.get(again.url).content.decode()
    review.refresh_from_db()
    assert review.hidden_reason == "Names a neighbour"


def test_hiding_and_showing_again_are_mailed_with_the_reason(desk: Client, review: Review) -> None:
    act(desk, review, "hide_reviews", reason="Names a neighbour")
    assert "Names a neighbour" in mailed(review)
    page = f"{LIST}{review.pk}/change/"
    steps = {name for name, _label in desk.get(page).context["actions"]}
    assert steps == {"reply_to_reviews", "show_reviews"}
    assert str(review.order) in desk.get(LIST, {"shown": "hidden"}).content.decode()
    assert str(review.order) not in desk.get(LIST, {"shown": "yes"}).content.decode()
    act(desk, review, "show_reviews")
    assert len(mail.outbox) == 1
    assert "Names a neighbour" not in mailed(review)
    assert len(mail.outbox) == 2


def test_the_page_of_an_order_links_to_its_review(desk: Client, review: Review) -> None:
    assert (
        f"{LIST}{review.pk}/change/"
        in desk.get(f"/admin/orders/order/{review.order_id}/change/").content.decode()
    )


def test_a_reply_to_earlier_words_says_so(desk: Client, review: Review) -> None:
    act(desk, review, "reply_to_reviews", reply="Come again")
    page = f"/houses/{review.house_id}/"
    assert "to an earlier version of this review" not in desk.get(page).content.decode()
    review.refresh_from_db()
    reviewing.edit(review.pk, seen=reviewing.version_of(review), rating=1, text="Loud")
    assert "to an earlier version of this review" in desk.get(page).content.decode()
