"""Fields of forms: text without invisible characters, amounts in yuan."""

import pytest
from django.forms import ValidationError

from core.fields import PlainLineField, PlainTextField, YuanField


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
