"""Many sorted streams into one: rows in time, at equal times in the order of the streams, numbered densely from 1.

Works in windows: whatever every stream is known to have before the nearest unread row is sorted at once, by time alone; the sort is stable
and the streams stand in their order, so ties need no key. A window is given out in blocks of bounded size; only a block's rows become
Python objects. Rows that are skipped are only counted.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from shared.events import Event

from .columns import Columns, Ints, events, joined
from .port import Block, End

BLOCK_ROWS: Final = 8_192


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
        return int(self._read.times[-1])

    def take(self, before: int | None) -> Columns | None:
        """Rows before a moment (None: all); None when there are none."""
        if self._read is None:
            return None
        low = self._place
        self._place = high = len(self._read) if before is None else low + int(self._read.times[low:].searchsorted(before))
        return self._read.cut(low, high) if high > low else None


def merge(chunked: Sequence[Iterator[Columns]], skip: int) -> Generator[Block, None, End]:
    """The rows of all streams after row `skip`; streams in their order at equal times, those of one kind side by side. Returns the number of
    all rows and the newest time."""
    streams = [_Stream(chunks) for chunks in chunked]
    rows, newest = 0, 0
    while True:
        for stream in streams:
            stream.fill()
        unread = [stream.newest for stream in streams if not stream.done]
        taken = [part for part in (stream.take(min(unread, default=None)) for stream in streams) if part is not None]
        if not taken:
            return End(rows, newest)
        count = sum(map(len, taken))
        newest = max(int(part.times[-1]) for part in taken)
        if rows + count > skip:
            window = _Window(taken)
            for low in range(max(0, skip - rows), count, BLOCK_ROWS):
                yield window.block(rows + low + 1, low, min(low + BLOCK_ROWS, count))
        rows += count


@dataclass(slots=True)
class _Pool:
    """The rows of one kind in a window, stream after stream. first: place of its first row among all rows of the window; symbols: one a row,
    None where all rows are of one stream."""

    rows: Columns
    first: int
    symbols: npt.NDArray[Any] | None

    def events(self, places: Ints | slice) -> list[Event]:
        rows = self.rows
        times = rows.times[places].tolist()
        starts = times if rows.starts is rows.times else rows.starts[places].tolist()
        symbols = [rows.symbol] * len(times) if self.symbols is None else self.symbols[places].tolist()
        return events(rows.kind, symbols, starts, times, [column[places].tolist() for column in rows.values])


class _Window:
    """Rows that follow each other in the merged order."""

    def __init__(self, parts: Sequence[Columns]) -> None:
        self._pools: list[_Pool] = []
        first = 0
        for _, same in groupby(parts, key=lambda part: part.kind):
            kin = list(same)
            names = np.array([part.symbol for part in kin], dtype=object)
            symbols = np.repeat(names, [len(part) for part in kin]) if len(kin) > 1 else None
            self._pools.append(_Pool(joined(kin), first, symbols))
            first += sum(map(len, kin))
        times = [pool.rows.times for pool in self._pools]
        self._times = np.concatenate(times) if len(times) > 1 else times[0]
        self._order = np.argsort(self._times, kind="stable") if len(parts) > 1 else None

    def block(self, row: int, low: int, high: int) -> Block:
        """The rows low..high-1 of the window, the first being `row` of the source."""
        if self._order is None:
            return Block(row, self._times[low:high].tolist(), self._pools[0].events(slice(low, high)))
        order = self._order[low:high]
        times = self._times[order].tolist()
        if len(self._pools) == 1:
            return Block(row, times, self._pools[0].events(order))
        made: list[Event] = []
        places = np.empty(len(order), dtype=np.int64)
        for pool in self._pools:
            mine = np.flatnonzero((order >= pool.first) & (order < pool.first + len(pool.rows)))
            places[mine] = np.arange(len(made), len(made) + len(mine))
            made += pool.events(order[mine] - pool.first)
        return Block(row, times, list(map(made.__getitem__, places.tolist())))
