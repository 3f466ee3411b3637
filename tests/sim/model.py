"""What must hold of a run, written a second way: from the log, the requests on the wire and the venue's own ledger alone. It shares no line with the
cores. Every event is judged as it becomes durable, every request as it is written; `Broken` names the invariant (RISK_AND_FAULTS.md 3.2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.paper_venue.books import MemoryBooks
from shared import events as ev
from shared.events import Envelope

from .account_model import AccountModel
from .commands_model import CommandsModel
from .converged import unfinished
from .direct_model import DirectModel
from .evidence_model import EvidenceModel
from .groups_model import GroupsModel
from .halts_model import Halts
from .limits_model import LimitsModel
from .log_model import LogModel
from .orders_model import Handlers, OrdersModel
from .strategies_model import StrategiesModel
from .truth import Money, Truth, hold
from .venue import DIRECT


class Model:
    """seen: how often each kind of thing was judged, so that a run can show that it judged something. opened: what the venue's account began with.
    reduces: trades by hand close strategies' holdings. native: the venue keeps one-cancels-other groups. outbox: the
    file of the kill path."""

    def __init__(self, books: MemoryBooks, opened: Mapping[str, Decimal], outbox: Path, *, reduces: bool, native: bool) -> None:
        self.seen: Counter[str] = Counter()
        self.truth = Truth(books)
        self.log = LogModel()
        self.halts = Halts()
        evidence = EvidenceModel(self.truth, Money(opened))
        self.account = AccountModel(self.truth, evidence, Money(opened), reduces=reduces)
        self.groups = GroupsModel(native=native)
        self.limits = LimitsModel()
        self.orders = OrdersModel(self.log, self.truth, self.halts, self.account, self.groups, self.limits, self.seen)
        self.commands = CommandsModel(self.orders, self.seen)
        self.strategies = StrategiesModel(self.orders, self.seen)
        self.direct = DirectModel(outbox, self.seen)
        self.clean: ev.ReconcileCompleted | None = None
        self._rate: Decimal | None = None
        self.alerts: Counter[str] = Counter()
        judged: Handlers = {
            **self.orders.handlers(),
            ev.LeaseGranted: self.log.lease,
            ev.RunStarted: self._run,
            ev.LimitChanged: self.limits.asked,
            ev.LimitOverridden: self.limits.overridden,
            ev.StrategyChanged: self.halts.changed,
            ev.StrategyRevised: self._revised,
            ev.TradingStateChanged: self.halts.state,
            ev.HaltRequested: self._halted,
            ev.OrdersCanceledDirectly: self.direct.told,
            ev.ResumeRequested: self.halts.resumed,
            ev.BrokerStateReported: evidence.reading,
            ev.BrokerOrderReported: evidence.order,
            ev.BrokerExecutionReported: evidence.execution,
            ev.BrokerCashReported: evidence.cash,
            ev.BrokerActionReported: evidence.action,
            ev.AccountOpened: self.account.open,
            ev.CashFlow: self.account.flow,
            ev.CorporateAction: self.account.action,
            ev.ClaimRequested: self.account.claim,
            ev.HoldingAssigned: self.account.assigned,
            ev.CurrencyRate: self._rated,
            ev.ReconcileCompleted: self._reconciled,
            ev.Alert: self._alert,
            ev.DeterminismFault: lambda e, _: hold(False, "I7", e),
            ev.FillMismatch: lambda e, _: hold(False, "I5", e),
            ev.InstrumentLocked: self.orders.locks.locked,
            ev.InstrumentUnlocked: self.orders.locks.unlocked,
        }
        self._handlers = self.orders.noting(judged)

    def take(self, e: Envelope) -> None:
        """One event, as it is committed."""
        self.log.take(e)
        self.strategies.take(e)
        handler = self._handlers.get(type(e.event))
        if handler is not None:
            self.seen[type(e.event).__name__] += 1
            handler(e.event, e)
        self.commands.take(e)

    def wire(self, method: str, message: Any, epoch: int) -> None:
        """A request of the router, or of the reconciler's kill path, as it is written."""
        if epoch == DIRECT:
            self.direct.wire(method, message)
            return
        self.orders.wire(method, message, epoch, self.log.now)  # at least: what is durable is not later than now

    def jumped(self) -> None:
        """The wall clock did."""
        self.orders.jumped = True

    def unfinished(self) -> str:
        """What has not converged with the venue; empty when all has."""
        return unfinished(self)

    def _run(self, e: ev.RunStarted, at: Envelope) -> None:
        self.log.run(e, at)
        self.limits.run(e, at)
        self.halts.run(e, at)

    def _revised(self, e: ev.StrategyRevised, at: Envelope) -> None:
        self.halts.revised(e, at)
        self.account.revised(e, at)

    def _halted(self, e: ev.HaltRequested, at: Envelope) -> None:
        self.halts.halted(e, at)
        self.direct.halted(e, at)

    def _rated(self, e: ev.CurrencyRate, _: Envelope) -> None:
        self.seen["rate moved"] += self._rate not in {None, e.rate}
        self._rate = e.rate

    def _reconciled(self, e: ev.ReconcileCompleted, _: Envelope) -> None:
        self.clean = e if e.clean else None

    def _alert(self, e: ev.Alert, at: Envelope) -> None:
        self.alerts[e.key] += 1
        self.direct.told(e, at)
        if e.key.startswith("claim:"):
            self.account.refused(e)
        hold(not e.key.startswith("invariant:") or (self.orders.jumped and ":I4:" in e.key), "auditor", e.text)
