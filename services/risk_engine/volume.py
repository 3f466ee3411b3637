"""Average daily volume: what `order_adv_fraction_max` is a fraction of.

The instrument's own figure (`instruments.<symbol>.average_daily_volume`) where it has one, else the mean of the last 20 trading days whose bars
were seen whole enough to have volume. Before either is known an order cannot be judged, and is denied. A bar costs an addition, where the
limit is configured.
"""

from __future__ import annotations

from math import fsum, inf
from typing import TYPE_CHECKING, Final

import msgspec

from shared.domain.exact import ZERO, of_float, text
from shared.events import Bar, CorporateAction, DayEnded, Reason

from .proposal import Denial, Proposal
from .within import within_equity

if TYPE_CHECKING:
    from decimal import Decimal

    from .desk import Desk
    from .gates import Gates

DAYS_KEPT_MAX: Final = 20


class Volumes(msgspec.Struct):
    """By symbol: today, units so far; days, units of the newest ended days, oldest first."""

    today: dict[str, float] = msgspec.field(default_factory=dict)
    days: dict[str, list[float]] = msgspec.field(default_factory=dict)

    def add(self, bar: Bar) -> None:
        if 0.0 < bar.volume < inf:
            self.today[bar.symbol] = self.today.get(bar.symbol, 0.0) + bar.volume

    def end_day(self, e: DayEnded, gates: Gates) -> None:
        for symbol in sorted(self.today):
            instrument = gates.instruments.get(symbol)
            if instrument is not None and instrument.calendar == e.calendar:
                days = self.days.setdefault(symbol, [])
                days.append(self.today.pop(symbol))
                del days[:-DAYS_KEPT_MAX]

    def average(self, symbol: str, gates: Gates) -> Decimal | None:
        """Units a day; None while it is not known."""
        instrument, days = gates.instruments.get(symbol), self.days.get(symbol)
        if instrument is not None and instrument.average_daily_volume:
            return instrument.average_daily_volume
        return of_float(fsum(days) / len(days)) if days else None

    def acted(self, e: CorporateAction, ratio: float) -> None:
        """ratio: new units per old of a split."""
        if e.kind == "split":
            if e.symbol in self.today:
                self.today[e.symbol] *= ratio
            self.days = {symbol: [day * ratio for day in days] if symbol == e.symbol else days for symbol, days in self.days.items()}
        elif e.kind == "symbol_change":
            if e.symbol in self.today:
                self.today.setdefault(e.new_symbol, self.today.pop(e.symbol))
            if e.symbol in self.days:
                self.days.setdefault(e.new_symbol, self.days.pop(e.symbol))


def order_of_volume(p: Proposal, desk: Desk) -> Denial | None:
    """Units of one order against a day's."""
    return within_volume(p, desk, desk.settings.order_adv_fraction_max, "")


def within_volume(p: Proposal, desk: Desk, most: Decimal | None, name: str) -> Denial | None:
    """name: whose limit it is, before the key."""
    if most is None:
        return None
    key, average = f"{name}order_adv_fraction_max", desk.volumes.average(p.symbol, desk.gates)
    if average is None:
        return Denial(Reason.ORDER_ADV, key, text(most), "no volume known")
    return within_equity(most, (ZERO, p.terms.quantity), Reason.ORDER_ADV, key, average, p, desk)
