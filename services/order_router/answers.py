"""Turning what a broker session returned into evidence. No judgement: one outcome, its event.

Where reports are numbered, accepts, fills and rejections of orders are told by the numbered stream alone, so that each is in the log once
and in its place; the answer then only names the newest report it knew of, which must be in the log before a lock-step feed goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.brokers.contract import (
    Accepted,
    ActionSeen,
    Ambiguous,
    CashSeen,
    ExecutionSeen,
    NotSent,
    OrderSeen,
    Outcome,
    Refused,
    StreamDown,
    StreamItem,
    StreamUp,
)
from shared.events import (
    BrokerActionReported,
    BrokerCashReported,
    BrokerConnectionChanged,
    BrokerEvent,
    BrokerExecutionReported,
    BrokerOrderReported,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    OrderRow,
)
from shared.runtime.session import Evidence, Performed

SESSION = "router"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. kind: submit | cancel | replace; replace_no: 0 unless replace."""

    kind: str
    client_order_id: str
    replace_no: int = 0


@dataclass(frozen=True, slots=True)
class Witness:
    """Who saw it. stream: source of numbered reports (`venue.<broker>`), empty where reports have no numbers; its run is 1 for ever."""

    account: str
    stream: str
    capabilities: str

    def performed(self, asked: Asked, outcome: Outcome) -> Performed:
        match outcome:
            case Accepted():
                return self._shown(outcome.order, outcome.report, None)
            case Refused():
                no = BrokerRequestRefused(
                    self.account, SESSION, asked.kind, asked.client_order_id, outcome.error, outcome.code, outcome.text, asked.replace_no
                )
                return self._shown(outcome.order, outcome.report, no)
            case Ambiguous():
                open_ = BrokerRequestAmbiguous(
                    self.account, SESSION, asked.kind, asked.client_order_id, outcome.error, outcome.text, asked.replace_no
                )
                return Performed((Evidence(open_),))
            case NotSent():
                return Performed(
                    (Evidence(BrokerRequestNotSent(self.account, SESSION, asked.kind, asked.client_order_id, outcome.text, asked.replace_no)),)
                )

    def seen(self, item: StreamItem) -> Evidence:
        """What the stream brought."""
        event: BrokerEvent
        match item:
            case OrderSeen():
                event, at = BrokerOrderReported(self.account, SESSION, item.order, item.report), item.order.broker_ns
            case ExecutionSeen():
                event, at = BrokerExecutionReported(self.account, SESSION, item.execution, item.report), item.execution.broker_ns
            case CashSeen():
                event, at = BrokerCashReported(self.account, SESSION, item.cash, item.report), item.cash.broker_ns
            case ActionSeen():
                event, at = BrokerActionReported(self.account, SESSION, item.action, item.report), item.action.broker_ns
            case StreamUp():
                return Evidence(BrokerConnectionChanged(self.account, SESSION, connected=True, text=item.text, capabilities=self.capabilities))
            case StreamDown():
                return self.down(item.text)
        return Evidence(event, self.stream, 1, item.report, at) if self.stream and item.report else Evidence(event, ts_ns=at)

    def down(self, text: str, attempts: int = 0, *, given_up: bool = False) -> Evidence:
        return Evidence(BrokerConnectionChanged(self.account, SESSION, connected=False, text=text, attempts=attempts, given_up=given_up))

    def _shown(self, order: OrderRow | None, report: int, no: BrokerRequestRefused | None) -> Performed:
        if self.stream and report:
            told = order is not None and no is not None  # the stream tells of the order that ended with this no
            return Performed(() if no is None or told else (Evidence(no),), ((self.stream, 1, report),))
        evidence = [] if no is None else [Evidence(no)]
        if order is not None:
            evidence.append(Evidence(BrokerOrderReported(self.account, SESSION, order)))
        return Performed(tuple(evidence))
