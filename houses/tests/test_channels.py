"""Calendars of other channels: their nights are held, ours are told, and what both sold is on the list."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from icalendar import Calendar
from pytest_django import DjangoAssertNumQueries, Settings

from houses import availability
from houses.availability import NightsTaken
from houses.channels import importing
from houses.channels.importing import Due, due, free_nights, refresh
from houses.channels.models import Trouble
from houses.models import BookedNight, ChannelCalendar, DoubleSale, House
from houses.tests.channel_server import Channel, calendar, event, serving
from orders.models import Order
from tests import make

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def channel(settings: Settings) -> Iterator[Channel]:
    settings.CHANNELS_ALSO_AT = ("127.0.0.1",)
    with serving() as channel:
        channel.body = calendar()
        yield channel


@pytest.fixture
def airbnb(channel: Channel) -> ChannelCalendar:
    return ChannelCalendar.objects.create(house=make.house(), channel="Airbnb", url=channel.url)


@pytest.fixture
def day() -> date:
    return timezone.localdate() + 10 * DAY


def again(calendar: ChannelCalendar) -> ChannelCalendar:
    """Read the calendar as the sweep does, as if it were due."""
    ChannelCalendar.objects.filter(pk=calendar.pk).update(next_try_at=timezone.now())
    assert [refresh(item) for item in due()] == [1]
    calendar.refresh_from_db()
    return calendar


def held(calendar: ChannelCalendar) -> list[date]:
    return list(calendar.booked_nights.order_by("night").values_list("night", flat=True))


def book(house: House, first: date, nights: int = 1) -> Order:
    last = first + nights * DAY
    order = make.order(house=house, check_in=first, check_out=last, nights=nights)
    availability.hold(house, first, last, order_number=order.number)
    return order


def waits_for_staff() -> bool:
    return ChannelCalendar.objects.filter(ChannelCalendar.needing_staff()).exists()


def open_sales() -> list[tuple[str, str, str]]:
    rows = DoubleSale.objects.filter(done_at=None).order_by("id")
    return [(row.channel, row.order_number or row.other_channel, row.nights) for row in rows]


def test_PRI03_nights_that_a_channel_sold_are_held_with_its_name(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    channel.body = calendar(event(day, 2), event(day + 5 * DAY, STATUS="CANCELLED"))
    again(airbnb)
    assert held(airbnb) == [day, day + DAY]
    assert {row.note for row in make.rows(BookedNight)} == {"Airbnb"}
    with pytest.raises(NightsTaken):
        availability.hold(airbnb.house, day, day + DAY, order_number="1")
    assert (airbnb.trouble, airbnb.troubled_since, open_sales()) == ("", None, [])


def test_each_reading_replaces_the_nights_of_the_one_before(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    channel.body = calendar(event(day, 2))
    again(airbnb)
    channel.body = calendar(event(day + DAY, 2))
    assert held(again(airbnb)) == [day + DAY, day + 2 * DAY]


def test_nights_that_are_over_stay(airbnb: ChannelCalendar, channel: Channel, day: date) -> None:
    channel.body = calendar(event(day, 2))
    again(airbnb)
    with time_machine.travel(timezone.now() + 11 * DAY):
        channel.body = calendar()
        assert held(again(airbnb)) == [day]


def test_an_unchanged_calendar_is_not_sent_again(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    channel.body, channel.headers = calendar(event(day)), {"ETag": '"1"', "Last-Modified": "yesterday"}
    again(airbnb)
    assert held(again(airbnb)) == [day]
    assert channel.asked[1]["if-none-match"] == '"1"'
    assert channel.asked[1]["if-modified-since"] == "yesterday"


def test_it_is_read_every_15_minutes_by_one_sweep(airbnb: ChannelCalendar, channel: Channel) -> None:
    [item] = due()
    assert [refresh(item), refresh(item)] == [1, 0]
    assert len(channel.asked) == 1
    airbnb.refresh_from_db()
    assert timedelta(minutes=14) < airbnb.next_try_at - timezone.now() <= importing.EVERY
    assert due() == []


def test_twin_without_the_claim_two_sweeps_read_it(
    airbnb: ChannelCalendar, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_claim", lambda item: True)
    [item] = due()
    assert [refresh(item), refresh(item)] == [1, 1]
    assert len(channel.asked) == 2


def test_PRI03_a_night_that_both_sold_is_on_the_list_until_one_gives_it_up(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    order = book(airbnb.house, day, 2)
    channel.body = calendar(event(day + DAY, 2))
    again(airbnb)
    assert open_sales() == [("Airbnb", order.number, f"{day + DAY}")]
    assert held(airbnb) == [day + 2 * DAY]
    again(airbnb)
    assert len(open_sales()) == 1
    channel.body = calendar(event(day + 2 * DAY))
    again(airbnb)
    assert open_sales() == []
    assert DoubleSale.objects.get().outcome


def test_PRI03_the_nights_of_a_cancelled_order_are_the_channels_at_once(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    order = book(airbnb.house, day, 2)
    channel.body = calendar(event(day, 2))
    again(airbnb)
    assert held(airbnb) == []
    availability.release(order.number)
    assert held(airbnb) == [day, day + DAY]
    assert open_sales() == []


def test_a_double_sale_that_staff_resolved_does_not_come_again(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    book(airbnb.house, day, 2)
    channel.body = calendar(event(day))
    again(airbnb)
    DoubleSale.objects.update(done_at=timezone.now())
    again(airbnb)
    assert open_sales() == []
    channel.body = calendar(event(day, 2))
    again(airbnb)
    assert len(open_sales()) == 1  # the second night, too


def test_two_channels_that_sold_a_night_are_on_the_list(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    channel.body = calendar(event(day))
    again(airbnb)
    tujia = ChannelCalendar.objects.create(house=airbnb.house, channel="途家", url=channel.url)
    again(tujia)
    assert open_sales() == [("途家", "Airbnb", f"{day}")]
    assert (held(airbnb), held(tujia)) == ([day], [])
    ChannelCalendar.objects.filter(pk=airbnb.pk).update(url="")
    ChannelCalendar.objects.filter(pk=airbnb.pk).update(nights="")
    again(tujia)
    assert (held(airbnb), held(tujia), open_sales()) == ([], [day], [])


def test_nights_that_staff_block_are_no_double_sale(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    availability.hold(airbnb.house, day, day + DAY)
    channel.body = calendar(event(day))
    again(airbnb)
    assert (held(airbnb), open_sales()) == ([], [])
    availability.release_range_for_staff(airbnb.house_id, day, day)
    assert held(airbnb) == [day]


def test_a_night_that_staff_free_by_itself_becomes_the_channels(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    availability.hold(airbnb.house, day, day + DAY)
    channel.body = calendar(event(day))
    again(airbnb)
    availability.release_for_staff(airbnb.house.booked_nights.get())
    assert held(airbnb) == [day]


def test_staff_can_not_release_what_a_channel_sold(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    channel.body = calendar(event(day))
    again(airbnb)
    assert availability.release_range_for_staff(airbnb.house_id, day, day) == []
    availability.release_for_staff(airbnb.booked_nights.get())
    assert held(airbnb) == [day]


# --- a calendar that can't be believed ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (404, b"", Trouble.STATUS),
        (200, b"<!DOCTYPE html>Please sign in", Trouble.NOT_CALENDAR),
        (200, b"", Trouble.NOT_CALENDAR),
    ],
)
def test_PRI04_the_last_good_state_is_kept_and_the_trouble_told(
    airbnb: ChannelCalendar, channel: Channel, day: date, status: int, body: bytes, trouble: str
) -> None:
    channel.body = calendar(event(day))
    read_at = again(airbnb).fetched_at
    channel.status, channel.body = status, body
    again(airbnb)
    assert (airbnb.trouble, held(airbnb), airbnb.fetched_at) == (trouble, [day], read_at)
    assert airbnb.trouble_text.startswith(str(Trouble(trouble).label))


def test_PRI04_an_event_that_can_not_be_read_frees_no_night(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    channel.body = calendar(event(day))
    again(airbnb)
    odd = event(day).replace(f":{day:%Y%m%d}\r\n", ":soon\r\n")
    channel.body = calendar(odd, event(day + 3 * DAY))
    again(airbnb)
    assert (airbnb.trouble, airbnb.detail) == (Trouble.PARTIAL, "1")
    assert held(airbnb) == [day, day + 3 * DAY]
    assert waits_for_staff()


def test_PRI04_a_calendar_that_is_suddenly_empty_is_believed_after_a_day(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    channel.body = calendar(event(day, 3))
    again(airbnb)
    channel.body = calendar()
    again(airbnb)
    assert (airbnb.trouble, len(held(airbnb))) == (Trouble.EMPTIED, 3)
    with time_machine.travel(timezone.now() + importing.BELIEVED_AFTER - timedelta(minutes=5)):
        assert len(held(again(airbnb))) == 3
    with time_machine.travel(timezone.now() + importing.BELIEVED_AFTER + timedelta(minutes=5)):
        assert held(again(airbnb)) == []
    assert airbnb.trouble == ""


def test_staff_may_believe_an_empty_calendar_at_once(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    channel.body = calendar(event(day, 3))
    again(airbnb)
    assert not free_nights(airbnb.pk)
    channel.body = calendar()
    again(airbnb)
    assert free_nights(airbnb.pk)
    assert held(airbnb) == []


def test_one_or_two_nights_may_go_at_once(airbnb: ChannelCalendar, channel: Channel, day: date) -> None:
    channel.body = calendar(event(day, 2))
    again(airbnb)
    channel.body = calendar()
    assert (held(again(airbnb)), airbnb.trouble) == ([], "")


def test_it_is_tried_less_often_the_longer_it_fails(airbnb: ChannelCalendar, channel: Channel) -> None:
    channel.status = 500
    again(airbnb)
    assert not waits_for_staff()
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=False):
        again(airbnb)
        assert waits_for_staff()
        assert timedelta(minutes=60) < airbnb.next_try_at - timezone.now() < timedelta(minutes=62)
    with time_machine.travel(timezone.now() + timedelta(days=3), tick=False):
        assert again(airbnb).next_try_at == timezone.now() + importing.LONGEST_PAUSE


def test_the_answer_of_an_address_that_staff_have_changed_is_dropped(
    airbnb: ChannelCalendar, channel: Channel, day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.body = calendar(event(day))
    fetch = importing.fetch

    def fetch_while_staff_change_it(url: str, **tags: str) -> object:
        ChannelCalendar.objects.update(url="http://elsewhere.example/")
        return fetch(url, **tags)

    monkeypatch.setattr(importing, "fetch", fetch_while_staff_change_it)
    again(airbnb)
    assert held(airbnb) == []


def test_a_calendar_without_address_is_never_read(channel: Channel) -> None:
    ours = ChannelCalendar.objects.create(house=make.house(), channel="Airbnb")
    assert refresh(Due(ours.pk, ours.next_try_at)) == 0
    assert channel.asked == []


# --- our feed ----------------------------------------------------------------------------------------


def fed(calendar: ChannelCalendar, **headers: str) -> list[tuple[date, date, str]]:
    answer = Client().get(calendar.feed_path, headers=headers)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    events = Calendar.from_ical(answer.content).walk("VEVENT")
    return [(found.start, found.end, str(found["SUMMARY"])) for found in events]


def test_the_feed_has_days_and_nothing_else(airbnb: ChannelCalendar, day: date) -> None:
    order = book(airbnb.house, day, 2)
    availability.hold(airbnb.house, day + 4 * DAY, day + 5 * DAY, note="王女士")
    make.rows(BookedNight)
    assert fed(airbnb) == [
        (day, day + 2 * DAY, "Reserved"),
        (day + 4 * DAY, day + 5 * DAY, "Not available"),
    ]
    content = Client().get(airbnb.feed_path).content.decode()
    for personal in (order.number, order.renter.mobile, "王女士"):
        assert personal not in content


def test_a_channel_does_not_get_its_own_nights_back(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    channel.body = calendar(event(day))
    again(airbnb)
    tujia = ChannelCalendar.objects.create(house=airbnb.house, channel="途家")
    assert (fed(airbnb), fed(tujia)) == ([], [(day, day + DAY, "Not available")])


def test_the_echo_of_our_own_nights_is_no_double_sale(
    airbnb: ChannelCalendar, channel: Channel, day: date
) -> None:
    """Booking writes blocks and sales alike; what it blocks because we told it comes back to us."""
    order = book(airbnb.house, day, 2)
    channel.body = calendar(event(day, 2, summary="CLOSED - Not available"))
    again(airbnb)
    assert len(open_sales()) == 1  # it has not read ours yet: it was sold there
    fed(airbnb)
    again(airbnb)
    assert open_sales() == []
    availability.release(order.number)
    assert held(airbnb) == []


def test_the_feed_is_answered_by_its_tag_with_constant_queries(
    airbnb: ChannelCalendar, day: date, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = Client()
    tag = client.get(airbnb.feed_path).headers["ETag"]
    with django_assert_num_queries(2):
        assert client.get(airbnb.feed_path, headers={"If-None-Match": tag}).status_code == 304
    for n in range(9):
        book(airbnb.house, day + 2 * n * DAY)
    with django_assert_num_queries(3):  # and writes down what it told
        answer = client.get(airbnb.feed_path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-cache")


def test_the_feed_is_at_its_private_address_alone(airbnb: ChannelCalendar) -> None:
    other = ChannelCalendar.objects.create(house=make.house(), channel="Airbnb")
    client = Client()
    for token in (other.token, airbnb.token[:-1], "x"):
        assert client.get(f"/houses/{airbnb.house_id}/calendar/{token}.ics").status_code == 404
    assert client.get(f"/houses/{2**63}/calendar/{airbnb.token}.ics").status_code == 404
    assert client.post(airbnb.feed_path).status_code == 405
    assert client.head(airbnb.feed_path).status_code == 200
    airbnb.refresh_from_db()
    assert airbnb.told_at is None
