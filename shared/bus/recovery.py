"""Opening a journal that is there: is everything in it that was acknowledged?

Always: the head's log, the head's batch with its digests, and the chain of the last batches. The whole journal, once, when the machine
stopped under it (another boot id and no orderly close) or a head slot is damaged, since then more than the tail may have suffered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .chain import ORIGIN, Identity, Link, identify_all
from .head import Head, boot_id, head_path, newest, read_slots
from .journal_errors import GARBLED_ERRORS, JournalDamaged
from .journal_schema import read_identities, schema_faults
from .walk import Findings, Walk

TAIL_BATCHES: Final = 64  # recomputed at every open: a few milliseconds


@dataclass(frozen=True, slots=True)
class Recovered:
    """Where the journal ends. synced: all of it is known to be on the disk; notes: what the operator should read in the log."""

    head: Head
    link: Link
    last_ts_ns: int
    notes: tuple[str, ...]


def examine(db: sqlite3.Connection, path: Path) -> Recovered:
    """Raises JournalDamaged, sqlite3.Error."""
    try:
        return _examine(db, path)
    except GARBLED_ERRORS as error:
        raise JournalDamaged(f"unreadable rows: {error}") from error


def _examine(db: sqlite3.Connection, path: Path) -> Recovered:
    faults = schema_faults(db)
    if faults:
        raise JournalDamaged(f"the tables are not those of a journal: {'; '.join(faults)}")
    identities = read_identities(db)
    slots = read_slots(head_path(path))
    head = newest(slots)
    if head is None:
        raise JournalDamaged("journal.head is missing or unreadable: nothing says where the journal ended")
    if head.log_id != identities[-1].log_id:
        raise JournalDamaged(f"journal.head is of log {head.log_id}, the journal of {identities[-1].log_id}")
    end = _last(db)
    boot = boot_id()
    if end < head.required(boot):
        raise JournalDamaged(f"the journal ends at seq {end}; {head.required(boot)} was acknowledged")
    notes = []
    if end < head.link.seq:
        notes.append(f"the machine stopped: unsynced market data from {end + 1} to {head.link.seq} is gone, as durability `orders` allows")
    whole = False
    if None in slots:
        notes.append("one slot of journal.head was damaged; the whole journal was verified")
        whole = True
    if head.boot != boot and not (head.closed and end == head.link.seq):
        notes.append("the machine stopped without an orderly close; the whole journal was verified")
        whole = True
    start = identify_all(ORIGIN, identities) if whole else _start(db, identities, min(end, head.link.seq))
    link = _walk(db, identities, start, head)
    row = db.execute("SELECT ts_ns FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return Recovered(head, link, int(row[0]) if row is not None else 0, tuple(notes))


def _last(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT last FROM batches ORDER BY first DESC LIMIT 1").fetchone()
    return int(row[0]) if row is not None else 0


def _start(db: sqlite3.Connection, identities: Sequence[Identity], seq: int) -> Link:
    """The state TAIL_BATCHES batches before seq, as stored."""
    sql = "SELECT last, kept, market FROM batches WHERE first <= ? ORDER BY first DESC LIMIT 1 OFFSET ?"
    row = db.execute(sql, (seq, TAIL_BATCHES)).fetchone()
    return identify_all(Link(*row) if row is not None else ORIGIN, identities)


def _walk(db: sqlite3.Connection, identities: Sequence[Identity], start: Link, head: Head) -> Link:
    """Recompute from start to the end, and find the head's state on the way."""
    findings = Findings()
    seen = start == head.link

    def watch(link: Link) -> None:
        nonlocal seen
        seen = seen or link == head.link

    end = Walk(db, identities, findings).run(start, watch)
    if findings:
        raise JournalDamaged(f"the journal differs from its digests: {'; '.join(str(f) for f in findings[:5])}")
    if not seen and head.link.seq <= end.seq:
        raise JournalDamaged(f"the digests of journal.head at seq {head.link.seq} are not those of the journal")
    return end
