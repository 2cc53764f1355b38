"""iCalendar file of a stay, read by the library and by the line rules of RFC 5545."""

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from icalendar import Calendar, Event

from orders.ics import calendar_of
from orders.models import Order, OrderEvent
from tests import make

pytestmark = pytest.mark.django_db

MAX_LINE_OCTETS = 75
"""RFC 5545, 3.1: without the line break."""
TITLE = "临海小屋 · 推窗见海；“安静”, a\\b, c;d 😀 " * 6
RULES = "入住 15:00 以后，退房 12:00 以前\r\nNo parties; no smoking, please"
ARRIVAL = "到了请打电话。\r\nDoor code: 12;34,\n\n晚上 9 点后自助入住\x00\x1b"


def stay(**fields: object) -> Order:
    house = make.house(title=TITLE[:200], address="曾厝垵" * 20, arrival=ARRIVAL, rules=RULES)
    return make.order(house=house, **{"status": "WAIT_COMMENT", **fields})


def read(file: bytes) -> Event:
    """Return the one event, as the library reads it."""
    calendar = Calendar.from_ical(file)
    assert (calendar["VERSION"], calendar.errors) == ("2.0", [])
    [event] = calendar.walk("VEVENT")
    assert isinstance(event, Event)
    assert event.errors == []
    return event


def test_the_stay_lasts_from_the_hour_of_check_in_to_that_of_check_out(client: Client) -> None:
    order = stay(check_in=date(2028, 2, 28), check_out=date(2028, 3, 1))
    client.force_login(order.renter)
    answer = client.get(f"/orders/{order.number}/calendar.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="ihome-{order.number}.ics"'
    assert "no-store" in answer.headers["Cache-Control"]
    event = read(answer.content)
    assert event["UID"] == f"{order.number}@testserver"
    assert event["URL"] == f"http://testserver/orders/{order.number}/"
    assert order.house_title in event["SUMMARY"]
    assert event["LOCATION"].endswith(order.house.address)
    assert "Door code: 12;34,\n\n晚上" in event["DESCRIPTION"]
    assert order.number in event["DESCRIPTION"]
    assert event["URL"] in event["DESCRIPTION"]
    assert (event["STATUS"], event["SEQUENCE"]) == ("CONFIRMED", 0)


def test_the_hours_are_those_of_beijing() -> None:
    order = stay(check_in=date(2028, 2, 28), check_out=date(2028, 3, 1))
    file = calendar_of(order)
    assert b"\r\nDTSTART;TZID=Asia/Shanghai:20280228T150000\r\n" in file
    assert b"\r\nDTEND;TZID=Asia/Shanghai:20280301T120000\r\n" in file
    assert b"\r\nTZOFFSETTO:+0800\r\n" in file
    assert Calendar.from_ical(file).get_missing_tzids() == set()
    assert read(file).start.astimezone(UTC) == datetime(2028, 2, 28, 7, tzinfo=UTC)
    assert read(file)["DTSTAMP"].dt.utcoffset() == timedelta(0)


def test_the_hours_of_the_home_count() -> None:
    order = stay(check_in=date(2028, 2, 28), check_out=date(2028, 3, 1))
    order.house.check_in_from, order.house.check_out_by = time(16, 30), time(10)
    file = calendar_of(order)
    assert b"DTSTART;TZID=Asia/Shanghai:20280228T163000" in file
    assert b"DTEND;TZID=Asia/Shanghai:20280301T100000" in file


def test_a_reminder_comes_the_day_before() -> None:
    [alarm] = read(calendar_of(stay())).walk("VALARM")
    assert (alarm["ACTION"], alarm["TRIGGER"].dt) == ("DISPLAY", timedelta(days=-1))
    assert TITLE[:20] in alarm["DESCRIPTION"]


def test_the_file_of_a_changed_stay_replaces_the_one_before() -> None:
    order = stay()
    before = read(calendar_of(order))
    OrderEvent.objects.create(order=order, kind="CHANGED")
    later = read(calendar_of(order))
    assert (later["UID"], later["SEQUENCE"]) == (before["UID"], before["SEQUENCE"] + 1)


def test_a_stay_that_was_paid_and_cancelled_has_a_file_that_cancels_the_event(client: Client) -> None:
    order = stay()
    OrderEvent.objects.create(order=order, kind="PAID")
    client.force_login(order.renter)
    address = f"/orders/{order.number}/calendar.ics"
    before = read(client.get(address).content)
    make.rows(Order).update(status="CANCELED")
    OrderEvent.objects.create(order=order, kind="CANCELED")
    assert address in client.get(f"/orders/{order.number}/").content.decode()
    event = read(client.get(address).content)
    assert (event["UID"], event["STATUS"]) == (before["UID"], "CANCELLED")
    assert event["SEQUENCE"] > before["SEQUENCE"]
    assert "Door code" in before["DESCRIPTION"] and "Door code" not in event["DESCRIPTION"]
    assert order.house.address not in event["LOCATION"]
    assert event.walk("VALARM") == []


def test_the_house_rules_are_in_the_description() -> None:
    description = read(calendar_of(stay()))["DESCRIPTION"]
    assert "入住 15:00 以后，退房 12:00 以前\nNo parties; no smoking, please" in description


@pytest.mark.parametrize("shift", range(5))
def test_long_lines_are_folded_between_characters(shift: int) -> None:
    """At any position of the limit within a character of three or four octets."""
    order = stay()
    order.house_title = "x" * shift + "海😀" * 90
    file = calendar_of(order)
    lines = file.split(b"\r\n")
    assert max(map(len, lines)) <= MAX_LINE_OCTETS
    assert max(map(len, lines)) >= MAX_LINE_OCTETS - 3
    for line in lines:
        line.decode()
    assert order.house_title in read(file)["SUMMARY"]


def test_no_text_can_add_a_line_or_a_control_character() -> None:
    order = stay()
    order.house_title = "Sea\r\nATTENDEE:x\rBEGIN:VALARM\nEND:VEVENT\x00\x0b"
    lines = calendar_of(order).split(b"\r\n")
    assert [line for line in lines if line.startswith(b"ATTENDEE")] == []
    assert [lines.count(line) for line in (b"END:VEVENT", b"BEGIN:VALARM")] == [1, 1]
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\r(?!\n)|(?<!\r)\n", calendar_of(order))


def test_texts_are_escaped_where_a_calendar_would_end_them() -> None:
    unfolded = calendar_of(stay()).replace(b"\r\n ", b"").decode()
    for name in ("SUMMARY", "LOCATION", "DESCRIPTION"):
        [value] = re.findall(rf"^{name}:(.*)\r$", unfolded.partition("BEGIN:VALARM")[0], re.MULTILINE)
        assert re.fullmatch(r"(?:\\[\\;,nN]|[^\\;,])*", value), value


def test_the_same_stay_keeps_its_uid() -> None:
    order = stay()
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        later = read(calendar_of(order))
    assert later["UID"] == read(calendar_of(order))["UID"]


@pytest.mark.parametrize("status", Order.Status)
def test_only_a_paid_stay_that_is_not_over_has_one(client: Client, status: str) -> None:
    today, yesterday = date(2026, 11, 22), date(2026, 11, 21)
    order = stay(check_in=date(2026, 11, 19), check_out=today)
    address = f"/orders/{order.number}/calendar.ics"
    make.rows(Order).update(status=status)
    paid = status in ("WAIT_COMMENT", "COMPLETE")
    with time_machine.travel("2026-11-22T12:00:00+08:00", tick=False):
        client.force_login(order.renter)
        assert client.get(address).status_code == (200 if paid else 404)
        make.rows(Order).update(check_out=yesterday)
        assert client.get(address).status_code == 404


def test_anonymous_users_sign_in_first(client: Client) -> None:
    address = f"/orders/{stay().number}/calendar.ics"
    assert client.get(address).url == f"/accounts/login/?next={address}"
