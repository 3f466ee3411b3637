"""What other currencies are worth, from the configuration or from the data of a pair.

A fixed rate is told at the start of every run. A pair's bar tells its close, a quote its middle: told where it is another rate, or the one told is a
minute old; quotes at most once a minute of log time a currency. The decimal is what a person reads in the data, the other way round its inverse, of
`PLACES` places at most: a venue takes no more. What is no price (zero, crossed, not a number, more than `MOST` or its inverse), or older than what was
told, tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import msgspec

from services.gateway.freshness import moment
from services.gateway.settings import RateSettings
from shared.domain.exact import DIGITS_MAX, ONE, add, multiply, of_float, plain
from shared.events import Bar, CurrencyRate, Quote, Trade

MINUTE_NS: Final = 60_000_000_000
PLACES: Final = 12
MOST: Final = 1e12  # one wild datum of a feed must neither stop the venue, which takes 16 digits, nor overflow here
_LEAST: Final = 1.0 / MOST
_GRID: Final = ONE.scaleb(-PLACES)
_HALF: Final = Decimal("0.5")
_ROUNDED: Final = Context(prec=DIGITS_MAX, rounding=ROUND_HALF_EVEN)


class Told(msgspec.Struct, array_like=True):
    """A rate as it was last told. at: log time of that."""

    rate: Decimal
    timestamp: int
    at: int


class Rates:
    """pairs: by symbol, the currencies its data tell the rate of. told: by currency that a pair tells, the state."""

    def __init__(self, settings: Sequence[RateSettings]) -> None:
        self._fixed: Final = tuple(CurrencyRate(s.currency, s.rate) for s in settings if s.rate is not None)
        self._moving: Final = frozenset(s.currency for s in settings if s.rate is None)
        self.pairs: Final[dict[str, tuple[RateSettings, ...]]] = {}
        for s in settings:
            if s.rate is None:
                self.pairs[s.pair] = (*self.pairs.get(s.pair, ()), s)
        self.told: dict[str, Told] = {}

    def fixed(self) -> tuple[CurrencyRate, ...]:
        return self._fixed

    def after(self, data: Iterable[Bar | Quote | Trade], now: int) -> list[CurrencyRate]:
        """What data that one event of moment `now` brought tell, in their order."""
        found: list[CurrencyRate] = []
        said: dict[str, Told] = {}
        for datum in data:
            at = moment(datum, now)
            for pair in self.pairs.get(datum.symbol, ()):
                old = said.get(pair.currency) or self.told.get(pair.currency)
                is_due = old is None or now - old.at >= MINUTE_NS
                if (old is not None and at < old.timestamp) or not (is_due or type(datum) is Bar):
                    continue
                rate = _rate(datum, inverse=pair.inverse)
                if rate is not None and (old is None or is_due or rate != old.rate):
                    found.append(CurrencyRate(pair.currency, rate, at))
                    said[pair.currency] = Told(rate, at, now)
        return found

    def apply(self, e: CurrencyRate, now: int) -> None:
        """Fold what we said; a fixed rate keeps no pair from speaking."""
        if e.currency in self._moving:
            self.told[e.currency] = Told(e.rate, e.timestamp, now)


def _rate(datum: Bar | Quote | Trade, *, inverse: bool) -> Decimal | None:
    price = _price(datum)
    if price is None:
        return None
    return plain((_ROUNDED.divide(ONE, price) if inverse else price).quantize(_GRID, context=_ROUNDED))


def _price(datum: Bar | Quote | Trade) -> Decimal | None:
    if isinstance(datum, Bar):
        return of_float(datum.close) if _LEAST <= datum.close <= MOST else None
    if isinstance(datum, Quote) and _LEAST <= datum.bid <= datum.ask <= MOST:
        return multiply(add(of_float(datum.bid), of_float(datum.ask)), _HALF)
    return None
