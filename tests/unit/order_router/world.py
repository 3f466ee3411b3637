"""Builders for scenarios: a core driven as a driver would, and short ways to say what the broker reports."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from shared.events import (
    AccountOpened,
    AccountRow,
    BalanceRow,
    BrokerExecutionReported,
    BrokerOrderReported,
    BrokerStateReported,
    Envelope,
    Event,
    ExecutionRow,
    LeaseGranted,
    LogStarted,
    OrderApproved,
    OrderRow,
    OrderSide,
    OrderStatus,
    OrderTerms,
    OrderType,
    PositionRow,
)
from shared.runtime.actor import Core

LOG = "abcdef0123"
SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND
ACCOUNT = "PAPER-1"


class World:
    """One core and the log around it. `when` delivers an event and returns what the core answered."""

    def __init__(self, core: Core, source: str) -> None:
        self.core, self.source = core, source
        self.seq, self.now, self.epoch, self.n = 0, T0, 1, 0
        self.log: list[Envelope] = []

    def when(self, event: Event, after: float = 0.0) -> list[Event]:
        """after: seconds of log time since the event before."""
        self.seq += 1
        self.now += round(after * SECOND)
        if isinstance(event, LeaseGranted) and event.name == self.source:
            self.epoch = event.lease_epoch
        envelope = Envelope(self.seq, self.now, event.topic, "test", 1, self.seq, 0, 0, event)
        self.log.append(envelope)
        outputs = self.core.decide(envelope)
        self.core.apply(envelope)
        for output in outputs:
            self.n += 1
            own = Envelope(0, self.now, output.topic, self.source, 1, self.n, self.seq, self.epoch, output)
            self.core.apply(own)
            self.log.append(own)
        return list(outputs)

    def given(self, *events: Event) -> World:
        for event in events:
            self.when(event)
        return self

    def tick(self, after: float) -> list[Event]:
        from shared.events import ClockTicked

        return self.when(ClockTicked(), after)


def kinds(events: Sequence[Event]) -> list[str]:
    return [type(e).__name__ for e in events]


def only(events: Sequence[Event], kind: type) -> Any:
    """The one event of a kind."""
    found = [e for e in events if type(e) is kind]
    assert len(found) == 1, kinds(events)
    return found[0]


def terms(quantity: object = 100, side: OrderSide = OrderSide.BUY, limit: object = "10", symbol: str = "AAPL") -> OrderTerms:
    return OrderTerms(symbol, side, OrderType.LIMIT, Decimal(str(quantity)), Decimal(str(limit)))


def approved(n: int = 1, *, strategy: str = "ma", t: OrderTerms | None = None, deadline: float = 5.0, halt_epoch: int = 0) -> OrderApproved:
    return OrderApproved(f"{strategy}:1:{n}", strategy, t or terms(), T0 + round(deadline * SECOND), halt_epoch, 10.0, T0)


def client(n: int = 1, strategy: str = "ma", replace: int = 0) -> str:
    return f"{LOG[:6]}-{strategy}-1-{n}" + (f".{replace}" if replace else "")


def row(
    status: OrderStatus = OrderStatus.NEW,
    n: int = 1,
    *,
    filled: object = 0,
    t: OrderTerms | None = None,
    client_id: str | None = None,
    broker_id: str | None = None,
    **more: Any,
) -> OrderRow:
    name = client(n) if client_id is None else client_id
    return OrderRow(name, broker_id or f"B{n}", status, t or terms(), Decimal(str(filled)), None, T0, **more)


def reported(status: OrderStatus = OrderStatus.NEW, n: int = 1, report: int = 0, **more: Any) -> BrokerOrderReported:
    return BrokerOrderReported(ACCOUNT, "router", row(status, n, **more), report)


def execution(
    quantity: object,
    n: int = 1,
    *,
    eid: str = "E1",
    cumulative: object = 0,
    price: object = "10",
    commission: object = "0",
    side: OrderSide = OrderSide.BUY,
    client_id: str | None = None,
    broker_id: str | None = None,
    at: float = 1.0,
    previous: str = "",
    symbol: str = "AAPL",
    currency: str = "USD",
) -> ExecutionRow:
    name = client(n) if client_id is None else client_id
    d = lambda x: Decimal(str(x))  # noqa: E731
    broker_ns = T0 + round(at * SECOND)
    return ExecutionRow(
        eid, broker_id or f"B{n}", name, symbol, side, d(quantity), d(price), d(commission), currency, d(cumulative), broker_ns, previous_id=previous
    )


def executed(quantity: object, n: int = 1, report: int = 0, **more: Any) -> BrokerExecutionReported:
    return BrokerExecutionReported(ACCOUNT, "router", execution(quantity, n, **more), report)


def reading(
    *,
    query: int = 1,
    orders: Sequence[OrderRow] = (),
    executions: Sequence[ExecutionRow] = (),
    positions: Sequence[tuple[str, object]] = (),
    cash: object = 100_000,
    as_of: float = 0.0,
    report: int = 0,
    cursor: str = "",
    balances: Sequence[tuple[str, object]] = (),
) -> BrokerStateReported:
    held = tuple(PositionRow(symbol, Decimal(str(quantity)), Decimal(10)) for symbol, quantity in positions)
    money = Decimal(str(cash))
    totals = AccountRow("USD", money, money, money, balances=tuple(BalanceRow(c, Decimal(str(amount))) for c, amount in balances))
    return BrokerStateReported(
        ACCOUNT, "reconciler", query, tuple(orders), tuple(executions), held, totals, T0 + round(as_of * SECOND), report, cursor
    )


def opened(cash: object = 100_000) -> AccountOpened:
    return AccountOpened(ACCOUNT, "USD", Decimal(str(cash)), Decimal(str(cash)), (), (), ())


def log_started() -> LogStarted:
    return LogStarted(LOG, "wall", "process")
