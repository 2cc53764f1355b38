"""Template tags and filters: money, dates, the language of texts, icons and stars."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.forms import BoundField
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, pgettext, pgettext_lazy

from core.money import yuan_text

register = template.Library()

_HAN = re.compile("[\u4e00-\u9fff]")
_LATIN = re.compile("[A-Za-z]{2}")


@register.filter
@lru_cache(maxsize=4096, typed=True)  # a float is refused though it equals an int
def yuan(fen: int) -> str:
    """Format fen, 99999999 -> "￥999,999.99", -1 -> "-￥0.01". Raises ValueError unless it is an int."""
    text = yuan_text(fen)
    whole, cents = text.removeprefix("-").split(".")
    return f"{'-' if fen < 0 else ''}￥{int(whole):,}.{cents}"


LONG_FEN = 10_000_00


@register.filter
def short_yuan(fen: int) -> str:
    """Format fen where there is little space, 188800 -> "1,888", 12345 -> "123.45", 1234501 -> "12,346".

    From 10,000 yuan on it leaves out the fen and rounds up: nobody is charged more than was shown.
    """
    shown = fen if fen < LONG_FEN else -(-fen // 100) * 100
    return yuan(shown).removeprefix("￥").removesuffix(".00")


# Django's Chinese catalogue has only the long names: 星期一, 星期二 …
WEEKDAYS = [
    pgettext_lazy("weekday", "Mon"),
    pgettext_lazy("weekday", "Tue"),
    pgettext_lazy("weekday", "Wed"),
    pgettext_lazy("weekday", "Thu"),
    pgettext_lazy("weekday", "Fri"),
    pgettext_lazy("weekday", "Sat"),
    pgettext_lazy("weekday", "Sun"),
]


@register.filter
def day(at: date) -> str:
    """Format a day, "5 Mar" or "3月5日"; with the year unless it is the current one."""
    return _day(at, timezone.localdate().year, get_language())


@lru_cache(maxsize=4096)
def _day(at: date, this_year: int, language: str | None) -> str:
    if at.year == this_year:
        return date_format(at, pgettext("date format: a day of this year", "j M"))
    return date_format(at, pgettext("date format: a day of another year", "j M Y"))


@register.filter
def stay_date(at: date) -> str:
    """Format a day of a stay with its weekday, "Thu 5 Mar" or "3月5日 周四"."""
    return _stay_date(at, timezone.localdate().year, get_language())


@lru_cache(maxsize=4096)
def _stay_date(at: date, this_year: int, language: str | None) -> str:
    shown = _day(at, this_year, language)
    return pgettext("a day", "%(weekday)s %(day)s") % {"weekday": WEEKDAYS[at.weekday()], "day": shown}


def local(at: Any) -> Any:
    """Return a time in the site's time zone; a day, or a time of day, as it is."""
    return timezone.localtime(at) if isinstance(at, datetime) and timezone.is_aware(at) else at


@register.filter
def moment(at: datetime) -> str:
    """Format a time, "5 Mar, 14:32" or "3月5日 14:32"; with the year unless it is the current one."""
    at = local(at)
    if at.year == timezone.localdate().year:
        return date_format(at, pgettext("date format: a moment of this year", "j M, H:i"))
    return date_format(at, pgettext("date format: a moment of another year", "j M Y, H:i"))


def iso(at: date | datetime) -> str:
    """Format a day or a time for machines, as attributes of HTML want it."""
    text: str = local(at).isoformat()
    return text


def typed(field: BoundField) -> str:
    """Return the value of a field as it is in the form, empty if it has none."""
    value = field.value()
    return "" if value is None else str(value)


@register.simple_tag
def lang_of(text: str) -> SafeString:
    """Return a `lang` attribute for a text that users wrote; empty if it is in the page's language.

    Screen readers need it. A text with Han characters counts as Chinese, any other with Latin letters as
    English: the site has no other languages.
    """
    if _HAN.search(text):
        lang = "zh-Hans"
    elif _LATIN.search(text):
        lang = "en"
    else:
        return SafeString("")
    is_page_language = (get_language() == "en") == (lang == "en")
    return SafeString("" if is_page_language else f' lang="{lang}"')


def with_lang(text: str) -> SafeString:
    """Return a text that users wrote, for a sentence of the page: in a span with `lang_of`, if it has one."""
    attribute = lang_of(text)
    return format_html("<span{}>{}</span>", attribute, text) if attribute else conditional_escape(text)


def only_in_chinese(text: str) -> SafeString:
    """Return a quiet line above a Chinese text on an English page; empty elsewhere."""
    if get_language() != "en" or not _HAN.search(text):
        return SafeString("")
    return format_html('<p class="small soft">{}</p>', gettext("In Chinese only"))


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw the symbol `name` of the sprite. Hidden from screen readers: put a text with it."""
    return _drawn(name)


@cache
def _drawn(name: str) -> SafeString:
    """A page has up to 90 icons, and each would look the sprite's file name up."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


def canonical(context: Mapping[str, Any], *kept: str) -> str:
    """Return the absolute address of a page, with only the parameters `kept` of its query."""
    request = context["request"]
    query = urlencode({name: request.GET[name] for name in kept if request.GET.get(name)})
    return f"{settings.SITE_URL}{request.path}" + (f"?{query}" if query else "")


def site_address(file: str) -> str:
    """Return the absolute address of a static file."""
    return f"{settings.SITE_URL}{static(file)}"


@register.filter
def stars(rating: int) -> SafeString:
    """Draw a rating of one to five stars, with a label for screen readers."""
    return _stars(rating, get_language())


@cache
def _stars(rating: int, language: str | None) -> SafeString:
    drawn = format_html_join("", "{}", ([icon("star-full" if n <= rating else "star")] for n in range(1, 6)))
    label = gettext("%(rating)s of 5 stars") % {"rating": rating}
    return format_html('<span class="stars" role="img" aria-label="{}">{}</span>', label, drawn)
