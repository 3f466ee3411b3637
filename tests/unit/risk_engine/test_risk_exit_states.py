"""Exits in every trading state, and where their market is closed."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from shared.events import (
    Alert,
    BusStarted,
    CancelApproved,
    CancelRequested,
    FlattenRequested,
    HaltRequested,
    InstrumentHalted,
    InstrumentLocked,
    InstrumentUnlocked,
    Reason,
    ReduceRequested,
    ResumeRequested,
    Scope,
    SessionChanged,
    SessionPhase,
    StrategyFailed,
)
from tests.support.risk_desk import CLEAN, SELL

from .guarded import approval, at, exits, guarded


def test_it_reduces_where_only_that_is_allowed() -> None:
    desk = guarded(100)
    desk.tell(ReduceRequested("c", "ann", "r", Scope.GLOBAL, ""))
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(100))]


@pytest.mark.parametrize(("state", "leaves"), [("reducing", True), ("halted", False)])
def test_a_loss_limit_met_by_the_same_datum_speaks_first(state: str, leaves: bool) -> None:
    desk = guarded(100, day_loss_max=500, day_loss_state=state)
    told = at(desk, 94.0)
    assert [type(e).__name__ for e in told][:2] == ["LimitBreached", "TradingStateChanged"]
    assert bool(exits(told)) is leaves


def test_a_failed_strategy_is_still_protected() -> None:
    desk = guarded(100)
    desk.tell(StrategyFailed("a", 1, "on_bar", "x"))
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(100))]
    assert approval(desk.told[-2:]).halt_epoch == 1


@pytest.mark.parametrize("scope", [(Scope.GLOBAL, ""), (Scope.SYMBOL, "X")])
def test_a_halt_holds_it_and_says_so_once(scope: tuple[Scope, str]) -> None:
    desk = guarded(100)
    desk.tell(HaltRequested("c", "ann", "r", *scope))
    [alert] = at(desk, 94.0)
    assert isinstance(alert, Alert)
    assert "stop_loss of a in X is met" in alert.text
    assert at(desk, 93.0) == []
    desk.tell(ResumeRequested("c", "ann", "r", *scope))
    assert exits(at(desk, 93.5)) == [("risk:1:1", "a", SELL, D(100))]


def test_a_locked_instrument_is_left_to_a_person() -> None:
    desk = guarded(100)
    desk.tell(InstrumentLocked("X", Reason.RECONCILE_BREAK, "t"))
    assert [type(e) for e in at(desk, 94.0)] == [Alert]
    desk.tell(InstrumentUnlocked("X", "t"))
    assert exits(at(desk, 94.0))


def test_disarmed_it_waits_for_the_reconcile() -> None:
    desk = guarded(100)
    desk.tell(BusStarted(2, 0))
    assert at(desk, 94.0) == []
    desk.tell(CLEAN)
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(100))]


def test_a_closed_market_waits_for_its_session() -> None:
    desk = guarded(100)
    desk.tell(SessionChanged("24x7", SessionPhase.CLOSED, "2024-01-01", 0, 0))
    assert at(desk, 94.0) == []
    desk.tell(SessionChanged("24x7", SessionPhase.OPEN, "2024-01-02", 0, 0))
    assert at(desk, 97.0) == []  # judged by today's price
    assert exits(at(desk, 94.0))


def test_a_halted_instrument_waits_too() -> None:
    desk = guarded(100)
    desk.tell(InstrumentHalted("X", halted=True, reason="news"))
    assert exits(at(desk, 94.0)) == []
    desk.tell(InstrumentHalted("X", halted=False, reason=""))
    assert exits(at(desk, 94.0))


def test_a_flatten_goes_before_it() -> None:
    desk = guarded(100)
    desk.tell(FlattenRequested("c", "ann", "r", "X"))
    assert exits(at(desk, 94.0)) == []


def test_an_operators_cancel_of_an_exit_is_heard_and_the_exit_comes_again() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    assert desk.tell(CancelRequested("c", "ann", "r", order.order_id)) == [CancelApproved(order.order_id, "a", Reason.OPERATOR)]
    assert [type(e) for e in desk.cancel(order)] == [Alert]
    assert exits(desk.wait(30_000).quote("X", 94.0, 94.0)) == [("risk:1:2", "a", SELL, D(100))]
