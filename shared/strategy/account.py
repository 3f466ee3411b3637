"""The whole account as a strategy may read it: totals other services put in the log, for all strategies together."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from shared.domain.exact import subtract, total
from shared.events import AccountReported, EquityMarked, Event, Scope, TradingState, TradingStateChanged


class AccountState(msgspec.Struct, array_like=True):
    """The newest facts; None until the first."""

    marked: EquityMarked | None = None
    reported: AccountReported | None = None
    state: TradingState = TradingState.DISARMED
    own_state: TradingState = TradingState.ACTIVE


class Account:
    """`ctx.account`: floats in account currency; 0.0 until risk or the broker has said something. consulted: whether the strategy has ever read what
    the broker's readings keep fresh, for a driver that need not make them otherwise; no state."""

    __slots__ = ("_facts", "_strategy", "consulted")

    def __init__(self, strategy: str) -> None:
        self._strategy = strategy
        self._facts = AccountState()
        self.consulted = False

    @property
    def equity(self) -> float:
        """At the marks risk holds; the broker's total until risk has marked."""
        self.consulted = True
        newest = self._facts.marked or self._facts.reported
        return float(newest.equity) if newest else 0.0

    @property
    def cash(self) -> float:
        self.consulted = True
        newest = self._facts.marked or self._facts.reported
        return float(newest.cash) if newest else 0.0

    @property
    def balances(self) -> dict[str, float]:
        """Money of other currencies, by currency in order, as the broker last reported it; negative: owed."""
        self.consulted = True
        reported = self._facts.reported
        return {row.currency: float(row.amount) for row in sorted(reported.balances, key=lambda row: row.currency)} if reported else {}

    @property
    def settled_cash(self) -> float:
        """Cash of the account's currency that may be spent, as the broker last reported it: all of it where the broker names nothing that has to
        settle."""
        self.consulted = True
        reported = self._facts.reported
        return float(subtract(reported.cash, _unsettled(reported))) if reported else 0.0

    @property
    def unsettled_cash(self) -> float:
        """Proceeds of sales in the account's currency that may not be spent yet, as the broker last reported them."""
        self.consulted = True
        reported = self._facts.reported
        return float(_unsettled(reported)) if reported else 0.0

    @property
    def buying_power(self) -> float:
        """As the broker last reported it."""
        self.consulted = True
        return float(self._facts.reported.buying_power) if self._facts.reported else 0.0

    @property
    def day_pnl(self) -> float:
        return float(self._facts.marked.day_pnl) if self._facts.marked else 0.0

    @property
    def drawdown(self) -> float:
        """Fraction of the peak."""
        return self._facts.marked.drawdown if self._facts.marked else 0.0

    @property
    def gross_exposure(self) -> float:
        return float(self._facts.marked.gross) if self._facts.marked else 0.0

    @property
    def net_exposure(self) -> float:
        return float(self._facts.marked.net) if self._facts.marked else 0.0

    @property
    def trading_state(self) -> TradingState:
        """The stricter of the account's and this strategy's own."""
        order = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED, TradingState.DISARMED)
        return max(self._facts.state, self._facts.own_state, key=order.index)

    def fold(self, event: Event) -> None:
        facts = self._facts
        if isinstance(event, EquityMarked):
            facts.marked = event
        elif isinstance(event, AccountReported):
            facts.reported = event
        elif isinstance(event, TradingStateChanged):
            if event.scope is Scope.GLOBAL:
                facts.state = event.state
            elif event.scope is Scope.STRATEGY and event.key == self._strategy:
                facts.own_state = event.state

    def to_state(self) -> AccountState:
        return msgspec.structs.replace(self._facts)

    def restore(self, state: AccountState) -> None:
        self._facts = msgspec.structs.replace(state)


def _unsettled(reported: AccountReported) -> Decimal:
    return total(row.amount for row in reported.unsettled or () if not row.currency)
