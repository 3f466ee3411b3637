"""Snapshots of actors: how a restart gets by without the whole log.

A snapshot is a convenience, the log is the truth: a damaged one is skipped in favour of an older one, a damaged file is put aside and a
new one begun. What must hold is that a snapshot that loads is byte for byte the one that was saved; each carries a digest over all of it. The
newest KEPT of each source are held; pruning asks for the second newest, so that one damaged snapshot never strands an actor.

Several processes may use one file; each object is used by one thread.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from .journal_errors import SQLITE_ERRORS, JournalDamaged, classify

KEPT: Final = 3
STATE_BYTES_MAX: Final = 64 << 20
_BUSY_S: Final = 10.0
_DIGEST_BYTES: Final = 32
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS snapshots(id INTEGER PRIMARY KEY, log_id TEXT NOT NULL, source TEXT NOT NULL, run INTEGER NOT NULL,"
    " n INTEGER NOT NULL, cursor_seq INTEGER NOT NULL, cursor_digest BLOB NOT NULL, digest BLOB NOT NULL, state BLOB NOT NULL)"
)
_INDEX: Final = "CREATE INDEX IF NOT EXISTS snapshots_source ON snapshots(source, log_id)"
_SELECT: Final = "SELECT log_id, source, run, n, cursor_seq, cursor_digest, digest, state FROM snapshots WHERE id = ?"
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """State of an actor at a cursor; n: outputs of `run` emitted so far."""

    run: int
    n: int
    cursor_seq: int
    cursor_digest: bytes
    state: bytes


Rescued = dict[tuple[str, str], list[StoredSnapshot]]  # (log_id, source) -> oldest first


def state_digest(state: bytes) -> bytes:
    """What travels beside a state so that the store can tell that all its parts arrived whole; 16 bytes."""
    return hashlib.blake2b(state, digest_size=16).digest()


class SnapshotStore:
    """Raises JournalFailed, JournalLocked for the device; damaged content never raises."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def save(self, log_id: str, source: str, run: int, n: int, cursor_seq: int, cursor_digest: bytes, state: bytes, digest: bytes) -> None:
        """Durable on return; older ones of the source beyond KEPT go. digest: `state_digest` where the state was made. Raises ValueError for a
        state past STATE_BYTES_MAX or other than its digest says."""
        if len(state) > STATE_BYTES_MAX:
            raise ValueError(f"a snapshot of {source} has {len(state)} bytes, at most {STATE_BYTES_MAX}")
        if state_digest(state) != digest:
            raise ValueError(f"a snapshot of {source} at seq {cursor_seq} did not arrive as it was made")
        snapshot = StoredSnapshot(run, n, cursor_seq, cursor_digest, state)
        try:
            self._save(log_id, source, snapshot)
        except SQLITE_ERRORS as error:
            self._begin_anew(error)
            self._save(log_id, source, snapshot)

    def newest(self, log_id: str, source: str) -> list[StoredSnapshot]:
        """Whole snapshots of a source, newest first; damaged ones are left out."""
        try:
            return list(self._whole(log_id, source))
        except SQLITE_ERRORS as error:
            self._begin_anew(error)
            return []

    def second_newest_cursors(self, log_id: str) -> dict[str, int]:
        """By source, the cursor of the second newest whole snapshot, 0 where there are fewer: pruning stays before these."""
        try:
            return {source: self._second(log_id, source) for source in self._sources(log_id)}
        except SQLITE_ERRORS as error:
            self._begin_anew(error)
            return {}

    def adopt(self, old: str, new: str, upto: int) -> None:
        """After a restore: snapshots of log `old` up to seq upto become those of `new`, all others are dropped."""
        kept = [(source, s) for source in self._sources(old) for s in reversed(list(self._whole(old, source))) if s.cursor_seq <= upto]
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM snapshots")
            for source, snapshot in kept:
                self._insert(new, source, snapshot)

    def close(self) -> None:
        self._db.close()

    # -- inside

    def _save(self, log_id: str, source: str, snapshot: StoredSnapshot) -> None:
        with self._db:  # commits, or rolls back when it raises
            self._db.execute("BEGIN IMMEDIATE")
            self._insert(log_id, source, snapshot)
            self._db.execute(
                "DELETE FROM snapshots WHERE source = ? AND id NOT IN (SELECT id FROM snapshots WHERE source = ? ORDER BY id DESC LIMIT ?)",
                (source, source, KEPT),
            )

    def _insert(self, log_id: str, source: str, snapshot: StoredSnapshot) -> None:
        s = snapshot
        named = (log_id, source, s.run, s.n, s.cursor_seq, s.cursor_digest)
        self._db.execute(
            "INSERT INTO snapshots(log_id, source, run, n, cursor_seq, cursor_digest, digest, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*named, _row_digest(named, s.state), s.state),
        )

    def _sources(self, log_id: str) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT DISTINCT source FROM snapshots WHERE log_id = ? ORDER BY source", (log_id,))]

    def _whole(self, log_id: str, source: str) -> Iterator[StoredSnapshot]:
        ids = self._db.execute("SELECT id FROM snapshots WHERE source = ? AND log_id = ? ORDER BY id DESC", (source, log_id)).fetchall()
        for (row_id,) in ids:
            try:
                row = self._db.execute(_SELECT, (row_id,)).fetchone()
            except SQLITE_ERRORS as error:
                if isinstance(classify(error, "reading"), JournalDamaged):
                    continue  # this one lies on a damaged page
                raise
            if row is not None and isinstance(row[-1], bytes) and row[-2] == _row_digest(row[:-2], row[-1]):
                _, _, run, n, seq, cursor_digest, _, state = row
                yield StoredSnapshot(run, n, seq, cursor_digest, state)

    def _second(self, log_id: str, source: str) -> int:
        whole = self._whole(log_id, source)
        next(whole, None)
        second = next(whole, None)
        return second.cursor_seq if second is not None else 0

    def _open(self) -> None:
        """The file, looked through once: SQLite itself trusts an index or an order of rows that is damaged."""
        try:
            self._db = self._connect()
            fault = self._db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except SQLITE_ERRORS as error:
            said = classify(error, f"opening {self.path}")
            if not isinstance(said, JournalDamaged):
                raise said from error
            self._replace({})
        else:
            if fault != "ok":
                rescued = self._rescue()
                self._db.close()
                self._replace(rescued)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, timeout=_BUSY_S)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute(_TABLE)
            db.execute(_INDEX)
        except BaseException:
            db.close()
            raise
        return db

    def _begin_anew(self, error: Exception) -> None:
        """Go on in a new file when this one's content is at fault; raise when the device is."""
        said = classify(error, f"snapshots in {self.path}")
        if not isinstance(said, JournalDamaged):
            raise said from error
        rescued = self._rescue()
        self._db.close()
        self._replace(rescued)

    def _replace(self, rescued: Rescued) -> None:
        """The damaged file aside, a new one with what could be read of it."""
        self._put_aside()
        self._db = self._connect()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for (log_id, source), snapshots in rescued.items():
                for snapshot in snapshots:
                    self._insert(log_id, source, snapshot)

    def _rescue(self) -> Rescued:
        """What is still whole, oldest first."""
        rescued: Rescued = {}
        try:
            for log_id, source in self._db.execute("SELECT DISTINCT log_id, source FROM snapshots NOT INDEXED").fetchall():
                rescued[(log_id, source)] = list(self._whole(log_id, source))[::-1]
        except SQLITE_ERRORS:
            return rescued  # as far as it goes: what is not rescued is rebuilt from the log
        return rescued

    def _put_aside(self) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        self.path.rename(aside)
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


def _row_digest(named: tuple[Any, ...], state: bytes) -> bytes:
    return hashlib.blake2b(_encode(named) + state, digest_size=_DIGEST_BYTES).digest()
