"""Room under the broker's limits: what finds none waits, cancels pass, nothing is lost or sent twice, and no second holds more than the bound."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from services.order_router.throttle import RECOVERY_NS
from shared.brokers.budget import Budget, budget
from shared.brokers.contract import Capabilities
from shared.brokers.pacing import Pacer
from shared.events import (
    BrokerQueryFailed,
    BrokerRequestAmbiguous,
    BrokerRequestRefused,
    CancelApproved,
    CancelSending,
    ErrorClass,
    Event,
    HaltRequested,
    LeaseGranted,
    OrderAbandoned,
    OrderHeld,
    OrderQuerySending,
    OrderSending,
    OrderStatus,
    ReplaceApproved,
    ReplaceRejected,
    ReplaceSending,
    RunStarted,
    Scope,
)
from shared.runtime.actor import state_hash
from tests.unit.order_router.world import ACCOUNT, SECOND, T0, World, approved, client, kinds, log_started, only, opened, reported, terms

HALT = HaltRequested("c", "op", "why", Scope.GLOBAL, "")


def world(messages: int = 8, cancels: int = 4, orders: int = 0, **settings: object) -> World:
    core = RouterCore(RouterSettings(orders_per_s=orders, messages_per_s=messages, cancels_per_s=cancels, **settings))
    return World(core, "order_router").given(log_started(), LeaseGranted("order_router", "h", 1), RunStarted("order_router", 1, "f"), opened())


def working(n: int, messages: int = 40, cancels: int = 20) -> World:
    """So many orders at the broker, and time enough since then for the buckets to be full."""
    w = world(messages, cancels)
    for i in range(1, n + 1):
        w.tick(1)
        w.given(approved(i, deadline=n + 60), reported(OrderStatus.NEW, i))
    w.tick(60)
    return w


def run(w: World, until: float = 120.0) -> list[Event]:
    """Let every timer come when it is due, for so many seconds; what followed."""
    end, out = w.now + round(until * SECOND), []
    while 0 < (due := w.core.next_timer()) <= end:
        before = len(w.log)
        out += w.tick(max(0, due - w.now) / SECOND)
        assert len(w.log) > before + 1, "a timer that leads to nothing"
    return out


def sent_ns(w: World, *types: type[Event]) -> list[int]:
    return [e.ts_ns for e in w.log if isinstance(e.event, types) and e.source == "order_router"]


def fullest_second(times: list[int]) -> int:
    return max((sum(1 for t in times if start <= t < start + SECOND) for start in times), default=0)


def test_an_order_without_room_waits_and_goes_as_approved_when_there_is() -> None:
    w = world(messages=8, cancels=4)  # four a second for orders, one at once

    assert kinds(w.when(approved(1))) == ["OrderSending"]
    assert w.when(approved(2)) == [OrderHeld("ma:1:2", "ma", "submit")]
    later = run(w, 5)

    assert type(later[0]) is OrderSending
    assert (later[0].client_order_id, later[0].terms) == (client(2), terms())
    assert Counter(e.event.order_id for e in w.log if isinstance(e.event, OrderSending)) == {"ma:1:1": 1, "ma:1:2": 1}


def test_what_waits_goes_in_its_order_and_a_newcomer_does_not_overtake() -> None:
    w = world()
    for n in range(1, 5):
        w.when(approved(n, deadline=60))
    w.tick(0.3)
    w.when(approved(5, deadline=60))
    run(w, 10)

    assert [e.event.order_id for e in w.log if isinstance(e.event, OrderSending)] == [f"ma:1:{n}" for n in range(1, 6)]


def test_no_second_sees_more_than_the_bound_and_all_is_used() -> None:
    w = world(messages=40, cancels=20, orders=12)
    for n in range(1, 61):
        w.when(approved(n, deadline=100), 0.02)
    run(w, 30)

    times = sent_ns(w, OrderSending)
    assert len(times) == 60
    assert fullest_second(times) <= 12
    assert times[-1] - times[0] < 8 * SECOND


def test_what_waits_past_its_deadline_is_abandoned_and_says_so() -> None:
    w = world(messages=2, cancels=1)  # one a second
    for n in range(1, 5):
        w.when(approved(n, deadline=2.5))
    out = run(w, 30)

    assert [e.order_id for e in out if isinstance(e, OrderSending)] == ["ma:1:2", "ma:1:3"]
    assert [(e.order_id, e.text) for e in out if isinstance(e, OrderAbandoned)] == [("ma:1:4", "past its deadline")]
    assert not w.core._state.held


def test_cancels_pass_when_orders_have_used_everything_else() -> None:
    w = working(6)
    for n in range(7, 40):
        w.when(approved(n, deadline=300))

    assert only(w.when(CancelApproved("ma:1:1", "ma")), CancelSending).order_id == "ma:1:1"
    assert only(w.when(CancelApproved("ma:1:2", "ma")), CancelSending).order_id == "ma:1:2"


def test_a_halt_with_two_hundred_working_orders_sends_cancels_first_and_within_the_budget() -> None:
    w = working(200)
    for n in range(201, 231):
        w.when(approved(n, deadline=900))  # some of these are sent, most wait
    waiting = len(w.core._state.held)
    assert waiting > 5

    at_once = w.when(HALT)
    halted_at = w.now
    out = [*at_once, *run(w, 14)]

    assert len([e for e in at_once if isinstance(e, CancelSending)]) >= 5  # a quarter of the reserve
    assert len([e for e in at_once if isinstance(e, OrderAbandoned)]) == waiting  # what waited is never sent
    assert not [e for e in out if isinstance(e, OrderSending)]
    cancelled = [e.order_id for e in out if isinstance(e, CancelSending)]
    assert len(cancelled) == len(set(cancelled)) == 200
    assert fullest_second(sent_ns(w, CancelSending, OrderSending, OrderQuerySending)) <= 40
    times = [t for t in sent_ns(w, CancelSending) if t >= halted_at]
    assert times[-1] - halted_at < 10 * SECOND  # the whole of the router's share, not only the reserve
    assert not w.core._state.held_cancels


def test_a_cancel_of_what_waits_means_that_it_is_never_sent() -> None:
    w = world()
    w.given(approved(1), approved(2))

    assert only(w.when(CancelApproved("ma:1:2", "ma")), OrderAbandoned).text == "cancelled before it was sent"
    assert not [e for e in run(w, 5) if isinstance(e, OrderSending)]


def test_a_replace_waits_and_is_answered_whatever_happens() -> None:
    w = world(messages=4, cancels=2)
    w.given(approved(1), reported(OrderStatus.NEW, 1), approved(2, deadline=60))
    asked = ReplaceApproved("ma:1:1", "ma", 1, terms(150), T0 + 60 * SECOND, 0)

    assert w.when(asked) == [OrderHeld("ma:1:1", "ma", "replace")]
    second = ReplaceApproved("ma:1:1", "ma", 2, terms(160), T0 + 60 * SECOND, 0)
    assert only(w.when(second), ReplaceRejected).code == "replace_in_flight"
    sent = [e for e in run(w, 9) if isinstance(e, ReplaceSending)]
    assert [(e.replace_no, e.terms.quantity) for e in sent] == [(1, 150)]

    w.given(reported(OrderStatus.NEW, client_id=client(1, replace=1), broker_id="B1b", t=terms(150)))
    w.when(approved(3, deadline=60))
    w.when(ReplaceApproved("ma:1:1", "ma", 3, terms(170), T0 + 60 * SECOND, 0))
    w.when(reported(OrderStatus.CANCELLED, client_id=client(1, replace=1), broker_id="B1b", t=terms(150)))
    assert [e.replace_no for e in run(w, 9) if isinstance(e, ReplaceRejected)] == [3]


def test_a_look_up_without_room_waits_and_is_asked() -> None:
    w = world(messages=2, cancels=1)
    w.given(approved(1))

    out = w.when(BrokerRequestAmbiguous(ACCOUNT, "router", "submit", client(1), ErrorClass.TIMEOUT, ""))
    assert kinds(out) == ["OrderUnknown", "OrderHeld"]
    assert [e.client_order_id for e in run(w, 2) if isinstance(e, OrderQuerySending)] == [client(1)]


@pytest.mark.parametrize(
    "told",
    [
        BrokerRequestRefused(ACCOUNT, "router", "cancel", client(1), ErrorClass.RATE_LIMIT, "429", "slow down"),
        BrokerQueryFailed(ACCOUNT, "reconciler", "orders", "1", ErrorClass.RATE_LIMIT, "slow down"),
    ],
)
def test_a_refusal_for_the_rate_slows_the_pace_and_it_comes_back(told: Event) -> None:
    def gap(w: World, first: int) -> float:
        """Seconds until the second of two more orders has gone."""
        began = w.now
        w.given(approved(first, deadline=900), approved(first + 1, deadline=900))
        run(w, 10)
        w.given(*(reported(OrderStatus.NEW, n) for n in (first, first + 1)))  # nothing left to ask about
        return (sent_ns(w, OrderSending)[-1] - began) / SECOND

    plain, slowed = world(), world()
    for w in (plain, slowed):
        w.tick(10)
        w.given(approved(1, deadline=900), reported(OrderStatus.NEW, 1))
    slowed.given(told)

    assert gap(slowed, 2) > 1.9 * gap(plain, 2)
    slowed.tick(2 * RECOVERY_NS / SECOND)
    plain.tick(2 * RECOVERY_NS / SECOND)
    assert gap(slowed, 4) == gap(plain, 4) < 1


def test_what_waits_survives_a_restart_and_a_successor() -> None:
    w = world()
    for n in range(1, 5):
        w.when(approved(n, deadline=60))
    fresh = RouterCore(RouterSettings(messages_per_s=8, cancels_per_s=4))
    fresh.restore(w.core.snapshot())
    assert state_hash(fresh) == state_hash(w.core)
    assert fresh.next_timer() == w.core.next_timer()
    w.core = fresh
    w.when(LeaseGranted("order_router", "h2", 2))
    run(w, 10)

    counts = Counter(e.event.order_id for e in w.log if isinstance(e.event, OrderSending))
    assert counts == {f"ma:1:{n}": 1 for n in range(1, 5)}


def test_without_a_bound_nothing_waits() -> None:
    w = world(messages=0, cancels=0)

    assert [type(w.when(approved(n))[0]) for n in range(1, 300)] == [OrderSending] * 299


# Who may ask how often.


def able(messages: int = 0, orders: int = 0) -> Capabilities:
    return Capabilities("x", ("equity",), {}, max_messages_per_second=messages, max_orders_per_second=orders)


@pytest.mark.parametrize(
    ("messages", "options", "feed", "shares"),
    [
        (0, {}, False, Budget()),
        (100, {}, False, Budget(90, 20, 0, 10)),
        (100, {"msgs_per_s_max": 50}, False, Budget(45, 20, 0, 5)),
        (50, {"msgs_per_s_max": 100}, False, Budget(45, 20, 0, 5)),
        (0, {"msgs_per_s_max": 10}, False, Budget(9, 4, 0, 1)),
        (45, {}, True, Budget(37, 18, 0, 4, 4)),
        (3, {}, False, Budget(2, 1, 0, 1)),
        (30, {"reconcile_msgs_per_s": 29}, False, Budget(20, 10, 0, 10)),
    ],
)
def test_the_shares_add_up_to_the_account_s_bound(messages: int, options: dict[str, int], feed: bool, shares: Budget) -> None:
    found = budget(able(messages), options, 20, broker_feed=feed)

    assert found == shares
    bounds = [b for b in (messages, options.get("msgs_per_s_max", 0)) if b]
    if bounds:
        assert found.router + found.reconciler + found.gateway == min(bounds)


def test_a_pacer_lets_no_second_hold_more_than_its_bound() -> None:
    clock = [100.0]
    times: list[float] = []
    pacer = Pacer(7, lambda: clock[0], lambda s: clock.__setitem__(0, clock[0] + s))
    for i in range(60):
        clock[0] += 0.9 if i == 20 else 0.0
        pacer.wait()
        times.append(clock[0])

    assert max(sum(1 for t in times if start <= t < start + 1 - 1e-9) for start in times) <= 7
    assert Decimal(times[-1] - times[0]) < 11
    Pacer(0, lambda: clock[0], lambda _s: pytest.fail("no bound, no wait")).wait(100)
