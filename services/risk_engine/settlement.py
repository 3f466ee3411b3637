"""Settled cash: what a sale in a cash account brought may be spent some trading dates later.

Promises: counted from our own fills by the time of each execution, so a fill that is told late settles on its own day; what waits is settled
when `SessionChanged` says that its date began, never by a clock; O(1) an event but a correction. Only sales wait: what a trade costs is gone at
once, cash flows and corporate actions are settled. It follows that nothing is ever bought with proceeds that have not settled, so no
good-faith violation can occur. Crypto and 24x7 instruments settle at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from shared.domain.calendar import settles_on
from shared.domain.exact import ZERO, add, multiply, subtract
from shared.domain.instrument import ALWAYS_OPEN, Instrument
from shared.events import AccountOpened, Envelope, Event, FillCorrected, OrderFilled, OrderSide, SessionChanged, UnsettledRow

if TYPE_CHECKING:
    from .desk import Desk


class SettlementState(msgspec.Struct):
    """dates: by calendar, the trading date that began last. waiting: by calendar, money by the date it is settled on. total: of all."""

    dates: dict[str, str] = msgspec.field(default_factory=dict)
    waiting: dict[str, dict[str, Decimal]] = msgspec.field(default_factory=dict)
    total: Decimal = ZERO


class Settlement:
    """days: 0 for an account in which every sale settles at once."""

    def __init__(self, days: int, state: SettlementState) -> None:
        self.days = days
        self._state = state

    @property
    def unsettled(self) -> Decimal:
        """Part of the account's cash that may not be spent yet."""
        return self._state.total if self.days else ZERO

    def filled(self, e: OrderFilled, instrument: Instrument | None, now: int) -> None:
        """Fold a fill. now: its time where the broker told none."""
        if e.side is OrderSide.SELL:
            self._wait(instrument, e.broker_ns or now, _brought(e.quantity, e.price, e.commission, instrument))

    def corrected(self, e: FillCorrected, instrument: Instrument | None, now: int) -> None:
        """A correction changes what waits by the difference: more waits as a sale of now, less is taken from what waits of that calendar, the
        latest first."""
        if e.side is not OrderSide.SELL:
            return
        old = _brought(e.previous_quantity, e.previous_price, e.previous_commission, instrument)
        change = subtract(_brought(e.quantity, e.price, e.commission, instrument), old)
        if change > 0:
            self._wait(instrument, now, change)
        elif instrument is not None:
            dates = self._state.waiting.get(instrument.calendar, {})
            for date in sorted(dates, reverse=True):
                taken = min(dates[date], -change)
                self._take(instrument.calendar, date, taken)
                change = add(change, taken)

    def begins(self, e: SessionChanged) -> None:
        """Fold the calendar's date: what waited for it is settled."""
        state = self._state
        if e.date > state.dates.get(e.calendar, ""):
            state.dates[e.calendar] = e.date
            for date, amount in list(state.waiting.get(e.calendar, {}).items()):
                if date <= e.date:
                    self._take(e.calendar, date, amount)

    def found(self, rows: Iterable[UnsettledRow]) -> None:
        """What the account is opened with."""
        for row in rows:
            self._add(row.calendar, row.date, row.amount)

    def _wait(self, instrument: Instrument | None, at_ns: int, amount: Decimal) -> None:
        if not self.days or instrument is None or instrument.calendar == ALWAYS_OPEN or instrument.asset_class == "crypto":
            return
        if amount > 0:
            self._add(instrument.calendar, settles_on(instrument.calendar, at_ns, self.days), amount)

    def _add(self, calendar: str, date: str, amount: Decimal) -> None:
        state = self._state
        if date > state.dates.get(calendar, ""):
            dates = state.waiting.setdefault(calendar, {})
            dates[date] = add(dates.get(date, ZERO), amount)
            state.total = add(state.total, amount)

    def _take(self, calendar: str, date: str, amount: Decimal) -> None:
        dates = self._state.waiting[calendar]
        dates[date] = subtract(dates[date], amount)
        self._state.total = subtract(self._state.total, amount)
        if not dates[date]:
            del dates[date]
        if not dates:
            del self._state.waiting[calendar]


def _brought(quantity: Decimal, price: Decimal, commission: Decimal, instrument: Instrument | None) -> Decimal:
    """Money a sale brings in after its commission, 0 where that eats it up."""
    money = multiply(quantity, price) if instrument is None else instrument.notional(quantity, price)
    return max(ZERO, subtract(money, commission))


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
        OrderFilled: lambda e, now: settlement.filled(e, instruments.get(e.symbol), now),
        FillCorrected: lambda e, now: settlement.corrected(e, instruments.get(e.symbol), now),
        AccountOpened: opened,
    }
    for kind, fold in folds.items():
        on[kind] = _both(fold, on[kind])


def _both(first: Callable[[Any, int], None], then: Callable[[Envelope], None]) -> Callable[[Envelope], None]:
    def fold(e: Envelope) -> None:
        first(e.event, e.ts_ns)
        then(e)

    return fold
