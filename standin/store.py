"""SQLite storage for trades, refunds and notices, in a file or in memory."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Times are seconds since 1970 by the stand-in's clock; amounts are fen.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS trade (
    out_trade_no TEXT PRIMARY KEY,
    session TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    subject TEXT NOT NULL,
    amount_fen INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    life_seconds REAL NOT NULL DEFAULT 0,
    time_expire TEXT NOT NULL,
    return_url TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    quit_url TEXT NOT NULL,
    passback_params TEXT NOT NULL,
    charset TEXT NOT NULL DEFAULT 'utf-8',
    status TEXT NOT NULL,
    trade_no TEXT UNIQUE,
    buyer TEXT,
    created_at REAL,
    paid_at REAL,
    closed_at REAL
);
CREATE TABLE IF NOT EXISTS refund (
    out_trade_no TEXT NOT NULL REFERENCES trade,
    out_request_no TEXT NOT NULL,
    amount_fen INTEGER NOT NULL,
    refunded_at REAL NOT NULL,
    PRIMARY KEY (out_trade_no, out_request_no)
);
CREATE TABLE IF NOT EXISTS notice (
    notify_id TEXT PRIMARY KEY,
    out_trade_no TEXT NOT NULL REFERENCES trade,
    url TEXT NOT NULL,
    params TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    next_at REAL
);
CREATE INDEX IF NOT EXISTS notice_due ON notice (next_at);
CREATE INDEX IF NOT EXISTS notice_of_trade ON notice (out_trade_no);
CREATE TABLE IF NOT EXISTS notice_answer (
    notify_id TEXT NOT NULL REFERENCES notice,
    at REAL NOT NULL,
    http_status INTEGER,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS answer_of_notice ON notice_answer (notify_id);
"""
# Columns that a state file of an earlier version lacks
_ADDED = {
    "life_seconds": "REAL NOT NULL DEFAULT 0",
    "charset": "TEXT NOT NULL DEFAULT 'utf-8'",
}


class Store:
    """One connection behind one lock: transactions are serialised, so the rules need no other locks."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        self._add_columns()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a transaction: commit at its end, roll back if it raises."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def empty(self) -> None:
        with self.transaction() as db:
            db.execute("DELETE FROM notice_answer")
            db.execute("DELETE FROM notice")
            db.execute("DELETE FROM refund")
            db.execute("DELETE FROM trade")

    def _add_columns(self) -> None:
        present = {row["name"] for row in self._db.execute("PRAGMA table_info(trade)")}
        for name, kind in _ADDED.items():
            if name not in present:
                self._db.execute(f"ALTER TABLE trade ADD COLUMN {name} {kind}")

    def close(self) -> None:
        with self._lock:
            self._db.close()
