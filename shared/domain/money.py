"""Money of several currencies: what a point of an instrument is worth, in its own currency and in the account's.

Promises: what was paid or received in a currency is kept in that currency, exactly, and never depends on a rate; a rate only says what it is worth
in the account's. Rates are told by `CurrencyRate`, so everybody who folds the log values by the same one. A currency without a rate counts one to
one, and risk lets nothing new be bought in it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from .exact import ONE, multiply


class Unit(NamedTuple):
    """contract: money of `currency` a point and unit; rate: account currency a unit of it; multiplier: both. currency: empty for the account's."""

    multiplier: Decimal = ONE
    currency: str = ""
    contract: Decimal = ONE
    rate: Decimal = ONE


PLAIN: Final = Unit()


class Units:
    """The unit of every instrument. base: the account's currency, empty before anybody told: until then no currency is another one.

    contracts: by symbol, money of its currency a point, and the currency. rates: by currency.
    """

    def __init__(
        self, base: str = "", contracts: Mapping[str, tuple[Decimal, str]] | None = None, rates: Mapping[str, Decimal] | None = None
    ) -> None:
        self.base = base
        self.contracts: dict[str, tuple[Decimal, str]] = {}
        self.rates = dict(rates or {})
        self._units: dict[str, Unit] = {}
        self._symbols: dict[str, list[str]] = {}  # by currency, in order
        for symbol, told in (contracts or {}).items():
            self.define(symbol, *told)

    def of(self, symbol: str) -> Unit:
        return self._units.get(symbol, PLAIN)

    def multiplier(self, symbol: str) -> Decimal:
        """Account currency a point and unit."""
        unit = self._units.get(symbol)
        return ONE if unit is None else unit.multiplier

    def foreign(self, currency: str) -> str:
        """The currency, empty where it is the account's own."""
        return currency if self.base and currency != self.base else ""

    def rate(self, currency: str) -> Decimal:
        """Account currency a unit of another currency, one where nobody told it."""
        return self.rates.get(currency, ONE)

    def priced_in(self, currency: str) -> list[str]:
        """Symbols in order."""
        return list(self._symbols.get(currency, ()))

    def define(self, symbol: str, contract: Decimal, currency: str) -> None:
        before = self.contracts.get(symbol)
        if before is None or before[1] != currency:
            if before is not None:
                self._symbols[before[1]].remove(symbol)
            insort(self._symbols.setdefault(currency, []), symbol)
        self.contracts[symbol] = (contract, currency)
        self._units[symbol] = self._unit(contract, currency)

    def open(self, base: str) -> list[str]:
        """The account's currency is known; symbols whose unit changed."""
        self.base = base
        return self._renew(self.contracts)

    def move(self, currency: str, rate: Decimal) -> list[str]:
        """A rate moved; symbols whose unit changed."""
        self.rates[currency] = rate
        return self._renew(self.priced_in(currency))

    def _renew(self, symbols: Iterable[str]) -> list[str]:
        changed = []
        for symbol in symbols:
            unit = self._unit(*self.contracts[symbol])
            if unit != self._units[symbol]:
                self._units[symbol] = unit
                changed.append(symbol)
        return changed

    def _unit(self, contract: Decimal, currency: str) -> Unit:
        foreign = self.foreign(currency)
        if not foreign:
            return Unit(contract, "", contract, ONE)
        rate = self.rate(foreign)
        return Unit(multiply(contract, rate), foreign, contract, rate)
