"""Many sorted streams into one: rows in time, at equal times in the order of the streams, numbered densely from 1.

Works in blocks: whatever every stream is known to have before the nearest unread row is sorted at once, by time alone; the sort is stable
and the streams stand in their order, so ties need no key. Rows that are skipped are only counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence

from shared.events import Event

from .columns import Columns
from .port import Block, End


class _Stream:
    """One stream and the rows of it that were read but not taken."""

    def __init__(self, chunks: Iterator[Columns]) -> None:
        self._chunks = chunks
        self._read: Columns | None = None
        self._place = 0
        self.done = False

    def fill(self) -> None:
        """Read until the rows at hand span two moments or the stream is done: equal times may run on into the next chunk."""
        while not self.done and (self._read is None or self._place == len(self._read) or self._read.times[self._place] == self._read.times[-1]):
            chunk = next(self._chunks, None)
            if chunk is None:
                self.done = True
            elif self._read is None:
                self._read = chunk
            else:
                self._read, self._place = self._read.cut(self._place, len(self._read)).then(chunk), 0

    @property
    def newest(self) -> int:
        assert self._read is not None, "a stream that is not done has rows after fill()"
        return self._read.times[-1]

    def take(self, before: int | None) -> tuple[Columns, int, int] | None:
        """Rows before a moment (None: all), as a range of columns; None when there are none."""
        if self._read is None:
            return None
        low = self._place
        self._place = high = len(self._read) if before is None else bisect_left(self._read.times, before, low)
        return (self._read, low, high) if high > low else None


def merge(chunked: Sequence[Iterator[Columns]], skip: int) -> Generator[Block, None, End]:
    """The rows of all streams after row `skip`; streams in their order at equal times. Returns the number of all rows and the newest time."""
    streams = [_Stream(chunks) for chunks in chunked]
    rows, newest = 0, 0
    while True:
        for stream in streams:
            stream.fill()
        unread = [stream.newest for stream in streams if not stream.done]
        taken = [part for part in (stream.take(min(unread, default=None)) for stream in streams) if part is not None]
        if not taken:
            return End(rows, newest)
        count = sum(high - low for _, low, high in taken)
        newest = max(part.times[high - 1] for part, _, high in taken)
        if rows + count > skip:
            yield _block(taken, rows + 1, max(0, skip - rows))
        rows += count


def _block(taken: Sequence[tuple[Columns, int, int]], first: int, skip: int) -> Block:
    times: list[int] = []
    events: list[Event] = []
    for part, low, high in taken:
        times += part.times[low:high]
        events += part.events(low, high)
    if len(taken) > 1:
        order = sorted(range(len(times)), key=times.__getitem__)
        times, events = [times[i] for i in order], [events[i] for i in order]
    return Block(first + skip, times[skip:], events[skip:])
