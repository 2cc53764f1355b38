"""A home that another channel lists, too, as if its calendar had been read. The demo uses no network."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from houses import availability
from houses.channels.models import text_of
from houses.models import ChannelCalendar, House

TITLE, CHANNEL = "雪山下的藏式民居", "途家"
NIGHTS = range(3, 7)
"""In days from today. The first is a night of 李雷 (demo/guests.py), so that both sold it."""


def make(houses: Sequence[House]) -> None:
    today, now = timezone.localdate(), timezone.now()
    [house] = [house for house in houses if house.title == TITLE]
    with transaction.atomic():
        ChannelCalendar.objects.create(
            house=house,
            channel=CHANNEL,
            url="https://channel.example/home.ics",
            next_try_at=None,
            nights=text_of(today + timedelta(days=n) for n in NIGHTS),
            fetched_at=now,
            told_at=now - timedelta(hours=2),
        )
        availability.settle_channels(house)
