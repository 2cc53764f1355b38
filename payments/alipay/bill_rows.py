"""Reads one line of the bill: a payment, a refund, or an entry of another business type.

Text in the bill is unquoted and may hold commas: titles, shops, names of accounts and of coupons, remarks.
Every way to share the surplus commas out over the columns of free text is tried, and a line counts only if
all ways give the same money.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from core.money import parse_yuan
from payments.alipay.answers import beijing_time, is_trade_no

MAX_SPARE_COMMAS = 50

TRADE_NO, OUT_TRADE_NO, TYPE, AMOUNT = "支付宝交易号", "商户订单号", "业务类型", "订单金额(元)"
_REQUEST, _NET, _FEE = "退款批次号/请求号", "商家实收(元)", "服务费(元)"
NEEDED = (TRADE_NO, OUT_TRADE_NO, TYPE, AMOUNT)
_KEPT = (*NEEDED, _REQUEST, _NET)

PAYMENT, REFUND, OTHER = "交易", "退款", ""

_NUMBER = re.compile(r"[!-~]{1,64}")
_OTHER_TYPE = re.compile(r"(?!(?:交易|退款)$)[^\W\d_]{1,20}")

Reader = Callable[[str], str | None]
"""Checks a cell and returns its value as canonical text, None if it is not valid."""
Column = tuple[Reader | None, bool]
"""The reader of a column, None for free text, and whether the value is kept."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `amount_fen` is positive for payments and refunds alike."""

    is_refund: bool
    trade_no: str
    out_trade_no: str
    out_request_no: str
    amount_fen: int
    net_fen: int | None
    """The seller's share, which the totals at the end add up. None: older files may lack the column."""
    business_type: str = ""
    """Alipay's word for what is neither payment nor refund, such as 转账. Its amount has a sign."""
    fee_fen: int | None = field(default=None, compare=False)
    """With the bill's sign: below zero, Alipay took it. None: older files may lack the column."""


class Layout:
    """The columns of a file, by name."""

    def __init__(self, names: list[str], kept: Iterable[str] = _KEPT) -> None:
        self._width = len(names)
        self._kept = [name for name in names if name in kept]
        # Alipay writes every amount, 0.00 too, and both times: where commas are surplus, an empty cell is
        # more likely part of a text.
        by_type = partial(_by_type, names, kept=self._kept)
        self._whole = by_type(free=set(), may_be_empty={"(元)", "时间"})
        self._title_or_remark = by_type(free={"商品名称", names[-1]}, may_be_empty={"(元)"})
        self._any_text = by_type(free=set(names), may_be_empty=set())

    def read(self, line: str) -> Row | None:
        """Parse a line. None if it is ambiguous or invalid."""
        found = {self._row(kept) for kept in self._all_readings(line)}
        return found.pop() if len(found) == 1 else None

    def read_fee(self, line: str) -> int | None:
        """Parse the fee of a line, in a layout that keeps nothing else. None if it is ambiguous.

        Apart from read(): a fee that can't be told must not hide a payment that can.
        """
        found = set(self._all_readings(line))
        if len(found) != 1:
            return None
        [fee] = found.pop()
        return int(fee) if fee else None

    def _all_readings(self, line: str) -> Iterator[tuple[str, ...]]:
        cells = line.split(",")
        spare = len(cells) - self._width
        if 0 <= spare <= MAX_SPARE_COMMAS:
            for columns in [*self._title_or_remark, *self._any_text] if spare else self._whole:
                yield from _readings(cells, columns)

    def _row(self, kept: tuple[str, ...]) -> Row:
        cells = dict(zip(self._kept, kept, strict=True))
        kind, amount, net = cells[TYPE], int(cells[AMOUNT]), cells.get(_NET, "")
        return Row(
            is_refund=kind == REFUND,
            trade_no=cells[TRADE_NO],
            out_trade_no=cells[OUT_TRADE_NO],
            out_request_no=cells.get(_REQUEST, ""),
            amount_fen=abs(amount) if kind == REFUND else amount,
            net_fen=int(net) if net else None,
            business_type="" if kind in (PAYMENT, REFUND) else kind,
        )


def fen(text: str) -> int | None:
    """ "-0.01" -> -1; None if it is not an amount."""
    try:
        absolute = parse_yuan(text.removeprefix("-"))
    except ValueError:
        return None
    return -absolute if text.startswith("-") else absolute


def _readings(cells: list[str], columns: list[Column]) -> list[tuple[str, ...]]:
    """The kept values of the ways to divide the cells: one for each column, more only for free text.

    At most two, which is enough to see that the ways differ: whatever follows, both stay different.
    """
    spare = len(cells) - len(columns)
    ways: dict[int, list[tuple[str, ...]]] = {0: [()]}  # by the surplus commas that are used up so far
    for at, (reader, is_kept) in enumerate(columns):
        following: dict[int, list[tuple[str, ...]]] = {}
        if reader is None:
            before: list[tuple[str, ...]] = []
            for used in range(spare + 1):
                before = list(dict.fromkeys([*before, *ways.get(used, [])]))[:2]
                if before:
                    following[used] = before
        else:
            for used, values in ways.items():
                value = reader(cells[at + used].strip())
                if value is not None:
                    following[used] = [(*kept, value) for kept in values] if is_kept else values
        ways = following
    return ways.get(spare, [])


def fee_layout(names: list[str]) -> Layout | None:
    """The layout for read_fee(). None if the file has no column of fees."""
    return Layout(names, (_FEE,)) if names.count(_FEE) == 1 else None


def _by_type(
    names: list[str], *, kept: list[str], free: set[str], may_be_empty: set[str]
) -> list[list[Column]]:
    """The columns as a payment, a refund and another entry have them.

    `free`: columns whose text may hold commas. `may_be_empty`: endings of names of columns with empty cells.
    """
    return [
        [(_reader(name, business_type, free, may_be_empty), name in kept) for name in names]
        for business_type in (PAYMENT, REFUND, OTHER)
    ]


def _reader(name: str, business_type: str, free: set[str], may_be_empty: set[str]) -> Reader | None:
    is_other = business_type == OTHER
    readers: dict[str, Reader] = {
        TRADE_NO: partial(_or_empty, reader=_trade_no) if is_other else _trade_no,
        OUT_TRADE_NO: partial(_or_empty, reader=_number) if is_other else _number,
        TYPE: partial(_type, business_type=business_type),
        AMOUNT: partial(_signed, business_type=business_type),
        _REQUEST: _no_number if business_type == PAYMENT else partial(_or_empty, reader=_number),
    }
    if name in readers:
        return readers[name]
    for ending, reader in (("(元)", _amount), ("时间", _time)):
        if name.endswith(ending):
            return partial(_or_empty, reader=reader) if ending in may_be_empty else reader
    return None if name in free else str


def _or_empty(cell: str, reader: Reader) -> str | None:
    return reader(cell) if cell else ""


def _trade_no(cell: str) -> str | None:
    return cell if is_trade_no(cell) else None


def _number(cell: str) -> str | None:
    return cell if _NUMBER.fullmatch(cell) else None


def _no_number(cell: str) -> str | None:
    """A payment has no number of a refund; whatever stands there says nothing about its money."""
    return None if _or_empty(cell, reader=_number) is None else ""


def _type(cell: str, business_type: str) -> str | None:
    is_it = _OTHER_TYPE.fullmatch(cell) if business_type == OTHER else cell == business_type
    return cell if is_it else None


def _signed(cell: str, business_type: str) -> str | None:
    """The order's amount: never negative for a payment, never positive for a refund."""
    amount = fen(cell)
    if (
        amount is None
        or (business_type == PAYMENT and amount < 0)
        or (business_type == REFUND and amount > 0)
    ):
        return None
    return str(amount)


def _amount(cell: str) -> str | None:
    amount = fen(cell)
    return None if amount is None else str(amount)


def _time(cell: str) -> str | None:
    return None if beijing_time(cell) is None else cell
