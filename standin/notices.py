"""Notices: stored in the payment's transaction, then sent until the site answers `success`."""

import json
import logging
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from .clock import Clock, moment_text
from .errors import Refused
from .faults import Faults
from .messages import Messages
from .records import Refund, Trade
from .store import Store
from .trades import Trades

log = logging.getLogger("standin")

MINUTE, HOUR = 60, 3600
PAUSES_SECONDS = (
    4 * MINUTE,
    10 * MINUTE,
    10 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    15 * HOUR,
)

_ANSWER_SECONDS = 15
_SENDERS = 32
_LATE_SECONDS = 60
_AFTER_RETURN_SECONDS = 2
_HURRY = 1000
_LONGEST_SLEEP_SECONDS = 30.0  # bounds the delay after the clock changes


@dataclass(frozen=True)
class NoticeAnswer:
    """The site's answer to one try; `http_status` is None if no answer came."""

    http_status: int | None
    body: str

    @property
    def is_success(self) -> bool:
        return self.http_status == 200 and self.body == "success"


class Notices:
    """The outbox and its one scheduler thread. Pauses between tries are divided by `speed`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        faults: Faults,
        messages: Messages,
        speed: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._messages = messages
        self._speed = speed
        self._stopping = False
        self._wake = threading.Event()
        self._tried = threading.Condition()  # guards _in_flight; notified after every try
        self._in_flight: set[str] = set()
        self._senders = ThreadPoolExecutor(_SENDERS, "notice")
        self._scheduler = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self, trades: Trades) -> None:
        self._trades = trades
        self._scheduler.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._scheduler.join()
        self._senders.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """Make the scheduler look for due notices now."""
        self._wake.set()

    def enqueue(self, db: sqlite3.Connection, trade: Trade, refund: Refund | None) -> None:
        """Store a notice in the caller's transaction. Does nothing if the trade has no notify_url."""
        if not trade.notify_url:
            return
        delay = 0.0
        if self._faults.hits("notify.late", trade.out_trade_no):
            delay = _LATE_SECONDS / self._speed
        elif self._faults.hits("notify.after_return", trade.out_trade_no):
            delay = _AFTER_RETURN_SECONDS
        params = self._messages.notice_params(trade, refund)
        db.execute(
            "INSERT INTO notice (notify_id, out_trade_no, url, params, next_at) VALUES (?, ?, ?, ?, ?)",
            (
                params["notify_id"],
                trade.out_trade_no,
                trade.notify_url,
                json.dumps(params),
                self._clock.now() + delay,
            ),
        )
        self.wake()  # the scheduler blocks on the store's lock until this transaction ends

    def latest(self, out_trade_no: str) -> dict[str, str]:
        """Return the newest notice's parameters. Raises Refused if the trade has none."""
        return json.loads(self._latest_row(out_trade_no)["params"])

    def send_now(self, out_trade_no: str, times: int = 1, parallel: bool = False) -> list[NoticeAnswer]:
        """Send the trade's newest notice regardless of the schedule. Raises Refused if there is none."""
        row = self._latest_row(out_trade_no)
        if parallel:
            return self._send(row, times)
        return [answer for _ in range(times) for answer in self._send(row, 1)]

    def wait_answered(self, out_trade_no: str, seconds: float) -> bool:
        """Wait until the newest notice has been tried; return False after `seconds`."""
        with self._tried:
            return self._tried.wait_for(lambda: bool(self._latest_row(out_trade_no)["tries"]), seconds)

    def report(self, out_trade_no: str) -> list[dict[str, object]]:
        with self._store.transaction() as db:
            rows = db.execute(
                "SELECT * FROM notice WHERE out_trade_no = ? ORDER BY rowid",
                (out_trade_no,),
            )
            return [self._describe(db, row) for row in rows.fetchall()]

    def _describe(self, db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, object]:
        params = json.loads(row["params"])
        answers = db.execute(
            "SELECT at, http_status, body FROM notice_answer WHERE notify_id = ? ORDER BY rowid",
            (row["notify_id"],),
        )
        return {
            "notify_id": row["notify_id"],
            "trade_status": params["trade_status"],
            "out_biz_no": params.get("out_biz_no"),
            "tries": row["tries"],
            "next_at": None if row["next_at"] is None else moment_text(row["next_at"]),
            "answers": [{**dict(answer), "at": moment_text(answer["at"])} for answer in answers],
        }

    def _latest_row(self, out_trade_no: str) -> sqlite3.Row:
        with self._store.transaction() as db:
            row = db.execute(
                "SELECT * FROM notice WHERE out_trade_no = ? ORDER BY rowid DESC LIMIT 1",
                (out_trade_no,),
            ).fetchone()
        if row is None:
            raise Refused("ACQ.TRADE_NOT_EXIST")
        return row

    # The schedule

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            due, pause = self._claim_due()
            for row in due:
                self._senders.submit(self._try, row)
            if not due:
                self._wake.wait(pause)

    def _claim_due(self) -> tuple[list[sqlite3.Row], float]:
        """Claim the due notices that are not in flight; also return the seconds to sleep if none are."""
        now = self._clock.now()
        with self._store.transaction() as db:
            rows = db.execute(
                "SELECT * FROM notice WHERE next_at IS NOT NULL ORDER BY next_at LIMIT ?",
                (2 * _SENDERS,),
            ).fetchall()
        with self._tried:
            free = [row for row in rows if row["notify_id"] not in self._in_flight]
            due = [row for row in free if row["next_at"] <= now]
            self._in_flight |= {row["notify_id"] for row in due}
        pauses = [row["next_at"] - now for row in free]
        return due, min([*pauses, _LONGEST_SLEEP_SECONDS])

    def _try(self, row: sqlite3.Row) -> None:
        """Make one scheduled try and store when the next one is due."""
        try:
            answers = self._send(row, self._copies(row["out_trade_no"]))
            tries = row["tries"] + 1
            done = any(answer.is_success for answer in answers) or tries > len(PAUSES_SECONDS)
            next_at = None if done else self._clock.now() + self._pause(tries, row["out_trade_no"])
            with self._store.transaction() as db:
                db.execute(
                    "UPDATE notice SET tries = ?, next_at = iif(next_at IS NULL, NULL, ?)"
                    " WHERE notify_id = ?",
                    (tries, next_at, row["notify_id"]),
                )
        except Refused:
            log.info("notice %s dropped: its trade no longer exists", row["out_trade_no"])
        except Exception:
            log.exception("notice %s could not be sent; it stays due", row["out_trade_no"])
        finally:
            with self._tried:
                self._in_flight.discard(row["notify_id"])
                self._tried.notify_all()
            self.wake()

    def _copies(self, out_trade_no: str) -> int:
        if self._faults.hits("notify.storm", out_trade_no):
            return 64
        return 2 if self._faults.hits("notify.twice", out_trade_no) else 1

    def _pause(self, tries: int, out_trade_no: str) -> float:
        hurry = _HURRY if self._faults.hits("notify.hurry", out_trade_no) else 1
        return PAUSES_SECONDS[tries - 1] / self._speed / hurry

    def _send(self, row: sqlite3.Row, copies: int) -> list[NoticeAnswer]:
        """Send `copies` of a notice at the same moment and store the answers."""
        number = row["out_trade_no"]
        if self._faults.hits("notify.lost", number):
            answers = [NoticeAnswer(None, "lost by fault")]
        else:
            trade, params = self._trades.get(number), json.loads(row["params"])
            bodies = [self._messages.signed_notice(trade, params) for _ in range(copies)]
            answers = _post_together(row["url"], bodies, trade.charset)
        at = self._clock.now()
        with self._store.transaction() as db:
            db.executemany(
                "INSERT INTO notice_answer VALUES (?, ?, ?, ?)",
                [(row["notify_id"], at, answer.http_status, answer.body) for answer in answers],
            )
            if any(answer.is_success for answer in answers):
                db.execute("UPDATE notice SET next_at = NULL WHERE notify_id = ?", (row["notify_id"],))
        for answer in answers:
            log.info("notice %s answered %s", number, answer.http_status)
        return answers


def _post_together(url: str, bodies: Sequence[str], charset: str) -> list[NoticeAnswer]:
    if len(bodies) == 1:
        return [_post(url, bodies[0], charset)]
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: _post(url, body, charset), bodies))


def _post(url: str, body: str, charset: str) -> NoticeAnswer:
    """POST without following redirects; keep the first 200 characters of the answer."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    headers = {
        "Content-Type": f"application/x-www-form-urlencoded; charset={charset}",
        "User-Agent": "Mozilla/4.0",
        "Connection": "close",
    }
    try:
        connection = kind(parts.netloc, timeout=_ANSWER_SECONDS)
        try:
            target = parts.path or "/"
            connection.request(
                "POST",
                f"{target}?{parts.query}" if parts.query else target,
                body,
                headers,
            )
            response = connection.getresponse()
            return NoticeAnswer(response.status, response.read(800).decode("utf-8", "replace")[:200])
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        return NoticeAnswer(None, type(error).__name__)


def answers_report(answers: Sequence[NoticeAnswer]) -> list[dict[str, object]]:
    return [asdict(answer) for answer in answers]
