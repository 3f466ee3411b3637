"""Small journals for tests: rows of real events, whole journals, and what a journal logically says."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from shared.bus.chain import Identity
from shared.bus.head import head_path, read_slots
from shared.bus.journal import Journal
from shared.bus.journal_create import create_log
from shared.bus.journal_schema import SCHEMA, connect_reader, wal_path
from shared.bus.port import Durability
from shared.bus.record import Record, record_of
from shared.events import ClockTicked, Envelope, Event, LeaseGranted, Quote, StrategyLogged

LOG_ID = "00112233aabbccdd"
START_NS = 1_700_000_000_000_000_000
_MEMORY = Path("/dev/shm")
FEED, STRATEGY, BUS = "gateway.feed", "strategy.s1", "bus"


def row(seq: int, event: Event, source: str, n: int, *, cause: int = 0, run: int = 1) -> Record:
    return record_of(Envelope(seq, START_NS + seq, event.topic, source, run, n, cause, 0 if cause == 0 else 1, event))


def quote(seq: int, n: int, symbol: str = "F") -> Record:
    return row(seq, Quote(symbol, START_NS + seq, 10.0 + n, 10.5 + n, 100.0, 200.0), FEED, n)


def order(seq: int, n: int, cause: int = 0) -> Record:
    return row(seq, StrategyLogged("s1", "info", f"order {n}"), STRATEGY, n, cause=cause or seq - 1)


def lease(seq: int, n: int, name: str = "risk_engine") -> Record:
    return row(seq, LeaseGranted(name, "host", n), BUS, n)


def tick(seq: int, n: int) -> Record:
    return row(seq, ClockTicked(), BUS, n)


class Author:
    """Rows that follow on: sequence numbers and dense names by themselves."""

    def __init__(self) -> None:
        self.seq = 0
        self._n: dict[str, int] = {}

    def batch(self, kinds: str) -> list[Record]:
        """q a quote of F, b a quote of B, o an order event, l a lease, t a clock tick."""
        return [self._row(kind) for kind in kinds]

    def _row(self, kind: str) -> Record:
        self.seq += 1
        source = {"q": FEED, "b": FEED, "o": STRATEGY}.get(kind, BUS)
        n = self._n[source] = self._n.get(source, 0) + 1
        match kind:
            case "q" | "b":
                return quote(self.seq, n, "F" if kind == "q" else "B")
            case "o":
                return order(self.seq, n)
            case "l":
                return lease(self.seq, n)
            case _:
                return tick(self.seq, n)


def small_pages(path: Path) -> None:
    """An empty journal of 512-byte pages: little enough to damage every byte of."""
    create_log(path, Identity(1, 0, LOG_ID, SCHEMA, START_NS, "created"), page_size=512)


def written(path: Path, batches: Sequence[str], durability: Durability = Durability.PROCESS) -> Journal:
    """A journal with these batches, open."""
    journal = Journal.open(path, durability)
    author = Author()
    for kinds in batches:
        journal.append(author.batch(kinds))
    return journal


def crash_copy(journal: Path, target: Path) -> Path:
    """The files as a killed writer would leave them: copied while it is open, without the index of the write-ahead log."""
    target.mkdir(parents=True)
    for file in (journal, wal_path(journal), head_path(journal)):
        if file.exists():
            shutil.copyfile(file, target / file.name)
    return target / journal.name


def content(path: Path) -> tuple[Any, ...]:
    """All that a journal says: every table's rows, and the meaning of its head."""
    with closing(connect_reader(path)) as db:
        tables = tuple(tuple(db.execute(f"SELECT * FROM {table} ORDER BY 1")) for table in ("meta", "events", "batches", "names"))
    return (*tables, tuple(read_slots(head_path(path))))


def all_rows(path: Path) -> list[Record]:
    """Every event, in order."""
    columns = ", ".join(Record._fields)
    with closing(connect_reader(path)) as db:
        return [Record._make(r) for r in db.execute(f"SELECT {columns} FROM events ORDER BY seq")]


def tamper(path: Path, sql: str, parameters: Sequence[Any] = ()) -> None:
    """Change a closed journal behind its back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute(sql, parameters).rowcount > 0


@contextmanager
def fast_directory() -> Iterator[Path]:
    """In memory where the system has such a place: halves the time of thousands of openings."""
    directory = Path(tempfile.mkdtemp(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)
