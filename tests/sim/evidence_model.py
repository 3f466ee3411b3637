"""Evidence, which must be true: what sessions tell of the venue is what its ledger has."""

from __future__ import annotations

from shared import events as ev
from shared.events import Envelope

from .truth import Money, Truth, hold, since, told_money


class EvidenceModel:
    """opened: what the venue's account began with. reports: by the seq of a reading, the report it reflects."""

    def __init__(self, truth: Truth, opened: Money) -> None:
        self._truth = truth
        self._opened = opened
        self.reports: dict[int, int] = {}

    def reading(self, e: ev.BrokerStateReported, at: Envelope) -> None:
        self._truth.read()
        self.reports[at.seq] = e.report
        told = {row.symbol: row.quantity for row in e.positions}
        money, there = told_money(e.totals.currency, e.totals.cash, e.totals.balances), since(self._opened, self._truth.at[e.report][1])
        hold(money == there, "evidence", f"a reading of report {e.report} shows {money}, the venue had {there}")
        hold(
            told == self._truth.held(e.report), "evidence", f"a reading of report {e.report} shows {told}, the venue had {self._truth.held(e.report)}"
        )

    def order(self, e: ev.BrokerOrderReported, _: Envelope) -> None:
        self._truth.read()
        if e.report:
            hold((e.report, e.order) in self._truth.rows, "evidence", f"report {e.report} is told as the venue did not make it")

    def execution(self, e: ev.BrokerExecutionReported, _: Envelope) -> None:
        self._truth.read()
        hold(self._truth.executions.get(e.execution.execution_id) == e.execution, "evidence", f"{e.execution} is told as the venue did not make it")

    def cash(self, e: ev.BrokerCashReported, _: Envelope) -> None:
        self._truth.read()
        hold(self._truth.flows.get(e.cash.reference) == e.cash, "evidence", f"{e.cash} is told as the venue did not make it")

    def action(self, e: ev.BrokerActionReported, _: Envelope) -> None:
        self._truth.read()
        hold(self._truth.actions.get(e.action.reference) == e.action, "evidence", f"{e.action} is told as the venue did not make it")
