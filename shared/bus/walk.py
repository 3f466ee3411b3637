"""A walk along the chain: recompute every batch from its records and name each place where the journal differs from itself.

One pass over events and batches in order, in memory bounded by one batch. Used for the whole journal (`verify`) and for its tail (opening).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from shared.events import CodecError, MarketPruned, decode_body

from .chain import Identity, Link, extend, identify_all, seal
from .journal_rows import SELECT_EVENT, whole
from .record import Record

FINDINGS_MAX: Final = 100  # a journal damaged in more places than this is not described better by more lines


class Finding(NamedTuple):
    """One difference. kind: row | chain | order | body | meta | head | names | sqlite | file | quarantine; seq: where, 0 when nowhere in
    particular."""

    kind: str
    seq: int
    text: str

    def __str__(self) -> str:
        return f"{self.kind} at seq {self.seq}: {self.text}" if self.seq else f"{self.kind}: {self.text}"


class Findings(list[Finding]):
    """At most FINDINGS_MAX of them."""

    def note(self, kind: str, seq: int, text: str) -> None:
        if len(self) < FINDINGS_MAX:
            self.append(Finding(kind, seq, text))


class Batch(NamedTuple):
    first: int
    last: int
    kept: bytes
    market: bytes


class Walk:
    """findings: where they go. visit: called with every whole row, in order."""

    def __init__(
        self, db: sqlite3.Connection, identities: Sequence[Identity], findings: Findings, visit: Callable[[Record], None] | None = None
    ) -> None:
        self._db = db
        self._identities = identities
        self._findings = findings
        self._visit = visit
        self._pruned = pruned_upto(db)
        self.rows = 0
        self.batches = 0

    def run(self, start: Link, watch: Callable[[Link], None] | None = None) -> Link:
        """Walk from start (its identities applied) to the journal's end, which is returned; watch sees the state after each batch. Raises
        sqlite3.Error, and what Python makes of bytes that are no row."""
        link = start
        events = self._events(start.seq)
        pending = next(events, None)
        batches = self._db.execute("SELECT first, last, kept, market FROM batches WHERE first > ? ORDER BY first", (start.seq,))
        for row in batches:
            batch = Batch._make(row)
            if batch.first != link.seq + 1 or batch.last < batch.first:
                self._findings.note("order", batch.first, f"a batch covers {batch.first}..{batch.last}, the one before it ends at {link.seq}")
                if not isinstance(batch.last, int) or batch.last <= link.seq:
                    continue
                link = link._replace(seq=batch.first - 1)
            records = []
            while pending is not None and pending[0] <= batch.last:
                records.append(pending)
                pending = next(events, None)
            link = self._batch(link, batch, records)
            self.batches += 1
            if watch is not None:
                watch(link)
        if pending is not None:
            self._findings.note("order", pending[0], f"events after {link.seq} belong to no batch")
        return link

    def _events(self, after: int) -> Iterator[tuple[int, Record, bytes]]:
        """(seq, row, canonical bytes) of whole rows in order."""
        newest = after
        for values in self._db.execute(f"{SELECT_EVENT} WHERE seq > ? ORDER BY seq", (after,)):
            seq: Any = values[0]
            found = whole(values)
            if found is None:
                self._findings.note("row", seq, "the event is not what was written (checksum)")
            elif seq <= newest:
                self._findings.note("order", seq, f"comes after seq {newest}")
            else:
                newest = seq
                yield (seq, *found)

    def _batch(self, link: Link, batch: Batch, records: list[tuple[int, Record, bytes]]) -> Link:
        """The state after the batch, as stored, so that one damaged batch is one finding."""
        kept: list[bytes] = []
        market: list[bytes] = []
        present: set[int] = set()
        for seq, row, encoded in records:
            present.add(seq)
            (market if row.prunable else kept).append(encoded)
            self._row(seq, row, batch)
        missing = batch.last - batch.first + 1 - len(present)
        if missing > 0 and not market and batch.last <= self._pruned:
            computed = seal(link, batch.last, kept, batch.market)
        else:
            if missing > 0:
                gap = next(seq for seq in range(batch.first, batch.last + 1) if seq not in present)
                self._findings.note("order", gap, f"{missing} events of the batch {batch.first}..{batch.last} are missing, this one first")
            computed = extend(link, batch.last, kept, market)
        stored = Link(batch.last, batch.kept, batch.market)
        if computed != stored:
            self._findings.note("chain", batch.first, f"the digests of the batch {batch.first}..{batch.last} do not follow from its content")
        return identify_all(stored, self._identities)

    def _row(self, seq: int, row: Record, batch: Batch) -> None:
        self.rows += 1
        if seq < batch.first:
            self._findings.note("order", seq, "the event belongs to no batch")
        try:
            decode_body(row.tag, row.body)
        except CodecError as error:
            self._findings.note("body", seq, str(error))
        if self._visit is not None:
            self._visit(row)


def pruned_upto(db: sqlite3.Connection) -> int:
    """Market data up to here was announced as pruned. Raises sqlite3.Error."""
    upto = 0
    sql = f"{SELECT_EVENT} WHERE tag = ? AND tag >= 500 AND prunable = 0"
    for values in db.execute(sql, (MarketPruned.TAG,)):
        found = whole(values)
        if found is not None:
            event = decode_body(found[0].tag, found[0].body)
            if isinstance(event, MarketPruned):
                upto = max(upto, event.upto)
    return upto
