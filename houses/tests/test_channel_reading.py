"""Nights in the calendars of other channels."""

from datetime import date, timedelta

import pytest
from dateutil import rrule
from hypothesis import example, given, settings
from hypothesis import strategies as st

from houses.channels import reading
from houses.channels.models import Trouble
from houses.channels.reading import Unreadable, read
from houses.tests.channel_server import calendar, event

TODAY = date(2026, 11, 27)
DECEMBER = date(2026, 12, 1)


def nights(*events: str, told: set[date] | None = None) -> list[str]:
    """Return the nights as `12-05`."""
    found = read(calendar(*events), TODAY)
    assert found.unread == 0
    return [f"{night:%m-%d}" for night in sorted(found.sold(told or set()))]


def custom(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT"])


def test_days_are_half_open() -> None:
    assert nights(event(DECEMBER, 2)) == ["12-01", "12-02"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["DTSTART;VALUE=DATE:20261205"], ["12-05"]),
        (["DTSTART;VALUE=DATE:20261205", "DTEND;VALUE=DATE:20261205"], ["12-05"]),
        (["DTSTART;VALUE=DATE:20261205", "DURATION:P2D"], ["12-05", "12-06"]),
        (["DTSTART:20261205T070000Z", "DTEND:20261207T040000Z"], ["12-05", "12-06"]),
        (["DTSTART:20261204T170000Z", "DTEND:20261205T100000Z"], ["12-05"]),  # 5 December in Beijing
        (["DTSTART;TZID=America/New_York:20261205T150000", "DURATION:PT20H"], ["12-06"]),
        (["DTSTART;TZID=Asia/Shanghai:20261205T150000", "DTEND:20261207T040000Z"], ["12-05", "12-06"]),
        (["DTSTART:20261205T150000", "DTEND:20261207T120000"], ["12-05", "12-06"]),
        (["DTSTART:20261205T000000", "DTEND:20261206T235900"], ["12-05", "12-06"]),
        (["DTSTART:20261205T100000", "DTEND:20261205T120000"], ["12-05"]),
        (["DTSTART;VALUE=DATE:20261120", "DTEND;VALUE=DATE:20261129"], ["11-27", "11-28"]),
        (["DTSTART;VALUE=DATE:20261120", "DTEND;VALUE=DATE:20261127"], []),
        (["DTSTART;VALUE=DATE:20261205", "STATUS:CANCELLED"], []),
        (["DTSTART;VALUE=DATE:20261205", "TRANSP:TRANSPARENT"], ["12-05"]),
    ],
)
def test_nights_are_those_of_beijing(lines: list[str], expected: list[str]) -> None:
    assert nights(custom(*lines)) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("RRULE:FREQ=WEEKLY;COUNT=3", ["12-05", "12-12", "12-19"]),
        ("RRULE:FREQ=WEEKLY;UNTIL=20261212", ["12-05", "12-12"]),
        ("RRULE:FREQ=WEEKLY;UNTIL=20261212T030000Z", ["12-05", "12-12"]),
        ("RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE;VALUE=DATE:20261206", ["12-05", "12-07"]),
    ],
)
def test_repeating_events_are_expanded(rule: str, expected: list[str]) -> None:
    assert nights(custom("DTSTART;VALUE=DATE:20261205", rule)) == expected


def test_a_day_of_a_repeating_event_may_be_moved() -> None:
    moved = custom("RECURRENCE-ID;VALUE=DATE:20261212", "DTSTART;VALUE=DATE:20261214")
    weekly = custom("DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=WEEKLY;COUNT=3")
    assert nights(weekly, moved) == ["12-05", "12-14", "12-19"]


def test_a_repeating_event_ends_at_the_horizon() -> None:
    found = read(calendar(custom("DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=DAILY")), TODAY)
    assert max(found.sold(set())) == TODAY + timedelta(days=reading.MAX_DAYS_AHEAD - 1)


@pytest.mark.parametrize(
    "lines",
    [
        ["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=SECONDLY"],
        ["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=DAILY;BYSECOND=1,2,3"],
        ["DTSTART;VALUE=DATE:20261205", "RRULE:INTERVAL=2"],
        ["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"],
        ["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=WEEKLY;BYDAY=MO;BYSETPOS=9"],
        ["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=MONTHLY;BYDAY=6MO"],
        ["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=MONTHLY;BYMONTHDAY=31"],
        ["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1"],
        ["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"],
        ["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=DAILY;INTERVAL=99999999"],
        ["DTSTART;VALUE=DATE:20261205", "DURATION:P9999D", "RRULE:FREQ=DAILY"],
        ["DTSTART;VALUE=DATE:19990101", "RRULE:FREQ=DAILY"],
        ["DTSTART;VALUE=DATE:20261205", "RDATE;VALUE=DATE:20261209"],
        ["DTSTART;VALUE=DATE:20261205", "DTEND;VALUE=DATE:20261204"],
        ["DTSTART;VALUE=DATE:20269999"],
        ["DTEND;VALUE=DATE:20261204"],
    ],
)
def test_PRI04_an_event_that_can_not_be_read_is_counted_beside_the_others(lines: list[str]) -> None:
    found = read(calendar(event(DECEMBER), custom(*lines)), TODAY)
    assert (found.unread, found.sold(set())) == (1, {DECEMBER})


def test_an_event_far_too_long_is_clipped() -> None:
    found = read(calendar(custom("DTSTART;VALUE=DATE:00010101", "DTEND;VALUE=DATE:99991231")), TODAY)
    assert len(found.sold(set())) == reading.MAX_DAYS_AHEAD


@pytest.mark.parametrize(
    "content",
    [
        calendar(*[event(DECEMBER)] * (reading.MAX_EVENTS + 1)),
        calendar(*["X:Y"] * reading.MAX_LINES),
        calendar(*[custom("DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=DAILY")] * reading.MAX_REPEATING),
        calendar(*[event(date(2020, 1, 1), 20 * 365)] * reading.MAX_EVENTS),
    ],
    ids=["events", "lines", "repeated nights", "nights"],
)
def test_PRI04_too_many_events_lines_or_nights_are_refused(content: bytes) -> None:
    with pytest.raises(Unreadable) as error:
        read(content, TODAY)
    assert error.value.trouble == Trouble.LARGE


@pytest.mark.parametrize("interval", [1, 12, 336, 366])
def test_PRI04_a_rule_is_read_in_few_steps(interval: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step prepares a month or a year. There are 96,000 months to the year 9999, where a search ends."""
    steps = []
    prepare = rrule._iterinfo.rebuild
    monkeypatch.setattr(rrule._iterinfo, "rebuild", lambda *args: steps.append(1) or prepare(*args))
    rules = ["DAILY", "WEEKLY", "WEEKLY;BYDAY=MO,SU", "MONTHLY", "MONTHLY;BYDAY=-4SU", "YEARLY"]
    for rule in [*rules, "MONTHLY;BYDAY=4MO", "MONTHLY;BYMONTHDAY=28,-28"]:
        for first in ("20231201", "20240229", "20240331"):
            lines = [f"DTSTART;VALUE=DATE:{first}", f"RRULE:FREQ={rule};INTERVAL={interval}"]
            assert read(calendar(custom(*lines)), TODAY).unread == 0
            assert len(steps) < 3000
            steps.clear()


def test_a_block_that_we_told_the_channel_is_an_echo() -> None:
    told = {DECEMBER, DECEMBER + timedelta(days=1)}
    assert nights(event(DECEMBER, 2, summary="CLOSED - Not available"), told=told) == []
    assert nights(event(DECEMBER, 3, summary="CLOSED - Not available"), told=told) == [
        "12-01",
        "12-02",
        "12-03",
    ]
    assert nights(event(DECEMBER, 2, summary="Reserved"), told=told) == ["12-01", "12-02"]


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><p>Sign in", b"\xff\xfe\x00", b"BEGIN:VEVENT\r\n"])
def test_PRI04_a_web_page_is_not_a_calendar(content: bytes) -> None:
    with pytest.raises(Unreadable) as error:
        read(content, TODAY)
    assert error.value.trouble == Trouble.NOT_CALENDAR


PIECES = st.sampled_from(
    [
        *("BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "UID:1", "STATUS:CANCELLED"),
        *(
            "DTSTART;VALUE=DATE:20261205",
            "DTSTART:20261205T150000Z",
            "DTSTART:x",
            "DTSTART;TZID=X:20261205T1500",
        ),
        *("DTEND;VALUE=DATE:99991231", "DTEND:20261205T150000", "DURATION:P1D", "DURATION:-P99999999D"),
        *(
            "RRULE:FREQ=DAILY",
            "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "RRULE:FREQ=WEEKLY;UNTIL=x;COUNT=-1",
        ),
        *("RRULE:FREQ=DAILY;INTERVAL=0", "EXDATE:x", "EXDATE;VALUE=DATE:20261206", "RDATE:20261206T150000"),
        *("RECURRENCE-ID:x", "RECURRENCE-ID;VALUE=DATE:20261206", "BEGIN:VALARM", "BEGIN:", "X;Y:Z", "\x00"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.lists(PIECES | st.text(max_size=20), max_size=12)))
@example(["DTSTART;VALUE=DATE:20261205", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"])
def test_PRI04_any_bytes_give_nights_or_a_sentence(given_: bytes | list[str]) -> None:
    """Lines also as an event, so that most of them reach the reading of events."""
    if isinstance(given_, bytes):
        contents = [given_, calendar(event(DECEMBER)) + given_]
    else:
        text = "\r\n".join(given_)
        contents = [text.encode("utf-8", "replace"), calendar(event(DECEMBER), custom(text))]
    for content in contents:
        try:
            found = read(content, TODAY)
        except Unreadable as error:
            assert error.trouble.label
        else:
            assert all(night >= TODAY for night in found.sold(set()))
