"""Template tags and filters: money, dates, stars, icons, languages."""

import html
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.template import Context, Template
from django.utils import translation

from core.templatetags.ihome import day, icon, lang_of, moment, short_yuan, stars, stay_date, with_lang, yuan

NOON_IN_BEIJING = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def this_year_is_2026() -> object:
    with time_machine.travel(NOON_IN_BEIJING, tick=False):
        yield


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "￥0.00"),
        (99_999, "￥999.99"),
        (100_000, "￥1,000.00"),
        (299_999_970, "￥2,999,999.70"),
        (-5, "-￥0.05"),
        (-123_456_789, "-￥1,234,567.89"),
    ],
)
def test_thousands_are_grouped(fen: int, text: str) -> None:
    assert yuan(fen) == text


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (188_800, "1,888"),
        (12_345, "123.45"),
        (999_999, "9,999.99"),
        (1_000_001, "10,001"),
        (9_999_999, "100,000"),
    ],
)
def test_in_a_calendar_long_prices_are_rounded_up(fen: int, text: str) -> None:
    assert short_yuan(fen) == text


@pytest.mark.parametrize("amount", [300.0, "30000", True, None])
def test_only_whole_fen_are_shown(amount: object) -> None:
    with pytest.raises(ValueError, match="must be an int"):
        yuan(amount)


@pytest.mark.parametrize(
    ("language", "on", "with_weekday", "without"),
    [
        ("zh-hans", date(2026, 3, 5), "3月5日 周四", "3月5日"),
        ("zh-hans", date(2027, 12, 24), "2027年12月24日 周五", "2027年12月24日"),
        ("en", date(2026, 3, 5), "Thu 5 Mar", "5 Mar"),
        ("en", date(2027, 12, 24), "Fri 24 Dec 2027", "24 Dec 2027"),
    ],
)
def test_days(language: str, on: date, with_weekday: str, without: str) -> None:
    with translation.override(language):
        assert (stay_date(on), day(on)) == (with_weekday, without)


@pytest.mark.parametrize(
    ("language", "at", "text"),
    [
        ("zh-hans", datetime(2026, 3, 5, 6, 32, tzinfo=UTC), "3月5日 14:32"),
        ("zh-hans", datetime(2026, 12, 31, 15, 59, tzinfo=UTC), "12月31日 23:59"),
        ("zh-hans", datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "2027年1月1日 00:00"),
        ("en", datetime(2026, 3, 5, 6, 32, tzinfo=UTC), "5 Mar, 14:32"),
        ("en", datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "1 Jan 2027, 00:00"),
    ],
)
def test_times_are_shown_in_beijing_time(language: str, at: datetime, text: str) -> None:
    """Rendered in a template, which converts to local time (`expects_localtime`)."""
    template = Template("{% load ihome %}{{ at|moment }}")
    with translation.override(language):
        assert template.render(Context({"at": at})) == text


def test_the_current_year_is_that_of_beijing() -> None:
    with time_machine.travel(datetime(2026, 12, 31, 17, tzinfo=UTC), tick=False), translation.override("en"):
        assert day(date(2027, 1, 2)) == "2 Jan"
        assert moment(datetime(2026, 12, 31, 12, tzinfo=UTC)) == "31 Dec 2026, 20:00"


@pytest.mark.parametrize("rating", [1, 3, 5])
def test_stars_are_drawn_and_labelled(rating: int) -> None:
    with translation.override("en"):
        drawn = stars(rating)
    assert drawn.count("#star-full") == rating
    assert drawn.count("<svg") == 5
    assert f'aria-label="{rating} of 5 stars"' in drawn


def test_the_name_of_an_icon_is_escaped() -> None:
    assert '"><script>' not in icon('"><script>')
    assert '"><script>' in html.unescape(icon('"><script>'))


@pytest.mark.parametrize(
    ("language", "text", "attribute"),
    [
        ("en", "推窗见海", ' lang="zh-Hans"'),
        ("en", "Sea 海", ' lang="zh-Hans"'),
        ("en", "Sea view", ""),
        ("zh-hans", "推窗见海", ""),
        ("zh-hans", "Sea view", ' lang="en"'),
        ("zh-hans", "8 > 7 😀", ""),
    ],
)
def test_a_text_of_users_is_marked_with_its_language(language: str, text: str, attribute: str) -> None:
    with translation.override(language):
        assert lang_of(text) == attribute


@pytest.mark.parametrize(
    ("language", "marked"),
    [("en", "Wet &amp; cold"), ("zh-hans", '<span lang="en">Wet &amp; cold</span>')],
)
def test_a_text_of_users_in_a_sentence_is_marked_and_escaped(language: str, marked: str) -> None:
    with translation.override(language):
        assert with_lang("Wet & cold") == marked
