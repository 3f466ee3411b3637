"""What every symbol was worth, a moment at a time: columns gathered a block at a time, so that a bar costs no object of its own afterwards.

The rule is the risk engine's (`services.risk_engine.prices`): the standing quote, bid for what is held long and ask for what is short, unless the
newest print or close is more than `quote_age` newer; a crossed, zero, negative or NaN datum is no price.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.gateway.feeds.port import Block
from shared.events import Bar, Event, OrderBook, Quote, Trade
from shared.metrics.record import Prices

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_symbol: Final = attrgetter("symbol")
_close: Final = attrgetter("close")


@dataclass(slots=True)
class _Columns:
    """quotes: time, bid, ask; lasts: time, price of prints and closes of bars."""

    quote_times: array[int] = field(default_factory=lambda: array("q"))
    bids: array[float] = field(default_factory=lambda: array("d"))
    asks: array[float] = field(default_factory=lambda: array("d"))
    last_times: array[int] = field(default_factory=lambda: array("q"))
    lasts: array[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True, slots=True)
class Marks:
    """Of one symbol, one a distinct moment: what a unit held long and a unit held short is worth from then on."""

    times: Ints
    long: Floats
    short: Floats

    def at(self, moments: Ints) -> tuple[Floats, Floats]:
        """The marks in force at moments; before the first, the first."""
        places = np.maximum(np.searchsorted(self.times, moments, side="right") - 1, 0)
        return self.long[places], self.short[places]

    def middle(self, moment: int) -> float:
        """Between the two, at a moment."""
        long, short = self.at(np.array([moment], dtype=np.int64))
        return float(long[0] + short[0]) / 2.0


class Tape:
    """bars, quotes, trades: rows seen, by their types' names."""

    def __init__(self) -> None:
        self._columns: dict[str, _Columns] = {}
        self.rows: dict[type[Event], int] = {}

    def add(self, block: Block) -> None:
        """Note a block of the feed."""
        events = block.events
        kinds, symbols = set(map(type, events)), set(map(_symbol, events))
        if kinds == {Bar} and len(symbols) == 1:
            columns = self._of(symbols.pop())
            columns.last_times.extend(block.times)
            columns.lasts.extend(map(_close, events))
            self.rows[Bar] = self.rows.get(Bar, 0) + len(events)
        else:
            self._one_by_one(block.times, events)

    def _one_by_one(self, times: Sequence[int], events: Sequence[Event]) -> None:
        rows = self.rows
        for time, event in zip(times, events, strict=True):
            kind, datum = type(event), _any(event)
            rows[kind] = rows.get(kind, 0) + 1
            columns = self._of(datum.symbol)
            if kind is Bar or kind is Trade:
                columns.last_times.append(time)
                columns.lasts.append(datum.close if kind is Bar else datum.price)
            elif kind is Quote:
                columns.quote_times.append(time)
                columns.bids.append(datum.bid)
                columns.asks.append(datum.ask)
            elif kind is OrderBook and datum.bids and datum.asks:
                columns.quote_times.append(time)
                columns.bids.append(datum.bids[0][0])
                columns.asks.append(datum.asks[0][0])

    def marks(self, quote_age_ns: int) -> dict[str, Marks]:
        """By symbol; symbols without a price are left out."""
        found = ((symbol, _marks(columns, quote_age_ns)) for symbol, columns in self._columns.items())
        return {symbol: marks for symbol, marks in found if len(marks.times)}

    def prices(self) -> dict[str, Prices]:
        """By symbol: closes of bars and prints, or where there are none the middle of quotes."""
        found = {}
        for symbol, c in self._columns.items():
            if c.lasts:
                found[symbol] = Prices(c.last_times, c.lasts)
            elif c.bids:
                middle = (np.frombuffer(c.bids) + np.frombuffer(c.asks)) / 2.0
                found[symbol] = Prices(c.quote_times, array("d", middle.tobytes()))
        return found

    def _of(self, symbol: str) -> _Columns:
        columns = self._columns.get(symbol)
        if columns is None:
            columns = self._columns[symbol] = _Columns()
        return columns


def _any(event: Event) -> Any:
    """Market data, whatever its type."""
    return event


def _marks(c: _Columns, quote_age_ns: int) -> Marks:
    quote_times, bids, asks = np.frombuffer(c.quote_times, np.int64), np.frombuffer(c.bids), np.frombuffer(c.asks)
    last_times, lasts = np.frombuffer(c.last_times, np.int64), np.frombuffer(c.lasts)
    with np.errstate(invalid="ignore"):
        good = (bids > 0.0) & (bids <= asks) & (asks < np.inf)
        quote_times, bids, asks = quote_times[good], bids[good], asks[good]
        good = (lasts > 0.0) & (lasts < np.inf)
        last_times, lasts = last_times[good], lasts[good]
    times = np.unique(np.concatenate([quote_times, last_times]))
    quote = np.searchsorted(quote_times, times, side="right") - 1
    last = np.searchsorted(last_times, times, side="right") - 1
    if not len(quote_times):
        return Marks(times, lasts[last], lasts[last])
    if not len(last_times):
        return Marks(times, bids[quote], asks[quote])
    quoted = (quote >= 0) & ((last < 0) | (last_times[np.maximum(last, 0)] - quote_times[np.maximum(quote, 0)] <= quote_age_ns))
    price = lasts[np.maximum(last, 0)]
    return Marks(times, np.where(quoted, bids[np.maximum(quote, 0)], price), np.where(quoted, asks[np.maximum(quote, 0)], price))
