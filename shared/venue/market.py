"""What the venue knows of the market: newest print and standing quote of each symbol, rates of currencies, instruments, halts, trading hours.

Prices and rates are told, never derived; nothing here knows an order.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from shared.domain.exact import multiply
from shared.domain.instrument import ALWAYS_OPEN
from shared.events import Bar, CurrencyRate, InstrumentDefined, Quote, Trade

from .account import Worth
from .prices import on_tick, sane_bar, sane_quote, sane_trade
from .settings import VenueSettings

MINUTE_NS: Final = 60_000_000_000
_ONE: Final = Decimal(1)

Newest: TypeAlias = Bar | Quote | Trade | CurrencyRate


class Hours(msgspec.Struct, array_like=True):
    """Regular hours of a calendar's newest told trading day, [open_ns, close_ns). swept: what ends with the session has ended."""

    date: str
    open_ns: int
    close_ns: int
    swept: bool = False

    def holds(self, ns: int) -> bool:
        return self.open_ns <= ns < self.close_ns


class Market:
    """prints, quotes: newest of each symbol (ns order is the caller's). rates: newest of each currency. taken: units of a standing quote's bid
    and ask already traded."""

    def __init__(self, settings: VenueSettings) -> None:
        self._settings = settings
        self.prints: dict[str, Bar | Trade] = {}
        self.quotes: dict[str, Quote] = {}
        self.taken: dict[str, tuple[Quote, Decimal, Decimal]] = {}
        self.instruments: dict[str, InstrumentDefined] = {}
        self.rates: dict[str, CurrencyRate] = {}
        self.halted: set[str] = set(settings.halted_symbols)
        self.hours: dict[str, Hours] = {}

    def tick(self, symbol: str) -> Decimal:
        instrument = self.instruments.get(symbol)
        return instrument.tick_size if instrument else self._settings.tick_size

    def lot(self, symbol: str) -> Decimal:
        instrument = self.instruments.get(symbol)
        return instrument.lot_size if instrument else self._settings.lot_size

    def worth(self, symbol: str) -> Worth:
        """Of a point. A fixed rate that an instrument's multiplier contains (older ledgers) makes it one of the account's currency."""
        instrument = self.instruments.get(symbol)
        contract = instrument.multiplier if instrument else self._settings.multiplier
        currency = self.other(instrument.currency) if instrument and not instrument.fx_rate else ""
        return Worth(contract, currency, multiply(contract, self.rate(currency)) if currency else contract)

    def other(self, currency: str) -> str:
        """The currency, empty where it is the account's own."""
        return "" if currency == self._settings.currency else currency

    def rate(self, currency: str) -> Decimal:
        """Account currency a unit of another one; one where nobody told it."""
        told = self.rates.get(currency)
        return told.rate if told else _ONE

    def shortable(self, symbol: str) -> bool:
        instrument = self.instruments.get(symbol)
        return instrument.shortable if instrument else True

    def settlement(self, symbol: str) -> tuple[str, int]:
        """The calendar a sale of it settles by, and how many of its trading dates later; 0: at once."""
        instrument = self.instruments.get(symbol)
        calendar = instrument.calendar if instrument else self._settings.calendar
        at_once = calendar == ALWAYS_OPEN or (instrument is not None and instrument.asset_class == "crypto")
        return calendar, 0 if at_once else self._settings.settlement_days

    def hours_of(self, symbol: str) -> Hours | None:
        """None: nobody told hours, so the symbol always trades."""
        instrument = self.instruments.get(symbol)
        return self.hours.get(instrument.calendar if instrument else self._settings.calendar)

    def open_auction_until(self, hours: Hours) -> int:
        """ns from which a first print is no opening price any more."""
        window = self._settings.session
        return hours.open_ns + window.open_auction_minutes * MINUTE_NS if window and window.open_auction_minutes else hours.close_ns

    def close_auction_from(self, hours: Hours) -> int:
        """ns from which a last price may stand for the closing one."""
        window = self._settings.session
        return hours.close_ns - window.close_auction_minutes * MINUTE_NS if window and window.close_auction_minutes else hours.open_ns

    def is_open(self, symbol: str, ns: int) -> bool:
        hours = self.hours_of(symbol)
        return symbol not in self.halted and (hours is None or hours.holds(ns))

    def usable_quote(self, symbol: str, ns: int) -> Quote | None:
        """The standing quote, when it can be traded against at ns: both sides there, of this session, not too old."""
        quote = self.quotes.get(symbol)
        if quote is None or not sane_quote(quote):
            return None
        limit = self._settings.quote_age_ns_max
        if limit and ns - quote.timestamp > limit:
            return None
        hours = self.hours_of(symbol)
        return None if hours is not None and quote.timestamp < hours.open_ns else quote

    def last_print(self, symbol: str) -> tuple[int, Decimal] | None:
        """(ns, price) of the newest print."""
        seen = self.prints.get(symbol)
        if isinstance(seen, Bar):
            return (seen.end, on_tick(seen.close, self.tick(symbol))) if sane_bar(seen) else None
        if seen is None or not sane_trade(seen):
            return None
        return seen.timestamp, on_tick(seen.price, self.tick(symbol))

    def mark(self, symbol: str) -> Decimal | None:
        """Newest price: the print, or the quote's middle where that is newer."""
        last = self.last_print(symbol)
        quote = self.quotes.get(symbol)
        if quote is not None and sane_quote(quote) and (last is None or quote.timestamp > last[0]):
            tick = self.tick(symbol)
            return (on_tick(quote.bid, tick) + on_tick(quote.ask, tick)) / 2
        return last[1] if last else None

    def newest_ns(self) -> int:
        """Time of the newest price of any symbol, 0 before the first."""
        prints = (p.end if isinstance(p, Bar) else p.timestamp for p in self.prints.values())
        return max(max(prints, default=0), max((q.timestamp for q in self.quotes.values()), default=0))

    def restate(self, symbol: str, ratio: float) -> None:
        """A split: `ratio` new units for each old one, so prices are that much smaller and sizes that much larger."""
        seen, quote = self.prints.get(symbol), self.quotes.get(symbol)
        if isinstance(seen, Bar):
            prices = {name: getattr(seen, name) / ratio for name in ("open", "high", "low", "close", "vwap")}
            self.prints[symbol] = replace(seen, **prices, volume=seen.volume * ratio)
        elif seen is not None:
            self.prints[symbol] = replace(seen, price=seen.price / ratio, size=seen.size * ratio)
        if quote is not None:
            sizes = {"bid_size": quote.bid_size * ratio, "ask_size": quote.ask_size * ratio}
            self.quotes[symbol] = replace(quote, bid=quote.bid / ratio, ask=quote.ask / ratio, **sizes)
        self.taken.pop(symbol, None)

    def rename(self, old: str, new: str) -> None:
        """A symbol change: the new name has the old one's instrument and prices until it is told its own."""
        tables: tuple[dict[str, Any], ...] = (self.instruments, self.prints, self.quotes)
        for known in tables:
            if old in known:
                known.setdefault(new, replace(known[old], symbol=new))
        self.taken.pop(old, None)

    def newest(self, symbol: str) -> tuple[Bar | Trade | Quote, ...]:
        """What is known of a symbol's price."""
        return tuple(known[symbol] for known in (self.prints, self.quotes) if symbol in known)

    def remember(self, event: Newest) -> None:
        """Take an event as the newest of its kind without trading on it (restart)."""
        if isinstance(event, CurrencyRate):
            self.rates[event.currency] = event
        elif isinstance(event, Quote):
            self.quotes[event.symbol] = event
        else:
            self.prints[event.symbol] = event
