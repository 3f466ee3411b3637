"""What other currencies are worth, from the configuration or from the data of a pair.

A fixed rate is told at the start of every run. A pair's bar tells its close, a quote its middle: told where it is another rate, or the one told is a
minute old; quotes at most once a minute of log time a currency. The decimal is what a person reads in the data, the other way round its inverse, of
`PLACES` places at most: a venue takes no more. What is no price (zero, crossed, not a number), or older than what was told, tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import inf
from typing import Final

import msgspec

from services.gateway.settings import RateSettings
from shared.domain.exact import DIGITS_MAX, ONE, add, multiply, of_float, plain
from shared.events import Bar, CurrencyRate, Quote

MINUTE_NS: Final = 60_000_000_000
PLACES: Final = 12
_GRID: Final = ONE.scaleb(-PLACES)
_HALF: Final = Decimal("0.5")
_ROUNDED: Final = Context(prec=DIGITS_MAX, rounding=ROUND_HALF_EVEN)


class Told(msgspec.Struct, array_like=True):
    """A rate as it was last told. at: log time of that."""

    rate: Decimal
    timestamp: int
    at: int


class Rates:
    """pairs: by symbol, the currencies its data tell the rate of. told: by currency, the state."""

    def __init__(self, settings: Sequence[RateSettings]) -> None:
        self._fixed: Final = tuple(CurrencyRate(s.currency, s.rate) for s in settings if s.rate is not None)
        self.pairs: Final[dict[str, tuple[RateSettings, ...]]] = {}
        for s in settings:
            if s.rate is None:
                self.pairs[s.pair] = (*self.pairs.get(s.pair, ()), s)
        self.told: dict[str, Told] = {}

    def fixed(self) -> tuple[CurrencyRate, ...]:
        return self._fixed

    def after(self, datum: object, at: int, now: int) -> list[CurrencyRate]:
        """What a datum of moment `at`, sequenced at `now`, tells."""
        price = _price(datum)
        if price is None:
            return []
        found = []
        for pair in self.pairs.get(datum.symbol, ()):  # type: ignore[attr-defined]  # a bar or a quote has one
            old, rate = self.told.get(pair.currency), (_ROUNDED.divide(ONE, price) if pair.inverse else price).quantize(_GRID, context=_ROUNDED)
            if not rate:
                continue
            if old is None or (at >= old.timestamp and self._is_due(datum, old, rate, now)):
                found.append(CurrencyRate(pair.currency, plain(rate), at))
        return found

    @staticmethod
    def _is_due(datum: object, old: Told, rate: Decimal, now: int) -> bool:
        return now - old.at >= MINUTE_NS or (rate != old.rate and isinstance(datum, Bar))

    def apply(self, e: CurrencyRate, now: int) -> None:
        """Fold what we said."""
        self.told[e.currency] = Told(e.rate, e.timestamp, now)

    def restore(self, told: Mapping[str, Told]) -> None:
        """What is no longer configured is forgotten."""
        known = {pair.currency for pairs in self.pairs.values() for pair in pairs} | {e.currency for e in self._fixed}
        self.told = {currency: each for currency, each in told.items() if currency in known}


def _price(datum: object) -> Decimal | None:
    if isinstance(datum, Bar):
        return of_float(datum.close) if 0.0 < datum.close < inf else None
    if isinstance(datum, Quote) and 0.0 < datum.bid <= datum.ask < inf:
        return multiply(add(of_float(datum.bid), of_float(datum.ask)), _HALF)
    return None
