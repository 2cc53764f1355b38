"""Stays in the stages that the others leave out, and reviews with marks, photos and a reply."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.core.files.base import ContentFile
from django.utils import timezone

from accounts.models import User
from demo import guests
from houses.models import House
from orders import reviewing, transitions
from orders.models import Order, Review, ReviewPhoto

# first night in days from today, nights: one that ended, one in house
STAYS = [(-6, 2), (-1, 2)]
MARKS = {"cleanliness": 5, "location": 4, "host": 5, "accuracy": 5}
PHOTOS = ("house-1-3.webp", "house-1-4.webp")
REPLY = "谢谢您喜欢窗外的海。下次来，点心给您多留一碟。"


def make(
    renter: User, book: Callable[[User, House, int, int], Order], pay: Callable[[Order], Order], house: House
) -> None:
    """Make a stay to review, one in house and a cancelled one, all of one house."""
    for first_night, nights in STAYS:
        order = pay(book(renter, house, guests.BOOKED_AHEAD, nights))
        guests.move(order, timezone.localdate() + timedelta(days=first_night))
    transitions.cancel(book(renter, house, guests.BOOKED_AHEAD, 3), by=renter)


def adorn(review: Review, photos: Path, *, by: User) -> None:
    """Add photos and a reply to a review."""
    for position, name in enumerate(PHOTOS, 1):
        picture = ContentFile((photos / name).read_bytes(), name)
        ReviewPhoto.objects.create(review=review, position=position, image=picture)
    reviewing.reply(review.pk, by=by, text=REPLY)
