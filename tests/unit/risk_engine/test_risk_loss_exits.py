"""`loss_flattens`: what a loss limit stops is closed, whatever else happens on the way. In whole engines: `tests/unit/risk_matrix/test_risk_drills.py`."""

from __future__ import annotations

from decimal import Decimal

from shared.events import (
    CancelApproved,
    CorporateAction,
    DayEnded,
    Event,
    InstrumentLocked,
    InstrumentUnlocked,
    OrderApproved,
    OrderFilled,
    OrderRejected,
    OrderSide,
    Reason,
    ResumeRequested,
    Scope,
)
from tests.support.risk_desk import RiskDesk, reason

LOSS = {"stops": {"loss": True}, "day_loss_max": 1_000}
RESUME = ResumeRequested("c", "ann", "seen", Scope.GLOBAL, "")


def exits(outputs: list[Event]) -> list[tuple[str, str, OrderSide, Decimal]]:
    return [(e.strategy, e.terms.symbol, e.terms.side, e.terms.quantity) for e in outputs if isinstance(e, OrderApproved)]


def cancels(outputs: list[Event]) -> list[tuple[str, Reason]]:
    return [(e.order_id, e.reason) for e in outputs if isinstance(e, CancelApproved)]


def holding(**limits: object) -> RiskDesk:
    """a is long 100 of X, b short 100 of Y."""
    desk = RiskDesk(cash="100000", **{**LOSS, **limits})
    desk.hold(100, price=101)
    desk.hold(-100, "Y", "b", price=49)
    return desk


A_SELLS = ("a", "X", OrderSide.SELL, Decimal(100))
B_BUYS = ("b", "Y", OrderSide.BUY, Decimal(100))


def test_the_accounts_limit_closes_every_strategy_in_the_event_that_met_it() -> None:
    desk = holding()
    assert exits(desk.quote("X", 90.0, 92.0)) == [A_SELLS, B_BUYS]
    assert exits(desk.wait(1).quote("X", 80.0, 82.0)) == []  # they work


def test_a_strategys_limit_closes_its_own_and_cancels_its_own() -> None:
    desk = holding(day_loss_max=None, strategy_day_loss_max=1_000)
    own, other = desk.buy(1, 50), desk.buy(1, 30, symbol="Y", strategy="b")
    told = desk.quote("X", 90.0, 92.0)
    assert exits(told) == [A_SELLS]
    assert cancels(told) == [(own.order_id, Reason.DAY_LOSS)]  # type: ignore[attr-defined]
    assert reason(other) is None
    assert reason(desk.buy(1, strategy="b")) is None
    assert reason(desk.sell(1)) is Reason.EXIT_WORKING


def test_what_a_cancel_sets_free_follows_and_nothing_is_sold_twice() -> None:
    desk = holding()
    closing = desk.sell(30, 120)
    [first, _] = [e for e in desk.quote("X", 90.0, 92.0) if isinstance(e, OrderApproved)]
    assert first.terms.quantity == 70
    assert exits(desk.cancel(closing)) == []  # one exit at a time
    assert exits(desk.fill(first, price=90)) == [("a", "X", OrderSide.SELL, Decimal(30))]


def test_an_order_that_fills_before_its_cancel_is_closed_too() -> None:
    """Also one that opened what was not held when the limit was met."""
    desk = RiskDesk(cash="100000", **LOSS)
    desk.hold(100, price=101)
    late = desk.buy(10, 40, symbol="Y")
    desk.quote("X", 90.0, 92.0)
    desk.fill(late, price=40)
    assert ("a", "Y", OrderSide.SELL, Decimal(10)) in exits(desk.wait(1).quote("Y", 49.0, 51.0))


def test_a_fill_that_meets_the_limit_is_closed_at_the_next_price() -> None:
    desk = RiskDesk(cash="100000", **LOSS)
    assert exits(desk.fill(desk.buy(100), price="109.5")) == []
    assert exits(desk.wait(1).quote("X", 99.0, 101.0)) == [A_SELLS]


def test_a_locked_instrument_waits_for_a_person() -> None:
    desk = holding()
    desk.tell(InstrumentLocked("X", Reason.RECONCILE_BREAK, "r"))
    assert exits(desk.quote("X", 90.0, 92.0)) == [B_BUYS]
    desk.tell(InstrumentUnlocked("X", ""))
    assert exits(desk.wait(1).quote("X", 90.0, 92.0)) == [A_SELLS]


def test_an_exit_that_came_to_nothing_is_tried_again_later_also_while_halted() -> None:
    desk = holding(day_loss_state="halted")
    [first, _] = [e for e in desk.quote("X", 90.0, 92.0) if isinstance(e, OrderApproved)]
    assert first.halt_epoch == 1
    desk.tell(OrderRejected(first.order_id, "a", "no", "not now"), "order_router")
    assert exits(desk.wait(29_000).quote("X", 90.0, 92.0)) == []
    desk.core = desk.restarted()
    assert exits(desk.wait(1_001).quote("X", 90.0, 92.0)) == [A_SELLS]


def test_once_the_day_is_over_and_an_operator_resumes_new_holdings_are_nobodys_loss() -> None:
    desk = holding()
    for exit_ in [e for e in desk.quote("X", 90.0, 92.0) if isinstance(e, OrderApproved)]:
        desk.fill(exit_, price=90 if exit_.terms.symbol == "X" else 51)
    desk.tell(DayEnded("24x7", "2024-01-02"))
    desk.tell(RESUME)
    desk.hold(10, price=92)
    assert exits(desk.wait(1).quote("X", 90.0, 92.0)) == []


def test_two_strategies_that_hold_against_each_other_are_never_sold_through_zero() -> None:
    desk = RiskDesk(cash="100000", short_allowed=False, **LOSS)
    desk.hold(100, price=101)
    desk.hold(50, strategy="b", price=101)
    told = desk.quote("X", 90.0, 92.0)
    assert sum(quantity for *_, quantity in exits(told)) == 150


def test_a_split_meets_nothing() -> None:
    desk = holding()
    desk.tell(CorporateAction("split", "X", Decimal(2), "", "r"))
    assert exits(desk.quote("X", 49.5, 50.5)) == []
    assert isinstance(desk.fill(desk.buy(1)), list)
    assert not [e for e in desk.told if isinstance(e, OrderFilled)]
