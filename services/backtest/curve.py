"""The equity curve, made after the run from steps of cash, units and rates and from marks: one point a distinct moment at which something was marked.

What is of another currency is noted in it, and valued at the rate of each moment; before its first rate at that, as the books count it in the end.

Money is added up in floats here; the exact totals are the ledger's, and `tests/unit/backtest` holds the two together.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from shared.metrics.record import Curve

from .marks import Ints, Marks

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Steps:
    """A value that holds from a moment on; the last of a moment counts."""

    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, time: int, value: float) -> None:
        self.times.append(time)
        self.values.append(value)

    def at(self, moments: Ints, before: float = 0.0) -> Floats:
        """In force at moments; before: until the first."""
        if not self.times:
            return np.full(len(moments), before)
        values = np.concatenate([[before], np.frombuffer(self.values)])
        found: Floats = values[np.searchsorted(np.frombuffer(self.times, np.int64), moments, side="right")]
        return found


@dataclass(slots=True)
class BookSteps:
    """One book, or the account: its cash, its balances of other currencies, and units of each symbol x money of its currency a point (negative:
    short)."""

    cash: Steps = field(default_factory=Steps)
    units: dict[str, Steps] = field(default_factory=dict)
    balances: dict[str, Steps] = field(default_factory=dict)

    def hold(self, time: int, symbol: str, units: float) -> None:
        steps = self.units.get(symbol)
        if steps is None:
            steps = self.units[symbol] = Steps()
        steps.add(time, units)

    def owe(self, time: int, balances: Mapping[str, float]) -> None:
        """Every balance that is not zero."""
        for currency in self.balances.keys() | balances.keys():
            self.balances.setdefault(currency, Steps()).add(time, balances.get(currency, 0.0))


@dataclass(slots=True)
class Rates:
    """history: account currency a unit of another. currencies: of symbols that are priced in another than the account's."""

    history: dict[str, Steps] = field(default_factory=dict)
    currencies: dict[str, str] = field(default_factory=dict)

    def at(self, currency: str, moments: Ints) -> Floats | float:
        """In force at moments, before the first that one; one where none was told."""
        steps = self.history.get(currency)
        return steps.at(moments, steps.values[0]) if steps is not None else 1.0


def moments(marks: Mapping[str, Marks], account: BookSteps) -> Ints:
    """Every moment something was marked, and that of a later last booking, each of which notes the cash."""
    times = [m.times for m in marks.values()]
    newest = max((int(t[-1]) for t in times), default=0)
    late = [time for time in account.cash.times[-1:] if time > newest]
    return np.unique(np.concatenate([*times, np.array(late, dtype=np.int64)])).astype(np.int64)


def curve(at: Ints, book: BookSteps, marks: Mapping[str, Marks], rates: Rates) -> Curve:
    """A holding whose symbol has no mark at all counts nothing."""
    cash = book.cash.at(at)
    for currency, owned in book.balances.items():
        cash = cash + owned.at(at) * rates.at(currency, at)
    gross, net = np.zeros(len(at)), np.zeros(len(at))
    for symbol, steps in book.units.items():
        mark = marks.get(symbol)
        if mark is not None:
            units = steps.at(at)
            long, short = mark.at(at)
            worth = units * np.where(units > 0.0, long, short)
            if symbol in rates.currencies:
                worth = worth * rates.at(rates.currencies[symbol], at)
            net += worth
            gross += np.abs(worth)
    return Curve(_column("q", at), _column("d", cash + net), _column("d", cash), _column("d", gross), _column("d", net))


def _column(code: str, values: npt.NDArray[np.int64] | Floats) -> array:  # type: ignore[type-arg]  # of ints or floats, as the code says
    return array(code, values.tobytes())
