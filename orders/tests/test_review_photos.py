"""Photos of a review: prepared as those of homes are, kept through refusals, deleted with their files."""

import io

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from orders import views
from orders.models import Order, Review, ReviewPhoto
from orders.reviewing import version_of
from orders.reviews import MAX_PHOTOS
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = {"rating": "4", "text": "Typed with care"}


@pytest.fixture
def order(client: Client) -> Order:
    client.cookies["django_language"] = "en"
    made = make.ended()
    client.force_login(made.renter)
    return made


def png() -> SimpleUploadedFile:
    made = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(made, "PNG")
    return SimpleUploadedFile("a.png", made.getvalue())


def send(client: Client, order: Order, *photos: SimpleUploadedFile, **fields: object):
    return client.post(f"/orders/{order.number}/review/", {**WORDS, "photos": list(photos), **fields})


def stored() -> list[ReviewPhoto]:
    return list(ReviewPhoto.objects.order_by("position"))


def seen(order: Order) -> str:
    return version_of(Review.objects.get(order=order))


def test_photos_are_prepared_and_shown_with_the_review(client: Client, order: Order) -> None:
    assert send(client, order, png(), png()).status_code == 302
    assert [photo.position for photo in stored()] == [1, 2]
    for address in (order.get_absolute_url(), order.house.get_absolute_url()):
        html = client.get(address).content.decode()
        for photo in stored():
            assert f'<a href="{photo.image.url}">' in html
            assert photo.webp_srcset in html


def test_sent_twice_they_are_added_once(client: Client, order: Order) -> None:
    for _ in range(2):
        assert send(client, order, png()).status_code == 302
    assert len(stored()) == 1


def test_a_file_that_is_no_photo_is_named_and_words_and_good_photos_stay(
    client: Client, order: Order
) -> None:
    page = send(client, order, png(), SimpleUploadedFile("notes.txt", b"no photo"))
    assert page.status_code == 422
    html = page.content.decode()
    for piece in ("Typed with care", "notes.txt: We can", 'name="photos-kept"'):
        assert piece in html
    assert not make.rows(Review).exists()
    [kept] = page.context["review_form"].fields["photos"].kept
    assert send(client, order, **{"photos-kept": kept.token}).status_code == 302
    assert len(stored()) == 1


def test_more_than_six_are_refused_before_any_is_decoded(
    client: Client, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.review_photos.prepare", lambda upload: pytest.fail("decoded"))
    page = send(client, order, *[png() for _ in range(MAX_PHOTOS + 1)])
    assert page.status_code == 422
    assert "Choose at most 6 photos." in page.content.decode()


def test_an_edit_removes_photos_with_their_files_and_adds_others(client: Client, order: Order) -> None:
    send(client, order, png(), png())
    first, second = stored()
    page = send(client, order, png(), seen=seen(order), **{"photos-remove": str(first.pk)})
    assert page.status_code == 302
    assert second in stored()
    assert len(stored()) == 2
    assert not any(default_storage.exists(name) for name in first.file_names)
    assert all(default_storage.exists(name) for photo in stored() for name in photo.file_names)
    send(client, order, *[png() for _ in range(MAX_PHOTOS)], seen=seen(order))
    assert len(stored()) == MAX_PHOTOS


def test_only_own_photos_are_removed(client: Client, order: Order) -> None:
    other = make.ended()
    review = Review.objects.create(order=other, house=other.house, renter=other.renter, rating=5, text="Fine")
    ReviewPhoto.objects.create(review=review, image=png())
    send(client, order, **{"photos-remove": [str(stored()[0].pk), "x", "-1", "9" * 30]})
    assert len(stored()) == 1


def test_after_many_photos_of_a_day_the_words_stay(
    client: Client, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PHOTOS_A_DAY", views.PHOTOS_A_DAY._replace(most=1))
    page = send(client, order, png(), png())
    assert page.status_code == 422
    for piece in ("Typed with care", "a lot of photos today"):
        assert piece in page.content.decode()
    assert send(client, order).status_code == 302
