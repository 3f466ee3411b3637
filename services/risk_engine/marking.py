"""Equity marks: the journaled value of the account, on a timer while something moves, and at the end of every trading day.

A mark carries the day's base (equity - day_pnl) and the peak, so the loss limits of a restarted engine start from the journal even where
its market data was pruned. The day of an account ends when the first of its calendars ends a date that was not ended before.
"""

from __future__ import annotations

import msgspec

from shared.domain.exact import ONE, plain, share, subtract
from shared.domain.ledger import Ledger
from shared.events import DayEnded, EquityMarked

from .loss import Watches
from .prices import MILLISECOND
from .valuation import AccountValue


class MarkState(msgspec.Struct):
    """due: ns of the next mark, 0: nothing moved since the last. day: newest date ended. rolling: the day's last mark is still to come."""

    due: int = 0
    day: str = ""
    rolling: bool = False


class Marking:
    def __init__(self, interval_ms: int, ledger: Ledger, value: AccountValue, watches: Watches, state: MarkState) -> None:
        self._interval = interval_ms * MILLISECOND
        self._ledger = ledger
        self._value = value
        self._watches = watches
        self.state = state

    def moved(self, now: int) -> None:
        """Equity may have changed: a mark is due one interval after the first change."""
        if not self.state.due and self._interval and self._known():
            self.state.due = now + self._interval

    def is_due(self, now: int) -> bool:
        return 0 < self.state.due <= now

    def ends_day(self, e: DayEnded) -> bool:
        return e.date > self.state.day and self._known()

    def mark(self) -> EquityMarked:
        equity, watch = self._value.equity(), self._watches.account.state
        assert watch.base is not None
        peak = max(watch.peak, equity)
        drawdown = float(share(subtract(peak, equity), ONE, peak)) if peak > 0 else 0.0
        gross, net = self._value.holdings()
        day_pnl = subtract(equity, watch.base)
        return EquityMarked(
            plain(equity), plain(self._ledger.cash), plain(day_pnl), plain(peak), drawdown=drawdown, gross=plain(gross), net=plain(net)
        )

    def end_day(self, e: DayEnded) -> None:
        if self.ends_day(e):
            self.state.day = e.date
            self.state.rolling = True
            for watch in self._watches.all():
                watch.start()

    def marked(self, e: EquityMarked) -> None:
        watch = self._watches.account
        watch.state.base = e.equity if self.state.rolling else subtract(e.equity, e.day_pnl)
        watch.state.peak = e.peak
        self.state.due = 0
        self.state.rolling = False
        watch.settle()

    def _known(self) -> bool:
        return self._watches.account.state.base is not None
