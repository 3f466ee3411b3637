"""Settled cash: what a sale in a cash account brought may be spent some trading dates later.

Promises: counted from our own fills by the time of each execution, so a fill that is told late settles on its own day; what waits is settled
when `SessionChanged` says that its date began, never by a clock; O(1) an event but a correction. Only sales wait: what a trade costs is gone at
once, cash flows and corporate actions are settled. It follows that nothing is ever bought with proceeds that have not settled, so no
good-faith violation can occur. Crypto and 24x7 instruments settle at once. What a sale brings is money of the instrument's currency, less a
commission in it, and waits as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from shared.domain.calendar import settles_on
from shared.domain.exact import ZERO, add, multiply, subtract
from shared.domain.instrument import ALWAYS_OPEN, Instrument
from shared.domain.money import Unit
from shared.events import AccountOpened, Envelope, Event, FillCorrected, OrderFilled, OrderSide, SessionChanged, UnsettledRow

from .arguments import both, timed

if TYPE_CHECKING:
    from .desk import Desk


class SettlementState(msgspec.Struct):
    """dates: by calendar, the trading date that began last. waiting: by currency (empty: the account's) and calendar, money by the date it is
    settled on. totals: by currency, of all."""

    dates: dict[str, str] = msgspec.field(default_factory=dict)
    waiting: dict[str, dict[str, dict[str, Decimal]]] = msgspec.field(default_factory=dict)
    totals: dict[str, Decimal] = msgspec.field(default_factory=dict)


class Settlement:
    """days: 0 for an account in which every sale settles at once."""

    def __init__(self, days: int, state: SettlementState) -> None:
        self.days = days
        self._state = state

    def unsettled_in(self, currency: str) -> Decimal:
        """Part of the money of a currency (empty: the account's) that may not be spent yet, in it."""
        return self._state.totals.get(currency, ZERO) if self.days else ZERO

    def filled(self, e: OrderFilled, instrument: Instrument | None, unit: Unit, own: str, now: int) -> None:
        """Fold a fill. unit: the instrument's. own: the account's currency. now: its time where the broker told none."""
        if e.side is OrderSide.SELL:
            fee = e.commission if _pays(e, unit, own) else ZERO
            self._wait(instrument, unit.currency, e.broker_ns or now, _brought(e.quantity, e.price, fee, unit))

    def corrected(self, e: FillCorrected, instrument: Instrument | None, unit: Unit, own: str, now: int) -> None:
        """A correction changes what waits by the difference: more waits as a sale of now, less is taken from what waits of that calendar, the
        latest first."""
        if e.side is not OrderSide.SELL:
            return
        fee, previous = (e.commission, e.previous_commission) if _pays(e, unit, own) else (ZERO, ZERO)
        change = subtract(_brought(e.quantity, e.price, fee, unit), _brought(e.previous_quantity, e.previous_price, previous, unit))
        if change > 0:
            self._wait(instrument, unit.currency, now, change)
        elif instrument is not None:
            dates = self._state.waiting.get(unit.currency, {}).get(instrument.calendar, {})
            for date in sorted(dates, reverse=True):
                taken = min(dates[date], -change)
                self._take(unit.currency, instrument.calendar, date, taken)
                change = add(change, taken)

    def begins(self, e: SessionChanged) -> None:
        """Fold the calendar's date: what waited for it is settled."""
        state = self._state
        if e.date > state.dates.get(e.calendar, ""):
            state.dates[e.calendar] = e.date
            for currency in list(state.waiting):
                for date, amount in list(state.waiting[currency].get(e.calendar, {}).items()):
                    if date <= e.date:
                        self._take(currency, e.calendar, date, amount)

    def found(self, rows: Iterable[UnsettledRow]) -> None:
        """What the account is opened with."""
        for row in rows:
            self._add(row.currency, row.calendar, row.date, row.amount)

    def _wait(self, instrument: Instrument | None, currency: str, at_ns: int, amount: Decimal) -> None:
        if not self.days or instrument is None or instrument.calendar == ALWAYS_OPEN or instrument.asset_class == "crypto":
            return
        if amount > 0:
            self._add(currency, instrument.calendar, settles_on(instrument.calendar, at_ns, self.days), amount)

    def _add(self, currency: str, calendar: str, date: str, amount: Decimal) -> None:
        state = self._state
        if date > state.dates.get(calendar, ""):
            dates = state.waiting.setdefault(currency, {}).setdefault(calendar, {})
            dates[date] = add(dates.get(date, ZERO), amount)
            state.totals[currency] = add(state.totals.get(currency, ZERO), amount)

    def _take(self, currency: str, calendar: str, date: str, amount: Decimal) -> None:
        state = self._state
        dates = state.waiting[currency][calendar]
        dates[date] = subtract(dates[date], amount)
        state.totals[currency] = subtract(state.totals[currency], amount)
        if not dates[date]:
            del dates[date]
        if not dates:
            del state.waiting[currency][calendar]
        if not state.waiting[currency]:
            del state.waiting[currency], state.totals[currency]


def _brought(quantity: Decimal, price: Decimal, commission: Decimal, unit: Unit) -> Decimal:
    """Money of its currency that a sale brings in after its commission, 0 where that eats it up."""
    return max(ZERO, subtract(multiply(multiply(quantity, price), unit.contract), commission))


def _pays(e: OrderFilled | FillCorrected, unit: Unit, own: str) -> bool:
    """Whether the commission is taken from the money that the sale brings."""
    return (e.currency or own) == (unit.currency or own) or not own


def settling(on: dict[type[Event], Callable[[Envelope], None]], desk: Desk) -> None:
    """Fold what settles with each event's own folding, in an account where anything does."""
    if not desk.settlement.days:
        return
    settlement, instruments, ledger = desk.settlement, desk.gates.instruments, desk.ledger

    def opened(e: AccountOpened, _: int) -> None:
        if not ledger.has_opened(e.account):
            settlement.found(e.unsettled)

    folds: dict[type[Event], Callable[[Any, int], None]] = {
        SessionChanged: lambda e, _: settlement.begins(e),
        OrderFilled: lambda e, now: settlement.filled(e, instruments.get(e.symbol), ledger.unit(e.symbol), ledger.currency, now),
        FillCorrected: lambda e, now: settlement.corrected(e, instruments.get(e.symbol), ledger.unit(e.symbol), ledger.currency, now),
        AccountOpened: opened,
    }
    for kind, fold in folds.items():
        on[kind] = both(timed(fold), on[kind])
