"""iCalendar file of a stay, parsed according to RFC 5545."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from orders.ics import MAX_LINE_OCTETS, calendar_of
from orders.models import Order
from tests import make

pytestmark = pytest.mark.django_db

TITLE = "临海小屋 · 推窗见海；“安静”, a\\b, c;d 😀 " * 6
RULES = "入住 15:00 以后，退房 12:00 以前\r\nNo parties; no smoking, please"
ARRIVAL = "到了请打电话。\r\nDoor code: 12;34,\n\n晚上 9 点后自助入住\x00\x1b"


def stay(**fields: object) -> Order:
    house = make.house(title=TITLE[:200], address="曾厝垵" * 20, arrival=ARRIVAL, rules=RULES)
    return make.order(house=house, status="WAIT_COMMENT", **fields)


def read(file: bytes) -> dict[str, str]:
    """Return the properties of the event, unfolded, then unescaped."""
    lines = file.replace(b"\r\n ", b"").decode().split("\r\n")
    assert lines[-1] == ""
    assert lines[:2] == ["BEGIN:VCALENDAR", "VERSION:2.0"]
    event = lines[lines.index("BEGIN:VEVENT") + 1 : lines.index("END:VEVENT")]
    assert lines[-3:-1] == ["END:VEVENT", "END:VCALENDAR"]
    return {name: unescaped(value) for name, _, value in (line.partition(":") for line in event)}


def unescaped(value: str) -> str:
    """Unescape a text. Fails on an unescaped comma or semicolon, where a calendar may end the text."""
    assert re.fullmatch(r"(?:\\[\\;,nN]|[^\\;,])*", value), value
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] in "nN" else match[1], value)


@pytest.mark.parametrize("value", ["a,b", "a;b", "a\\\\,b", "a\\b", "a\\"])
def test_the_parser_refuses_unescaped_characters(value: str) -> None:
    assert unescaped(r"a\,b\;c\\d\ne") == "a,b;c\\d\ne"
    with pytest.raises(AssertionError):
        unescaped(value)


def test_the_stay_is_an_all_day_event(client: Client) -> None:
    order = stay(check_in=date(2028, 2, 28), check_out=date(2028, 3, 1))
    client.force_login(order.renter)
    answer = client.get(f"/orders/{order.number}/calendar.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="ihome-{order.number}.ics"'
    assert "no-store" in answer.headers["Cache-Control"]
    event = read(answer.content)
    assert event["DTSTART;VALUE=DATE"] == "20280228"
    assert event["DTEND;VALUE=DATE"] == "20280301"
    assert re.fullmatch("[0-9]{8}T[0-9]{6}Z", event["DTSTAMP"])
    assert event["UID"] == f"{order.number}@testserver"
    assert event["URL"] == f"http://testserver/orders/{order.number}/"
    assert order.house_title in event["SUMMARY"]
    assert event["LOCATION"].endswith(order.house.address)
    assert "Door code: 12;34,\n\n晚上" in event["DESCRIPTION"]
    assert order.number in event["DESCRIPTION"]
    assert event["URL"] in event["DESCRIPTION"]


def test_the_house_rules_are_in_the_description() -> None:
    """They contain the times of arrival and departure."""
    order = stay()
    description = read(calendar_of(order))["DESCRIPTION"]
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
    assert [line for line in lines if line.startswith((b"ATTENDEE", b"BEGIN:VALARM"))] == []
    assert lines.count(b"END:VEVENT") == 1
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\r(?!\n)|(?<!\r)\n", calendar_of(order))


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
