"""One logical order in parts: what becomes of the parts is told as its own fate; cancels, replaces and halts reach every part."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.order_router.core import RouterCore
from services.order_router.routing import Routing, Venue
from services.order_router.settings import RouterSettings
from shared.domain.order_fold import OrderFold
from shared.events import (
    Alert,
    BrokerOrderNotFound,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    CancelApproved,
    CancelSending,
    ErrorClass,
    Event,
    HaltRequested,
    LeaseGranted,
    Market,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderFilled,
    OrderHeld,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderSending,
    OrderSide,
    OrderStatus,
    OrderTerms,
    OrderType,
    OrderUnknown,
    ReplaceApproved,
    ReplaceRejected,
    ReplaceSending,
    RunStarted,
    Scope,
)
from shared.runtime.actor import state_hash
from tests.unit.order_router.world import ACCOUNT, LOG, SECOND, T0, World, executed, kinds, log_started, only, opened, reading, reported, row, terms

D = Decimal
PARENT = "ma:1:1"
SPLIT = Routing(venues=(Venue("lit", 0.6), Venue("mid", 0.4)), max_children=2)
MARKET = Market(9.99, 10.0, 10.0, D("10.5"), D("0.01"), D(1))


def world(routing: Routing | None = SPLIT, **settings: Any) -> World:
    core = RouterCore(RouterSettings(routing=routing, **settings))
    return World(core, "order_router").given(log_started(), LeaseGranted("order_router", "h", 1), RunStarted("order_router", 1, "f"), opened())


def approved(t: OrderTerms | None = None, *, market: Market | None = MARKET, deadline: float = 5.0, **group: Any) -> OrderApproved:
    return OrderApproved(PARENT, "ma", t or terms(), T0 + round(deadline * SECOND), 0, 10.0, T0, market=market, **group)


def name(k: int, replace: int = 0) -> str:
    return f"{LOG[:6]}-ma-1-1_{k}" + (f".{replace}" if replace else "")


def seen(k: int, status: OrderStatus = OrderStatus.NEW, quantity: int | None = None, **more: Any) -> Event:
    t = terms(quantity if quantity is not None else (60, 40)[k - 1])
    return reported(status, **{"client_id": name(k), "broker_id": f"P{k}", "t": t, **more})


def filled(k: int, quantity: object, eid: str = "", cumulative: object = 0) -> Event:
    return executed(quantity, eid=eid or f"E{k}", client_id=name(k), broker_id=f"P{k}", cumulative=cumulative)


def of_parent(events: list[Event]) -> list[str]:
    return [type(e).__name__ for e in events if getattr(e, "order_id", "") == PARENT]


def status(w: World, order_id: str = PARENT) -> OrderStatus:
    return w.core._state.orders[order_id].record.status  # type: ignore[attr-defined]


def accepted() -> World:
    return world().given(approved(), seen(1), seen(2))


def test_each_part_is_written_ahead_on_its_own_under_its_own_name() -> None:
    w = world()
    routed, *sent = w.when(approved())

    assert isinstance(routed, OrderRouted)
    assert [(c.order_id, c.terms.quantity, c.venue) for c in routed.children] == [(f"{PARENT}/1", 60, "lit"), (f"{PARENT}/2", 40, "mid")]
    assert [(e.order_id, e.client_order_id, e.terms.quantity, e.venue) for e in sent if isinstance(e, OrderSending)] == [
        (f"{PARENT}/1", name(1), 60, "lit"),
        (f"{PARENT}/2", name(2), 40, "mid"),
    ]


def test_without_routing_or_without_a_market_or_in_a_group_it_goes_as_it_is() -> None:
    for w, e in ((world(None), approved()), (world(), approved(market=None)), (world(), approved(group="g1"))):
        assert w.when(e) == [OrderSending(PARENT, "ma", f"{LOG[:6]}-ma-1-1", terms(), e.deadline_ns)]


def test_no_order_of_a_held_group_goes_in_parts_or_to_a_venue() -> None:
    w, leg = world(), {"group": PARENT, "group_size": 3}
    exits = [(n, role, terms(side=OrderSide.SELL, limit=limit)) for n, role, limit in ((2, "take_profit", "12"), (3, "stop_loss", "9"))]
    w.given(approved(group_role="entry", **leg))
    for n, role, t in exits:
        w.given(OrderApproved(f"ma:1:{n}", "ma", t, T0 + 5 * SECOND, 0, 10.0, T0, group_role=role, market=MARKET, **leg))
    w.given(reported(), executed(100, cumulative=100), reported(n=3, t=exits[1][2]))

    sent = [e.event for e in w.log if isinstance(e.event, OrderSending)]
    assert [(e.order_id, e.terms, e.venue) for e in sent] == [(PARENT, terms(), ""), ("ma:1:3", exits[1][2], ""), ("ma:1:2", exits[0][2], "")]
    assert not [e for e in w.log if isinstance(e.event, OrderRouted)]


def test_the_whole_is_accepted_once_filled_as_its_parts_are_and_done_with_the_last() -> None:
    w = world().given(approved())

    assert of_parent(w.when(seen(1))) == ["OrderAccepted"]
    assert of_parent(w.when(seen(2))) == []
    first = only(w.when(filled(1, 60)), OrderFilled)
    assert (first.order_id, first.child, first.cumulative, first.leaves, first.broker_order_id) == (PARENT, f"{PARENT}/1", 60, 40, "P1")
    assert status(w) is OrderStatus.PARTIALLY_FILLED
    assert status(w, f"{PARENT}/1") is OrderStatus.FILLED
    assert w.when(filled(1, 60)) == []  # told again: booked once
    last = only(w.when(filled(2, 40)), OrderFilled)
    assert (last.cumulative, last.leaves) == (100, 0)
    assert status(w) is OrderStatus.FILLED
    assert w.core.next_timer() == 0


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ((OrderStatus.CANCELLED, OrderStatus.CANCELLED), "OrderCanceled"),
        ((OrderStatus.EXPIRED, OrderStatus.EXPIRED), "OrderExpired"),
        ((OrderStatus.EXPIRED, OrderStatus.CANCELLED), "OrderCanceled"),
        ((OrderStatus.REJECTED, OrderStatus.CANCELLED), "OrderCanceled"),
        ((OrderStatus.CANCELLED, OrderStatus.REJECTED), "OrderCanceled"),
    ],
)
def test_it_ends_when_every_part_has(ends: tuple[OrderStatus, OrderStatus], told: str) -> None:
    w = accepted()

    assert of_parent(w.when(seen(1, ends[0]))) == []
    assert of_parent(w.when(seen(2, ends[1]))) == [told]


def refuse(k: int) -> Event:
    return BrokerRequestRefused(ACCOUNT, "router", "submit", name(k), ErrorClass.REJECTION, "403", "no")


def test_rejected_whole_is_rejected_rejected_in_part_is_cut_short() -> None:
    w = world().given(approved())
    assert of_parent(w.when(refuse(1))) == []
    assert only([e for e in w.when(refuse(2)) if e.order_id == PARENT], OrderRejected).text == "no"  # type: ignore[attr-defined]

    w = world().given(approved(), refuse(1), seen(2))
    assert only([e for e in w.when(filled(2, 40)) if isinstance(e, OrderCanceled)], OrderCanceled).filled == 40
    assert status(w) is OrderStatus.CANCELLED


def test_an_unknown_part_is_looked_up_and_never_sent_again() -> None:
    w = world().given(approved())
    out = w.when(BrokerRequestAmbiguous(ACCOUNT, "router", "submit", name(1), ErrorClass.TIMEOUT, "?"))

    assert kinds(out) == ["OrderUnknown", "OrderQuerySending", "OrderUnknown"]
    assert [e.order_id for e in out if isinstance(e, OrderUnknown)] == [f"{PARENT}/1", PARENT]
    w.given(seen(2), filled(2, 40))
    for attempt in range(1, 8):
        w.tick(20)
        w.when(BrokerOrderNotFound(ACCOUNT, "router", name(1), attempt))
    assert status(w) is OrderStatus.CANCELLED  # 40 done, the rest proven absent
    assert len([e for e in w.log if isinstance(e.event, OrderSending)]) == 2


def test_a_cancel_goes_to_every_part_and_the_whole_ends_with_the_last() -> None:
    w = accepted()

    out = w.when(CancelApproved(PARENT, "ma"))
    assert [e.order_id for e in out if isinstance(e, CancelSending)] == [f"{PARENT}/1", f"{PARENT}/2"]
    assert of_parent(w.when(seen(1, OrderStatus.CANCELLED))) == []
    assert of_parent(w.when(seen(2, OrderStatus.CANCELLED))) == ["OrderCanceled"]
    assert w.core.next_timer() == 0


@pytest.mark.parametrize("scope", [(Scope.GLOBAL, ""), (Scope.STRATEGY, "ma"), (Scope.SYMBOL, "AAPL")])
def test_a_halt_reaches_every_part(scope: tuple[Scope, str]) -> None:
    w = accepted()

    out = w.when(HaltRequested("c", "op", "why", *scope))
    assert [e.order_id for e in out if isinstance(e, CancelSending)] == [f"{PARENT}/1", f"{PARENT}/2"]


def test_a_halt_that_spares_what_works_spares_no_part_nobody_sent() -> None:
    w = world(Routing(venues=SPLIT.venues, max_children=2, sequential=True), halt_cancels_open=False).given(approved(deadline=60), seen(1))

    assert only(w.when(HaltRequested("c", "op", "why", Scope.GLOBAL, "")), OrderAbandoned).order_id == f"{PARENT}/2"
    assert not [e for e in w.log if isinstance(e.event, CancelSending)]
    assert of_parent(w.when(filled(1, 60))) == ["OrderFilled", "OrderCanceled"]


def replaced(quantity: int, limit: str = "10", no: int = 1) -> ReplaceApproved:
    return ReplaceApproved(PARENT, "ma", no, terms(quantity, limit=limit), T0 + 60 * SECOND, 0)


def sent_replaces(out: list[Event]) -> list[tuple[str, Decimal, Decimal | None]]:
    return [(e.client_order_id, e.terms.quantity, e.terms.limit_price) for e in out if isinstance(e, ReplaceSending)]


def test_a_new_price_goes_to_every_part_and_is_confirmed_when_all_have_it() -> None:
    w = accepted()

    assert sent_replaces(w.when(replaced(100, "11"))) == [(name(1, 1), 60, D(11)), (name(2, 1), 40, D(11))]
    assert of_parent(w.when(seen(1, client_id=name(1, 1), broker_id="P1b", t=terms(60, limit="11")))) == []
    told = w.when(seen(2, client_id=name(2, 1), broker_id="P2b", t=terms(40, limit="11")))
    assert only([e for e in told if e.order_id == PARENT], OrderReplaced).terms == terms(100, limit="11")  # type: ignore[attr-defined]


def test_more_goes_to_the_last_part_less_is_taken_from_the_last() -> None:
    w = accepted()
    assert sent_replaces(w.when(replaced(130))) == [(name(2, 1), 70, D(10))]

    w = accepted()
    assert sent_replaces(w.when(replaced(80))) == [(name(2, 1), 20, D(10))]

    w = accepted()
    out = w.when(replaced(50))  # more than the last has: it is cancelled
    assert sent_replaces(out) == [(name(1, 1), 50, D(10))]
    assert [e.order_id for e in out if isinstance(e, CancelSending)] == [f"{PARENT}/2"]
    w.given(seen(1, client_id=name(1, 1), broker_id="P1b", t=terms(50)))
    told = w.when(seen(2, OrderStatus.CANCELLED))
    assert [e.terms.quantity for e in told if isinstance(e, OrderReplaced)] == [50]


def test_a_fill_of_a_replaced_part_proves_the_replace_and_the_wholes_with_it_before_it_is_booked() -> None:
    w = accepted().given(filled(1, 60))
    w.when(replaced(130))
    out = w.when(executed(70, eid="E2", cumulative=70, client_id=name(2, 1), broker_id="P2b"))

    assert [(type(e), e.order_id) for e in out] == [(OrderReplaced, f"{PARENT}/2"), (OrderReplaced, PARENT), (OrderFilled, PARENT)]  # type: ignore[attr-defined]
    assert only([e for e in out[:2] if e.order_id == PARENT], OrderReplaced).terms == terms(130)  # type: ignore[attr-defined]
    assert (out[2].cumulative, out[2].leaves) == (130, 0)  # type: ignore[attr-defined]
    assert status(w) is status(w, f"{PARENT}/2") is OrderStatus.FILLED
    assert w.when(seen(2, client_id=name(2, 1), broker_id="P2b", t=terms(70), filled=70)) == []


def test_what_the_grown_part_fills_is_no_overfill_while_another_part_has_no_answer() -> None:
    w = accepted()
    w.when(replaced(130, "11"))
    w.given(filled(1, 60), executed(60, eid="E2", cumulative=60, client_id=name(2, 1), broker_id="P2b"))

    told = [e.event for e in w.log if isinstance(e.event, OrderReplaced | OrderFilled) and e.event.order_id == PARENT]
    assert [(type(e), e.terms.quantity if isinstance(e, OrderReplaced) else e.cumulative) for e in told] == [
        (OrderFilled, 60),
        (OrderReplaced, 130),
        (OrderFilled, 120),
    ]
    assert not [e for e in w.log if isinstance(e.event, Alert)]
    assert of_parent(w.when(executed(10, eid="E3", cumulative=70, client_id=name(2, 1), broker_id="P2b"))) == ["OrderFilled"]
    assert status(w) is OrderStatus.FILLED


def test_a_part_that_keeps_its_terms_is_counted_as_it_is() -> None:
    w = accepted()
    w.when(replaced(80, "11"))
    w.when(BrokerRequestRefused(ACCOUNT, "router", "replace", name(2, 1), ErrorClass.REJECTION, "x", "no", 1))
    told = w.when(seen(1, client_id=name(1, 1), broker_id="P1b", t=terms(60, limit="11")))

    assert [(e.terms.quantity, e.terms.limit_price) for e in told if isinstance(e, OrderReplaced) and e.order_id == PARENT] == [(100, D(11))]


def test_a_replace_nobody_took_is_refused_and_a_second_waits_for_the_first() -> None:
    w = accepted()
    w.when(replaced(100, "11"))
    assert only(w.when(replaced(100, "12", 2)), ReplaceRejected).code == "replace_in_flight"
    out = [
        e
        for k in (1, 2)
        for e in w.when(BrokerRequestRefused(ACCOUNT, "router", "replace", name(k, 1), ErrorClass.REJECTION, "x", "no", 1))
        if isinstance(e, ReplaceRejected)
    ]
    assert [(e.order_id, e.replace_no) for e in out] == [(f"{PARENT}/1", 1), (f"{PARENT}/2", 1), (PARENT, 1)]
    assert sent_replaces(w.when(replaced(100, "12", 3)))


def test_a_sequence_sends_each_part_when_the_one_before_is_done() -> None:
    w = world(Routing(venues=SPLIT.venues, max_children=2, sequential=True))

    assert [e.order_id for e in w.when(approved(deadline=60)) if isinstance(e, OrderSending)] == [f"{PARENT}/1"]
    assert not [e for e in w.when(seen(1)) if isinstance(e, OrderSending)]
    assert [e.order_id for e in w.when(filled(1, 60)) if isinstance(e, OrderSending)] == [f"{PARENT}/2"]
    w.given(seen(2))
    assert of_parent(w.when(filled(2, 40))) == ["OrderFilled"]
    assert status(w) is OrderStatus.FILLED


def test_a_part_whose_turn_comes_after_the_deadline_is_not_sent() -> None:
    w = world(Routing(venues=SPLIT.venues, max_children=2, sequential=True)).given(approved(deadline=5), seen(1))
    w.tick(10)
    out = w.when(filled(1, 60))

    assert only(out, OrderAbandoned).order_id == f"{PARENT}/2"
    assert only(out, OrderCanceled).filled == 60


def test_a_cancel_in_a_sequence_means_that_the_rest_is_never_sent() -> None:
    w = world(Routing(venues=SPLIT.venues, max_children=2, sequential=True)).given(approved(deadline=60), seen(1))
    out = w.when(CancelApproved(PARENT, "ma"))

    assert [e.order_id for e in out if isinstance(e, CancelSending)] == [f"{PARENT}/1"]
    assert only(out, OrderAbandoned).order_id == f"{PARENT}/2"
    assert of_parent(w.when(seen(1, OrderStatus.CANCELLED))) == ["OrderCanceled"]


def test_a_market_order_goes_as_a_patient_limit_and_keeps_its_own_terms() -> None:
    w = world(Routing(max_spread_bps=D(20)))
    t = OrderTerms("AAPL", OrderSide.BUY, OrderType.MARKET, D(100))

    sending = only(w.when(approved(t)), OrderSending)
    assert (sending.terms.type, sending.terms.limit_price, sending.order_id) == (OrderType.LIMIT, D("9.99"), f"{PARENT}/1")
    w.given(seen(1, quantity=100))
    w.when(filled(1, 100))
    assert status(w) is OrderStatus.FILLED
    assert w.core._state.orders[PARENT].record.terms == t  # type: ignore[attr-defined]


def test_a_successor_looks_up_every_part_and_sends_none_again() -> None:
    w = world().given(approved())
    fresh = RouterCore(RouterSettings(routing=SPLIT))
    fresh.restore(w.core.snapshot())
    assert state_hash(fresh) == state_hash(w.core)
    w.core = fresh
    out = w.when(LeaseGranted("order_router", "h2", 2))

    assert [e.client_order_id for e in out if type(e).__name__ == "OrderQuerySending"] == [name(1), name(2)]
    assert not [e for e in out if isinstance(e, OrderSending)]
    w.given(seen(1), seen(2), filled(1, 60), filled(2, 40))
    assert status(w) is OrderStatus.FILLED


def test_a_part_without_room_waits_and_the_whole_is_still_one_order() -> None:
    w = world(messages_per_s=4, cancels_per_s=2)
    out = w.when(approved(deadline=60))

    assert [e.order_id for e in out if isinstance(e, OrderHeld)] == [f"{PARENT}/2"]
    while w.core.next_timer() and len([e for e in w.log if isinstance(e.event, OrderSending)]) < 2:
        w.tick(max(0, w.core.next_timer() - w.now) / SECOND)
    assert [e.event.order_id for e in w.log if isinstance(e.event, OrderSending)] == [f"{PARENT}/1", f"{PARENT}/2"]


def test_everybody_else_folds_the_same_orders_and_a_reading_that_misses_nothing_asks_nothing() -> None:
    w = accepted().given(filled(1, 10, "E1", 10))
    fold = OrderFold()
    for e in w.log:
        fold.apply(e.event, e.ts_ns)

    records = {key: (r.status, r.filled, r.broker_order_id) for key, r in fold.orders.items()}
    assert records == {
        PARENT: (OrderStatus.PARTIALLY_FILLED, 10, ""),
        f"{PARENT}/1": (OrderStatus.PARTIALLY_FILLED, 10, "P1"),
        f"{PARENT}/2": (OrderStatus.NEW, 0, "P2"),
    }
    rows = [row(client_id=name(k), broker_id=f"P{k}", t=terms(q), filled=f) for k, q, f in ((1, 60, 10), (2, 40, 0))]
    w.tick(30)
    assert w.when(reading(orders=rows)) == []


def test_accepts_are_told_once_for_the_whole() -> None:
    w = accepted()

    assert [e.event.order_id for e in w.log if isinstance(e.event, OrderAccepted)] == [f"{PARENT}/1", PARENT, f"{PARENT}/2"]


def test_a_part_that_waits_for_room_is_sent_though_the_one_before_it_came_back_to_life() -> None:
    """Else it would hold up everything behind it in the queue."""
    bounds = {"orders_per_s": 2, "messages_per_s": 3, "cancels_per_s": 1}
    w = world(Routing(venues=SPLIT.venues, max_children=2, sequential=True), **bounds).given(approved(deadline=30))
    assert only(w.when(BrokerRequestNotSent(ACCOUNT, "router", "submit", name(1), "no permit")), OrderHeld).order_id == f"{PARENT}/2"
    assert only(w.when(seen(1)), CancelSending).order_id == f"{PARENT}/1"

    assert only(w.tick(1), OrderSending).order_id == f"{PARENT}/2"
