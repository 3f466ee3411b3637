"""What came while no run of the risk engine was there to decide - intents, commands, claims: answered as a run begins, once."""

from __future__ import annotations

from decimal import Decimal

from services.risk_engine.core import SOURCE
from shared.events import (
    AccountOpened,
    Alert,
    CancelApproved,
    CancelIntent,
    ClaimRequested,
    Event,
    HaltRequested,
    HoldingAssigned,
    LimitChanged,
    LimitOverridden,
    OrderApproved,
    OrderDenied,
    OrderIntent,
    OrderTerms,
    OrderType,
    Reason,
    ReduceRequested,
    ReplaceDenied,
    ReplaceIntent,
    ResumeRequested,
    RunStarted,
    Scope,
    StrategyFailed,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import BUY, RiskDesk

from .away import folded

TERMS = OrderTerms("X", BUY, OrderType.LIMIT, Decimal(10), Decimal(100))


def begins(desk: RiskDesk, run: int = 2) -> list[Event]:
    return [e for e in desk.tell(RunStarted(SOURCE, run, "g")) if not isinstance(e, TradingStateChanged)]


def test_an_order_nobody_decided_is_denied_as_a_run_begins_and_only_then() -> None:
    desk = RiskDesk()
    folded(desk, OrderIntent("a:1:7", "a", TERMS), source="strategy.a")

    (denied,) = begins(desk)

    assert isinstance(denied, OrderDenied)
    assert (denied.order_id, denied.reason) == ("a:1:7", Reason.DISARMED)
    assert begins(desk, 3) == []
    assert desk.intend(TERMS, order_id="a:1:7") != []  # said again, the id is decided


def test_replaces_are_denied_and_cancels_pass() -> None:
    desk = RiskDesk()
    order = desk.buy(10, 100)
    assert isinstance(order, OrderApproved)
    folded(desk, ReplaceIntent(order.order_id, "a", 1, Decimal(20)), source="strategy.a")
    folded(desk, CancelIntent(order.order_id, "a"), source="strategy.a")

    replace, cancel = begins(desk)

    assert isinstance(replace, ReplaceDenied)
    assert replace.replace_no == 1
    assert cancel == CancelApproved(order.order_id, "a", None)


def test_what_was_decided_or_is_a_strangers_is_not_answered_again() -> None:
    desk = RiskDesk()
    order = desk.buy(10, 100)
    desk.sell(1)
    desk.replace(order, quantity=12)
    desk.tell(CancelIntent(order.order_id, "a"), "strategy.a")  # type: ignore[attr-defined]
    folded(desk, OrderIntent("a:1:9", "a", TERMS), source="strategy.b")
    folded(desk, OrderIntent("a:1:1", "a", TERMS), source="strategy.a")

    assert begins(desk) == []


def test_what_is_owed_survives_a_snapshot() -> None:
    desk = RiskDesk()
    folded(desk, OrderIntent("a:1:7", "a", TERMS), source="strategy.a")
    desk.core = desk.restarted()

    assert [type(e) for e in begins(desk)] == [OrderDenied]


HELD = AccountOpened("acc", "USD", Decimal(100_000), Decimal(108_000), ("X",), (Decimal(100),), (Decimal(80),))


def claim(command: str, quantity: str = "", strategy: str = "a") -> ClaimRequested:
    return ClaimRequested(command, "me", "mine", "X", strategy, quantity)


def test_claims_nobody_decided_are_answered_one_after_the_other_as_a_run_begins() -> None:
    desk = RiskDesk(ready=False)
    desk.tell(HELD)
    for asked in (claim("c1", "60"), claim("c2", "60", "b"), claim("c3", strategy="b")):
        folded(desk, asked)

    first, second, third = begins(desk)

    assert first == HoldingAssigned("X", "a", Decimal(60), Decimal(80), "c1")
    assert isinstance(second, Alert)
    assert (second.key, "60 is not within the 40 unassigned" in second.text) == ("claim:c2", True)
    assert third == HoldingAssigned("X", "b", Decimal(40), Decimal(80), "c3")
    assert begins(desk, 3) == []


def test_a_claim_that_was_answered_is_not_answered_again() -> None:
    desk = RiskDesk(ready=False)
    desk.tell(HELD)
    desk.tell(claim("c1", "60"))
    desk.tell(claim("c2", "1000"))

    assert begins(desk) == []


def test_commands_are_carried_out_in_the_order_they_came_in_before_intents_are_denied() -> None:
    desk = RiskDesk(ready=False)
    desk.tell(HELD)
    folded(desk, claim("c1", "60"))
    folded(desk, LimitChanged("c2", "me", "less", "limits.max_notional", "500"))
    folded(desk, OrderIntent("a:1:7", "a", TERMS), source="strategy.a")
    folded(desk, HaltRequested("c3", "op", "now", Scope.GLOBAL, ""))
    desk.core = desk.restarted()

    said = [e for e in desk.tell(RunStarted(SOURCE, 2, "g")) if not (isinstance(e, TradingStateChanged) and e.state is TradingState.DISARMED)]

    assert [type(e) for e in said] == [HoldingAssigned, LimitOverridden, TradingStateChanged, OrderDenied]
    assert begins(desk, 3) == []


def states(events: list[Event]) -> list[tuple[Scope, str, TradingState]]:
    return [(e.scope, e.key, e.state) for e in events if isinstance(e, TradingStateChanged) and e.state is not TradingState.DISARMED]


def test_a_halt_that_came_while_no_run_was_there_is_in_force_as_the_next_begins() -> None:
    desk = RiskDesk()
    folded(desk, HaltRequested("c1", "op", "now", Scope.GLOBAL, ""))
    folded(desk, ReduceRequested("c2", "op", "less", Scope.SYMBOL, "X"))
    folded(desk, StrategyFailed("b", 1, "on_bar", "ZeroDivisionError"), source="strategy.b")

    said = desk.tell(RunStarted(SOURCE, 2, "g"))

    assert states(said) == [
        (Scope.GLOBAL, "", TradingState.HALTED),
        (Scope.SYMBOL, "X", TradingState.REDUCING),
        (Scope.STRATEGY, "b", TradingState.HALTED),
    ]
    assert isinstance(desk.buy(10, 100), OrderDenied)
    assert states(desk.tell(RunStarted(SOURCE, 3, "h"))) == []


def test_a_halt_resumed_before_any_run_began_is_not_owed() -> None:
    desk = RiskDesk()
    folded(desk, HaltRequested("c1", "op", "now", Scope.STRATEGY, "a"))
    folded(desk, ResumeRequested("c2", "op", "again", Scope.STRATEGY, "a"))

    assert states(desk.tell(RunStarted(SOURCE, 2, "g"))) == [(Scope.STRATEGY, "a", TradingState.ACTIVE)]
