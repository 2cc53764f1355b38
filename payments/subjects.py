"""The subject of a payment: what the buyer reads at Alipay, and what the daily bill tells of a lost order."""

import re
from dataclasses import dataclass
from datetime import date

from core.dates import parse_date
from orders.models import Order

_STAY = re.compile(
    r"爱家租房 订单 (?P<order>[0-9]{14}) 房源 (?P<house>[1-9][0-9]{0,9}) "
    r"(?P<begin>[0-9-]{10})至(?P<end>[0-9-]{10})(?![0-9])"
)


@dataclass(frozen=True, slots=True)
class StayTold:
    """Home and nights in a subject, as they were when the renter began to pay."""

    house_key: int
    check_in: date
    check_out: date


def subject_of(order: Order) -> str:
    """The subject that the buyer reads at Alipay: a fixed template in UTF-8, the same in every language.

    No `&`, `=` or `/`, and never a house title, so that no text of a house gets into what is signed. No
    comma: Alipay's bill has the subject between commas. With home and nights, for which stay_told() looks in
    the bill after a backup was restored without them.
    """
    return f"爱家租房 订单 {order.number} 房源 {order.house_id} {order.check_in}至{order.check_out}"


def stay_told(text: str, order_number: str) -> StayTold | None:
    """Find the stay of an order in lines of the bill. None if they tell none, or several.

    Buyers write other cells of a line, so that only this order's subject counts.
    """
    found = {_read(match) for match in _STAY.finditer(text) if match["order"] == order_number}
    return found.pop() if len(found) == 1 else None


def _read(match: re.Match[str]) -> StayTold | None:
    begin, end = parse_date(match["begin"]), parse_date(match["end"])
    return StayTold(int(match["house"]), begin, end) if begin and end and begin < end else None
