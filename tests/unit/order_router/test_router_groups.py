"""Brackets: exits held until the entry fills, in step with it, and ended with it; whatever dies meanwhile."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.order_router.core import RouterCore
from shared.events import (
    Alert,
    BrokerRequestRefused,
    CancelApproved,
    CancelSending,
    ErrorClass,
    HaltRequested,
    LeaseGranted,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    OrderSending,
    OrderStatus,
    ReplaceApproved,
    ReplaceRejected,
    ReplaceSending,
    RunStarted,
    Scope,
    TradingState,
    TradingStateChanged,
)
from shared.events.enums import Reason
from tests.unit.order_router.group_world import ENTRY, STOP, TARGET, at_broker, bracket, entered, filled, leg_terms, protected, world
from tests.unit.order_router.world import ACCOUNT, SECOND, World, client, executed, kinds, only, reported


def sent(events: list) -> list[tuple[str, Decimal]]:
    """(order, quantity) of every submission."""
    return [(e.order_id, e.terms.quantity) for e in events if isinstance(e, OrderSending)]


def resized(events: list) -> list[tuple[str, Decimal]]:
    return [(e.order_id, e.terms.quantity) for e in events if isinstance(e, ReplaceSending)]


def ended(events: list) -> list[str]:
    return [e.order_id for e in events if isinstance(e, OrderCanceled)]


def name(n: int, resize: int = 0) -> str:
    return client(n, replace=999 + resize if resize else 0)


def test_the_entry_alone_is_sent() -> None:
    w = world()
    entry, target, stop = bracket(w)

    assert sent(w.when(entry)) == [("ma:1:1", 100)]
    assert w.when(target) == []
    assert w.when(stop) == []


def test_the_fill_releases_the_stop_and_the_stop_the_target_in_one_group_of_the_broker() -> None:
    w = entered(world())

    stop = only(w.when(filled(100, ENTRY, "E1")), OrderSending)
    target = only(w.when(at_broker(STOP)), OrderSending)

    assert (stop.order_id, stop.terms, stop.group) == ("ma:1:3", leg_terms(STOP), "ma:1:1")
    assert (target.order_id, target.terms, target.group) == ("ma:1:2", leg_terms(TARGET), "ma:1:1")


def test_a_broker_without_such_groups_is_told_of_none() -> None:
    assert only(entered(world(oco=False)).when(filled(100, ENTRY, "E1")), OrderSending).group == ""


def test_the_time_of_a_held_approval_runs_from_its_release() -> None:
    w = entered(world())
    w.now += 3600 * SECOND

    stop = only(w.when(filled(100, ENTRY, "E1")), OrderSending)

    assert stop.deadline_ns == w.now + 5 * SECOND


def test_a_part_of_the_entry_releases_as_much_of_the_stop_and_more_is_replaced_in() -> None:
    w = entered(world())

    assert sent(w.when(filled(40, ENTRY, "E1"))) == [("ma:1:3", 40)]
    assert sent(w.when(at_broker(STOP, 40))) == []  # the target waits for the entry's end
    out = w.when(filled(60, ENTRY, "E2"))
    assert (resized(out), sent(out)) == ([("ma:1:3", 100)], [("ma:1:2", 100)])


def test_one_replace_at_a_time_and_the_newest_quantity_at_the_end() -> None:
    w = entered(world()).given(filled(40, ENTRY, "E1"), at_broker(STOP, 40))
    w.given(filled(30, ENTRY, "E2"))

    assert resized(w.when(filled(30, ENTRY, "E3"))) == []  # one is under way
    out = w.when(at_broker(STOP, 70, client_id=name(STOP, 1), broker_id="B3b"))
    assert resized(out) == [("ma:1:3", 100)]
    assert only(out, ReplaceSending).client_order_id == name(STOP, 2)


def test_without_replaces_the_exits_wait_for_the_end_of_the_entry() -> None:
    w = entered(world(replaces=False))

    assert sent(w.when(filled(40, ENTRY, "E1"))) == []
    out = w.when(reported(OrderStatus.CANCELLED, ENTRY, filled=40, t=leg_terms(ENTRY)))
    assert sent(out) == [("ma:1:3", 40)]


@pytest.mark.parametrize("end", [OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED])
def test_an_entry_that_ends_unfilled_ends_its_exits(end: OrderStatus) -> None:
    w = entered(world())

    out = w.when(reported(end, ENTRY, t=leg_terms(ENTRY), code="no"))

    assert ended(out)[-2:] == ["ma:1:3", "ma:1:2"]
    assert all("its group ended" in e.text for e in out if isinstance(e, OrderCanceled) and e.order_id != "ma:1:1")


def test_an_entry_that_is_never_sent_ends_its_exits() -> None:
    w = world(dry_run=True)
    entry, target, stop = bracket(w)

    assert kinds(w.when(entry)) == ["OrderAbandoned"]
    assert ended(w.when(target)) == ["ma:1:2"]
    assert ended(w.when(stop)) == ["ma:1:3"]


def test_an_entry_that_ends_half_filled_leaves_exits_for_the_half() -> None:
    w = entered(world()).given(filled(50, ENTRY, "E1"), at_broker(STOP, 50))

    out = w.when(reported(OrderStatus.EXPIRED, ENTRY, filled=50, t=leg_terms(ENTRY)))
    assert (kinds(out), sent(out)) == (["OrderExpired", "OrderSending"], [("ma:1:2", 50)])
    w.when(at_broker(TARGET, 50))
    assert w.tick(60) == []


def test_an_exit_that_fills_is_left_to_the_brokers_group() -> None:
    w = protected(world())

    assert kinds(w.when(filled(100, TARGET, "X1"))) == ["OrderFilled"]
    assert kinds(w.when(reported(OrderStatus.CANCELLED, STOP, t=leg_terms(STOP), text="oco"))) == ["OrderCanceled"]


def test_a_part_filled_exit_is_left_to_the_brokers_group_and_a_rest_it_did_not_fill_ends_it() -> None:
    w = protected(world())

    assert kinds(w.when(filled(30, STOP, "X1"))) == ["OrderFilled"]
    assert kinds(w.when(filled(70, TARGET, "X2"))) == ["OrderFilled"]
    assert kinds(w.when(reported(OrderStatus.CANCELLED, TARGET, filled=70, t=leg_terms(TARGET)))) == ["OrderCanceled"]
    assert kinds(w.when(reported(OrderStatus.CANCELLED, STOP, filled=30, t=leg_terms(STOP)))) == ["OrderCanceled"]


def test_without_such_groups_the_router_takes_the_other_exit_down_by_what_one_filled() -> None:
    w = protected(world(oco=False))

    assert resized(w.when(filled(30, TARGET, "X1"))) == [("ma:1:3", 70)]
    w.when(at_broker(STOP, 70, client_id=name(STOP, 1), broker_id="B3b"))
    assert only(w.when(filled(70, TARGET, "X2")), CancelSending).order_id == "ma:1:3"


def test_what_can_neither_spare_nor_be_replaced_is_cancelled_with_the_first_fill() -> None:
    w = protected(world(oco=False, replaces=False))

    assert only(w.when(filled(30, TARGET, "X1")), CancelSending).order_id == "ma:1:3"


def test_a_refused_reduction_cancels() -> None:
    w = protected(world(oco=False))
    w.given(filled(30, TARGET, "X1"))

    out = w.when(BrokerRequestRefused(ACCOUNT, "router", "replace", name(STOP, 1), ErrorClass.REJECTION, "no", "not now", 1000))

    assert kinds(out) == ["ReplaceRejected", "CancelSending"]


def test_a_refused_raise_is_asked_again_after_a_pause() -> None:
    w = entered(world()).given(filled(40, ENTRY, "E1"), at_broker(STOP, 40), filled(60, ENTRY, "E2"))

    out = w.when(BrokerRequestRefused(ACCOUNT, "router", "replace", name(STOP, 1), ErrorClass.RATE_LIMIT, "busy", "later", 1000))
    assert kinds(out) == ["ReplaceRejected"]
    w.now += 60 * SECOND
    assert resized(w.when(LeaseGranted("order_router", "h", 2)))[0] == ("ma:1:3", 100)


def test_a_stop_that_traded_before_the_broker_had_the_target_is_taken_off_it() -> None:
    """The broker's group spares the target only what happens once it is there."""
    w = entered(world()).given(filled(100, ENTRY, "E1"), at_broker(STOP))

    assert resized(w.when(filled(40, STOP, "X1"))) == []
    assert resized(w.when(at_broker(TARGET))) == [("ma:1:2", 60)]


def test_a_stop_that_filled_whole_while_the_target_was_under_way_takes_it_away() -> None:
    w = entered(world()).given(filled(100, ENTRY, "E1"), at_broker(STOP), filled(100, STOP, "X1"))

    assert only(w.when(at_broker(TARGET)), CancelSending).order_id == "ma:1:2"


def test_both_exits_filled_is_booked_and_alerted() -> None:
    w = protected(world(oco=False)).given(filled(100, TARGET, "X1"))

    out = w.when(filled(100, STOP, "X2"))

    assert kinds(out) == ["OrderFilled", "Alert"]
    assert only(out, Alert).key == "group_overfilled:ma:1:1:200"


def test_the_first_fill_of_an_exit_takes_the_rest_of_the_entry_back() -> None:
    w = entered(world()).given(filled(40, ENTRY, "E1"), at_broker(STOP, 40))

    assert only(w.when(filled(10, STOP, "X1")), CancelSending).order_id == "ma:1:1"


def test_what_the_entry_fills_after_its_stop_traded_has_the_target_and_is_alerted() -> None:
    w = entered(world()).given(filled(40, ENTRY, "E1"), at_broker(STOP, 40), filled(40, STOP, "X1"), filled(20, ENTRY, "E2"))

    out = w.when(reported(OrderStatus.CANCELLED, ENTRY, filled=60, t=leg_terms(ENTRY)))

    assert sent(out) == [("ma:1:2", 20)]
    assert only(out, Alert).key.startswith("no_stop:")


def test_a_late_fill_of_the_entry_raises_the_exits() -> None:
    w = entered(world()).given(filled(40, ENTRY, "E1"), reported(OrderStatus.CANCELLED, ENTRY, filled=40, t=leg_terms(ENTRY)))
    w.given(at_broker(STOP, 40), at_broker(TARGET, 40))

    assert resized(w.when(filled(60, ENTRY, "E2"))) == [("ma:1:3", 100), ("ma:1:2", 100)]


def test_what_the_entry_fills_after_the_exits_are_over_is_alerted_as_unprotected() -> None:
    w = entered(world()).given(filled(40, ENTRY, "E1"), reported(OrderStatus.CANCELLED, ENTRY, filled=40, t=leg_terms(ENTRY)))
    w.given(at_broker(STOP, 40), at_broker(TARGET, 40), filled(40, TARGET, "X1"))
    w.given(reported(OrderStatus.CANCELLED, STOP, t=leg_terms(STOP, 40)))

    out = w.when(filled(60, ENTRY, "E2"))

    alert = next(e for e in out if isinstance(e, Alert) and e.key.startswith("unprotected:"))
    assert alert.text.startswith("60 AAPL")


def test_a_stop_the_broker_rejects_is_alerted_and_the_target_still_goes() -> None:
    w = entered(world()).given(filled(100, ENTRY, "E1"))

    out = w.when(BrokerRequestRefused(ACCOUNT, "router", "submit", client(STOP), ErrorClass.REJECTION, "no", "not allowed"))

    assert kinds(out) == ["OrderRejected", "OrderSending", "Alert"]
    assert only(out, OrderRejected).order_id == "ma:1:3"
    assert only(out, Alert).key.startswith("no_stop:")


def test_while_the_fate_of_the_stop_is_unknown_the_target_waits() -> None:
    w = entered(world()).given(filled(100, ENTRY, "E1"))

    assert sent(w.tick(20)) == []  # no answer: unknown, looked up
    assert sent(w.when(at_broker(STOP))) == [("ma:1:2", 100)]


def test_a_busted_entry_takes_its_exits_away() -> None:
    w = protected(world())

    out = w.when(executed(0, ENTRY, eid="E1b", previous="E1", price=0))

    assert {e.order_id for e in out if isinstance(e, CancelSending)} == {"ma:1:2", "ma:1:3"}


def test_a_cancel_of_a_held_exit_ends_it_and_of_the_entry_all() -> None:
    w = entered(world())

    out = w.when(CancelApproved("ma:1:2", "ma"))
    assert kinds(out) == ["OrderCanceled"]
    assert "while it was held" in out[0].text
    assert kinds(w.when(CancelApproved("ma:1:1", "ma"))) == ["CancelSending"]
    assert ended(w.when(reported(OrderStatus.CANCELLED, ENTRY, t=leg_terms(ENTRY)))) == ["ma:1:1", "ma:1:3"]


@pytest.mark.parametrize("policy", [True, False])
@pytest.mark.parametrize(
    "halt",
    [
        HaltRequested("c1", "op", "drill", Scope.GLOBAL, ""),
        TradingStateChanged(Scope.STRATEGY, "ma", TradingState.HALTED, Reason.OPERATOR, "drill", 1),
        TradingStateChanged(Scope.SYMBOL, "AAPL", TradingState.HALTED, Reason.OPERATOR, "drill", 1),
    ],
)
def test_a_halt_ends_held_exits_whatever_it_does_with_working_orders(halt: object, policy: bool) -> None:
    w = entered(world(halt_cancels_open=policy))

    out = w.when(halt)

    assert ended(out) == ["ma:1:3", "ma:1:2"]
    assert ("CancelSending" in kinds(out)) is policy


def test_a_halt_of_another_scope_leaves_them() -> None:
    assert entered(world()).when(HaltRequested("c1", "op", "drill", Scope.SYMBOL, "MSFT")) == []


def test_a_strategys_new_price_keeps_the_groups_quantity() -> None:
    w = entered(world()).given(filled(40, ENTRY, "E1"), at_broker(STOP, 40))
    terms = leg_terms(STOP)

    sending = only(w.when(ReplaceApproved("ma:1:3", "ma", 1, terms, w.now + 5 * SECOND, 0)), ReplaceSending)

    assert (sending.client_order_id, sending.terms.quantity) == (client(STOP, replace=1), 40)


def test_a_replace_of_a_held_exit_is_refused() -> None:
    w = entered(world())

    out = w.when(ReplaceApproved("ma:1:3", "ma", 1, leg_terms(STOP), w.now + 5 * SECOND, 0))

    assert only(out, ReplaceRejected).code == "not_working"


def test_expiry_of_the_exits_at_the_close_is_theirs() -> None:
    w = protected(world())

    out = w.when(reported(OrderStatus.EXPIRED, STOP, t=leg_terms(STOP)))

    assert only(out, OrderExpired).order_id == "ma:1:3"
    assert [e for e in out if isinstance(e, Alert)] == []


# who comes after


def successor(w: World) -> World:
    """A new process of the router with the snapshot of this one, its lease and its run."""
    again = World(RouterCore(w.core._settings), "order_router")
    again.core.restore(w.core.snapshot())
    again.seq, again.now = w.seq, w.now + 3600 * SECOND
    return again


def test_a_successor_releases_what_its_predecessor_had_booked_and_not_released() -> None:
    """Killed between the fill and the stop's write-ahead, under other settings: the fold knows the fill, nobody sent the stop."""
    w = entered(world())
    book, _stop = w.core.decide(_envelope(w, filled(100, ENTRY, "E1")))
    for event in (filled(100, ENTRY, "E1"), book):
        w.core.apply(_envelope(w, event))
    again = successor(w)

    out = [*again.when(LeaseGranted("order_router", "h2", 2)), *again.when(RunStarted("order_router", 2, "f"))]

    assert sent(out) == [("ma:1:3", 100)]
    assert only(out, OrderSending).deadline_ns > again.now


def test_a_successor_keeps_holding() -> None:
    again = successor(entered(world()))

    out = [*again.when(LeaseGranted("order_router", "h2", 2)), *again.when(RunStarted("order_router", 2, "f"))]

    assert sent(out) == []
    assert sent(again.when(filled(100, ENTRY, "E1"))) == [("ma:1:3", 100)]


def _envelope(w: World, event: object) -> object:
    from shared.events import Envelope

    return Envelope(w.seq + 1, w.now, event.topic, "test", 1, w.seq + 1, 0, 1, event)
