"""The exit of a stop that is met: one at a time, never through zero, whatever goes wrong on the way out."""

from __future__ import annotations

from decimal import Decimal as D

from shared.events import (
    Alert,
    CancelApproved,
    OrderApproved,
    OrderCanceled,
    OrderRejected,
    OrderUnknown,
    Reason,
    ReduceRequested,
    Scope,
)
from tests.support.risk_desk import SELL, reason

from .guarded import approval, at, exits, guarded


def test_each_strategy_and_symbol_is_closed_for_itself() -> None:
    desk = guarded(100)
    desk.hold(30, strategy="b", price=90)
    desk.hold(40, symbol="Y", price=50)
    assert exits(at(desk, 95.0)) == [("risk:1:1", "a", SELL, D(100))]
    assert exits(at(desk, 85.5)) == [("risk:1:2", "b", SELL, D(30))]
    assert exits(desk.quote("Y", 47.5, 47.6)) == [("risk:1:3", "a", SELL, D(40))]


def test_two_books_met_by_one_datum_go_out_together() -> None:
    desk = guarded(100)
    desk.hold(30, strategy="b", price=100)
    assert exits(at(desk, 90.0)) == [("risk:1:1", "a", SELL, D(100)), ("risk:1:2", "b", SELL, D(30))]


def test_fills_are_the_strategys_own_and_the_book_is_flat_after() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    assert desk.fill(order, price=94) == []
    ledger = desk.core._desk.ledger
    assert (ledger.quantity("a", "X"), ledger.books["a"].realised) == (0, D(-600))
    assert desk.core._desk.protective.guards == {}
    assert reason(desk.buy(10)) is None


def test_one_exit_at_a_time_known_or_not() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    desk.tell(OrderUnknown(order.order_id, "a", "time-out"), "order_router")
    assert at(desk, 90.0) == at(desk, 99.0) == at(desk, 80.0) == []


def test_after_a_partial_fill_the_rest() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    assert desk.fill(order, 60, price=94) == []
    assert exits(desk.tell(OrderCanceled(order.order_id, "a", D(60)), "order_router")) == [("risk:1:2", "a", SELL, D(40))]


def test_an_exit_that_came_to_nothing_alarms_and_is_tried_again_later() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    [alert] = desk.tell(OrderRejected(order.order_id, "a", "c", "t"), "order_router")
    assert isinstance(alert, Alert)
    assert desk.wait(28_000).quote("X", 99.0, 99.0) == []
    assert exits(desk.wait(2_000).quote("X", 99.0, 99.0)) == [("risk:1:2", "a", SELL, D(100))]  # once met it stays met


def test_working_orders_go_and_what_they_may_not_close_is_closed_at_once() -> None:
    desk = guarded(100, short_allowed=False)
    profit, more = desk.sell(60, 120), desk.buy(10, 90)
    other = desk.buy(10, 90, strategy="b")
    told = at(desk, 94.0)
    assert [e for e in told if isinstance(e, CancelApproved)] == [
        CancelApproved(o.order_id, "a", Reason.STOP_LOSS) for o in (profit, more) if isinstance(o, OrderApproved)
    ]
    assert exits(told) == [("risk:1:1", "a", SELL, D(40))]
    assert exits(desk.cancel(more)) == exits(desk.cancel(other)) == []
    assert exits(desk.fill(approval(told), price=94)) == []
    assert exits(desk.cancel(profit)) == [("risk:1:2", "a", SELL, D(60))]


def test_what_a_cancel_sets_free_waits_for_the_exit_that_works() -> None:
    """Two exits at once would each be thought the only one."""
    desk = guarded()
    closing = desk.sell(30, 120)
    first = approval(at(desk, 90.0))
    assert first.terms.quantity == 70
    assert exits(desk.cancel(closing)) == []
    assert exits(desk.fill(first, price=90)) == [("risk:1:2", "a", SELL, D(30))]


def test_a_sale_that_beats_its_cancel_is_not_closed_twice() -> None:
    desk = guarded(100)
    profit = desk.sell(60, 120)
    order = approval(at(desk, 94.0))
    assert exits(desk.fill(profit, price=120)) == []
    desk.fill(order, price=94)
    assert desk.core._desk.ledger.net("X") == 0


def test_a_holding_turned_over_by_an_order_already_working_is_another_holding() -> None:
    desk = guarded(-10)
    turn = desk.buy(36)
    at(desk, 105.0)
    assert exits(desk.fill(turn, 20, price=105)) == []
    assert exits(at(desk, 100.0)) == []
    assert exits(at(desk, 99.75)) == [("risk:1:1", "a", SELL, D(10))]


def test_the_strategy_neither_adds_nor_closes_meanwhile() -> None:
    desk = guarded(100)
    at(desk, 94.0)
    answer = desk.sell(100)
    assert reason(answer) is reason(desk.buy(1)) is Reason.EXIT_WORKING
    assert (answer.key, answer.value) == ("stop_loss", "risk:1:1")  # type: ignore[attr-defined]
    assert reason(desk.buy(1, symbol="Y")) is reason(desk.buy(1, strategy="b")) is None


def test_never_through_the_accounts_zero_where_it_may_not_be_short() -> None:
    desk = guarded(100, short_allowed=True)
    desk.hold(-70, strategy="b")
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(100))]  # shorts are allowed: b's short remains
    desk = guarded(100, short_allowed=True)
    desk.hold(-70, strategy="b")
    desk.tell(ReduceRequested("c", "ann", "r", Scope.GLOBAL, ""))
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(30))]
