"""Fields of forms: text without invisible characters, amounts in yuan."""

from datetime import date

import pytest
from django.forms import ValidationError
from django.utils import translation

from core.fields import PlainLineField, PlainTextField, TypedDateField, YuanField


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  林小满 ", "林小满"),
        ("\u202eevil\u202c", "evil"),
        ("\u2066\u2067x\u2069", "x"),
        ("a\u200bb\ufeffc\x07d", "abcd"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
    ],
)
def test_invisible_characters_are_stripped_and_others_kept(typed: str, kept: str) -> None:
    assert PlainTextField().clean(typed) == PlainLineField().clean(typed) == kept


@pytest.mark.parametrize(
    "typed", ["\u200b", "\u200d\u200d", "\u3164", "\n \u2060\n", "\u202e\u202c", "\ufe0f"]
)
def test_a_text_of_invisible_characters_alone_is_empty(typed: str) -> None:
    assert PlainLineField(required=False).clean(typed) == ""
    with pytest.raises(ValidationError):
        PlainTextField().clean(typed)


def test_line_breaks_are_kept_in_texts_and_joined_in_lines() -> None:
    assert PlainTextField(max_length=13).clean("one\r\ntwo\tthree") == "one\ntwo\tthree"
    assert PlainLineField().clean("one\r\ntwo\tthree") == "one two three"


def test_max_length_counts_what_is_kept() -> None:
    assert PlainLineField(max_length=3).clean("a\u200bb\u200bc") == "abc"


SPELLINGS = [
    *("2026-12-20", "2026/12/20", "2026.12.20", "20261220", "2026年12月20日", "2026年12月20号"),
    *(
        "２０２６－１２－２０",
        "２０２６／１２／２０",
        "２０２６年１２月２０日",
        "２０２６．１２．２０",
        "2026。12。20",
    ),
    *(" 2026 年 12 月 20 日 ", "\u200e2026/12/20", "2026–12–20"),
]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("typed", SPELLINGS)
def test_D5_a_date_is_typed_in_every_usual_spelling_in_both_languages(typed: str, language: str) -> None:
    with translation.override(language):
        assert TypedDateField().clean(typed) == TypedDateField().prepare_value(typed) == date(2026, 12, 20)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize(
    "typed",
    ["2026-02-30", "2026/13/01", "26年12月20日", "2026-12", "2026122", "٢٠٢٦-١٢-٢٠", "2026-12-20x", "x"],
)
def test_D5_another_text_is_no_date(typed: str, language: str) -> None:
    assert TypedDateField().prepare_value(typed) == typed
    with translation.override(language), pytest.raises(ValidationError):
        TypedDateField().clean(typed)


@pytest.mark.parametrize("typed", ["9999-12-31", "0001-01-01", "1999-12-31", "2101-01-01", "99991231"])
def test_D1_ROW05_a_date_out_of_range_is_refused_before_any_arithmetic(typed: str) -> None:
    with pytest.raises(ValidationError, match="2000"):
        TypedDateField().clean(typed)
    assert TypedDateField().clean("2000-01-01") < TypedDateField().clean("2100-12-31")


@pytest.mark.parametrize(("typed", "fen"), [("300", 30000), (" 300.00 ", 30000), ("0.01", 1), ("5.00", 500)])
def test_yuan_are_typed_with_or_without_fen(typed: str, fen: int) -> None:
    assert YuanField().clean(typed) == fen


@pytest.mark.parametrize(
    "typed", ["", " ", "0", "-1", "0.001", "1.0", "1e2", "１.00", "1,000", "NaN", "5.01", "1\0"]
)
def test_REF09_FMT02_an_amount_that_cant_be(typed: str) -> None:
    with pytest.raises(ValidationError):
        YuanField(at_most_fen=500).clean(typed)


def test_nothing_can_be_given_back_where_nothing_may_be() -> None:
    assert YuanField(at_least_fen=0).clean("0") == 0
    assert YuanField(required=False).clean("") is None
