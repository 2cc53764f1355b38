"""Amounts in integer fen, and their one spelling in yuan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import MAX_FEN, parse_yuan, yuan_text
from core.templatetags.ihome import yuan


@given(st.integers(min_value=0, max_value=MAX_FEN))
def test_every_amount_round_trips_through_its_text(fen: int) -> None:
    assert parse_yuan(yuan_text(fen)) == fen


@given(st.text(alphabet="0123456789.-+, eE０", max_size=14))
def test_only_the_canonical_text_is_parsed(text: str) -> None:
    try:
        fen = parse_yuan(text)
    except ValueError:
        return
    assert yuan_text(fen) == text


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "0.00"),
        (1, "0.01"),
        (10, "0.10"),
        (100, "1.00"),
        (30000, "300.00"),
        (-1, "-0.01"),
        (-12345, "-123.45"),
    ],
)
def test_amounts_as_text(fen: int, text: str) -> None:
    assert yuan_text(fen) == text


@pytest.mark.parametrize(
    "text",
    [
        *("-0.01", "-300.00", "NaN", "nan", "Infinity", "1e5", "1e5.00", "0.001", "300", "300.0", "300.000"),
        *(
            "３００.00",
            "300.００",
            "٣٠٠.00",
            "1,000.00",
            "300,00",
            " 300.00",
            "300.00 ",
            "300.00\n",
            "+300.00",
        ),
        *("0300.00", "00.00", ".50", "300.", "", "0x10.00", "1_000.00", "300.00\0", "￥300.00"),
    ],
)
def test_FMT02_odd_amounts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_yuan(text)


def test_FMT03_the_largest_amount_that_is_parsed() -> None:
    assert parse_yuan("100000000.00") == MAX_FEN
    assert parse_yuan("999999999.99") == 999_999_999_99
    with pytest.raises(ValueError, match="not an amount"):
        parse_yuan("1000000000.00")


@pytest.mark.parametrize("amount", [0.1 + 0.2, 300.0, "300", True, None])
def test_FMT04_only_whole_fen_become_text(amount: object) -> None:
    with pytest.raises(ValueError, match="must be an int"):
        yuan_text(amount)


@given(st.lists(st.integers(min_value=0, max_value=MAX_FEN), max_size=20))
def test_FMT04_sums_have_no_rounding_errors(amounts: list[int]) -> None:
    """Thirty fen are shown as 0.30, never as 0.30000000000000004."""
    texts = [yuan_text(fen) for fen in amounts]
    assert yuan_text(sum(int(text.replace(".", "")) for text in texts)) == yuan_text(sum(amounts))


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (1, "￥0.01"),
        (99999999, "￥999,999.99"),
        (30000, "￥300.00"),
        (-1, "-￥0.01"),
        (MAX_FEN, "￥100,000,000.00"),
    ],
)
def test_amounts_on_pages(fen: int, text: str) -> None:
    assert yuan(fen) == text
