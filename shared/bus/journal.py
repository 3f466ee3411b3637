"""The journal: the durable, totally ordered log, written by one process.

Promises: `append` returns when the batch is committed and witnessed by `journal.head`, synced as the durability says; what was acknowledged
is there at the next `open`, or `open` refuses (`JournalDamaged`, quarantine). After one failed write or fsync the journal refuses
everything: nothing is retried, and closing it then does not let SQLite sync again. One thread, one process (`writer_lock.py`).

    durability   survives the death of            a batch costs
    process      any process                      a write
    orders       the machine, but for market      a write, and an fsync if it holds
                 data of the last moments         anything but market data
    disk         the machine                      a write and two fsyncs

Checkpoints move the write-ahead log into the database in `idle`, off the order path, past WAL_SOFT_BYTES; past WAL_HARD_BYTES the append
that crossed it does it, whoever waits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from . import journal_queries as queries
from .chain import check_log_id, extend
from .head import HeadFile, head_path
from .journal_create import create_or_find
from .journal_errors import SQLITE_ERRORS, JournalDamaged, JournalError, JournalFailed, classify
from .journal_rows import INSERT_EVENT, select, with_crc
from .journal_schema import connect_reader, connect_writer, wal_path
from .names import Names, learn, load_names, save_names
from .port import Durability
from .quarantine import ADVICE, marker_path, quarantine, quarantine_reason
from .record import Record, encode_record
from .recovery import Recovered, examine
from .writer_lock import WriterLock

WAL_SOFT_BYTES: Final = 4 << 20
WAL_HARD_BYTES: Final = 64 << 20
_BATCH_BYTES: Final = 5 * 4096  # what a commit rewrites beside its records: leaves of events, batches, indexes
_SYNC_OF_MARKET: Final = {Durability.PROCESS: "OFF", Durability.ORDERS: "NORMAL", Durability.DISK: "FULL"}
_SYNC_OF_KEPT: Final = {Durability.PROCESS: "OFF", Durability.ORDERS: "FULL", Durability.DISK: "FULL"}
_CLOSED: Final = "the journal is closed"


class Journal:
    """log_id: 16 hex digits; head_seq, last_ts_ns: the newest event's, 0 in an empty log; notes: what opening found worth telling."""

    def __init__(self, path: Path, durability: Durability, lock: WriterLock) -> None:
        """Use `open`."""
        self.path = path
        self.durability = durability
        self._lock = lock
        self._failure: str | None = None
        with ExitStack() as undo:
            # read-only, and open as long as the writer: a journal that is refused is not touched, and closing the writer after a failure is
            # not the last close, at which SQLite would checkpoint, that is write and sync again
            self._anchor: sqlite3.Connection | None = connect_reader(path)
            undo.callback(self._drop_anchor)
            found = examine(self._anchor, path)
            self._names: Names = load_names(self._anchor)
            self._db = connect_writer(path)
            undo.callback(self._db.close)
            self._anchor.execute("SELECT count(*) FROM meta").fetchone()
            self._wal_bytes = wal_path(path).stat().st_size
            self._head = HeadFile.after(head_path(path), found.head)
            undo.pop_all()
        self._resume(found)

    def _resume(self, found: Recovered) -> None:
        self.log_id = found.head.log_id
        self.notes = found.notes
        self.last_ts_ns = found.last_ts_ns
        self.head_seq = found.link.seq
        self._link = found.link
        self._promised = min(found.head.promised, found.link.seq)
        self._sync = ""
        self._set_sync(_SYNC_OF_MARKET[self.durability])

    @classmethod
    def open(cls, path: Path, durability: Durability, *, log_id: str | None = None, must_exist: bool = False) -> Self:
        """Create the journal or recover it. log_id: of a new journal (random when None); an existing one must have it. Raises JournalLocked,
        JournalMissing (must_exist), JournalDamaged (and marks the journal quarantined), JournalFailed, ValueError."""
        if log_id is not None:
            check_log_id(log_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(path)
        try:
            journal = cls._open_locked(path, durability, lock, log_id, must_exist=must_exist)
        except BaseException:
            lock.release()
            raise
        if log_id is not None and journal.log_id != log_id:
            journal.close()
            raise ValueError(f"{path} is of log {journal.log_id}, not {log_id}")
        return journal

    @classmethod
    def _open_locked(cls, path: Path, durability: Durability, lock: WriterLock, log_id: str | None, *, must_exist: bool) -> Self:
        reason = quarantine_reason(path)
        if reason is not None:
            raise JournalDamaged(f"{path} is quarantined: {reason}. {ADVICE}")
        try:
            create_or_find(path, log_id, must_exist=must_exist)
            return cls(path, durability, lock)
        except (*SQLITE_ERRORS, OSError, JournalDamaged) as error:
            said = classify(error, f"opening {path}")
            if isinstance(said, JournalDamaged):
                quarantine(path, str(said))
                raise JournalDamaged(f"{said}. Quarantined by {marker_path(path).name}. {ADVICE}") from error
            raise said from error

    # -- writing

    def append(self, rows: Sequence[Record], encoded: Sequence[bytes] = ()) -> None:
        """Commit rows as one batch: seqs follow on from head_seq without a gap. encoded: their records' bytes when the caller has them. Raises
        JournalFailed; AssertionError for rows that are no batch (a bug of the caller; nothing is written)."""
        self._check_usable()
        _check_rows(rows, self.head_seq)
        encoded = encoded or [encode_record(row) for row in rows]
        kept = [e for row, e in zip(rows, encoded, strict=True) if not row.prunable]
        market = [e for row, e in zip(rows, encoded, strict=True) if row.prunable]
        last = rows[-1].seq
        link = extend(self._link, last, kept, market)
        with self._guard("append"):
            self._set_sync((_SYNC_OF_KEPT if kept else _SYNC_OF_MARKET)[self.durability])
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            db.executemany(INSERT_EVENT, map(with_crc, rows, encoded))
            db.execute("INSERT INTO batches(first, last, kept, market) VALUES (?, ?, ?, ?)", (rows[0].seq, last, link.kept, link.market))
            db.execute("COMMIT")
            if self._sync != "NORMAL":
                self._promised = last  # OFF too: under `process` any loss with the machine is damage, not routine
            self._head.write(link, self._promised, sync=self.durability is Durability.DISK)
        self._link = link
        self.head_seq = last
        self.last_ts_ns = rows[-1].ts_ns
        learn(self._names, rows)
        self._wal_bytes += sum(map(len, encoded)) + _BATCH_BYTES
        if self._wal_bytes > WAL_HARD_BYTES:
            self._checkpoint("PASSIVE")

    def idle(self) -> None:
        """Nothing is waiting: a checkpoint when one is due. Raises JournalFailed."""
        self._check_usable()
        if self._wal_bytes > WAL_SOFT_BYTES:
            self._checkpoint("PASSIVE")

    def delete_market(self, ranges: Sequence[tuple[int, int]]) -> int:
        """Delete the prunable events with after < seq <= upto of each range, all ends of batches, in one transaction; returns how many.
        For retention.py, which announces them first. Raises JournalFailed."""
        self._check_usable()
        with self._guard("pruning"):
            self._set_sync(_SYNC_OF_MARKET[self.durability])
            self._db.execute("BEGIN IMMEDIATE")
            count = self._db.executemany("DELETE FROM events WHERE seq > ? AND seq <= ? AND prunable = 1", ranges).rowcount
            self._db.execute("COMMIT")
        self._wal_bytes += max(count, 0) * 100
        return count

    def close(self) -> None:
        """Sync everything, empty the write-ahead log, note the orderly close, give the lock back. After a failure it only lets go. May be
        called twice. Raises JournalFailed."""
        if self._failure == _CLOSED:
            return
        try:
            if self._failure is None:
                self._set_sync("FULL")
                self._checkpoint("TRUNCATE")
                with self._guard("close"):
                    self._head.write(self._link, self.head_seq, closed=True, sync=True)
                self._drop_anchor()
        finally:
            self._failure = _CLOSED
            self._head.close()
            self._disconnect()
            self._lock.release()

    # -- reading; each raises JournalDamaged, JournalFailed

    def find(self, source: str, run: int, n: int) -> Record | None:
        """The kept event of this name; None for a name never journaled, and for prunable events, which are not indexed by name."""
        return queries.find(self._usable(), source, run, n)

    def last_n(self) -> dict[tuple[str, int], int]:
        """Newest n of every (source, run), of pruned events too."""
        return {name: n for name, (n, _) in self._names.items()}

    def newest_of_names(self) -> list[int]:
        """Seq of the newest event of every (source, run), in order: pruning leaves these."""
        return sorted(seq for _, seq in self._names.values())

    def rows_of_tag(self, tag: int) -> Iterator[Record]:
        """Kept events of one type in order: by index for the system family, by a scan of the log otherwise."""
        return queries.rows_of_tag(self._usable(), tag)

    def system_rows(self, tags: Sequence[int]) -> list[Record]:
        """Kept events of several types, in order."""
        return sorted((row for tag in tags for row in self.rows_of_tag(tag)), key=lambda row: row.seq)

    def tail(self, after: int) -> list[Record]:
        """Every event after a seq."""
        return list(select(self._usable(), "WHERE seq > ? ORDER BY seq", (after,)))

    def settled(self) -> int:
        """Lock-step: a seq up to which every event was delivered and answered."""
        return queries.settled(self._usable())

    def row_from(self, seq: int) -> Record | None:
        """The first event at or after seq: pruned ones are skipped."""
        return next(select(self._usable(), "WHERE seq >= ? ORDER BY seq LIMIT 1", (seq,)), None)

    def row_after(self, seq: int, count: int) -> Record | None:
        """The event that count present ones separate from seq; None when the log ends before."""
        return next(select(self._usable(), "WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?", (seq, count)), None)

    def batch_of(self, seq: int) -> tuple[int, int] | None:
        """First and last seq of the batch that holds seq."""
        return queries.batch_of(self._usable(), seq)

    # -- inside

    def _checkpoint(self, mode: str) -> None:
        """Write the names down, then move the write-ahead log into the database; readers in the way leave the rest for the next one."""
        with self._guard("checkpoint"):
            self._db.execute("BEGIN IMMEDIATE")
            save_names(self._db, self._names, self.head_seq)
            self._db.execute("COMMIT")
            self._db.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        self._wal_bytes = 0

    def _set_sync(self, level: str) -> None:
        if level != self._sync:
            self._db.execute(f"PRAGMA synchronous = {level}")
            self._sync = level

    def _usable(self) -> sqlite3.Connection:
        self._check_usable()
        return self._db

    def _check_usable(self) -> None:
        if self._failure is not None:
            raise JournalFailed(self._failure)

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        """Whatever goes wrong inside ends the journal: what is on the disk is then no longer known."""
        try:
            yield
        except BaseException as error:
            self._failure = f"{doing} failed at seq {self.head_seq}: {type(error).__name__}: {error}"
            if isinstance(error, Exception) and not isinstance(error, JournalError):
                raise JournalFailed(self._failure) from error
            raise

    def _disconnect(self) -> None:
        """The writer first, the anchor last: a read-only connection never checkpoints."""
        self._db.close()
        self._drop_anchor()

    def _drop_anchor(self) -> None:
        if self._anchor is not None:
            self._anchor.close()
            self._anchor = None


def _check_rows(rows: Sequence[Record], head: int) -> None:
    if not rows or [row.seq for row in rows] != list(range(head + 1, head + 1 + len(rows))):
        raise AssertionError(f"a batch follows on from seq {head} without a gap, not {[row.seq for row in rows[:5]]}")
    if any(type(row.prunable) is not int for row in rows):
        raise AssertionError("prunable is 0 or 1: True is another byte in the digests than the 1 that is read back")
