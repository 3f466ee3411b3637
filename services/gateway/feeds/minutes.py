"""One minute of one synthetic symbol: prints, quotes and the bar that they make, from the prices at its two ends.

Every minute of every symbol has a generator of its own, seeded by (seed, symbol, minute), so any minute can be made without those before.
Prints lie strictly inside the minute, the last quote exactly at its end, so the rows of a minute end with its bar and the bar is exactly what
`gateway.bars` would build from the prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import log, sqrt
from random import Random
from typing import Final

from shared.events import Bar, InstrumentDefined, Quote, Trade

MINUTE_NS: Final = 60_000_000_000
_SYMBOLS_MAX: Final = 1 << 16
_PRINT_LOTS_MEAN: Final = 100.0
_QUOTE_LOTS_MEAN: Final = 300.0
_WIDE: Final = 5e-4  # volatility a minute above which makers quote one tick wider: that of the bear and volatile regimes


@dataclass(frozen=True, slots=True)
class Minute:
    """What is needed to make one minute. index: its number on the path (negative in the past); activity: volume, 1 on an average minute."""

    index: int
    start: int
    open: float
    close: float
    sigma: float
    activity: float


class MinuteMaker:
    """Makes minutes of one symbol. Prices are multiples of the tick as their shortest decimal reads; sizes are multiples of the lot."""

    def __init__(self, seed: int, place: int, instrument: InstrumentDefined, quotes: int, trades: int, spread_ticks: int) -> None:
        assert 0 <= place < _SYMBOLS_MAX
        self._symbol: Final = instrument.symbol
        self._key: Final = seed * _SYMBOLS_MAX + place
        self._tick: Final = float(instrument.tick_size)
        self._digits: Final = _digits(instrument.tick_size)
        self._lot: Final = float(instrument.lot_size)
        self._lot_digits: Final = _digits(instrument.lot_size)
        self._quotes: Final = quotes
        self._trades: Final = trades
        self._spread: Final = spread_ticks

    def make(self, minute: Minute) -> tuple[list[Quote], list[Trade], Bar]:
        """The minute's rows, each list in time."""
        # Python ints have no width: minute numbers of either sign and any symbol give different seeds. A generator a call, because the reader of
        # history and the reader of rows are two threads.
        random = Random((self._key << 64) + (minute.index << 1 if minute.index >= 0 else (-minute.index << 1) - 1))  # noqa: S311 - a market
        trades = self._make_trades(minute, random)
        prices = [trade.price for trade in trades]
        volume = round(sum(trade.size for trade in trades), self._lot_digits)
        worth = sum(trade.price * trade.size for trade in trades)
        bar = Bar(
            self._symbol,
            minute.start,
            minute.start + MINUTE_NS,
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
            volume,
            worth / volume,
            len(trades),
        )
        return self._make_quotes(minute, random), trades, bar

    def _make_trades(self, minute: Minute, random: Random) -> list[Trade]:
        times = sorted(1 + int(random.random() * (MINUTE_NS - 2)) for _ in range(self._trades))
        lots = _PRINT_LOTS_MEAN * minute.activity
        return [Trade(self._symbol, minute.start + time, self._price(_between(minute, time, random)), self._size(lots, random)) for time in times]

    def _make_quotes(self, minute: Minute, random: Random) -> list[Quote]:
        quotes: list[Quote] = []
        spread = self._spread + (1 if minute.sigma > _WIDE else 0)
        for number in range(1, self._quotes + 1):
            time = number * MINUTE_NS // self._quotes
            bid_ticks = max(1, int(_between(minute, time, random) / self._tick))
            bid, ask = self._ticks(bid_ticks), self._ticks(bid_ticks + spread)
            quotes.append(
                Quote(self._symbol, minute.start + time, bid, ask, self._size(_QUOTE_LOTS_MEAN, random), self._size(_QUOTE_LOTS_MEAN, random))
            )
        return quotes

    def _price(self, price: float) -> float:
        return self._ticks(max(1, round(price / self._tick)))

    def _ticks(self, ticks: int) -> float:
        return round(ticks * self._tick, self._digits)

    def _size(self, mean_lots: float, random: Random) -> float:
        lots = max(1, int(-log(1.0 - random.random()) * mean_lots))
        return round(lots * self._lot, self._lot_digits)


def _between(minute: Minute, time: int, random: Random) -> float:
    """The price inside the minute: from its beginning to its end with a bridge's noise, which is nothing at both ends."""
    done = time / MINUTE_NS
    noise = minute.sigma * sqrt(done * (1.0 - done)) * random.gauss(0.0, 1.0)
    return (minute.open + (minute.close - minute.open) * done) * (1.0 + noise)


def _digits(step: Decimal) -> int:
    """Decimals a multiple of the step can have."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "an instrument's increments are finite"
    return max(0, -exponent)
