"""The matching core: market data, time and requests in, numbered reports out. No clock, socket, file or randomness.

It serves the backtest, the paper venue's process and the local broker-protocol server; the same calls in the same order give the same
reports everywhere. Every method returns the reports its call caused, in order, with their own times; a market event that concerns no
order returns the one shared empty tuple and costs a few dictionary look-ups.

Time is data: each call says when. Market data is told in order of when it could be known (a bar at its end). What is due between two
moments (an order still on its way, a cancel, an expiry, the session's close) happens at its own time, before the next price of its symbol
and at the latest when time has passed it, so an order acts before the bar it fills in and never on a price it could not have met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shared.events import Bar, CurrencyRate, DayEnded, Event, InstrumentDefined, InstrumentHalted, OrderBook, Quote, SessionChanged, Trade

from .desk import Desk
from .market import Hours
from .path import bar_path
from .prices import on_tick, sane_bar, sane_quote, sane_trade
from .reports import NOTHING, Report
from .settings import ZERO, VenueSettings
from .window import hours_in


class MatchingCore(Desk):
    """What the market and the clock do; what traders do is in `Desk`. A driver that knows what it holds calls `on_bar` and the like itself;
    `on_market` is for one that does not. _now_ns: for those of them that carry their own time it means nothing."""

    def __init__(self, settings: VenueSettings) -> None:
        super().__init__(settings)
        self._prints = self.market.prints
        self._quotes = self.market.quotes
        self._handlers: dict[type[Event], Callable[[Any, int], Sequence[Report]]] = {
            Bar: self.on_bar,
            Quote: self.on_quote,
            Trade: self.on_trade,
            OrderBook: self.on_book,
            InstrumentHalted: self.on_halt,
            SessionChanged: self.on_session,
            DayEnded: self.on_day_end,
            InstrumentDefined: self.on_instrument,
            CurrencyRate: self.on_rate,
        }

    def on_market(self, event: Event, now_ns: int) -> Sequence[Report]:
        """Any market event; others mean nothing to a venue. now_ns: for events that carry no time of their own."""
        handler = self._handlers.get(type(event))
        return handler(event, now_ns) if handler is not None else NOTHING

    def on_bar(self, bar: Bar, _now_ns: int = 0) -> Sequence[Report]:
        """A bar, told at its end."""
        symbol = bar.symbol
        if bar.end < self._due:
            book = self.books.get(symbol)
            if book is None or (book.low < bar.low and bar.high < book.high and bar.end < book.due):
                self._prints[symbol] = bar
                return NOTHING
        self._advance(bar.end)
        if symbol in self.books and sane_bar(bar):
            self._trade_bar(bar)
        self._prints[symbol] = bar
        return self._recorder.take()

    def on_quote(self, quote: Quote, _now_ns: int = 0) -> Sequence[Report]:
        """A new standing quote. A crossed or one-sided one stands too, and nobody can trade against it."""
        symbol, now = quote.symbol, quote.timestamp
        if now < self._due:
            book = self.books.get(symbol)
            if book is None or (book.low < quote.bid and quote.ask < book.high and now < book.due):
                self._quotes[symbol] = quote
                return NOTHING
        self._advance(now)
        book = self.books.get(symbol)
        if book is None:
            self._quotes[symbol] = quote
            return self._recorder.take()
        self._run_due(book, now)  # what was due before this quote met the one before it
        self._quotes[symbol] = quote
        if sane_quote(quote) and self.market.is_open(symbol, now):
            self._matcher.on_quote(book, quote, now)
            if symbol not in self._prints:
                self._matcher.open_auction_by_quote(book, quote, now, self.market.hours_of(symbol))
        self._settle(book)
        return self._recorder.take()

    def on_trade(self, trade: Trade, _now_ns: int = 0) -> Sequence[Report]:
        """One print."""
        symbol, now = trade.symbol, trade.timestamp
        if now < self._due:
            book = self.books.get(symbol)
            if book is None or (book.low < trade.price < book.high and now < book.due):
                self._prints[symbol] = trade
                return NOTHING
        self._advance(now)
        book = self.books.get(symbol)
        if book is not None:
            self._run_due(book, now)
            if sane_trade(trade) and self.market.is_open(symbol, now):
                pool = self._matcher.pool(trade.size)
                self._matcher.open_auction(book, trade.price, now, self.market.hours_of(symbol), pool)
                self._matcher.on_print(book, on_tick(trade.price, self.market.tick(symbol)), now, pool, opening=False, live=True)
            self._settle(book)
        self._prints[symbol] = trade
        return self._recorder.take()

    def on_book(self, book: OrderBook, _now_ns: int = 0) -> Sequence[Report]:
        """Depth: its best level is the standing quote. A book with an empty side is no quote."""
        if not book.bids or not book.asks:
            return NOTHING
        (bid, bid_size), (ask, ask_size) = book.bids[0], book.asks[0]
        return self.on_quote(Quote(book.symbol, book.timestamp, bid, ask, bid_size, ask_size))

    def on_instrument(self, instrument: InstrumentDefined, _now_ns: int = 0) -> Sequence[Report]:
        """Tick, lot, multiplier, currency, calendar from here on. Told again, it changes nothing."""
        if self.market.instruments.get(instrument.symbol) != instrument:
            self.version += 1
            self.market.instruments[instrument.symbol] = instrument
        return NOTHING

    def on_rate(self, rate: CurrencyRate, _now_ns: int = 0) -> Sequence[Report]:
        """What a currency is worth from here on; like a newest price it moves no money."""
        self.market.rates[rate.currency] = rate
        return NOTHING

    def on_halt(self, halt: InstrumentHalted, now_ns: int) -> Sequence[Report]:
        """A halted symbol trades nothing; its orders wait, new ones queue, cancels work. Trading goes on at the first price after."""
        self._advance(now_ns)
        self.version += 1
        if halt.halted:
            self.market.halted.add(halt.symbol)
        elif halt.symbol not in self.settings.halted_symbols:
            self.market.halted.discard(halt.symbol)
        return self._recorder.take()

    def on_session(self, session: SessionChanged, now_ns: int) -> Sequence[Report]:
        """A calendar's phase. Hours come from the times it carries, so it may arrive before or after the data of that moment; told again, it
        changes nothing."""
        self._advance(now_ns)
        changed = self._clerk.account.date_begins(session.calendar, session.date)
        known = self.market.hours.get(session.calendar)
        told = hours_in(self.settings.session, session)
        if known is None or (session.date != known.date and (session.close_ns or now_ns >= known.close_ns)):
            if known is not None and not known.swept:
                self._sweep(session.calendar, known)
            self.market.hours[session.calendar] = told
            changed = True
        elif told.close_ns and (known.open_ns, known.close_ns) != (told.open_ns, told.close_ns):
            self.market.hours[session.calendar] = told  # an early close told late, or hours told after the date
            changed = True
        self.version += changed
        self._settle_all()
        return self._recorder.take()

    def on_day_end(self, day: DayEnded, now_ns: int) -> Sequence[Report]:
        """The trading day of a calendar is over and all its data has been told: day orders expire."""
        self._advance(now_ns)
        hours = self.market.hours.get(day.calendar)
        if hours is None:
            hours = Hours(day.date, 0, now_ns)
        if not hours.swept and hours.close_ns <= now_ns:
            self._sweep(day.calendar, hours)
            self._settle_all()
        return self._recorder.take()

    def on_time(self, now_ns: int) -> Sequence[Report]:
        """Time passed (wall clock, or the end of the data): whatever is due before now_ns happens. Under a feed clock time follows from data
        and this is not called for clock ticks, which may come before data of the same moment."""
        self._flush(now_ns - 1)
        self._now = max(self._now, now_ns)
        return self._recorder.take()

    def _advance(self, now_ns: int) -> None:
        """Time reached now_ns: all data up to the moment before it has been told, so what was due by then happens. Events before `_due` skip
        this, which changes nothing: nothing was due."""
        if now_ns > self._now:
            if self._due <= self._now:
                self._flush(self._now)
            self._now = now_ns

    def _trade_bar(self, bar: Bar) -> None:
        """Walk the bar's path in trading hours, doing what is due between its points."""
        symbol, market, matcher = bar.symbol, self.market, self._matcher
        book = self.books[symbol]
        hours = market.hours_of(symbol)
        start, end = bar.timestamp, bar.end
        if hours is not None:
            start, end = max(start, hours.open_ns), min(end, hours.close_ns)
        tick, pool = market.tick(symbol), matcher.pool(bar.volume)
        trading = start < end and symbol not in market.halted
        if trading:
            self._run_due(book, start)
            matcher.open_auction(book, bar.open, start, hours, pool)
            before, since = ZERO, -1
            for ns, price in bar_path(bar, tick, self.settings.bar_mode, start, end):
                self._run_due(book, ns)
                if since < 0:
                    matcher.on_print(book, price, ns, pool, opening=True, live=False)
                else:
                    matcher.on_move(book, before, price, since, ns, pool)
                if not book.orders and not book.acts:
                    break
                before, since = price, ns
        if hours is None or bar.timestamp < hours.close_ns <= bar.end:
            close_ns = end if hours is None else hours.close_ns
            self._run_acts(book, close_ns - 1)
            if trading:
                matcher.close_auction(book, bar.close, close_ns, pool)
            if hours is not None:
                self._end_session(book, hours)
        self._settle(book)
