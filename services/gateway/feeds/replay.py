"""A source's rows as the log names them: row 1 says the feed is up, then the data, then one last row says it ended.

The first row stands at the start of the first datum, so calendars are told the time before the first bar arrives, and every row of the feed,
its end included, is found again by number after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from shared.events import Bar, Event, FeedStateChanged, FeedStatus

from .port import End, Source


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row: its number, the moment it may be known (ns UTC), and what it says."""

    number: int
    time: int
    event: Event


def rows(source: Source, after: int) -> Iterator[Row]:
    """Rows after row `after`; a finite source's last row says ENDED. Raises FeedError where the source does; that is no row, so that a
    mended file goes on where it broke."""
    data = source.blocks(max(0, after - 1))
    begun = after > 0
    while True:
        try:
            block = next(data)
        except StopIteration as stop:
            end: End = stop.value
            if after < end.rows + 2:
                yield Row(end.rows + 2, end.time, FeedStateChanged(source.name, FeedStatus.ENDED, ended(source, end)))
            return
        if not begun:
            yield Row(1, begins(block.times[0], block.events[0]), FeedStateChanged(source.name, FeedStatus.UP))
            begun = True
        # The row that said UP came first, so a datum's row is one more than its number among the data.
        yield from map(Row, range(block.first + 1, block.first + 1 + len(block.times)), block.times, block.events)


def begins(time: int, event: Event) -> int:
    """A bar is known at its end but is about what came before; a day's calendar must have begun by its open."""
    return event.timestamp if isinstance(event, Bar) else time


def ended(source: Source, end: End) -> str:
    notes = source.notes()
    return f"{end.rows} rows" + (f"; {notes}" if notes else "")
