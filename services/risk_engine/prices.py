"""The newest price of every symbol: what orders are valued at and holdings are marked at.

Promises: storing a datum is O(1) and the hot path of the service; a crossed, zero, negative or NaN datum is not stored, so the last good
price ages until the stale gate closes; an older datum never replaces a newer one. Times are the datum's own (a bar's close), cut to log
time, so neither a delayed feed nor a clock ahead of ours looks fresh.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

import msgspec

from shared.events import Bar, Envelope, Event, OrderBook, OrderSide, Quote, Trade

MILLISECOND = 1_000_000

_Quote = tuple[float, float, int]  # bid, ask, ns
_Last = tuple[float, int]  # price, ns


class Reference(NamedTuple):
    """A price to value an order at, and its time in ns."""

    price: float
    ns: int


class PriceState(msgspec.Struct):
    """By symbol: quotes (bid, ask, ns), last prices (price, ns)."""

    quotes: dict[str, _Quote] = msgspec.field(default_factory=dict)
    lasts: dict[str, _Last] = msgspec.field(default_factory=dict)


class Prices:
    """quote_age_ns: how much newer a print must be than the quote before it counts instead (a feed of bars and prints with few quotes).
    store: by event type, folds one datum."""

    def __init__(self, quote_age_ns: int, state: PriceState) -> None:
        self._age = quote_age_ns
        self.state = state
        self._quotes = state.quotes
        self._lasts = state.lasts
        self.store: dict[type[Event], Callable[[Envelope], None]] = {
            Bar: self._store_bar,
            Trade: self._store_trade,
            Quote: self._store_quote,
            OrderBook: self._store_book,
        }

    def _store_bar(self, e: Envelope) -> None:
        bar: Any = e.event
        price, ns, symbol = bar.close, bar.end, bar.symbol
        old = self._lasts.get(symbol)
        if 0.0 < price < inf and (old is None or ns >= old[1]):
            self._lasts[symbol] = (price, ns if ns < e.ts_ns else e.ts_ns)  # noqa: FURB136 - the hot path: min() costs a call

    def _store_trade(self, e: Envelope) -> None:
        trade: Any = e.event
        old = self._lasts.get(trade.symbol)
        if 0.0 < trade.price < inf and (old is None or trade.timestamp >= old[1]):
            self._lasts[trade.symbol] = (trade.price, min(trade.timestamp, e.ts_ns))

    def _store_quote(self, e: Envelope) -> None:
        quote: Any = e.event
        bid, ask, ns, symbol = quote.bid, quote.ask, quote.timestamp, quote.symbol
        old = self._quotes.get(symbol)
        if 0.0 < bid <= ask < inf and (old is None or ns >= old[2]):
            self._quotes[symbol] = (bid, ask, ns if ns < e.ts_ns else e.ts_ns)  # noqa: FURB136 - as above

    def _store_book(self, e: Envelope) -> None:
        """The top of a book is a quote."""
        book: Any = e.event
        if book.bids and book.asks:
            top = Quote(book.symbol, book.timestamp, book.bids[0][0], book.asks[0][0], book.bids[0][1], book.asks[0][1])
            self._store_quote(msgspec.structs.replace(e, event=top))

    def mark_after(self, e: Envelope, direction: float) -> float | None:
        """`mark` of the datum's symbol once the datum is stored."""
        return self._after(e).mark(e.event.symbol, direction)  # type: ignore[attr-defined]  # market data has one

    def reference_after(self, e: Envelope, side: OrderSide) -> Reference | None:
        """`reference` of the datum's symbol once the datum is stored."""
        return self._after(e).reference(e.event.symbol, side)  # type: ignore[attr-defined]  # as above

    def _after(self, e: Envelope) -> Prices:
        """Prices of the datum's symbol alone, the datum stored."""
        symbol: str = e.event.symbol  # type: ignore[attr-defined]  # as above
        quote, last = self._quotes.get(symbol), self._lasts.get(symbol)
        state = PriceState({symbol: quote} if quote else {}, {symbol: last} if last else {})
        aside = Prices(self._age, state)
        aside.store[type(e.event)](e)
        return aside

    def marks(self, symbol: str) -> tuple[float, float] | None:
        """What longs and shorts are marked at: bid and ask, or the last price twice; None before any."""
        quote, last = self._quotes.get(symbol), self._lasts.get(symbol)
        if quote is not None and (last is None or last[1] - quote[2] <= self._age):
            return quote[0], quote[1]
        return None if last is None else (last[0], last[0])

    def mark(self, symbol: str, direction: float) -> float | None:
        """What a holding is worth a unit, on the careful side: the bid for a long one, the ask for a short one, mid when flat."""
        return _mark(self.marks(symbol), direction)

    def reference(self, symbol: str, side: OrderSide) -> Reference | None:
        """What an order of this side would meet now: the ask to buy, the bid to sell, the last price where no quote stands."""
        quote, last = self._quotes.get(symbol), self._lasts.get(symbol)
        if quote is not None and (last is None or last[1] - quote[2] <= self._age):
            return Reference(quote[1] if side is OrderSide.BUY else quote[0], quote[2])
        return None if last is None else Reference(*last)

    def newest_ns(self, symbol: str) -> int:
        """Time of the newest datum, 0 when there is none."""
        quote, last = self._quotes.get(symbol), self._lasts.get(symbol)
        return max(quote[2] if quote else 0, last[1] if last else 0)

    def rescale(self, symbol: str, ratio: float) -> None:
        """A split: `ratio` new units per old."""
        quote, last = self._quotes.get(symbol), self._lasts.get(symbol)
        if quote is not None:
            self._quotes[symbol] = (quote[0] / ratio, quote[1] / ratio, quote[2])
        if last is not None:
            self._lasts[symbol] = (last[0] / ratio, last[1])

    def rename(self, symbol: str, new: str) -> None:
        """A symbol change: the new name has the old one's prices until it has its own."""
        if symbol in self._quotes:
            self._quotes.setdefault(new, self._quotes.pop(symbol))
        if symbol in self._lasts:
            self._lasts.setdefault(new, self._lasts.pop(symbol))


def _mark(marks: tuple[float, float] | None, direction: float) -> float | None:
    if marks is None:
        return None
    return marks[0] if direction > 0 else marks[1] if direction < 0 else (marks[0] + marks[1]) / 2.0
