"""Market data a strategy may look back at: bounded bars a symbol, the latest quote, tick and book, and one mark a symbol."""

from __future__ import annotations

import msgspec

from shared.events import Bar, OrderBook, Quote, Trade


class HistoryState(msgspec.Struct, frozen=True, array_like=True):
    """By symbol in order; marks: price of the newest bar, quote or tick, whichever came last."""

    bars: tuple[tuple[Bar, ...], ...]
    quotes: tuple[Quote, ...]
    ticks: tuple[Trade, ...]
    books: tuple[OrderBook, ...]
    marks: tuple[tuple[str, float], ...]


class History:
    """bars_max: bars a symbol that can be asked for. A bar costs O(1): the list is cut back only when it is twice that long."""

    def __init__(self, bars_max: int) -> None:
        self.bars_max = bars_max
        self._cut_at = 2 * bars_max
        self._bars: dict[str, list[Bar]] = {}
        self._quotes: dict[str, Quote] = {}
        self._ticks: dict[str, Trade] = {}
        self._books: dict[str, OrderBook] = {}
        self._newest: dict[str, Bar | Quote | Trade | float] = {}

    def add_bar(self, bar: Bar) -> None:
        symbol = bar.symbol
        self._newest[symbol] = bar
        bars = self._bars.get(symbol)
        if bars is None:
            bars = self._bars[symbol] = []
        bars.append(bar)
        if len(bars) >= self._cut_at:
            del bars[: -self.bars_max]

    def add_quote(self, quote: Quote) -> None:
        self._quotes[quote.symbol] = quote
        if quote.bid > 0.0 and quote.ask > 0.0:  # half an empty book has no middle
            self._newest[quote.symbol] = quote

    def add_tick(self, tick: Trade) -> None:
        self._ticks[tick.symbol] = self._newest[tick.symbol] = tick

    def add_book(self, book: OrderBook) -> None:
        self._books[book.symbol] = book

    def forget_bars(self) -> None:
        """Before a warm-up tells them anew."""
        self._bars.clear()

    def bars(self, symbol: str, n: int) -> list[Bar]:
        """The newest n, oldest first; fewer when there are fewer. Raises ValueError past bars_max: a shorter answer would be a wrong average."""
        if not 0 < n <= self.bars_max:
            raise ValueError(f"n: {n} must be between 1 and history_bars_max ({self.bars_max})")
        return self._bars.get(symbol, [])[-n:]

    def bar(self, symbol: str) -> Bar | None:
        bars = self._bars.get(symbol)
        return bars[-1] if bars else None

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def tick(self, symbol: str) -> Trade | None:
        return self._ticks.get(symbol)

    def book(self, symbol: str) -> OrderBook | None:
        return self._books.get(symbol)

    def mark(self, symbol: str) -> float | None:
        """Close of the newest bar, middle of the newest quote or price of the newest tick: whichever came last."""
        newest = self._newest.get(symbol)
        if isinstance(newest, Bar):
            return newest.close
        if isinstance(newest, Quote):
            return newest.mid
        return newest.price if isinstance(newest, Trade) else newest

    def to_state(self) -> HistoryState:
        return HistoryState(
            bars=tuple(tuple(self._bars[s][-self.bars_max :]) for s in sorted(self._bars)),
            quotes=tuple(self._quotes[s] for s in sorted(self._quotes)),
            ticks=tuple(self._ticks[s] for s in sorted(self._ticks)),
            books=tuple(self._books[s] for s in sorted(self._books)),
            marks=tuple((s, mark) for s in sorted(self._newest) if (mark := self.mark(s)) is not None),
        )

    def restore(self, state: HistoryState) -> None:
        self._bars = {bars[0].symbol: list(bars) for bars in state.bars if bars}
        self._quotes = {q.symbol: q for q in state.quotes}
        self._ticks = {t.symbol: t for t in state.ticks}
        self._books = {b.symbol: b for b in state.books}
        self._newest = dict(state.marks)
