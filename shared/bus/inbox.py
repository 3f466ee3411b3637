"""The consumer's end of a lane: nothing is folded twice, nothing after a gap is folded before the gap is filled. Sans-I/O.

The cursor says: everything of the lane up to it is folded. A page whose `prev` is at or before the cursor continues it, whatever
lies between belongs to other lanes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from .record import Record

WAITING_MAX: Final = 4_096  # records kept beyond a gap while it is being filled; more are read from the journal later


class Inbox:
    """cursor: seq. behind: newest seq of the lane we know of but have not folded (0: none); it is what to catch up to."""

    def __init__(self, cursor: int, digest: bytes) -> None:
        self.cursor = cursor
        self.last: Record | bytes = digest  # the newest folded record, or the digest that stands for it
        self.behind = 0
        self.gaps = 0
        self.duplicates = 0
        self._waiting: deque[tuple[int, Record]] = deque(maxlen=WAITING_MAX)

    def offer(self, prev: int, records: Sequence[Record]) -> Iterator[Record]:
        """What may be folded now, in order; the cursor moves as it is taken."""
        for record in records:
            if record.seq <= self.cursor:
                self.duplicates += 1
            elif prev > self.cursor:
                self.gaps += 1
                self.behind = max(self.behind, record.seq)
                self._waiting.append((prev, record))
            else:
                self._take(record)
                yield record
            prev = record.seq

    def head(self, seq: int) -> None:
        """The lane's newest seq as the bus tells it while idle."""
        if seq > self.cursor:
            self.behind = max(self.behind, seq)

    def page(self, after: int, records: Iterable[Record], upto: int, digest: bytes) -> Iterator[Record]:
        """A catch-up page asked for `after`, complete to `upto` (digest: of that event). A page for another place is ignored."""
        if after > self.cursor:
            return
        for record in records:
            if record.seq > self.cursor:
                self._take(record)
                yield record
        if upto > self.cursor:
            self.cursor, self.last = upto, digest
        while self._waiting and self._waiting[0][0] <= self.cursor:
            _, record = self._waiting.popleft()
            if record.seq > self.cursor:
                self._take(record)
                yield record
        if self.behind <= self.cursor:
            self.behind = 0

    def _take(self, record: Record) -> None:
        self.cursor = record.seq
        self.last = record
        if self.behind <= record.seq:
            self.behind = 0
