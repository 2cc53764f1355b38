"""Commas in the bill's free text: a line gives its own money or none."""

from collections.abc import Iterator
from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from payments.alipay.bill import parse
from payments.alipay.bill_rows import Layout, Row, _readings
from payments.alipay.tests.test_bill import HEADER, PAID, REFUNDED, gbk
from tests.vectors import vector

FREE = ["商品名称", "门店编号", "门店名称", "操作员", "终端号", "对方账户", "券名称", "备注"]
NAMES = HEADER.replace("（", "(").replace("）", ")").split(",")
CELLS = {
    "支付宝交易号": f"{PAID.trade_no}\t",
    "商户订单号": f"{PAID.out_trade_no}\t",
    "业务类型": "交易\t",
    "创建时间": "2026-11-22 20:14:32",
    "完成时间": "2026-11-22 20:14:43",
    "对方账户": "*客(138****0000)\t",
    "订单金额(元)": "300.00",
    "商家实收(元)": "300.00",
    "退款批次号/请求号": "\t",
}
REFUND_CELLS = {
    **CELLS,
    "业务类型": "退款\t",
    "订单金额(元)": "-100.00",
    "商家实收(元)": "-100.00",
    "退款批次号/请求号": f"{REFUNDED.out_request_no}\t",
}
LAYOUT = Layout(NAMES)


def line(cells: dict[str, str], texts: dict[str, str]) -> str:
    """A line as Alipay writes it, with these texts in the columns of free text."""
    values = [{**cells, **texts}.get(name, "0.00" if name.endswith("(元)") else "") for name in NAMES]
    return ",".join(values)


@pytest.mark.parametrize("column", FREE)
@pytest.mark.parametrize("text", ["满100减10,限时", "a,b,c", "a, b", "x,1", "1,000", "房，海边,𠀀", "x,,y"])
def test_W5_a_comma_in_any_free_text_does_not_move_the_money(column: str, text: str) -> None:
    lines = [line(cells, {column: text}) for cells in (CELLS, REFUND_CELLS)]
    found = parse(gbk(*lines))
    assert ([row for row, _ in found.rows], found.unreadable) == ([PAID, REFUNDED], [])


def test_W5_commas_in_every_free_text_at_once() -> None:
    texts = dict.fromkeys(FREE, "a, b,c")
    assert LAYOUT.read(line(CELLS, texts)) == PAID
    assert LAYOUT.read(line(REFUND_CELLS, texts)) == REFUNDED


def test_W5_a_hundred_and_more_such_lines_do_not_refuse_the_day() -> None:
    lines = [line(CELLS, {"券名称": "满100减10,限时"})] * 150
    totals = ("#交易合计：150笔，商家实收共45000.00元",)
    found = parse(gbk(*lines, totals=totals))
    assert (len(found.rows), found.unreadable) == (150, [])


@pytest.mark.parametrize("column", FREE)
def test_W5_a_bill_that_alipay_really_wrote_with_a_comma_in_each_column(column: str) -> None:
    text = vector("bill-trade-2019-09-16.json")["text"]
    plain = parse(text.encode("gb18030"))
    at = NAMES.index(column)
    lines = text.split("\n")
    for number, row in enumerate(lines):
        if row[:4] == "2019":
            cells = row.split(",")
            lines[number] = ",".join([*cells[:at], f"满减,限时{cells[at]}", *cells[at + 1 :]])
    found = parse("\n".join(lines).encode("gb18030"))
    assert [row for row, _ in found.rows] == [row for row, _ in plain.rows]
    assert found.unreadable == []


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("券名称", "10.00,限时"),  # 300.00 may be the account's, and what the seller gets then is 0.00
        ("对方账户", "客,5.00"),
        ("门店名称", "a,,,b,9.00,9.00,0.00,0.00,0.00,0.00,0.00,c,0.00,0.00,,0.00,0.00,d"),
    ],
)
def test_W5_a_line_whose_ways_give_other_money_is_not_guessed(column: str, text: str) -> None:
    raw = line(CELLS, {column: text})
    found = parse(gbk(raw))
    assert (found.rows, found.unreadable) == ([], [raw])


def test_W5_other_ways_that_give_the_same_money_do_not_count_against_a_line() -> None:
    """A remark like this could move the columns of fees, but no amount that we compare."""
    assert LAYOUT.read(line(CELLS, {"备注": "100.00,50.00"})) == PAID


PIECES = [
    "a",
    "0.00",
    "1.00",
    "-1.00",
    "300.00",
    "2026-11-22 20:14:32",
    "26112200000002_1",
    "",
    "\t",
    '"',
    "房",
    "退款",
]
HARMLESS = ["a", " b", '"', "满100减10", "\t", "1", "1,000", "-", "26112200000002_1", "退款"]


def texts(pieces: list[str], most: int) -> st.SearchStrategy[dict[str, str]]:
    text = st.lists(st.sampled_from(pieces), max_size=most).map(",".join)
    return st.fixed_dictionaries({}, optional=dict.fromkeys(FREE, text))


@given(texts(PIECES, 6), st.sampled_from([(CELLS, PAID), (REFUND_CELLS, REFUNDED)]))
@hypothesis_settings(max_examples=500, deadline=None)
def test_W5_any_text_with_commas_gives_the_lines_own_money_or_none(
    free: dict[str, str], case: tuple[dict[str, str], Row]
) -> None:
    cells, row = case
    assert LAYOUT.read(line(cells, free)) in (row, None)


@given(texts(HARMLESS, 4), st.sampled_from([(CELLS, PAID), (REFUND_CELLS, REFUNDED)]))
@hypothesis_settings(max_examples=300, deadline=None)
def test_W5_text_that_looks_like_no_amount_is_always_read(
    free: dict[str, str], case: tuple[dict[str, str], Row]
) -> None:
    cells, row = case
    assert LAYOUT.read(line(cells, free)) == row


def every_split(cells: list[str], columns: list[str]) -> Iterator[list[str]]:
    """Every way to share the surplus commas out over these columns, one after the other."""
    for shares in combinations_with_replacement(columns, len(cells) - len(NAMES)):
        split, at = [], 0
        for name in NAMES:
            width = 1 + shares.count(name)
            split.append("\x1f".join(cells[at : at + width]))
            at += width
        yield split


@given(texts(PIECES, 2), st.sampled_from([CELLS, REFUND_CELLS]))
@hypothesis_settings(max_examples=60, deadline=None)
def test_W5_all_ways_are_tried(free: dict[str, str], cells: dict[str, str]) -> None:
    """The short way through the columns finds what trying each split by itself finds."""
    raw = line(cells, dict(list(free.items())[:3]))
    one_by_one = {
        LAYOUT._row(kept)
        for names, by_type in ((["商品名称", "备注"], LAYOUT._title_or_remark), (FREE, LAYOUT._any_text))
        for split in every_split(raw.split(","), names)
        for columns in by_type
        for kept in _readings(split, columns)
    }
    assert LAYOUT.read(raw) == (one_by_one.pop() if len(one_by_one) == 1 else None)


def test_W5_twin_commas_shared_between_title_and_remark_alone_lose_the_line() -> None:
    layout = Layout(NAMES)
    layout._any_text = []
    raw = line(CELLS, {"券名称": "满100减10,限时"})
    assert (layout.read(raw), LAYOUT.read(raw)) == (None, PAID)
