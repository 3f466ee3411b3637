"""Market family (tags 100-149): data, instruments, sessions. Prices and sizes are floats; quantities of money elsewhere are Decimal."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from .base import Event, topic_market, topic_warmup
from .enums import FeedStatus, SessionPhase


class MarketEvent(Event, frozen=True):
    """Market data of one symbol: prunable, on `m.<symbol>.`."""

    PRUNABLE: ClassVar[bool] = True
    symbol: str

    @property
    def topic(self) -> str:
        return topic_market(self.symbol)


class Bar(MarketEvent, frozen=True):
    """One bar. timestamp: its start; end: its close, the earliest moment it may be known (both ns UTC). volume in units of the
    instrument; vwap 0.0 and trade_count 0 where the source has none."""

    TAG: ClassVar[int] = 101
    timestamp: int
    end: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    vwap: float = 0.0
    trade_count: int = 0

    @property
    def mid(self) -> float:
        return (self.high + self.low) / 2.0

    @property
    def range(self) -> float:
        return self.high - self.low

    @property
    def typical(self) -> float:
        return (self.high + self.low + self.close) / 3.0


class Quote(MarketEvent, frozen=True):
    """Best bid and offer at timestamp (ns UTC); sizes in units of the instrument."""

    TAG: ClassVar[int] = 102
    timestamp: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2.0

    @property
    def spread(self) -> float:
        return self.ask - self.bid

    @property
    def spread_bps(self) -> float:
        mid = self.mid
        return (self.ask - self.bid) / mid * 10_000.0 if mid > 0.0 else 0.0


class Trade(MarketEvent, frozen=True):
    """One print (a strategy's tick)."""

    TAG: ClassVar[int] = 103
    timestamp: int
    price: float
    size: float


class OrderBook(MarketEvent, frozen=True):
    """Depth snapshot, best level first, each level (price, size)."""

    TAG: ClassVar[int] = 104
    timestamp: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


class DataGap(MarketEvent, frozen=True):
    """The feed knows it missed data of a symbol in (start, end]; trading the symbol waits for back-fill or fresh data."""

    TAG: ClassVar[int] = 105
    PRUNABLE: ClassVar[bool] = False
    start: int
    end: int
    reason: str


class InstrumentHalted(MarketEvent, frozen=True):
    """The venue halted (or resumed) trading of one instrument."""

    TAG: ClassVar[int] = 106
    PRUNABLE: ClassVar[bool] = False
    halted: bool
    reason: str


class FreshnessChanged(MarketEvent, frozen=True):
    """A symbol's data went stale or fresh by its own calendar; last: ns of its newest datum (0: none yet)."""

    TAG: ClassVar[int] = 107
    PRUNABLE: ClassVar[bool] = False
    fresh: bool
    last: int


class WarmupBar(Event, frozen=True):
    """A historical bar for one strategy run, sequenced before the first live bar of that run; on its own topic."""

    TAG: ClassVar[int] = 108
    PRUNABLE: ClassVar[bool] = True
    strategy: str
    run: int
    bar: Bar

    @property
    def topic(self) -> str:
        return topic_warmup(self.strategy, self.run)


class PriceBandsChanged(MarketEvent, frozen=True):
    """The venue's price bands of a symbol (limit up, limit down) at timestamp (ns UTC); 0.0: none on that side."""

    TAG: ClassVar[int] = 109
    PRUNABLE: ClassVar[bool] = False
    timestamp: int
    lower: float
    upper: float


class InstrumentDefined(Event, frozen=True):
    """Static facts of one instrument. tick_size and lot_size are exact increments; multiplier: money of its currency a point and unit;
    calendar: an exchange-calendars name or `24x7`; average_daily_volume: units, 0 where nobody says. currency: of its prices.
    fx_rate: of older journals only: a fixed rate that their `multiplier` contains, so their instrument counts as one of the account's currency."""

    TAG: ClassVar[int] = 120
    VERSION: ClassVar[int] = 2
    symbol: str
    asset_class: str
    currency: str
    tick_size: Decimal
    lot_size: Decimal
    multiplier: Decimal
    calendar: str
    shortable: bool = True
    sector: str = ""
    industry: str = ""
    easy_to_borrow: bool = True
    average_daily_volume: Decimal = Decimal(0)
    fx_rate: Decimal = Decimal(0)


class CurrencyRate(Event, frozen=True):
    """What a unit of another currency is worth in the account's, from here on. timestamp: ns UTC of the datum it comes from, 0 for a fixed
    rate, which does not age."""

    TAG: ClassVar[int] = 124
    currency: str
    rate: Decimal
    timestamp: int = 0


class SessionChanged(Event, frozen=True):
    """A calendar entered a phase. date: trading day YYYY-MM-DD; open_ns, close_ns: that day's regular hours (0 when closed)."""

    TAG: ClassVar[int] = 121
    calendar: str
    phase: SessionPhase
    date: str
    open_ns: int
    close_ns: int


class FeedStateChanged(Event, frozen=True):
    """State of a market-data feed as a whole. attempts, given_up: as of `BrokerConnectionChanged`."""

    TAG: ClassVar[int] = 122
    VERSION: ClassVar[int] = 2
    feed: str
    status: FeedStatus
    detail: str = ""
    attempts: int = 0
    given_up: bool = False


class DayEnded(Event, frozen=True):
    """The trading day of a calendar is over; everything of that day precedes it in the log."""

    TAG: ClassVar[int] = 123
    calendar: str
    date: str
