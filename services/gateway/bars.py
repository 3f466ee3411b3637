"""Bars from prints or quotes. A bar holds what happened in [start, end); it is emitted when a later datum of its symbol arrives or log time
passes its end. An interval without data makes no bar.

From prints: price and size of each, volume-weighted price, count. From quotes: the mid price; volume 0. A datum that arrives after its bar
was emitted counts in the bar then being built: no volume is lost and nothing already said is changed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared.events import Bar, Quote, Trade

from .phases import NEVER


class OpenBar(msgspec.Struct, array_like=True):
    """A bar being built. worth: sum of price times size."""

    start: int
    end: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    worth: float
    count: int


class BarBuilder:
    """Open bars of all symbols. interval: ns, a divisor of a day, counted from midnight UTC."""

    def __init__(self, interval: int) -> None:
        self._interval: Final = interval
        self.open: dict[str, OpenBar] = {}
        self.closed: dict[str, int] = {}  # end of the newest emitted bar by symbol

    @property
    def due(self) -> int:
        """The earliest end of a bar being built."""
        return min((bar.end for bar in self.open.values()), default=NEVER)

    def complete(self, now: int) -> list[Bar]:
        """Bars that end by `now`, oldest first, then by symbol."""
        done = [(bar.end, symbol) for symbol, bar in self.open.items() if bar.end <= now]
        return [self.bar(symbol) for _, symbol in sorted(done)]

    def ends_by(self, symbol: str, at: int) -> bool:
        """Whether the symbol has an open bar that ends by a moment."""
        bar = self.open.get(symbol)
        return bar is not None and at >= bar.end

    def bar(self, symbol: str) -> Bar:
        """The symbol's open bar as an event."""
        b = self.open[symbol]
        return Bar(symbol, b.start, b.end, b.open, b.high, b.low, b.close, b.volume, b.worth / b.volume if b.volume else 0.0, b.count)

    def add(self, datum: Quote | Trade, at: int, now: int) -> None:
        """Fold a datum of moment `at`, sequenced at `now`. A quote of one side has no mid and is left out."""
        if isinstance(datum, Trade):
            price, size = datum.price, datum.size
        elif datum.bid > 0.0 and datum.ask > 0.0:
            price, size = datum.mid, 0.0
        else:
            return
        bar = self.open.get(datum.symbol)
        if bar is not None and (bar.end < now or bar.end <= at):  # the same event brought its emission about
            self.closed[datum.symbol] = bar.end
            bar = None
        moment = max(at, self.closed.get(datum.symbol, 0))
        if bar is None:
            start = moment - moment % self._interval
            self.open[datum.symbol] = OpenBar(start, start + self._interval, price, price, price, price, size, price * size, 1)
            return
        if price > bar.high:
            bar.high = price
        elif price < bar.low:
            bar.low = price
        bar.close = price
        bar.volume += size
        bar.worth += price * size
        bar.count += 1

    def emitted(self, bar: Bar) -> bool:
        """Fold a bar that is in the log; False for one of another length, a feed's own, which is no concern of this builder."""
        if bar.end - bar.timestamp != self._interval:
            return False
        self.closed[bar.symbol] = bar.end
        mine = self.open.get(bar.symbol)
        if mine is not None and mine.start == bar.timestamp:
            del self.open[bar.symbol]
        return True
