"""Settings of the gateway: what the config tree says, typed and checked. An impossible value raises ValueError naming key and value.

Keys below `gateway.feed` and `data` keep RegimeFlow's spelling where it has one. `msgspec.convert(mapping, FeedSettings)` builds them from a
config tree and names the path of what does not fit.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.calendar import Calendar
from shared.events import InstrumentDefined

_UNITS_NS: Final = {"s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000, "d": 86_400_000_000_000}
DAY_NS: Final = _UNITS_NS["d"]
STALE_INTERVALS: Final = 3  # a feed that missed three of its bars is not delivering
STALE_MS_MIN: Final = 180_000


class FeedKind(StrEnum):
    FILES = "files"
    SYNTHETIC = "synthetic"
    JOURNAL = "journal"


class BarTimestamp(StrEnum):
    """Which end of the bar a file's timestamp is."""

    START = "start"
    END = "end"


class Hours(StrEnum):
    """ALL: every row; REGULAR: rows within the calendar's regular hours."""

    ALL = "all"
    REGULAR = "regular"


class OnError(StrEnum):
    """What a bad row does: end the feed, or be left out, counted and reported."""

    FAIL = "fail"
    SKIP = "skip"


class BarsFrom(StrEnum):
    """What bars are built from: prints, or mid prices of quotes."""

    TRADES = "trades"
    QUOTES = "quotes"


def interval_ns(bar_type: str) -> int:
    """Length of a bar type: `1s`, `5m`, `1h`, `1d` in ns. Raises ValueError."""
    match = re.fullmatch(r"([1-9]\d{0,3})([smhd])", bar_type)
    if match is None:
        raise ValueError(f"bar_type {bar_type!r} is not a number with s, m, h or d, such as 1m")
    return int(match[1]) * _UNITS_NS[match[2]]


class DataSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files to replay. Patterns hold `{symbol}` and are relative to data_directory; an empty pattern: no such files. start_ns, end_ns: only
    rows from and up to these moments (0: no bound); what lies before start_ns serves as warm-up history."""

    data_directory: str
    file_pattern: str = "{symbol}.csv"
    quotes_pattern: str = ""
    trades_pattern: str = ""
    has_header: bool = True
    bar_type: str = "1m"
    bar_timestamp: BarTimestamp = BarTimestamp.START
    hours: Hours = Hours.ALL
    on_error: OnError = OnError.FAIL
    start_ns: int = 0
    end_ns: int = 0
    bands_pattern: str = ""

    def __post_init__(self) -> None:
        interval_ns(self.bar_type)
        patterns = {"file_pattern": self.file_pattern, "quotes_pattern": self.quotes_pattern, "trades_pattern": self.trades_pattern}
        if not any(patterns.values()):
            raise ValueError("file_pattern, quotes_pattern and trades_pattern are all empty: nothing to replay")
        for key, pattern in (*patterns.items(), ("bands_pattern", self.bands_pattern)):
            if pattern and "{symbol}" not in pattern:
                raise ValueError(f"{key} {pattern!r} has no {{symbol}}: every symbol would read the same file")
        if self.end_ns and self.end_ns <= self.start_ns:
            raise ValueError("the end of the data is not after its start")


class SyntheticSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A generated market. start: ISO time of the first minute; minutes: length in trading minutes (0: endless); prices: first price by symbol
    (else drawn from the seed); quotes_per_minute, trades_per_minute, bars: what is emitted, the same number every minute."""

    seed: int = 7
    start: str = "2024-01-02T00:00:00Z"
    minutes: int = 0
    calendar: str = "24x7"
    prices: dict[str, float] = {}
    quotes_per_minute: int = 6
    trades_per_minute: int = 6
    bars: bool = True
    spread_ticks: int = 1

    def __post_init__(self) -> None:
        for key in ("seed", "minutes"):
            if getattr(self, key) < 0:
                raise ValueError(f"{key} {getattr(self, key)} is negative")
        for key in ("quotes_per_minute", "trades_per_minute", "spread_ticks"):
            if not 1 <= getattr(self, key) <= 1_000:
                raise ValueError(f"{key} {getattr(self, key)} is not from 1 to 1000")
        for symbol, price in self.prices.items():
            if not 0.0 < price < 1e9:
                raise ValueError(f"prices.{symbol} {price} is not a price")
        Calendar.named(self.calendar)


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recorded session. path: its journal, which may still be written; start_ns, end_ns: only rows from and up to these moments of its log
    (0: no bound); what lies before start_ns serves as warm-up history."""

    path: str = ""
    start_ns: int = 0
    end_ns: int = 0

    def __post_init__(self) -> None:
        if self.end_ns and self.end_ns <= self.start_ns:
            raise ValueError("the end of the data is not after its start")


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The feed. Under the wall clock: speed is market time over wall time (0: as fast as it goes), idle_ms_max shortens longer pauses in the
    data (0: keep them), retime gives rows the wall's time in place of their own. Under the feed clock all three mean nothing."""

    kind: FeedKind = FeedKind.SYNTHETIC
    speed: float = 1.0
    idle_ms_max: int = 5_000
    retime: bool = True
    data: DataSettings = DataSettings(data_directory=".")
    synthetic: SyntheticSettings = SyntheticSettings()
    journal: JournalSettings = JournalSettings()

    def __post_init__(self) -> None:
        if not 0.0 <= self.speed <= 1e6:
            raise ValueError(f"speed {self.speed} is not from 0 (as fast as it goes) to 1000000")
        if self.idle_ms_max < 0:
            raise ValueError(f"idle_ms_max {self.idle_ms_max} is negative")
        if self.kind is FeedKind.JOURNAL and not self.journal.path:
            raise ValueError("journal.path is missing: which recorded session to read")


class BarSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`gateway.bars`: bars built here, for a feed that has none. The interval divides a day and is at most an hour."""

    source: BarsFrom = msgspec.field(name="from", default=BarsFrom.TRADES)
    interval: str = "1m"

    def __post_init__(self) -> None:
        length = interval_ns(self.interval)
        if length > _UNITS_NS["h"] or DAY_NS % length:
            raise ValueError(f"interval {self.interval!r} is more than an hour or does not divide a day")


class WarmupSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """History a strategy wants before its first live bar: the newest `bars` bars of each symbol."""

    symbols: tuple[str, ...]
    bars: int

    def __post_init__(self) -> None:
        if not 1 <= self.bars <= 100_000:
            raise ValueError(f"warm-up of {self.bars} bars is not from 1 to 100000")


class RateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one currency is worth: `rate`, or what the data of `pair` say. inverse: a price is units of it for one of the account's."""

    currency: str
    rate: Decimal | None = None
    pair: str = ""
    inverse: bool = False


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the core judges by. Ages in ms of log time while the symbol's market is open, None: three bars of bar_type, at least 180 s; 0: that
    kind of data is not judged. day_end_delay_ms: how long after the regular close `DayEnded` waits for late rows: 0 under the feed clock,
    where none can be late."""

    instruments: tuple[InstrumentDefined, ...]
    bar_type: str = "1m"
    quote_age_ms_max: int | None = None
    bar_age_ms_max: int | None = None
    day_end_delay_ms: int = 0
    bars: BarSettings | None = None
    warmup: dict[str, WarmupSettings] = {}
    rates: tuple[RateSettings, ...] = ()

    def __post_init__(self) -> None:
        symbols = [i.symbol for i in self.instruments]
        if len(set(symbols)) != len(symbols):
            raise ValueError(f"an instrument is defined twice: {', '.join(symbols)}")
        for instrument in self.instruments:
            Calendar.named(instrument.calendar)
        interval_ns(self.bar_type)
        for key in ("quote_age_ms_max", "bar_age_ms_max", "day_end_delay_ms"):
            if (getattr(self, key) or 0) < 0:
                raise ValueError(f"{key} {getattr(self, key)} is negative")
        for strategy, wanted in self.warmup.items():
            if unknown := set(wanted.symbols) - set(symbols):
                raise ValueError(f"warmup.{strategy} wants {', '.join(sorted(unknown))}, which no instrument defines")
        for told in self.rates:
            if told.rate is None and told.pair not in symbols:
                raise ValueError(f"the rate of {told.currency} comes from {told.pair}, which no instrument defines")

    def age_ns_max(self, configured_ms: int | None) -> int:
        """An age limit in ns, the default in place of None."""
        if configured_ms is None:
            return max(STALE_MS_MIN * 1_000_000, STALE_INTERVALS * interval_ns(self.bar_type))
        return configured_ms * 1_000_000
