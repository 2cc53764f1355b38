"""Alipay's rules for trades, independent of HTTP.

A pay request only reserves its number: the trade exists for the APIs once the buyer is there (`open`).
Stricter than Alipay in one point: the first request fixes the parameters even before that.
"""

import secrets
import sqlite3
from collections.abc import Callable

from .clock import DAY_SECONDS, Clock, moment_text
from .errors import Refused
from .records import BUYERS, CLOSED, FINISHED, NOT_EXIST, SUCCESS, WAITING, PayRequest, Refund, Trade
from .store import Store

REFUND_WINDOW_SECONDS = 365 * DAY_SECONDS
CANCEL_WINDOW_SECONDS = DAY_SECONDS

Outbox = Callable[[sqlite3.Connection, Trade, Refund | None], None]

_SELECT = """
SELECT trade.*, (
    SELECT coalesce(sum(amount_fen), 0) FROM refund WHERE refund.out_trade_no = trade.out_trade_no
) AS refunded_fen FROM trade
"""


class Trades:
    """The rules, applied to stored trades. `outbox` is called in a payment's (None) or refund's transaction.

    Every method raises Refused if Alipay would refuse, having written nothing.
    """

    def __init__(self, store: Store, clock: Clock, outbox: Outbox) -> None:
        self._store = store
        self._clock = clock
        self._outbox = outbox

    def request(self, request: PayRequest) -> Trade:
        """Accept a new pay request, or an identical repeat, which resumes the trade."""
        with self._store.transaction() as db:
            trade = self._find(db, "out_trade_no", request.out_trade_no)
            if trade is None:
                _reserve(db, request)
                return self._get(db, request.out_trade_no)
            if trade.status == CLOSED:
                raise Refused("ACQ.TRADE_HAS_CLOSE")
            if trade.is_paid:
                raise Refused("ACQ.TRADE_HAS_SUCCESS")
            if not trade.matches(request):
                raise Refused("ACQ.CONTEXT_INCONSISTENT")
            return trade

    def open(self, out_trade_no: str, buyer: str = "1") -> Trade:
        """Record that the buyer is there: the trade now exists and belongs to that buyer."""
        with self._store.transaction() as db:
            return self._open(db, out_trade_no, buyer)

    def pay(self, out_trade_no: str, buyer: str = "1") -> Trade:
        with self._store.transaction() as db:
            self._open(db, out_trade_no, buyer)
            self._change(db, out_trade_no, status=SUCCESS, paid_at=self._clock.now())
            trade = self._get(db, out_trade_no)
            self._outbox(db, trade, None)
            return trade

    def close(self, out_trade_no: str = "", trade_no: str = "") -> Trade:
        with self._store.transaction() as db:
            trade = self._existing(db, out_trade_no, trade_no)
            if trade.is_paid:
                raise Refused("ACQ.TRADE_STATUS_ERROR")
            if trade.status == CLOSED:
                raise Refused("ACQ.REASON_TRADE_STATUS_INVALID")
            self._change(db, trade.out_trade_no, status=CLOSED, closed_at=self._clock.now())
            return self._get(db, trade.out_trade_no)

    def refund(
        self,
        out_trade_no: str = "",
        trade_no: str = "",
        *,
        amount_fen: int | None = None,
        out_request_no: str = "",
    ) -> tuple[Trade, Refund, bool]:
        """Refund the amount, or all that is left if it is None.

        Return the trade, the refund, and whether money moved: a repeat of number and amount moves none.
        """
        with self._store.transaction() as db:
            trade = self._existing(db, out_trade_no, trade_no)
            amount = trade.amount_fen - trade.refunded_fen if amount_fen is None else amount_fen
            number = out_request_no or trade.out_trade_no
            done = _find_refund(db, trade.out_trade_no, number)
            if done is not None and amount_fen in (None, done.amount_fen):
                return trade, done, False
            if done is not None:
                raise Refused("ACQ.DISCORDANT_REPEAT_REQUEST")
            _check_refund(trade, amount, out_request_no)
            return *self._send_back(db, trade, number, amount), True

    def cancel(self, out_trade_no: str = "", trade_no: str = "") -> tuple[Trade, str]:
        """Close an unpaid trade, or refund what is left of a paid one.

        Return the trade and what closed it, in Alipay's words: "close" or "refund". A repeat changes nothing.
        """
        with self._store.transaction() as db:
            trade = self._existing(db, out_trade_no, trade_no)
            if trade.status == WAITING:
                self._change(db, trade.out_trade_no, status=CLOSED, closed_at=self._clock.now())
                return self._get(db, trade.out_trade_no), "close"
            if trade.status == CLOSED:
                return trade, "close" if trade.paid_at is None else "refund"
            if trade.status == FINISHED:
                raise Refused("ACQ.TRADE_HAS_FINISHED")
            if self._clock.now() >= (trade.paid_at or 0.0) + CANCEL_WINDOW_SECONDS:
                raise Refused("ACQ.TRADE_CANCEL_TIME_OUT")
            number = trade.out_trade_no
            if _find_refund(db, trade.out_trade_no, number):
                number += "_cancel"
            self._send_back(db, trade, number, trade.amount_fen - trade.refunded_fen)
            return self._get(db, trade.out_trade_no), "refund"

    def find_refund(
        self, out_trade_no: str, trade_no: str, out_request_no: str
    ) -> tuple[Trade, Refund | None]:
        with self._store.transaction() as db:
            trade = self._existing(db, out_trade_no, trade_no)
            return trade, _find_refund(db, trade.out_trade_no, out_request_no)

    def query(self, out_trade_no: str = "", trade_no: str = "") -> Trade:
        with self._store.transaction() as db:
            return self._existing(db, out_trade_no, trade_no)

    def expire(self, out_trade_no: str) -> Trade:
        """Move the deadline to now."""
        with self._store.transaction() as db:
            self._get(db, out_trade_no)
            self._change(db, out_trade_no, expires_at=self._clock.now())
            return self._get(db, out_trade_no)

    def of_session(self, session: str) -> Trade | None:
        with self._store.transaction() as db:
            return self._find(db, "session", session)

    def is_payable(self, trade: Trade) -> bool:
        return trade.status in (NOT_EXIST, WAITING) and self._clock.now() < trade.expires_at

    def get(self, out_trade_no: str) -> Trade:
        """Return a trade, even if it does not exist for the APIs yet."""
        with self._store.transaction() as db:
            return self._get(db, out_trade_no)

    def all(self) -> list[Trade]:
        with self._store.transaction() as db:
            rows = db.execute(f"{_SELECT} ORDER BY trade.rowid").fetchall()
            return [self._as_of_now(db, Trade(**row)) for row in rows]

    def refunds(self, out_trade_no: str) -> list[Refund]:
        with self._store.transaction() as db:
            rows = db.execute(
                "SELECT * FROM refund WHERE out_trade_no = ? ORDER BY rowid",
                (out_trade_no,),
            )
            return [Refund(**row) for row in rows]

    # Inside a transaction

    def _send_back(
        self, db: sqlite3.Connection, trade: Trade, number: str, amount_fen: int
    ) -> tuple[Trade, Refund]:
        """Store a refund; one that completes the payment closes the trade."""
        refund = Refund(trade.out_trade_no, number, amount_fen, self._clock.now())
        db.execute("INSERT INTO refund VALUES (?, ?, ?, ?)", tuple(vars(refund).values()))
        if trade.refunded_fen + amount_fen == trade.amount_fen:
            self._change(db, trade.out_trade_no, status=CLOSED, closed_at=refund.refunded_at)
        trade = self._get(db, trade.out_trade_no)
        self._outbox(db, trade, refund)
        return trade, refund

    def _open(self, db: sqlite3.Connection, out_trade_no: str, buyer: str) -> Trade:
        """Return the trade, now in WAIT_BUYER_PAY for this buyer."""
        if buyer not in BUYERS:
            raise Refused("ACQ.INVALID_PARAMETER")
        trade = self._get(db, out_trade_no)
        if trade.is_paid:
            raise Refused("ACQ.TRADE_HAS_SUCCESS")
        if not self.is_payable(trade):
            raise Refused("ACQ.TRADE_HAS_CLOSE")
        if trade.buyer not in (None, buyer):
            raise Refused("ACQ.TRADE_BUYER_NOT_MATCH")
        if trade.status == WAITING:
            return trade
        now = self._clock.now()
        self._change(
            db,
            out_trade_no,
            status=WAITING,
            trade_no=_new_trade_no(now),
            buyer=buyer,
            created_at=now,
            expires_at=now + trade.life_seconds if trade.life_seconds else trade.expires_at,
        )
        return self._get(db, out_trade_no)

    def _existing(self, db: sqlite3.Connection, out_trade_no: str, trade_no: str) -> Trade:
        """Find a trade by Alipay's number if given, else by the merchant's."""
        if not (trade_no or out_trade_no):
            raise Refused("ACQ.INVALID_PARAMETER")
        if trade_no:
            trade = self._find(db, "trade_no", trade_no)
        else:
            trade = self._find(db, "out_trade_no", out_trade_no)
        if trade is None or trade.status == NOT_EXIST:
            raise Refused("ACQ.TRADE_NOT_EXIST")
        return trade

    def _get(self, db: sqlite3.Connection, out_trade_no: str) -> Trade:
        trade = self._find(db, "out_trade_no", out_trade_no)
        if trade is None:
            raise Refused("ACQ.TRADE_NOT_EXIST")
        return trade

    def _find(self, db: sqlite3.Connection, column: str, value: str) -> Trade | None:
        row = db.execute(f"{_SELECT} WHERE trade.{column} = ?", (value,)).fetchone()
        return None if row is None else self._as_of_now(db, Trade(**row))

    def _as_of_now(self, db: sqlite3.Connection, trade: Trade) -> Trade:
        """Close an expired unpaid trade, finish a year-old paid one: done lazily, when the trade is read."""
        now = self._clock.now()
        if trade.status == WAITING and now >= trade.expires_at:
            self._change(db, trade.out_trade_no, status=CLOSED, closed_at=trade.expires_at)
        elif trade.status == SUCCESS and trade.paid_at and now >= trade.paid_at + REFUND_WINDOW_SECONDS:
            self._change(db, trade.out_trade_no, status=FINISHED)
        else:
            return trade
        return self._get(db, trade.out_trade_no)

    def _change(self, db: sqlite3.Connection, out_trade_no: str, **values: object) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        db.execute(
            f"UPDATE trade SET {columns} WHERE out_trade_no = ?",  # noqa: S608
            (*values.values(), out_trade_no),
        )


def _reserve(db: sqlite3.Connection, request: PayRequest) -> None:
    values = {
        **vars(request),
        "session": secrets.token_urlsafe(16),
        "status": NOT_EXIST,
    }
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO trade ({columns}) VALUES ({marks})", tuple(values.values()))  # noqa: S608


def _find_refund(db: sqlite3.Connection, out_trade_no: str, out_request_no: str) -> Refund | None:
    row = db.execute(
        "SELECT * FROM refund WHERE out_trade_no = ? AND out_request_no = ?",
        (out_trade_no, out_request_no),
    ).fetchone()
    return None if row is None else Refund(**row)


def _check_refund(trade: Trade, amount_fen: int, out_request_no: str) -> None:
    if amount_fen < 1:
        raise Refused("ACQ.INVALID_PARAMETER")
    if trade.status == WAITING:
        raise Refused("ACQ.TRADE_STATUS_ERROR")
    if trade.status == CLOSED:
        raise Refused("ACQ.TRADE_HAS_CLOSE")
    if trade.status == FINISHED:
        raise Refused("ACQ.TRADE_HAS_FINISHED")
    if trade.refunded_fen + amount_fen > trade.amount_fen:
        raise Refused("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    if amount_fen != trade.amount_fen and not out_request_no:
        raise Refused("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")


def _new_trade_no(now: float) -> str:
    """28 digits beginning with the day, like Alipay's."""
    return moment_text(now)[:10].replace("-", "") + f"22001{secrets.randbelow(10**15):015d}"
