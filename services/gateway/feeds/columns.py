"""Market data as columns: what files hold and what a backtest reads. Events are made from them only where a row is needed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any, Final

from shared.domain.calendar import Calendar
from shared.events import Bar, Event, Quote, Trade


class Kind(IntEnum):
    """Kinds of rows, in their order at equal times: a bar closes after the quotes and prints of its last moment."""

    QUOTE = 0
    TRADE = 1
    BAR = 2


VALUES: Final = {
    Kind.QUOTE: ("bid", "ask", "bid_size", "ask_size"),
    Kind.TRADE: ("price", "size"),
    Kind.BAR: ("open", "high", "low", "close", "volume"),
}


@dataclass(slots=True)
class Columns:
    """Rows of one symbol and kind, in time order. times: the moment a row may be known (ns), a bar's end; starts: a bar's start, for the other
    kinds the very list `times`; values: one list a column, in the order of `VALUES`."""

    symbol: str
    kind: Kind
    times: list[int]
    starts: list[int]
    values: tuple[list[float], ...]

    def __len__(self) -> int:
        return len(self.times)

    def cut(self, low: int, high: int) -> Columns:
        """Rows low..high-1."""
        if low == 0 and high == len(self.times):
            return self
        times = self.times[low:high]
        starts = times if self.starts is self.times else self.starts[low:high]
        return Columns(self.symbol, self.kind, times, starts, tuple(column[low:high] for column in self.values))

    def then(self, other: Columns) -> Columns:
        """These rows followed by the other's."""
        if not self.times:
            return other
        times = self.times + other.times
        starts = times if self.starts is self.times else self.starts + other.starts
        return Columns(self.symbol, self.kind, times, starts, tuple(a + b for a, b in zip(self.values, other.values, strict=True)))

    def between(self, first: int, last: int) -> Columns:
        """Rows that start at or after `first` and are known by `last` (ns; 0: no bound)."""
        low = bisect_left(self.starts, first) if first else 0
        high = bisect_right(self.times, last) if last else len(self.times)
        return self.cut(low, max(low, high))

    def regular(self, calendar: Calendar) -> Columns:
        """Rows within regular hours: a bar by its start and end, the rest from open to close, both included."""
        keep: list[Columns] = []
        row, rows = 0, len(self.times)
        while row < rows:
            session = calendar.session_at(self.starts[row])
            row = bisect_left(self.starts, session.open_ns, row)
            high = bisect_right(self.times, session.close_ns, row)
            if high > row:
                keep.append(self.cut(row, high))
            row = max(high, bisect_left(self.starts, session.post_ns, row))
        if len(keep) == 1:
            return keep[0]
        result = self.cut(0, 0)
        for part in keep:
            result = result.then(part)
        return result

    def events(self, low: int, high: int) -> list[Event]:
        """Rows low..high-1 as events. Built by `map`, without a Python step a row."""
        values = [column[low:high] for column in self.values]
        stamps = self.times[low:high]
        made: Any
        if self.kind is Kind.BAR:
            made = map(partial(Bar, self.symbol), self.starts[low:high], stamps, *values)
        elif self.kind is Kind.QUOTE:
            made = map(partial(Quote, self.symbol), stamps, *values)
        else:
            made = map(partial(Trade, self.symbol), stamps, *values)
        return list(made)
