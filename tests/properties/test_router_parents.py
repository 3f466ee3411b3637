"""An order in parts under any interleaving of what can happen to the parts: totals are right, nothing exceeds what was approved, nothing is sent
or booked twice, no step is illegal to anybody who folds the log, and the whole ends exactly when its parts have."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from services.auditor.invariants import broken_by, note
from services.auditor.state import Seen
from services.order_router.core import RouterCore
from services.order_router.routing import Routing, Venue
from services.order_router.settings import RouterSettings
from shared.domain.ledger import Ledger
from shared.domain.order_fold import OrderFold
from shared.domain.order_machine import Verdict
from shared.events import (
    BrokerOrderNotFound,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    CancelApproved,
    ClockTicked,
    ErrorClass,
    Event,
    HaltRequested,
    LeaseGranted,
    Market,
    OrderApproved,
    OrderFilled,
    OrderSending,
    OrderStatus,
    ReplaceApproved,
    ReplaceSending,
    Scope,
)
from tests.unit.order_router.router import LEASE, decides_the_same_at_once, goes_on_when_restored
from tests.unit.order_router.world import ACCOUNT, LOG, SECOND, T0, World, executed, log_started, opened, reported, terms

PARENT: Final = "ma:1:1"
SIZES: Final = {1: 50, 2: 30, 3: 20}
FILLS: Final = {1: (30, 20), 2: (10, 20), 3: (15, 5)}
VENUES: Final = (Venue("a", 5), Venue("b", 3), Venue("c", 2))
MARKET: Final = Market(9.99, 10.0, 10.0, Decimal("10.5"), Decimal("0.01"), Decimal(1))
SETTINGS: Final = st.builds(
    lambda sequential, tight: RouterSettings(
        routing=Routing(venues=VENUES, max_children=3, sequential=sequential),
        **({"orders_per_s": 2, "messages_per_s": 3, "cancels_per_s": 1} if tight else {}),
    ),
    st.booleans(),
    st.booleans(),
)


def name(k: int, replace: int = 0) -> str:
    return f"{LOG[:6]}-ma-1-1_{k}" + (f".{replace}" if replace else "")


def _row(k: int, status: OrderStatus, filled: int, replace: int, quantity: int) -> Event:
    broker = f"P{k}" + ("b" if replace else "")
    return reported(status, client_id=name(k, replace), broker_id=broker, t=terms(quantity if replace else SIZES[k]), filled=filled)


def _fill(k: int, i: int, replace: int = 0) -> Event:
    """replace: of the order that took the old one's place, perhaps before the broker told of that."""
    broker = f"P{k}" + ("b" if replace else "")
    return executed(FILLS[k][i], eid=f"{k}E{i}", client_id=name(k, replace), broker_id=broker, cumulative=sum(FILLS[k][: i + 1]))


_K = st.integers(1, 3)
_STATUS = st.sampled_from([OrderStatus.NEW, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.FILLED])
EVENTS: Final = st.one_of(
    st.builds(_row, _K, _STATUS, st.sampled_from([0, 0, 30]), st.integers(0, 1), st.sampled_from([20, 60])),
    st.builds(_row, _K, st.just(OrderStatus.NEW), st.just(0), st.just(0), st.just(0)),
    st.builds(_fill, _K, st.integers(0, 1)),
    st.builds(_fill, _K, st.integers(0, 1), st.integers(0, 1)),
    st.builds(lambda k, code: BrokerRequestRefused(ACCOUNT, "router", "submit", name(k), ErrorClass.REJECTION, code, "no"), _K, st.sampled_from(["duplicate", "no"])),
    st.builds(lambda k, r: BrokerRequestAmbiguous(ACCOUNT, "router", r, name(k), ErrorClass.TIMEOUT, ""), _K, st.sampled_from(["submit", "cancel"])),
    st.builds(lambda k: BrokerRequestNotSent(ACCOUNT, "router", "submit", name(k), ""), _K),
    st.builds(lambda k, no: BrokerRequestRefused(ACCOUNT, "router", "replace", name(k, no), ErrorClass.REJECTION, "no", "no", no), _K, st.integers(1, 2)),
    st.builds(lambda k, r: BrokerRequestRefused(ACCOUNT, "router", "cancel", name(k), r, "x", "no"), _K, st.sampled_from([ErrorClass.REJECTION, ErrorClass.RATE_LIMIT])),
    st.builds(lambda k, a: BrokerOrderNotFound(ACCOUNT, "router", name(k), a), _K, st.integers(1, 6)),
    st.builds(lambda no, q, p: ReplaceApproved(PARENT, "ma", no, terms(q, limit=p), T0 + 60 * SECOND, 0), st.integers(1, 2), st.sampled_from([55, 100, 130]), st.sampled_from(["10", "11"])),
    st.just(CancelApproved(PARENT, "ma")),
    st.just(HaltRequested("c", "op", "why", Scope.GLOBAL, "")),
    st.builds(lambda e: LeaseGranted("order_router", "h", e), st.integers(2, 4)),
    st.just(ClockTicked()),
    st.just(ClockTicked()),
)  # fmt: skip
STEPS: Final = st.lists(st.tuples(EVENTS, st.sampled_from([0.0, 0.5, 3.0, 20.0])), min_size=8, max_size=25)


def _heard(w: World, event: Event) -> bool:
    """Whether the broker can say so: it knows of nothing that was never sent."""
    told = getattr(event, "order", None) or getattr(event, "execution", None) or event
    sent = getattr(told, "client_order_id", None)
    return sent is None or any(isinstance(e.event, OrderSending | ReplaceSending) and e.event.client_order_id == sent for e in w.log)


def _world(chosen: RouterSettings) -> World:
    return World(RouterCore(chosen), "order_router").given(*_opening())


def _opening() -> tuple[Event, ...]:
    return log_started(), LEASE, opened(), OrderApproved(PARENT, "ma", terms(), T0 + 30 * SECOND, 0, 10.0, T0, market=MARKET)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(STEPS, SETTINGS)
def test_the_whole_is_the_sum_of_its_parts_and_never_more_than_approved(steps: list[tuple[Event, float]], chosen: RouterSettings) -> None:
    w = _world(chosen)
    approved = {Decimal(100)}
    for event, after in steps:
        if not _heard(w, event):
            continue
        if isinstance(event, ReplaceApproved):
            approved.add(event.terms.quantity)
        w.when(event, after)
        _whole(w, max(approved))
        while 0 < w.core.next_timer() <= w.now:
            assert w.tick(0), "a timer that leads to nothing"
            _whole(w, max(approved))

    sent = Counter(e.event.client_order_id for e in w.log if isinstance(e.event, OrderSending | ReplaceSending))
    booked = Counter((e.event.broker_order_id, e.event.execution_id) for e in w.log if isinstance(e.event, OrderFilled))
    assert all(count == 1 for count in (*sent.values(), *booked.values()))


def _whole(w: World, most: Decimal) -> None:
    orders = w.core._state.orders  # type: ignore[attr-defined]
    parent = orders[PARENT]
    parts = [orders[part] for part in parent.children]
    assert parent.record.filled == sum((p.record.filled for p in parts), Decimal(0))
    if parts and all(p.record.done for p in parts):
        assert parent.record.done
    at_most = Decimal(0)
    for p in parts:
        worked = max(p.record.terms.quantity, p.replace.terms.quantity if p.replace is not None else 0)
        at_most += p.record.filled if p.record.done or not p.sent else worked
    assert at_most <= most
    if parent.record.done and parent.record.status is not OrderStatus.FILLED:
        assert all(p.record.done or p.cancel.wanted or p.acknowledged or p.lookups for p in parts)  # the last: refused, and filled all the same


@settings(max_examples=50, derandomize=True, deadline=None)
@given(STEPS, SETTINGS)
def test_no_step_is_illegal_and_no_invariant_breaks_for_who_folds_the_log(steps: list[tuple[Event, float]], chosen: RouterSettings) -> None:
    w = _world(chosen)
    for event, after in steps:
        if _heard(w, event):
            w.when(event, after)
    fold, seen, ledger = OrderFold(), Seen(), Ledger({"ma": Decimal(100_000)})
    for e in w.log:
        if e.source == "order_router":
            broken = [a for a in broken_by(seen, fold, e.event, e.ts_ns) if ":over" not in a.key]
            assert not broken, (e.event, broken)
        note(seen, e.event, e.ts_ns)
        ledger.apply(e.event)
        made = fold.apply(e.event, e.ts_ns)
        assert made is None or made.verdict is not Verdict.ILLEGAL or e.source != "order_router", e.event
    state = w.core._state.orders  # type: ignore[attr-defined]
    assert {k: (r.status, r.filled) for k, r in fold.orders.items()} == {k: (o.record.status, o.record.filled) for k, o in state.items()}


@settings(max_examples=30, derandomize=True, deadline=None)
@given(STEPS, st.integers(0, 40), SETTINGS)
def test_a_core_restored_anywhere_goes_on_like_one_that_never_stopped(steps: list[tuple[Event, float]], at: int, chosen: RouterSettings) -> None:
    goes_on_when_restored(lambda: _world(chosen), chosen, steps, at)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(STEPS, SETTINGS)
def test_parts_decided_and_folded_at_once_are_decided_and_then_folded(steps: list[tuple[Event, float]], chosen: RouterSettings) -> None:
    decides_the_same_at_once(chosen, [*((e, 0.0) for e in _opening()), *steps])
