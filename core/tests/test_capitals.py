"""Amounts in Chinese capitals, as on receipts: 人民币壹佰元整."""

import pytest

from core.money import MAX_FEN, yuan_in_capitals

WRITTEN = {
    0: "零元整",
    1: "壹分",
    10: "壹角整",
    15: "壹角伍分",
    100: "壹元整",
    105: "壹元零伍分",
    110: "壹元壹角整",
    10_00: "壹拾元整",
    20_00: "贰拾元整",
    100_05: "壹佰元零伍分",
    101_00: "壹佰零壹元整",
    110_00: "壹佰壹拾元整",
    123_45: "壹佰贰拾叁元肆角伍分",
    325_04: "叁佰贰拾伍元零肆分",
    1000_00: "壹仟元整",
    1001_00: "壹仟零壹元整",
    1010_00: "壹仟零壹拾元整",
    1409_50: "壹仟肆佰零玖元伍角整",
    1680_32: "壹仟陆佰捌拾元叁角贰分",
    6007_14: "陆仟零柒元壹角肆分",
    10_000_00: "壹万元整",
    10_001_00: "壹万零壹元整",
    10_010_00: "壹万零壹拾元整",
    16_409_02: "壹万陆仟肆佰零玖元零贰分",
    100_001_00: "壹拾万零壹元整",
    107_000_53: "壹拾万柒仟元伍角叁分",
    1_000_000_00: "壹佰万元整",
    10_000_000_00: "壹仟万元整",
    10_010_000_00: "壹仟零壹万元整",
    20_000_002_00: "贰仟万零贰元整",
    90_909_090_90: "玖仟零玖拾万玖仟零玖拾元玖角整",
    99_999_999_99: "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分",
    MAX_FEN: "壹亿元整",
}


@pytest.mark.parametrize(("fen", "text"), WRITTEN.items())
def test_amounts_in_capitals(fen: int, text: str) -> None:
    assert yuan_in_capitals(fen) == f"人民币{text}"


@pytest.mark.parametrize("fen", [-1, MAX_FEN + 1])
def test_an_amount_that_cant_be_paid_is_refused(fen: int) -> None:
    with pytest.raises(ValueError, match="capitals"):
        yuan_in_capitals(fen)


def value_of(text: str) -> int:
    """Parse capitals back into fen, independently of the code under test."""
    fen, section, digit = 0, 0, 0
    for sign in text.removeprefix("人民币"):
        if sign in (digits := "零壹贰叁肆伍陆柒捌玖"):
            digit = digits.index(sign)
        elif sign in (units := "拾佰仟"):
            section += digit * 10 ** (units.index(sign) + 1)
            digit = 0
        elif sign in (large := {"分": 1, "角": 10, "元": 100, "万": 1_000_000, "亿": 10_000_000_000}):
            fen += (section + digit) * large[sign]
            section = digit = 0
    return fen


@pytest.mark.parametrize("step", [1, 99, 10_007, 1_000_003, 99_999_989])
def test_no_two_amounts_are_written_alike(step: int) -> None:
    for n in range(100):
        fen = (n * step + step) % (MAX_FEN + 1)
        text = yuan_in_capitals(fen)
        assert value_of(text) == fen, text
        assert "零零" not in text
