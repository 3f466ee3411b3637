"""`journal verify`: does the journal still say what was written into it?

Reads a live or a dead journal without copying or changing it (a reader of a dead one leaves an empty-handed `-shm` file behind, SQLite's
index of the write-ahead log). Finds every changed, missing, added or re-ordered event, digest, identity and head, a lost tail included; whatever is
wrong with the files becomes a finding, never an exception. `tests/unit/bus/test_verify_exhaustive.py` flips every byte and cuts at every length.

What it cannot see: that the whole journal, head included, was replaced by an older copy of itself, or rebuilt by someone who recomputed every digest. The
cursors of the actors' snapshots and the broker's own record are the witnesses of that.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from .chain import ORIGIN, Identity, Link, identify_all
from .head import Head, head_path, newest, read_slots
from .journal_errors import GARBLED_ERRORS, SQLITE_ERRORS, JournalDamaged, JournalFailed, JournalLocked, classify
from .journal_schema import connect_reader, database_fault, read_identities, schema_faults
from .names import Names, learn, load_names, stored_names
from .quarantine import quarantine_reason
from .walk import Finding, Findings, Walk


@dataclass(frozen=True, slots=True)
class Report:
    """findings: what is wrong, in the order found. notes: what is remarkable and sound. readable: False when the files could not be
    opened at all (no right, no such file), so nothing is known."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    log_id: str
    head_seq: int
    rows: int
    batches: int
    readable: bool = True

    @property
    def clean(self) -> bool:
        return self.readable and not self.findings


def verify(path: Path) -> Report:
    """Check the journal at path. Never raises for what the files hold."""
    return _Verification(path).report()


class _Verification:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._findings = Findings()
        self._notes: list[str] = []
        self._states: dict[int, Link] = {}  # the newest few states of the chain, by seq
        self._identities: list[Identity] = []
        self._end = ORIGIN
        self._rows = 0
        self._batches = 0
        self._readable = True

    def report(self) -> Report:
        reason = quarantine_reason(self._path)
        if reason is not None:
            self._findings.note("quarantine", 0, reason)
        if file_fault := database_fault(self._path):
            self._findings.note("file", 0, file_fault)
            self._readable = self._path.exists() or head_path(self._path).exists()
        else:
            before = newest(read_slots(head_path(self._path)))
            self._database()
            if self._readable:
                self._head(before)
        log_id = self._identities[-1].log_id if self._identities else ""
        return Report(tuple(self._findings), tuple(self._notes), log_id, self._end.seq, self._rows, self._batches, self._readable)

    def _database(self) -> None:
        try:
            db = connect_reader(self._path)
        except SQLITE_ERRORS as error:
            self._unreadable(error)
            return
        try:
            db.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")  # a damaged text is its row's finding, not the end
            db.execute("BEGIN")  # one view of the log for everything below, while a writer goes on
            self._content(db)
        except SQLITE_ERRORS as error:
            self._unreadable(error)
        except JournalDamaged as error:
            self._findings.note("meta", 0, str(error))
        except GARBLED_ERRORS as error:
            self._findings.note("sqlite", 0, f"unreadable content: {error}")
        finally:
            db.close()

    def _content(self, db: sqlite3.Connection) -> None:
        for (text,) in db.execute("PRAGMA integrity_check(20)"):
            if text != "ok":
                self._findings.note("sqlite", 0, text)
        for fault in schema_faults(db):
            self._findings.note("sqlite", 0, fault)
        self._identities = read_identities(db)
        derived: Names = {}
        walk = Walk(db, self._identities, self._findings, lambda row: learn(derived, (row,)))
        start = identify_all(ORIGIN, self._identities)
        self._remember(start)
        self._end = walk.run(start, self._remember)
        self._rows, self._batches = walk.rows, walk.batches
        for identity in self._identities:
            if identity.since > self._end.seq:
                self._findings.note("meta", identity.since, f"an identity begins behind the end of the log ({self._end.seq})")
        self._check_names(db, derived)

    def _check_names(self, db: sqlite3.Connection, derived: Names) -> None:
        if db.execute("SELECT count(*) FROM names WHERE id <> 1").fetchone()[0]:
            self._findings.note("names", 0, "the table of newest names has rows that nobody wrote")
        on_record = db.execute("SELECT count(*) FROM names").fetchone()[0]
        if (on_record and stored_names(db) is None) or load_names(db) != derived:
            self._findings.note("names", 0, "the newest names on record are not those of the events")

    def _remember(self, link: Link) -> None:
        self._states[link.seq] = link
        if len(self._states) > 64:
            del self._states[next(iter(self._states))]

    def _head(self, before: Head | None) -> None:
        """before: the head read ahead of the database; read again now, so that a live writer between the two is no finding."""
        slots = read_slots(head_path(self._path))
        after = newest(slots)
        if after is None or before is None:
            self._findings.note("head", 0, "journal.head is missing, cut or unreadable: nothing says where the journal ended")
            return
        if None in slots:
            self._findings.note("head", 0, "one slot of journal.head is damaged")
        if before.link.seq > self._end.seq:
            self._findings.note("head", self._end.seq, f"the journal ends at {self._end.seq}; its head says that {before.link.seq} was acknowledged")
        for slot in slots:
            if slot is not None:
                self._slot(slot)
        if after.link.seq < self._end.seq:
            self._behind(after)

    def _slot(self, slot: Head) -> None:
        link = slot.link
        if self._identities and slot.log_id != self._identities[-1].log_id:
            self._findings.note("head", link.seq, f"the head is of log {slot.log_id}, the journal of {self._identities[-1].log_id}")
        if link.seq > self._end.seq:
            return  # said already, or written since the database was read
        expected = self._states.get(link.seq)
        if expected is None and not link.seq < min(self._states, default=0):
            self._findings.note("head", link.seq, "the head names a seq at which no batch ends")
        elif expected is not None and expected != link:
            self._findings.note("head", link.seq, "the head's digests are not those of the journal")

    def _behind(self, head: Head) -> None:
        following = [seq for seq in self._states if seq > head.link.seq]
        if len(following) == 1:
            self._notes.append(f"one batch, up to {self._end.seq}, is committed and not yet in the head: its writer died or is at it")
        else:
            self._findings.note("head", head.link.seq, f"the head is older than the journal, which ends at {self._end.seq}")

    def _unreadable(self, error: Exception) -> None:
        said = classify(error, "SQLite")
        if isinstance(said, (JournalFailed, JournalLocked)):
            self._readable = False
        self._findings.note("sqlite", 0, str(said))
