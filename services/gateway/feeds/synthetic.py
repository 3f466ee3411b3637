"""The synthetic market: the embedded default feed. Everything in it follows from the settings, seed first, so row k is the same at every
reading; going back to row k costs the price path of the minutes before it (about a second for a million minutes), not their rows.

It trades in the regular hours of its calendar, with more volume at the open and the close. What it is for: trying strategies, tests,
demonstrations. What it is not: a model of any market; an edge found in it is an edge over its random numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from random import Random
from typing import Final

import msgspec

from services.gateway.settings import SyntheticSettings
from shared.domain.calendar import Calendar
from shared.events import Bar, Event, InstrumentDefined
from shared.metrics.record import DataFile

from .minutes import MINUTE_NS, Minute, MinuteMaker
from .path import PricePath, Step
from .port import Block, End, FeedError
from .trading_minutes import minutes_before, minutes_from


class SyntheticSource:
    """A `Source` of generated rows. Raises FeedError when the start is no time or no symbol is given."""

    name: Final = "synthetic"

    def __init__(self, market: SyntheticSettings, instruments: Sequence[InstrumentDefined]) -> None:
        if not instruments:
            raise FeedError("synthetic feed: no symbols")
        self._market: Final = market
        self._instruments: Final = tuple(instruments)
        self._made = 0  # rows, by the newest reading
        self._calendar: Final = Calendar.named(market.calendar)
        self._start: Final = _moment(market.start)
        self._symbols: Final = tuple(i.symbol for i in instruments)
        first = [Random(f"{market.seed}:{symbol}") for symbol in self._symbols]  # noqa: S311 - a market, not a secret
        prices = [market.prices.get(symbol) or round(random.uniform(20.0, 400.0), 2) for symbol, random in zip(self._symbols, first, strict=True)]
        self._path: Final = PricePath(market.seed, prices, [random.uniform(0.6, 1.4) for random in first])
        self._makers: Final = [
            MinuteMaker(market.seed, place, instrument, market.quotes_per_minute, market.trades_per_minute, market.spread_ticks)
            for place, instrument in enumerate(instruments)
        ]
        self._rows_a_minute: Final = len(instruments) * (market.quotes_per_minute + market.trades_per_minute + (1 if market.bars else 0))

    def blocks(self, skip: int) -> Generator[Block, None, End]:
        """As `Source.blocks`; one block a minute."""
        skipped, rest = divmod(skip, self._rows_a_minute)
        rows, newest = 0, 0
        self._made = 0
        for index, (start, activity, step) in enumerate(self._forward()):
            newest = start + MINUTE_NS
            if index >= skipped:
                times, events = self._rows(index, start, activity, step)
                drop = rest if index == skipped else 0
                yield Block(rows + drop + 1, times[drop:], events[drop:])
            rows += self._rows_a_minute
            self._made = rows
        return End(rows, newest)

    def history(self, symbols: Sequence[str], bars: int, until: int) -> Sequence[Bar]:
        """As `Source.history`: the market's own bars as far as it has run by `until`, before that a past generated from the same seed."""
        newest: deque[tuple[int, int, float, Step]] = deque(maxlen=bars)
        for index, (start, activity, step) in enumerate(self._forward()):
            if start + MINUTE_NS > until:
                break
            newest.append((index, start, activity, step))
        for index, (start, activity, step) in enumerate(self._backward(), 1):
            if len(newest) == bars:
                break
            if start + MINUTE_NS <= until:
                newest.appendleft((-index, start, activity, step))
        places = [place for place, symbol in enumerate(self._symbols) if symbol in symbols]
        return [self._makers[place].make(_minute(place, *minute))[2] for minute in newest for place in places]

    def notes(self) -> str:
        """Nothing is ever left out of a generated market."""
        return ""

    def digests(self) -> Sequence[DataFile]:
        """As `Source.digests`: of everything the rows follow from."""
        told = msgspec.json.encode((self._market, self._instruments), order="deterministic")
        return [DataFile(self.name, blake2b(told, digest_size=32).hexdigest(), self._made)]

    def _rows(self, index: int, start: int, activity: float, step: Step) -> tuple[list[int], list[Event]]:
        """The rows of one minute in order: by time, then quotes, prints, bars, then symbols."""
        made = [maker.make(_minute(place, index, start, activity, step)) for place, maker in enumerate(self._makers)]
        quotes = [quote for part, _, _ in made for quote in part]
        trades = [trade for _, part, _ in made for trade in part]
        bars = [bar for _, _, bar in made] if self._market.bars else []
        rows: list[tuple[int, Event]] = [(quote.timestamp, quote) for quote in quotes]
        rows += [(trade.timestamp, trade) for trade in trades]
        rows += [(bar.end, bar) for bar in bars]
        rows.sort(key=lambda row: row[0])  # stable: the concatenation is the order at equal times
        return [time for time, _ in rows], [event for _, event in rows]

    def _forward(self) -> Iterator[tuple[int, float, Step]]:
        """Trading minutes from the start on: start, activity, prices."""
        minutes = islice(minutes_from(self._calendar, self._start), self._market.minutes or None)
        for (start, activity), step in zip(minutes, self._path.forward(), strict=False):
            yield start, activity, step

    def _backward(self) -> Iterator[tuple[int, float, Step]]:
        """The same before the start, newest first."""
        for (start, activity), step in zip(minutes_before(self._calendar, self._start), self._path.backward(), strict=False):
            yield start, activity, step


def _minute(place: int, index: int, start: int, activity: float, step: Step) -> Minute:
    return Minute(index, start, step.opens[place], step.closes[place], step.sigma, activity)


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FeedError(f"synthetic feed: start {text!r} is no ISO 8601 time") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 1_000_000_000
