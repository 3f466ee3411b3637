"""Retention: market data older than a bound leaves the journal; order, risk, control and account events stay for good.

The road of one pruning: `announceable` says up to which seq; the caller journals `MarketPruned(upto)`; `announced` is told; `step`, called
when the bus is idle, deletes in small transactions. A crash in between loses nothing: what is announced is taken up again at the next start.

Always left: whole batches (so a batch is either whole or without any market data, and the chain tells which is lawful), everything from
a given cursor on (that cursor's own event included, by which it is recognised), and each batch with the newest event of a name that
sends market data (so the newest names can be told from the events alone). SQLite reuses the space; the file does not shrink.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.events import MarketPruned, decode_body

from .journal import Journal

STEP_ROWS: Final = 2_000  # events looked at in one transaction: a few milliseconds of the bus's idle time


class Pruner:
    """All calls raise JournalDamaged, JournalFailed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._target = 0
        self._done = 0
        for row in journal.rows_of_tag(MarketPruned.TAG):
            event = decode_body(row.tag, row.body)
            if isinstance(event, MarketPruned):
                self._target = max(self._target, event.upto)

    def announceable(self, older_than_ns: int, cursor: int) -> int:
        """The seq to announce: of events older than that log time, before the cursor (the second newest snapshot of the actor that is
        furthest back). 0 when there is nothing more to prune than is announced already."""
        upto = min(self._older(older_than_ns), cursor - 1)
        batch = self._journal.batch_of(upto)
        if batch is not None and batch[1] > upto:
            upto = batch[0] - 1
        return upto if upto > self._target else 0

    def announced(self, upto: int) -> None:
        """`MarketPruned(upto)` is in the journal."""
        self._target = max(self._target, upto)
        self._done = 0  # batches left before, for the names they held, may go now

    def step(self) -> bool:
        """Delete a little; whether there is more to do."""
        if self._done >= self._target:
            return False
        upto = self._boundary()
        self._journal.delete_market(list(self._ranges(self._done, upto)))
        self._done = upto
        return self._done < self._target

    def _older(self, than_ns: int) -> int:
        """Newest seq that is older; log time never decreases, so it is found by halving."""
        low, high = 0, self._journal.head_seq
        while low < high:
            middle = (low + high + 1) // 2
            row = self._journal.row_from(middle)
            if row is not None and row.ts_ns < than_ns:
                low = middle
            else:
                high = middle - 1
        return low

    def _boundary(self) -> int:
        """The end of a batch some STEP_ROWS present events on, at most the target."""
        row = self._journal.row_after(self._done, STEP_ROWS)
        batch = self._journal.batch_of(row.seq) if row is not None else None
        return min(batch[1], self._target) if batch is not None else self._target

    def _ranges(self, after: int, upto: int) -> Iterator[tuple[int, int]]:
        """What to delete: all but the batches that hold the newest event of a name, where that is market data."""
        for seq in self._journal.newest_of_names():
            row = self._journal.row_from(seq) if after < seq <= upto else None
            batch = self._journal.batch_of(seq) if row is not None and row.prunable else None
            if batch is not None:
                yield after, batch[0] - 1
                after = batch[1]
        yield after, upto
