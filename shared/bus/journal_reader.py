"""Reading a journal that another process writes: catch-up pages, an actor's own outputs, single events.

Each call is short read transactions on a read-only connection: it sees whole batches, holds no writer up, and lets checkpoints proceed
between calls. A page does bounded work: at most PAGE_SCAN_ROWS seqs are looked at, so a sparse lane over a long log comes in several pages, each
saying up to where it is complete. Every row is checked against its checksum before it is handed out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .journal_errors import SQLITE_ERRORS, JournalMissing, classify
from .journal_rows import select
from .journal_schema import connect_reader, database_fault, read_identities
from .port import NEVER
from .record import Record
from .walk import pruned_upto

PAGE_SCAN_ROWS: Final = 20_000
_TOPICS_KEPT_MAX: Final = 10_000  # verdicts remembered a lane; a log of more topics than that judges some again


class JournalReader:
    """Raises JournalMissing when there is no journal yet. All calls raise JournalDamaged for content that fails its checksum, JournalLocked
    or JournalFailed for the device. Used by one thread."""

    def __init__(self, path: Path) -> None:
        fault = database_fault(path)
        if fault:
            raise JournalMissing(f"{path}: {fault}")
        self._path = path
        self._prefixes: tuple[str, ...] | None = None
        try:
            self._db = connect_reader(path)
        except SQLITE_ERRORS as error:
            raise classify(error, f"opening {path}") from error

    @property
    def log_id(self) -> str:
        """The log's present identity."""
        with self._view():
            return read_identities(self._db)[-1].log_id

    def head(self) -> int:
        """Newest committed seq, 0 in an empty log."""
        with self._view() as head:
            return head

    def pruned_upto(self) -> int:
        """Market data up to here was announced as pruned: a cursor before it cannot be followed on a lane with market data."""
        with self._view():
            return pruned_upto(self._db)

    def row(self, seq: int) -> Record | None:
        """None when it is not there: not yet, or pruned."""
        with self._view():
            return next(select(self._db, "WHERE seq = ?", (seq,)), None)

    def page(self, after: int, prefixes: tuple[str, ...], limit: int, upto: int = NEVER) -> tuple[list[Record], int]:
        """Events with after < seq <= upto whose topic begins with one of the prefixes, in order, at most limit of them; and the seq up to
        which that is all of them. The lane is caught up when that is upto or the head."""
        self._follow(prefixes)
        return self._scan("AND wanted(topic)", (), after, upto, limit)

    def outputs(self, source: str, cause_after: int, after_seq: int, limit: int) -> list[Record]:
        """Events of one source, of every run, with cause > cause_after and seq > after_seq, in order; fewer than limit only when there are no
        more. Its work is bounded by the log after cause_after, an output's cause being before it."""
        rows: list[Record] = []
        done, head = max(after_seq, cause_after), self.head()
        while done < head and len(rows) < limit:
            more, done = self._scan("AND source = ? AND cause > ?", (source, cause_after), done, head, limit - len(rows))
            rows += more
        return rows

    def close(self) -> None:
        self._db.close()

    def _scan(self, condition: str, parameters: tuple[Any, ...], after: int, upto: int, limit: int) -> tuple[list[Record], int]:
        if limit < 1:
            raise AssertionError("a page holds at least one event")
        with self._view() as head:
            end = min(after + PAGE_SCAN_ROWS, upto, head)
            where = f"WHERE seq > ? AND seq <= ? {condition} ORDER BY seq LIMIT ?"
            rows = list(select(self._db, where, (after, end, *parameters, limit)))
        return rows, rows[-1].seq if len(rows) == limit else max(end, after)

    def _follow(self, prefixes: tuple[str, ...]) -> None:
        """The topic test inside SQLite: rows that fail it are never made into Python objects. There are few topics; each is judged once."""
        if prefixes == self._prefixes:
            return
        known: dict[str, bool] = {}

        def wanted(topic: str) -> bool:
            said = known.get(topic)
            if said is None:
                said = topic.startswith(prefixes)
                if len(known) < _TOPICS_KEPT_MAX:
                    known[topic] = said
            return said

        self._db.create_function("wanted", 1, wanted, deterministic=True)
        self._prefixes = prefixes

    @contextmanager
    def _view(self) -> Iterator[int]:
        """One state of the log; gives its head."""
        try:
            self._db.execute("BEGIN")
            try:
                row = self._db.execute("SELECT last FROM batches ORDER BY first DESC LIMIT 1").fetchone()
                yield int(row[0]) if row is not None else 0
            finally:
                self._db.execute("COMMIT")
        except SQLITE_ERRORS as error:
            raise classify(error, f"reading {self._path}") from error
