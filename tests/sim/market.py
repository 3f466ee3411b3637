"""A small seeded market as a source of the gateway: two symbols, quotes four times a second, a bar and a print a second; one of them is of another
currency, whose rate a pair tells with a bar a second."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence

from services.gateway.feeds.port import Block, End
from shared.events import Bar, Event, Quote, Trade
from shared.metrics.record import DataFile

SYMBOLS = ("ABC", "XYZ")
HOME, ABROAD = "USD", "EUR"
CURRENCIES = {"ABC": HOME, "XYZ": ABROAD}
PAIR = "EURUSD"
START = 1_600_000_000_000_000_000
STEP = 250_000_000


class SeededMarket:
    """The same rows at every reading. Prices walk by cents; sizes are small enough that orders fill in parts."""

    name = "seeded"

    def __init__(self, seed: int, seconds: int) -> None:
        rng = random.Random(seed)
        self._times: list[int] = []
        self._events: list[Event] = []
        rates = random.Random(seed ^ 0xEC8)  # of its own, so that a rate moves no price
        cents, points = dict.fromkeys(SYMBOLS, 10_000), 108_450
        for k in range(1, seconds * 4 + 1):
            now = START + k * STEP
            for symbol in SYMBOLS:
                cents[symbol] = max(5_000, cents[symbol] + rng.choice((-6, -2, -1, 0, 1, 2, 6)))
                mid = cents[symbol]
                self._add(now, Quote(symbol, now, (mid - 1) / 100, (mid + 1) / 100, float(rng.randint(2, 30)), float(rng.randint(2, 30))))
                if k % 4 == 0:
                    price = mid / 100
                    self._add(now, Trade(symbol, now, price, 5.0))
                    self._add(now, Bar(symbol, now - 4 * STEP, now, price, price + 0.02, price - 0.02, price, 500.0))
            if k % 4 == 1:
                points += rates.choice((-900, -7, 0, 7, 900))
                rate = points / 100_000
                self._add(now, Bar(PAIR, now - 4 * STEP, now, rate, rate, rate, rate, 0.0))

    def _add(self, now: int, event: Event) -> None:
        self._times.append(now)
        self._events.append(event)

    def blocks(self, skip: int) -> Generator[Block, None, End]:
        if skip < len(self._events):
            yield Block(skip + 1, self._times[skip:], self._events[skip:])
        return End(len(self._events), self._times[-1])

    def history(self, symbols: Sequence[str], bars: int, until: int) -> Sequence[Bar]:
        return ()

    def notes(self) -> str:
        return ""

    def digests(self) -> Sequence[DataFile]:
        return ()
