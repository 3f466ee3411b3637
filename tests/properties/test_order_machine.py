"""The router under any interleaving of what can happen: nothing raises, nothing is sent or booked twice, timers move on, and a core restored
from a snapshot anywhere goes on exactly like one that never stopped."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from shared.domain.order_fold import OrderFold
from shared.domain.order_machine import Verdict
from shared.events import (
    BrokerOrderNotFound,
    BrokerQueryFailed,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    CancelApproved,
    ClockTicked,
    ErrorClass,
    Event,
    HaltRequested,
    LeaseGranted,
    OrderFilled,
    OrderSending,
    OrderStatus,
    ReplaceApproved,
    Scope,
)
from shared.events.enums import Reason
from tests.unit.order_router.router import LEASE, decides_the_same_at_once, goes_on_when_restored
from tests.unit.order_router.world import (
    ACCOUNT,
    SECOND,
    T0,
    World,
    approved,
    client,
    executed,
    execution,
    log_started,
    opened,
    reading,
    reported,
    row,
    terms,
)

_N = st.integers(1, 4)
_NAMES = st.tuples(_N, st.booleans()).map(lambda t: client(t[0], replace=1 if t[1] else 0))
_STATUS = st.sampled_from(sorted(OrderStatus))
_FILLS = [("E1", 30, 30), ("E2", 20, 50), ("E3", 50, 100), ("E4", 10, 110)]


def _execution(n: int, i: int, previous: int, price: int) -> Event:
    eid, quantity, cumulative = _FILLS[i]
    name = f"{n}{eid}"
    before = f"{n}{_FILLS[previous][0]}" if previous < len(_FILLS) else ""
    return executed(quantity, n, eid=name, cumulative=cumulative, price=price, previous=before)


def _reading(rows: list[tuple[int, OrderStatus, int]], fills: list[tuple[int, int]]) -> Event:
    executions = [execution(_FILLS[i][1], n, eid=f"{n}{_FILLS[i][0]}", cumulative=_FILLS[i][2], at=i) for n, i in fills]
    return reading(orders=[row(status, n, filled=filled) for n, status, filled in rows], executions=executions)


EVENTS = st.one_of(
    st.builds(lambda n, h: approved(n, deadline=30, halt_epoch=h), _N, st.integers(0, 1)),
    st.builds(lambda n, r: CancelApproved(f"ma:1:{n}", "ma", r), _N, st.sampled_from([None, Reason.OPERATOR])),
    st.builds(lambda n, q: ReplaceApproved(f"ma:1:{n}", "ma", 1, terms(q), T0 + 60 * SECOND, 1), _N, st.sampled_from([40, 150])),
    st.builds(lambda n, s, f: reported(s, n, filled=f), _N, _STATUS, st.sampled_from([0, 30, 50, 100])),
    st.builds(
        lambda n, s, q: reported(s, n, client_id=client(n, replace=1), broker_id=f"B{n}b", t=terms(q)), _N, _STATUS, st.sampled_from([40, 150])
    ),
    st.builds(lambda s: reported(s, client_id="manual", broker_id="X1"), _STATUS),
    st.builds(_execution, _N, st.integers(0, 3), st.sampled_from([9, 9, 9, 0, 1]), st.sampled_from([10, 10, 10, 11])),
    st.builds(
        _reading, st.lists(st.tuples(_N, _STATUS, st.sampled_from([0, 30, 100])), max_size=3), st.lists(st.tuples(_N, st.integers(0, 3)), max_size=4)
    ),
    st.builds(lambda name, a: BrokerOrderNotFound(ACCOUNT, "router", name, a), _NAMES, st.integers(1, 6)),
    st.builds(lambda name: BrokerQueryFailed(ACCOUNT, "router", "order", name, ErrorClass.NETWORK, ""), _NAMES),
    st.builds(
        lambda r, name: BrokerRequestAmbiguous(ACCOUNT, "router", r, name, ErrorClass.TIMEOUT, ""),
        st.sampled_from(["submit", "cancel", "replace"]),
        _NAMES,
    ),
    st.builds(lambda r, name: BrokerRequestNotSent(ACCOUNT, "router", r, name, ""), st.sampled_from(["submit", "cancel", "replace"]), _NAMES),
    st.builds(
        lambda r, name, code: BrokerRequestRefused(ACCOUNT, "router", r, name, ErrorClass.REJECTION, code, ""),
        st.sampled_from(["submit", "cancel", "replace"]),
        _NAMES,
        st.sampled_from(["duplicate", "no"]),
    ),
    st.builds(lambda e: LeaseGranted("order_router", "h", e), st.integers(1, 4)),
    st.just(HaltRequested("c", "op", "why", Scope.GLOBAL, "")),
    st.just(ClockTicked()),
)
STEPS = st.lists(st.tuples(EVENTS, st.sampled_from([0.0, 0.5, 3.0, 20.0])), min_size=12, max_size=40)


FREE: Final = RouterSettings()
TIGHT: Final = RouterSettings(orders_per_s=2, messages_per_s=3, cancels_per_s=1)  # nearly everything waits for room
LIMITS: Final = st.sampled_from([FREE, TIGHT])


def _world(limits: RouterSettings = FREE) -> World:
    """One order at the broker, one being cancelled, one without an answer; the fourth may be approved on the way."""
    return World(RouterCore(limits), "order_router").given(*_opening())


def _opening() -> tuple[Event, ...]:
    """One order at the broker, one being cancelled, one without an answer."""
    approvals = (approved(n, deadline=30) for n in (1, 2, 3))
    return log_started(), opened(), *approvals, reported(OrderStatus.NEW, 1), reported(OrderStatus.NEW, 2), CancelApproved("ma:1:2", "ma")


@settings(max_examples=200, derandomize=True, deadline=None)
@given(STEPS, LIMITS)
def test_any_interleaving_is_survived_and_keeps_the_invariants(steps: list[tuple[Event, float]], limits: RouterSettings) -> None:
    w = _world(limits)
    for event, after in steps:
        w.when(event, after)
        _timers_move_on(w)

    sent = Counter(e.event.order_id for e in w.log if isinstance(e.event, OrderSending))
    booked = Counter((e.event.order_id, e.event.execution_id) for e in w.log if isinstance(e.event, OrderFilled))
    assert all(count == 1 for count in sent.values())
    assert all(count == 1 for count in booked.values())
    for order in w.core._state.orders.values():
        total = sum((f.quantity for f in order.executions.values() if not f.void), Decimal(0))
        assert order.record.filled == total


def _timers_move_on(w: World) -> None:
    """A timer that is honoured leads to something and is not due again at once."""
    due = w.core.next_timer()
    if due and due <= w.now:
        w.tick(0)
        assert not 0 < w.core.next_timer() <= w.now


@settings(max_examples=100, derandomize=True, deadline=None)
@given(STEPS, LIMITS)
def test_no_output_of_the_router_is_an_illegal_step(steps: list[tuple[Event, float]], limits: RouterSettings) -> None:
    w = _world(limits)
    fold = OrderFold()
    for event, after in steps:
        w.when(event, after)
    for e in w.log:
        made = fold.apply(e.event, e.ts_ns)
        assert made is None or made.verdict is not Verdict.ILLEGAL or e.source != "order_router", e.event


@settings(max_examples=80, derandomize=True, deadline=None)
@given(STEPS, st.integers(0, 40), LIMITS)
def test_a_core_restored_anywhere_goes_on_like_one_that_never_stopped(steps: list[tuple[Event, float]], at: int, limits: RouterSettings) -> None:
    goes_on_when_restored(lambda: _world(limits), limits, steps, at)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(STEPS, LIMITS)
def test_deciding_and_folding_at_once_is_deciding_and_then_folding(steps: list[tuple[Event, float]], limits: RouterSettings) -> None:
    decides_the_same_at_once(limits, [(LEASE, 0.0), *((e, 0.0) for e in _opening()), *steps])
