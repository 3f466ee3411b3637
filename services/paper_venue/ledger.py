"""The paper broker's ledger file: its truth, which survives our crashes and its own.

SQLite in WAL mode, one writer (a lock file is held). Whatever a request caused, its answer included, is one transaction that is committed
before anybody hears of it; so after `kill -9` the venue knows exactly what it had answered, and a repeated request is answered as before.
`durability: process` survives the death of any process, `disk` also that of the machine.

The core's whole state is written only when something other than a newest price or rate changed; newest prices are a row a symbol, rates a row a
currency. A failed write raises: the process must end, because the core in memory is then ahead of its ledger.
"""

from __future__ import annotations

import fcntl
import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from shared.events import ActionRow, Bar, CurrencyRate, ExecutionRow, OrderRow, OrderStatus, Quote, Trade, decode_body, encode_body
from shared.venue import MatchingCore, Newest, Report, VenueSettings, load

from .books import Answer, Write

_ENDED: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.REPLACED})
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state(id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS newest(symbol TEXT, kind TEXT, place INTEGER NOT NULL, tag INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (symbol, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders(client_order_id TEXT PRIMARY KEY, ended INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reports(n INTEGER PRIMARY KEY, execution INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS executions ON reports(n) WHERE execution = 1;
CREATE INDEX IF NOT EXISTS actions ON reports(n) WHERE execution = 2;
CREATE TABLE IF NOT EXISTS answers(name TEXT PRIMARY KEY, asked BLOB NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS advances(place INTEGER PRIMARY KEY, head INTEGER NOT NULL);
"""
LAYOUT: Final = 2  # 1: one currency; read as it is, and from then on written as this one
_READ: Final = frozenset({0, 1, LAYOUT})

_encode = msgspec.msgpack.Encoder(decimal_format="string").encode
_report = msgspec.msgpack.Decoder(Report).decode
_order = msgspec.msgpack.Decoder(OrderRow).decode
_KIND: Final[dict[type[Newest], str]] = {Bar: "print", Trade: "print", Quote: "quote", CurrencyRate: "rate"}


class LedgerInUse(Exception):
    """Another process writes this ledger."""


class LedgerIncompatible(Exception):
    """The file was written by another layout; it is left as it is."""


class Ledger:
    """Used by one thread."""

    def __init__(self, path: Path, *, durability: str = "process") -> None:
        """Open or create. Raises LedgerInUse, LedgerIncompatible, sqlite3.Error."""
        self._lock = Path(f"{path}.lock").open("wb")  # noqa: SIM115  # held as long as the ledger is open
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise LedgerInUse(str(path)) from None
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={'FULL' if durability == 'disk' else 'NORMAL'}")
        self._db.executescript(_SCHEMA)
        found = self._meta("layout")
        if found not in _READ:
            self.close()
            raise LedgerIncompatible(f"{path} has layout {found}, this build writes {LAYOUT}")
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('layout', ?)", (LAYOUT,))
        self.keeps_state: Final = True
        self.last_row = self._meta("row")
        self._place = self._meta("place")

    def restore(self, settings: VenueSettings) -> MatchingCore:
        """The core as it was when the last transaction was committed; a fresh one for a new ledger."""
        state = self._db.execute("SELECT body FROM state").fetchone()
        newest = [decode_body(tag, body) for tag, body in self._db.execute("SELECT tag, body FROM newest ORDER BY place")]
        seen = [event for event in newest if isinstance(event, Bar | Quote | Trade | CurrencyRate)]
        if state is None:
            core = MatchingCore(settings)
            for event in seen:
                core.market.remember(event)
            return core
        ended = (_order(body) for (body,) in self._db.execute("SELECT body FROM orders WHERE ended = 1"))
        return load(settings, state[0], ended, seen)

    def commit(self, write: Write) -> None:
        """All of it or nothing."""
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            if write.newest is not None:
                self._put_newest(write.newest)
            for event in write.restated:
                self._put_newest(event)
            if write.row:
                db.execute("INSERT OR REPLACE INTO meta VALUES ('row', ?)", (write.row,))
                if write.reports:
                    db.execute("INSERT INTO advances VALUES (?, ?)", (write.row, write.reports[-1].n))
            for report in write.reports:
                self._put_report(report)
            if write.state is not None:
                db.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (write.state,))
            if write.answer is not None:
                db.execute("INSERT INTO answers VALUES (?, ?, ?)", (write.name, *write.answer))
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
        self.last_row = write.row or self.last_row

    def answer(self, name: str) -> Answer | None:
        """What a request of that name was answered."""
        row = self._db.execute("SELECT asked, body FROM answers WHERE name = ?", (name,)).fetchone()
        return Answer(*row) if row else None

    def head_at(self, row: int) -> int:
        """Newest report that an advance up to this row caused."""
        found = self._db.execute("SELECT head FROM advances WHERE place <= ? ORDER BY place DESC LIMIT 1", (row,)).fetchone()
        return int(found[0]) if found else 0

    def reports(self, since: int, limit: int) -> list[Report]:
        """Reports after `since`, oldest first."""
        rows = self._db.execute("SELECT body FROM reports WHERE n > ? ORDER BY n LIMIT ?", (since, limit))
        return [_report(body) for (body,) in rows]

    def executions(self, since: int, limit: int) -> list[tuple[int, ExecutionRow]]:
        """(report number, execution) after `since`, oldest first."""
        rows = self._db.execute("SELECT body FROM reports WHERE execution = 1 AND n > ? ORDER BY n LIMIT ?", (since, limit))
        found = (_report(body) for (body,) in rows)
        return [(r.n, r.execution) for r in found if r.execution is not None]

    def actions(self, since: int, upto: int) -> list[tuple[int, ActionRow]]:
        """(report number, corporate action) after `since` and up to `upto`, oldest first."""
        rows = self._db.execute("SELECT body FROM reports WHERE execution = 2 AND n > ? AND n <= ? ORDER BY n", (since, upto))
        found = (_report(body) for (body,) in rows)
        return [(r.n, r.action) for r in found if r.action is not None]

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    def _meta(self, key: str) -> int:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return int(row[0]) if row else 0

    def _put_newest(self, event: Newest) -> None:
        self._place += 1
        row = (event.currency if isinstance(event, CurrencyRate) else event.symbol, _KIND[type(event)], self._place, event.TAG, encode_body(event))
        self._db.execute("INSERT OR REPLACE INTO newest VALUES (?, ?, ?, ?, ?)", row)
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('place', ?)", (self._place,))

    def _put_report(self, report: Report) -> None:
        kind = 1 if report.execution is not None else 2 if report.action is not None else 0
        self._db.execute("INSERT INTO reports VALUES (?, ?, ?)", (report.n, kind, _encode(report)))
        if report.order is not None:
            row = report.order
            self._db.execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", (row.client_order_id, row.status in _ENDED, _encode(row)))
