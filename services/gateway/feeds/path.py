"""The price path of the synthetic market, minute by minute: one market regime, correlated symbols. All randomness is seeded here and in
`synthetic.py`; the core never sees a generator.

A Markov chain switches between bull, bear and volatile. Each minute the market moves by the regime's drift and volatility, each symbol by
its beta times that plus a part of its own (geometric, so prices stay positive). The path runs forward from the first minute and, from
another stream of numbers, backward into a past of any depth for warm-up; both start at the same first price.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, sqrt
from random import Random
from typing import Final

MINUTES_A_YEAR: Final = 252 * 390  # so that volatilities read as those of equities


class Regime(StrEnum):
    BULL = "bull"
    BEAR = "bear"
    VOLATILE = "volatile"


@dataclass(frozen=True, slots=True)
class RegimeShape:
    """drift and volatility a year; minutes: mean length of a stay; next: where it goes then, with probabilities."""

    drift: float
    volatility: float
    minutes: float
    next: tuple[tuple[Regime, float], ...]


SHAPES: Final = {
    Regime.BULL: RegimeShape(0.30, 0.12, 780.0, ((Regime.BEAR, 0.6), (Regime.VOLATILE, 0.4))),
    Regime.BEAR: RegimeShape(-0.35, 0.22, 390.0, ((Regime.BULL, 0.6), (Regime.VOLATILE, 0.4))),
    Regime.VOLATILE: RegimeShape(0.0, 0.45, 120.0, ((Regime.BULL, 0.5), (Regime.BEAR, 0.5))),
}
_OWN_VOLATILITY: Final = 0.6  # of the market's, for what a symbol does by itself


@dataclass(frozen=True, slots=True)
class Step:
    """One minute: its regime, its volatility a minute, and each symbol's price at its beginning and end."""

    regime: Regime
    sigma: float
    opens: tuple[float, ...]
    closes: tuple[float, ...]


class PricePath:
    """The path of all symbols from their first prices. betas: how far each follows the market."""

    def __init__(self, seed: int, prices: Sequence[float], betas: Sequence[float]) -> None:
        self._seed: Final = seed
        self._prices: Final = tuple(prices)
        self._betas: Final = tuple(betas)

    def forward(self) -> Iterator[Step]:
        """Minutes 0, 1, 2... without end."""
        prices = self._prices
        for regime, sigma, factors in self._factors(Random(f"{self._seed}:forward")):  # noqa: S311 - a market, not a secret
            closes = tuple(price * factor for price, factor in zip(prices, factors, strict=True))
            yield Step(regime, sigma, prices, closes)
            prices = closes

    def backward(self) -> Iterator[Step]:
        """Minutes -1, -2, -3... without end."""
        prices = self._prices
        for regime, sigma, factors in self._factors(Random(f"{self._seed}:backward")):  # noqa: S311 - a market, not a secret
            opens = tuple(price / factor for price, factor in zip(prices, factors, strict=True))
            yield Step(regime, sigma, opens, prices)
            prices = opens

    def _factors(self, random: Random) -> Iterator[tuple[Regime, float, list[float]]]:
        regime = Regime.BULL
        while True:
            shape = SHAPES[regime]
            sigma = shape.volatility / sqrt(MINUTES_A_YEAR)
            market = shape.drift / MINUTES_A_YEAR - sigma * sigma / 2 + sigma * random.gauss(0.0, 1.0)
            own = sigma * _OWN_VOLATILITY
            yield regime, sigma, [exp(beta * market + own * random.gauss(0.0, 1.0) - own * own / 2) for beta in self._betas]
            if random.random() * shape.minutes < 1.0:
                regime = _drawn(random, shape.next)


def _drawn(random: Random, choices: tuple[tuple[Regime, float], ...]) -> Regime:
    point = random.random()
    for regime, probability in choices:
        point -= probability
        if point < 0.0:
            return regime
    return choices[-1][0]
