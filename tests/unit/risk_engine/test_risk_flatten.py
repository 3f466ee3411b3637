"""Cancels on command and flatten: in every state, never through zero, whatever fills meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D

import pytest

from shared.events import (
    Alert,
    BusStarted,
    CancelApproved,
    CancelRequested,
    Event,
    ExternalOrderSeen,
    FlattenRequested,
    HaltRequested,
    HoldingAssigned,
    OrderApproved,
    OrderFilled,
    OrderRejected,
    OrderSide,
    OrderTerms,
    OrderType,
    Reason,
    ReduceRequested,
    RunStarted,
    Scope,
)
from tests.support.risk_desk import BUY, SELL, RiskDesk

ALL = FlattenRequested("c", "ann", "home", "")
X = FlattenRequested("c", "ann", "home", "X")


def closings(outputs: list[Event]) -> list[tuple[str, str, OrderSide, D]]:
    found = [event for event in outputs if isinstance(event, OrderApproved)]
    assert all(event.strategy == "risk" and event.terms.type is OrderType.MARKET for event in found)
    return [(event.order_id, event.terms.symbol, event.terms.side, event.terms.quantity) for event in found]


def approval(outputs: list[Event]) -> OrderApproved:
    [found] = [event for event in outputs if isinstance(event, OrderApproved)]
    return found


def test_every_holding_is_closed_at_market_by_orders_of_our_own() -> None:
    desk = RiskDesk()
    desk.hold(100)
    desk.hold(-30, symbol="Y", strategy="b", price=50)
    assert closings(desk.tell(ALL)) == [("risk:1:1", "X", SELL, D(100)), ("risk:1:2", "Y", BUY, D(30))]


@pytest.mark.parametrize(
    "state", [HaltRequested("c", "ann", "r", Scope.GLOBAL, ""), ReduceRequested("c", "ann", "r", Scope.GLOBAL, ""), BusStarted(2, 0)]
)
def test_in_every_trading_state_and_with_its_halt_epoch(state: Event) -> None:
    desk = RiskDesk()
    desk.hold(100)
    desk.tell(state)
    told = desk.tell(X)
    assert closings(told) == [("risk:1:1", "X", SELL, D(100))]
    assert approval(told).halt_epoch == (1 if isinstance(state, HaltRequested) else 0)


def test_above_every_limit_and_without_a_price() -> None:
    desk = RiskDesk(order_qty_max=0, msgs_per_s_max=1, ready=False)
    desk.tell(ExternalOrderSeen("ext:1", "external", "1", OrderTerms("X", BUY, OrderType.MARKET, D(5)), D(0), working=True))
    desk.tell(OrderFilled("ext:1", "external", "X", BUY, D(5), D(100), D(0), "USD", "e", "1", D(5), D(0), 0))
    told = desk.tell(X)
    assert closings(told) == [("risk:1:1", "X", SELL, D(5))]
    assert (approval(told).reference, approval(told).reference_ns) == (0.0, 0)


def test_what_works_is_canceled_and_only_the_sure_part_closed_at_once() -> None:
    desk = RiskDesk()
    desk.hold(100)
    profit, more = desk.sell(60, 110), desk.buy(10, 90)
    told = desk.tell(X)
    assert told[:2] == [CancelApproved("a:1:2", "a", Reason.OPERATOR), CancelApproved("a:1:3", "a", Reason.OPERATOR)]
    assert closings(told) == [("risk:1:1", "X", SELL, D(40))]
    assert closings(desk.cancel(more)) == []
    assert closings(desk.cancel(profit)) == [("risk:1:2", "X", SELL, D(60))]


def test_a_fill_that_beats_its_cancel_is_not_closed_twice() -> None:
    desk = RiskDesk()
    desk.hold(100)
    profit = desk.sell(60, 110)
    first = approval(desk.tell(X))
    assert closings(desk.fill(profit)) == []
    desk.fill(first)
    assert desk.core._desk.ledger.net("X") == 0


def test_a_purchase_that_beats_its_cancel_is_closed_too() -> None:
    desk = RiskDesk()
    desk.hold(100)
    more = desk.buy(10, 90)
    desk.tell(X)
    assert closings(desk.fill(more)) == [("risk:1:2", "X", SELL, D(10))]


def test_flatten_twice_closes_once() -> None:
    desk = RiskDesk()
    desk.hold(100)
    desk.tell(X)
    assert desk.tell(X) == []


def test_a_closing_order_that_fails_alarms_and_is_not_tried_again() -> None:
    desk = RiskDesk()
    desk.hold(100)
    order = approval(desk.tell(X))
    [alert] = desk.tell(OrderRejected(order.order_id, "risk", "c", "closed"), "order_router")
    assert isinstance(alert, Alert)
    assert closings(desk.tell(X)) == [("risk:1:2", "X", SELL, D(100))]


def test_one_too_late_is_closed_anew_though_another_failed() -> None:
    desk = RiskDesk()
    desk.hold(100)
    profit = desk.sell(60, 110)
    first = approval(desk.tell(X))
    second = approval(desk.cancel(profit))
    [alert] = desk.tell(OrderRejected(first.order_id, "risk", "c", "closed"), "order_router")
    assert isinstance(alert, Alert)
    assert closings(desk.tell(X)) == [("risk:1:3", "X", SELL, D(40))]
    assert closings(desk.wait(desk.settings.deadline_ms + 1).abandon(second)) == [("risk:1:4", "X", SELL, D(60))]


@pytest.mark.parametrize("end", [RiskDesk.cancel, RiskDesk.abandon])
def test_what_a_halt_takes_is_closed_anew_and_what_ends_in_that_halt_is_not(end: Callable[[RiskDesk, OrderApproved], list[Event]]) -> None:
    """The router cancels all that was approved before a halt, or abandons what it had not sent."""
    desk = RiskDesk()
    desk.hold(100)
    order = approval(desk.tell(X))
    desk.tell(HaltRequested("c", "ann", "r", Scope.GLOBAL, ""))
    told = end(desk, order)
    assert closings(told) == [("risk:1:2", "X", SELL, D(100))]
    assert approval(told).halt_epoch == 1
    desk.core = desk.restarted()
    [alert] = end(desk, approval(told))
    assert isinstance(alert, Alert)


def test_once_flat_a_symbol_trades_again_freely() -> None:
    desk = RiskDesk()
    desk.hold(100)
    desk.fill(approval(desk.tell(X)))
    desk.hold(10)
    assert desk.core._desk.flattening.state.symbols == {}


def test_a_closing_fill_is_given_to_the_books_whose_holding_it_closed() -> None:
    desk = RiskDesk()
    desk.hold(100, strategy="a")
    desk.hold(50, strategy="b")
    order = approval(desk.tell(X))
    assert desk.fill(order, 120, price=98) == [HoldingAssigned("X", "a", D(-100), D(98)), HoldingAssigned("X", "b", D(-20), D(98))]
    assert desk.fill(order, 30, price=97, leaves=0) == [HoldingAssigned("X", "b", D(-30), D(97))]
    ledger = desk.core._desk.ledger
    assert [ledger.quantity(book, "X") for book in ("", "a", "b")] == [0, 0, 0]
    assert ledger.books["a"].realised == D(-200)


def test_numbers_start_anew_with_a_run_and_go_on_after_a_restart() -> None:
    desk = RiskDesk()
    desk.hold(100)
    approval(desk.tell(X))
    desk.core = desk.restarted()
    desk.hold(5, symbol="Y")
    assert closings(desk.tell(ALL)) == [("risk:1:2", "Y", SELL, D(5))]
    desk.tell(RunStarted("risk_engine", 2, "g"))
    desk.tell(ExternalOrderSeen("ext:1", "external", "1", OrderTerms("Z", BUY, OrderType.MARKET, D(5)), D(0), working=True))
    desk.tell(OrderFilled("ext:1", "external", "Z", BUY, D(5), D(1), D(0), "USD", "e", "1", D(5), D(0), 0))
    assert closings(desk.tell(ALL)) == [("risk:2:1", "Z", SELL, D(5))]


def test_one_cancel_or_all_of_them() -> None:
    desk = RiskDesk()
    for n in range(12):
        desk.buy(1, 90 + n / 100)
    assert desk.tell(CancelRequested("c", "ann", "r", "a:1:3")) == [CancelApproved("a:1:3", "a", Reason.OPERATOR)]
    assert desk.tell(CancelRequested("c", "ann", "r", "a:9:9")) == []
    told = desk.tell(CancelRequested("c", "ann", "r", ""))
    assert told == [CancelApproved(f"a:1:{n}", "a", Reason.OPERATOR) for n in range(1, 13)]


def test_a_market_that_never_closes_gets_good_till_canceled() -> None:
    desk = RiskDesk()
    desk.hold(1)
    assert approval(desk.tell(X)).terms.tif.value == "gtc"
