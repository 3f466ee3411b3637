"""What a restart and a repeated name ask the journal. All read checked rows and raise JournalDamaged or JournalFailed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from .journal_rows import select
from .journal_schema import SYSTEM_TAG_MIN
from .record import Record


def find(db: sqlite3.Connection, source: str, run: int, n: int) -> Record | None:
    """The kept event of this name; prunable events are not indexed by name."""
    return next(select(db, "WHERE source = ? AND run = ? AND n = ? AND prunable = 0", (source, run, n)), None)


def rows_of_tag(db: sqlite3.Connection, tag: int) -> Iterator[Record]:
    """Kept events of one type in order: by index for the system family, by a scan of the log otherwise."""
    if tag >= SYSTEM_TAG_MIN:
        return select(db, "WHERE tag = ? AND tag >= 500 AND prunable = 0 ORDER BY seq", (tag,))
    return select(db, "WHERE tag = ? AND prunable = 0 ORDER BY seq", (tag,))


def settled(db: sqlite3.Connection) -> int:
    """Lock-step: a seq up to which every event was delivered and answered. An outside fact is taken only when nothing is undelivered, and
    the answers to one event are one batch; so all before the newest fact is settled, and so is the newest cause."""
    fact = next(select(db, "WHERE cause = 0 AND source <> 'bus' ORDER BY seq DESC LIMIT 1"), None)
    before = fact.seq - 1 if fact is not None else 0
    return max((row.cause for row in select(db, "WHERE seq > ?", (before,))), default=0) or before


def batch_of(db: sqlite3.Connection, seq: int) -> tuple[int, int] | None:
    """First and last seq of the batch that holds seq."""
    row = db.execute("SELECT first, last FROM batches WHERE first <= ? ORDER BY first DESC LIMIT 1", (seq,)).fetchone()
    return (int(row[0]), int(row[1])) if row is not None and seq <= row[1] else None
