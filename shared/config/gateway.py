"""`gateway`: where market data comes from and which bars are made of it. `DataFiles` also describes a backtest's `data`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from .base import CountOrZero, FilePath, MillisOrZero, Moment, Section, Symbol
from .instruments import Calendar

BarType = Literal["1s", "1m", "5m", "1h", "1d"]
PerMinute = Annotated[int, Field(ge=1, le=1_000)]
Pattern = Annotated[str, Field(pattern=r"\{symbol\}")]


class DataFiles(Section):
    """One file a symbol and kind of data; gzip is read as is. Relative paths are taken from the working directory."""

    data_directory: FilePath = Field(description="Directory of the files.")
    file_pattern: Pattern = Field(default="{symbol}.csv", description="File name of a symbol's bars.")
    quotes_pattern: Pattern | None = Field(default=None, description="File name of a symbol's quotes; a file that is absent is no error.")
    trades_pattern: Pattern | None = Field(default=None, description="File name of a symbol's trades; a file that is absent is no error.")
    bands_pattern: Pattern | None = Field(
        default=None, description="File name of a symbol's price bands (`timestamp, lower, upper`); a file that is absent is no error."
    )
    has_header: bool = Field(
        default=True, description="The first row names the columns; without it they are timestamp, open, high, low, close, volume."
    )
    bar_timestamp: Literal["start", "end"] = Field(default="start", description="Which end of a bar its timestamp names.")
    hours: Literal["all", "regular"] = Field(default="all", description="`regular` leaves out rows outside the calendar's regular session.")
    on_error: Literal["fail", "skip"] = Field(
        default="fail", description="A bad row is named with file and line; then the run fails, or goes on without it."
    )


class Pace(Section):
    """How fast a feed runs under the wall clock; under `bus.clock: feed` all three mean nothing."""

    speed: Annotated[float, Field(ge=0, le=1_000_000)] = Field(default=1.0, description="Market time over wall time; 0: as fast as it goes.")
    idle_ms_max: MillisOrZero = Field(default=5_000, description="Longer pauses in the data are shortened to this; 0: they are kept.")
    retime: bool = Field(default=True, description="Rows carry the wall's time in place of their own.")


class FilesFeed(DataFiles, Pace):
    """Recorded data, replayed in order of time."""

    kind: Literal["files"] = Field(description="Recorded data from files.")
    bar_type: BarType = Field(default="1m", description="Length of the bars in the files.")
    start: Moment | None = Field(
        default=None, description="Trade from this moment (ISO 8601; UTC without a zone); earlier rows serve as warm-up history."
    )
    end: Moment | None = Field(default=None, description="Leave out rows after this moment.")


class JournalFeed(Pace):
    """The market data of a recorded session, at the times of its log."""

    kind: Literal["journal"] = Field(description="A recorded session.")
    path: FilePath = Field(description="Its journal, which may still be written.")
    start: Moment | None = Field(
        default=None, description="Trade from this moment of its log (ISO 8601; UTC without a zone); earlier bars serve as warm-up history."
    )
    end: Moment | None = Field(default=None, description="Leave out what came after this moment.")


class SyntheticFeed(Pace):
    """The embedded market: quotes, trades and one-minute bars, the same for the same seed."""

    kind: Literal["synthetic"] = Field(description="The embedded market.")
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(default=7, description="Same seed, same prices.")
    start: Moment = Field(default=datetime(2024, 1, 2, tzinfo=UTC), description="First minute (ISO 8601; UTC without a zone).")
    minutes: CountOrZero = Field(default=0, description="Length in trading minutes; 0: endless.")
    calendar: Calendar = Field(default="24x7", description="When it trades.")
    prices: dict[Symbol, Annotated[float, Field(gt=0, lt=1e9)]] = Field(default={}, description="First price of a symbol; else drawn from the seed.")
    quotes_per_minute: PerMinute = Field(default=6, description="Quotes a minute and symbol.")
    trades_per_minute: PerMinute = Field(default=6, description="Trades a minute and symbol.")
    bars: bool = Field(default=True, description="Give bars; without them `gateway.bars` can build them.")
    spread_ticks: PerMinute = Field(default=1, description="Quoted spread in ticks.")


class BrokerFeed(Section):
    """The market data of `live.broker`."""

    kind: Literal["broker"] = Field(description="The market data session of the broker.")


Feed = Annotated[SyntheticFeed | FilesFeed | JournalFeed | BrokerFeed, Field(discriminator="kind")]


class BarsConfig(Section):
    """Bars built here, for a feed that has none."""

    interval: BarType = Field(default="1m", description="Length of a bar; at most an hour.")
    source: Literal["quotes", "trades"] = Field(default="trades", description="Built from trades, or from mid prices of quotes.")


class GatewayConfig(Section):
    """Market data."""

    feed: Feed = Field(
        description="Where data comes from. Default: `files` where `data_directory` is given, `synthetic` with the paper broker, else `broker`."
    )
    bars: BarsConfig | None = Field(default=None, description="Bars built here, for a feed that has none. Default: the feed's own.")
    quote_age_ms_max: MillisOrZero | None = Field(
        default=None, description="Age at which quotes are stale while their market is open; default three bars, at least 180 s; 0: not judged."
    )
    bar_age_ms_max: MillisOrZero | None = Field(default=None, description="The same of bars.")
    day_end_delay_ms: MillisOrZero = Field(
        default=0, description="How long after the close the day stays open for late rows; 0 under the feed clock."
    )
