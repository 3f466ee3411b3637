"""Months of orders leave a state of bounded size, and whatever the broker says of old ones is booked once or told, never lost or doubled."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from services.auditor.core import AuditorCore
from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from services.reconciler.core import ReconcilerCore
from shared.events import (
    BrokerExecutionReported,
    DayEnded,
    Event,
    ExecutionRow,
    FillCorrected,
    FillMismatch,
    OrderDenied,
    OrderFilled,
    OrderIntent,
    OrderStatus,
    Reason,
    ReconcileRequested,
)
from tests.unit.order_router.router import LEASE, AtOnce
from tests.unit.order_router.world import SECOND, T0, World, approved, executed, log_started, opened, reading, reported, terms

DAY = 86_400
END = DayEnded("24x7", "d")


# Size.

ORDERS, A_DAY = 12_000, 200


def _sizes() -> dict[str, list[int]]:
    """Snapshot bytes of each core after every quarter of the orders: 200 a day, each asked for, sent, accepted, filled; and one denied a day."""
    w = World(AtOnce(RouterCore()), "order_router").given(log_started(), LEASE, opened())
    cores = {"order_router": w.core, "reconciler": ReconcilerCore(), "auditor": AuditorCore()}
    sizes: dict[str, list[int]] = {name: [] for name in cores}
    for i in range(1, ORDERS + 1):
        at = (w.now - T0) / SECOND
        order = approved(i, deadline=at + 5)
        w.given(
            OrderIntent(order.order_id, "ma", order.terms), order, reported(OrderStatus.NEW, i), executed(100, i, eid=f"E{i}", cumulative=100, at=at)
        )
        if i % A_DAY == 0:
            day = i // A_DAY
            w.given(OrderIntent(f"no:1:{day}", "no", terms()), OrderDenied(f"no:1:{day}", "no", Reason.POSITION, "k", "1", "2"))
            w.given(ReconcileRequested(day, "", "interval"), reading(query=day), reading(query=day))
            w.when(END, DAY)
        if i % A_DAY == 0:
            for e in w.log:
                for core in list(cores.values())[1:]:
                    core.apply(e)
            w.log.clear()
        if i % (ORDERS // 4) == 0:
            for name, core in cores.items():
                sizes[name].append(len(core.snapshot()))
    return sizes


def test_twice_as_many_orders_leave_no_larger_snapshots() -> None:
    for name, (_, half, three_quarters, whole) in _sizes().items():
        assert max(half, three_quarters, whole) < 1.05 * min(half, three_quarters, whole), name
        assert whole < 6_500 * 700, name  # bytes: 30 days of 200 orders, and what does not grow with them


# News of old orders.


@dataclass
class Broker:
    """What happened there, and what the router made of it."""

    told: list[tuple[BrokerExecutionReported, int]] = field(default_factory=list)  # with the day it was told first
    booked: dict[str, Decimal] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    voided: set[str] = field(default_factory=set)

    def heard(self, outputs: list[Event]) -> None:
        for e in outputs:
            if isinstance(e, OrderFilled):
                assert e.execution_id not in self.booked, "booked twice"
                self.booked[e.execution_id] = e.quantity
            elif isinstance(e, FillCorrected):
                assert e.previous_quantity == self.booked[e.previous_id], "takes back what was not booked"
                self.voided.add(e.previous_id)
            elif isinstance(e, FillMismatch):
                assert e.symbol == "AAPL"
                self.locked.add(e.execution_id)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.integers(0, 3)),
        st.tuples(st.just("day"), st.integers(1, 40)),
        st.tuples(st.just("late"), st.integers(0, 30)),
        st.tuples(st.just("again"), st.integers(0, 30)),
        st.tuples(st.just("bust"), st.integers(0, 30)),
    ),
    max_size=30,
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(STEPS)
def test_every_execution_is_booked_once_or_locks(steps: list[tuple[str, int]]) -> None:
    """Each step a while after the one before: an order that fills; days that end; a fill of an old order; a repeat; a bust."""
    w = World(RouterCore(RouterSettings(kept_orders_max=1, kept_ns_min=4 * DAY * SECOND, kept_ns_max=9 * DAY * SECOND)), "order_router")
    w.given(log_started(), LEASE, opened())
    broker, orders = Broker(), 0

    def tell(e: BrokerExecutionReported) -> None:
        broker.told.append((e, w.now))
        broker.heard(w.when(e, 1.0))

    for what, k in steps:
        at = (w.now - T0) / SECOND
        row = broker.told[k % len(broker.told)][0].execution if broker.told else None
        if what == "order":
            orders += 1
            w.given(approved(orders, deadline=at + 5), reported(OrderStatus.NEW, orders))
            tell(executed(100, orders, eid=f"E{orders}", at=at))
        elif what == "day":
            w.when(END, k * DAY)
        elif row is not None and what == "late":
            n = int(row.broker_order_id[1:])
            tell(executed(1, n, eid=f"L{len(broker.told)}", at=at))
        elif row is not None and what == "again":
            broker.heard(w.when(BrokerExecutionReported("PAPER-1", "router", row), 1.0))
        elif row is not None and not row.previous_id:
            n = int(row.broker_order_id[1:])
            tell(executed(0, n, eid=f"X{len(broker.told)}", previous=row.execution_id, at=at))
    for e, _ in broker.told:
        _is_settled(broker, e.execution)


def _is_settled(broker: Broker, row: ExecutionRow) -> None:
    if row.previous_id:
        assert row.previous_id in broker.voided or row.execution_id in broker.locked
    else:
        assert broker.booked.get(row.execution_id) == row.quantity, "executed when it was told, so certainly news: booked"
