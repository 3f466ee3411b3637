"""Market data as columns: what files hold and what a backtest reads. Events are made from them only where a row is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from shared.domain.calendar import Calendar
from shared.events import Bar, Event, PriceBandsChanged, Quote, Trade

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]


class Kind(IntEnum):
    """Kinds of rows, in their order at equal times: bands hold for what follows, a bar closes after the quotes and prints of its last moment."""

    BAND = 0
    QUOTE = 1
    TRADE = 2
    BAR = 3


VALUES: Final = {
    Kind.BAND: ("lower", "upper"),
    Kind.QUOTE: ("bid", "ask", "bid_size", "ask_size"),
    Kind.TRADE: ("price", "size"),
    Kind.BAR: ("open", "high", "low", "close", "volume"),
}


@dataclass(slots=True)
class Columns:
    """Rows of one symbol and kind, in time order. times: the moment a row may be known (ns), a bar's end; starts: a bar's start, for the other
    kinds the very array `times`; values: one array a column, in the order of `VALUES`."""

    symbol: str
    kind: Kind
    times: Ints
    starts: Ints
    values: tuple[Floats, ...]

    @classmethod
    def none(cls, symbol: str, kind: Kind) -> Self:
        """No rows."""
        times = np.empty(0, dtype=np.int64)
        return cls(symbol, kind, times, times, tuple(np.empty(0) for _ in VALUES[kind]))

    def __len__(self) -> int:
        return len(self.times)

    def cut(self, low: int, high: int) -> Columns:
        """Rows low..high-1; a view, nothing is copied."""
        if low == 0 and high == len(self.times):
            return self
        return self._picked(slice(low, high))

    def then(self, other: Columns) -> Columns:
        """These rows followed by the other's."""
        return joined([self, other]) if len(self) else other

    def between(self, first: int, last: int) -> Columns:
        """Rows that start at or after `first` and are known by `last` (ns; 0: no bound)."""
        low = int(self.starts.searchsorted(first)) if first else 0
        high = int(self.times.searchsorted(last, "right")) if last else len(self.times)
        return self.cut(low, max(low, high))

    def regular(self, calendar: Calendar) -> Columns:
        """Rows within regular hours: a bar by its start and end, the rest from open to close, both included. Raises OutsideCalendar."""
        keep = np.zeros(len(self.times), dtype=np.bool_)
        row, rows = 0, len(self.times)
        while row < rows:
            session = calendar.session_at(int(self.starts[row]))
            low = row + int(self.starts[row:].searchsorted(session.open_ns))
            high = max(low, row + int(self.times[row:].searchsorted(session.close_ns, "right")))
            keep[low:high] = True
            row = max(high, row + int(self.starts[row:].searchsorted(session.post_ns)))
        return self if keep.all() else self._picked(keep)

    def events(self, low: int, high: int) -> list[Event]:
        """Rows low..high-1 as events."""
        part = self.cut(low, high)
        times = part.times.tolist()
        return events(self.kind, [self.symbol] * len(times), part.starts.tolist(), times, [column.tolist() for column in part.values])

    def _picked(self, rows: slice | npt.NDArray[np.bool_]) -> Columns:
        times = self.times[rows]
        starts = times if self.starts is self.times else self.starts[rows]
        return Columns(self.symbol, self.kind, times, starts, tuple(column[rows] for column in self.values))


def joined(parts: Sequence[Columns]) -> Columns:
    """Parts of one kind, one after another, copied once; of several symbols only for who knows whose rows are whose."""
    first = parts[0]
    if len(parts) == 1:
        return first
    times = np.concatenate([part.times for part in parts])
    starts = times if first.starts is first.times else np.concatenate([part.starts for part in parts])
    values = (np.concatenate(column) for column in zip(*(part.values for part in parts), strict=True))
    return Columns(first.symbol, first.kind, times, starts, tuple(values))


_EVENTS: Final = {Kind.BAND: PriceBandsChanged, Kind.QUOTE: Quote, Kind.TRADE: Trade}


def events(kind: Kind, symbols: Iterable[str], starts: Iterable[int], times: Iterable[int], values: Iterable[Iterable[float]]) -> list[Event]:
    """Rows given by column as events. Built by `map` from positional fields, without a Python step a row: half a microsecond a bar."""
    if kind is Kind.BAR:
        return list(map(Bar, symbols, starts, times, *values))
    make: Any = _EVENTS[kind]
    return list(map(make, symbols, times, *values))
