"""What operators command while no run of the risk engine is there: carried out as the next run begins, once, as one with money at stake means it."""

from __future__ import annotations

import json
from decimal import Decimal as D

import msgspec
import pytest

from services.risk_engine.core import SOURCE
from shared.events import (
    Alert,
    BrokerConnectionChanged,
    BusStarted,
    CancelApproved,
    CancelRequested,
    Event,
    FlattenRequested,
    HaltRequested,
    LimitBreached,
    LimitChanged,
    LimitOverridden,
    OrderApproved,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    Reason,
    ReconcileRequested,
    ReduceRequested,
    ResumeRequested,
    RunStarted,
    Scope,
    StrategyChanged,
    StrategyFailed,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import CLEAN, SELL, RiskDesk

from .away import folded

FLATTEN = FlattenRequested("f", "ann", "home", "X")
CANCEL = CancelRequested("c", "ann", "r", "")
ENTRY = {"id": "b", "name": "buy_and_hold", "params": {"symbol": "X", "quantity": 5}, "symbols": ["X"], "budget": "1000"}


def begins(desk: RiskDesk, run: int = 2) -> list[Event]:
    """What a run says first, but that it is disarmed as every start is."""
    said = desk.tell(RunStarted(SOURCE, run, "g"))
    return [e for e in said if not (isinstance(e, TradingStateChanged) and e.reason is Reason.DISARMED)]


def halt(scope: Scope = Scope.GLOBAL, key: str = "") -> HaltRequested:
    return HaltRequested("h", "ann", "stop", scope, key)


def resume(scope: Scope = Scope.GLOBAL, key: str = "") -> ResumeRequested:
    return ResumeRequested(f"r:{scope}:{key}", "ann", "go", scope, key)


def closed(said: list[Event]) -> list[tuple[str, D, int]]:
    return [(e.order_id, e.terms.quantity, e.halt_epoch) for e in said if isinstance(e, OrderApproved) and e.terms.side is SELL]


# cancels


def test_what_worked_when_the_operator_said_so_is_cancelled_and_nothing_twice() -> None:
    desk = RiskDesk()
    first, second = desk.buy(1, 90), desk.buy(1, 91, strategy="b")
    folded(desk, CANCEL)
    desk.core = desk.restarted()

    assert begins(desk) == [CancelApproved(first.order_id, "a", Reason.OPERATOR), CancelApproved(second.order_id, "b", Reason.OPERATOR)]  # type: ignore[attr-defined]
    assert begins(desk, 3) == []


def test_a_cancel_and_the_end_of_a_strategy_cancel_an_order_once() -> None:
    strategies = [{"id": name, "symbols": ["X"], "budget": 400_000} for name in ("a", "b")]
    desk = RiskDesk(clock="wall", strategies=strategies, missed_ms_max=10**9)
    desk.buy(1, 90)
    desk.buy(1, 91, strategy="b")
    folded(desk, CANCEL, StrategyChanged("s", "ann", "drill", "b", "remove", ""))

    cancels = [e.order_id for e in begins(desk) if isinstance(e, CancelApproved)]

    assert cancels == ["b:1:1", "a:1:1"]
    assert begins(desk, 3) == []


def test_what_an_earlier_run_had_said_of_a_command_is_not_said_again() -> None:
    desk = RiskDesk()
    first, second = desk.buy(1, 90), desk.buy(1, 91)
    assert isinstance(first, OrderApproved)
    assert isinstance(second, OrderApproved)
    folded(desk, CANCEL)
    folded(desk, CancelApproved(first.order_id, "a", Reason.OPERATOR), source=SOURCE)

    assert begins(desk) == [CancelApproved(second.order_id, "a", Reason.OPERATOR)]


def test_a_cancel_a_run_decided_leaves_later_orders_alone_when_the_next_begins() -> None:
    desk = RiskDesk()
    desk.buy(1, 90)
    desk.tell(CANCEL)
    desk.tell(FlattenRequested("f", "ann", "home", "Y"))
    desk.buy(1, 91)

    assert begins(desk) == []


def test_one_order_by_its_id_and_one_that_nobody_knows() -> None:
    desk = RiskDesk()
    desk.buy(1, 90)
    desk.buy(1, 91)
    folded(desk, CancelRequested("c", "ann", "r", "a:1:2"), CancelRequested("d", "ann", "r", "a:9:9"))

    assert begins(desk) == [CancelApproved("a:1:2", "a", Reason.OPERATOR)]


# flatten


def test_a_flatten_cancels_and_closes_with_orders_of_the_new_run() -> None:
    desk = RiskDesk()
    desk.hold(100)
    desk.sell(60, 110)
    folded(desk, FLATTEN)
    desk.core = desk.restarted()

    said = begins(desk)

    assert said[0] == CancelApproved("a:1:2", "a", Reason.OPERATOR)
    assert closed(said) == [("risk:2:1", D(40), 0)]
    assert [e.deadline_ns > desk.now for e in said if isinstance(e, OrderApproved)] == [True]
    assert begins(desk, 3) == []


def test_a_halt_after_it_does_not_keep_a_flatten_from_being_carried_out() -> None:
    desk = RiskDesk()
    desk.hold(100)
    folded(desk, FLATTEN, halt())

    assert closed(begins(desk)) == [("risk:2:1", D(100), 1)]


def test_where_everything_started_anew_closing_waits_for_a_reading_that_agrees() -> None:
    desk = RiskDesk()
    desk.hold(100)
    folded(desk, FLATTEN, BusStarted(2, 0))

    said = begins(desk)

    assert closed(said) == []
    assert [e.key for e in said if isinstance(e, Alert)] == ["flatten.X"]
    assert closed(desk.tell(msgspec.structs.replace(CLEAN, pending=1))) == []
    assert closed(desk.tell(CLEAN)) == [("risk:2:1", D(100), 0)]
    assert closed(desk.tell(CLEAN)) == []


def test_what_was_closed_by_hand_meanwhile_is_not_closed_again() -> None:
    desk = RiskDesk()
    desk.hold(100)
    folded(desk, FLATTEN, BusStarted(2, 0))
    begins(desk)
    desk.tell(OrderFilled("ext:1", "external", "X", SELL, D(100), D(99), D(0), "USD", "e", "1", D(100), D(0), 0), "order_router")

    assert closed(desk.tell(CLEAN)) == []
    assert closed(desk.tell(CLEAN)) == []


def test_what_a_cancel_set_free_between_two_runs_is_closed_as_the_next_begins() -> None:
    desk = RiskDesk()
    desk.hold(100)
    sale = desk.sell(60, 110)
    assert isinstance(sale, OrderApproved)
    assert closed(desk.tell(FLATTEN)) == [("risk:1:1", D(40), 0)]
    folded(desk, OrderCanceled(sale.order_id, "a", D(0)), source="order_router")

    assert closed(begins(desk)) == [("risk:2:1", D(60), 0)]


def test_a_closing_order_that_failed_between_two_runs_is_told_and_not_tried_again() -> None:
    desk = RiskDesk()
    desk.hold(100)
    desk.tell(FLATTEN)
    folded(desk, OrderRejected("risk:1:1", "risk", "c", "closed"), source="order_router")

    said = begins(desk)

    assert [e.key for e in said if isinstance(e, Alert)] == ["flatten.X"]
    assert closed(said) == []
    assert begins(desk, 3) == []


def test_a_closing_order_that_was_abandoned_as_too_late_is_approved_anew() -> None:
    """Risk was away, and said in its own time what the command at hand asked for: the router had to let it go."""
    desk = RiskDesk()
    desk.hold(100)
    (order,) = [e for e in desk.tell(FLATTEN) if isinstance(e, OrderApproved)]

    again = desk.wait(desk.settings.deadline_ms + 1).abandon(order)

    assert closed(again) == [("risk:1:2", D(100), 0)]
    (order,) = [e for e in again if isinstance(e, OrderApproved)]
    (alert,) = desk.wait(1).abandon(order)  # in time: the router had another reason
    assert isinstance(alert, Alert)


def test_one_too_late_after_everything_started_anew_waits_for_a_reading_too() -> None:
    desk = RiskDesk()
    desk.hold(100)
    (order,) = [e for e in desk.tell(FLATTEN) if isinstance(e, OrderApproved)]
    desk.tell(BusStarted(2, 0))

    assert desk.wait(desk.settings.deadline_ms + 1).abandon(order) == []
    assert closed(desk.tell(CLEAN)) == [("risk:1:2", D(100), 0)]


GONE = BrokerConnectionChanged("acc", "router", connected=False, text="cut")


def line_back(desk: RiskDesk) -> list[Event]:
    """And the first reading asked for since."""
    desk.tell(msgspec.structs.replace(GONE, connected=True))
    assert closed(desk.tell(CLEAN)) == [], "asked for before"
    desk.tell(ReconcileRequested(2, "", "reconnect"))
    return desk.tell(msgspec.structs.replace(CLEAN, query=2))


def test_while_the_brokers_line_is_down_closing_waits_for_a_reading_asked_for_after_it_is_back() -> None:
    desk = RiskDesk(clock="wall", missed_ms_max=10**9)
    desk.tell(ReconcileRequested(1, "", "interval"))
    desk.hold(100)
    desk.tell(GONE)
    folded(desk, FLATTEN)

    assert closed(begins(desk)) == []
    assert closed(line_back(desk)) == [("risk:2:1", D(100), 0)]


def test_one_too_late_while_the_line_is_down_waits_so_too() -> None:
    desk = RiskDesk(clock="wall", missed_ms_max=10**9)
    desk.tell(ReconcileRequested(1, "", "interval"))
    desk.hold(100)
    desk.tell(GONE)
    (order,) = [e for e in desk.tell(FLATTEN) if isinstance(e, OrderApproved)]

    assert desk.wait(desk.settings.deadline_ms + 1).abandon(order) == []
    assert closed(line_back(desk)) == [("risk:1:2", D(100), 0)]


# resume


def states(said: list[Event]) -> list[tuple[Scope, str, TradingState]]:
    return [(e.scope, e.key, e.state) for e in said if isinstance(e, TradingStateChanged)]


def test_a_resume_lifts_the_halt_and_trading_begins_with_the_next_reading() -> None:
    desk = RiskDesk()
    desk.tell(halt())
    desk.tell(halt(Scope.SYMBOL, "X"))
    folded(desk, resume(), resume(Scope.SYMBOL, "X"))

    assert states(begins(desk))[-1:] == [(Scope.SYMBOL, "X", TradingState.ACTIVE)]
    assert desk.core.desk.states.overall() is TradingState.DISARMED
    desk.tell(CLEAN)
    assert desk.core.desk.states.overall() is TradingState.ACTIVE
    assert begins(desk, 3) == []


def test_a_resume_does_not_lift_a_halt_that_came_after_it() -> None:
    desk = RiskDesk()
    desk.tell(halt())
    folded(desk, resume(), halt(), resume(Scope.STRATEGY, "a"))
    folded(desk, StrategyFailed("a", 1, "on_bar", "ZeroDivisionError"), source="strategy.a")
    desk.core = desk.restarted()

    assert states(begins(desk)) == [(Scope.GLOBAL, "", TradingState.HALTED), (Scope.STRATEGY, "a", TradingState.HALTED)]


def test_a_halt_that_stood_is_lifted_and_a_reduce_after_the_resume_holds() -> None:
    desk = RiskDesk()
    desk.tell(halt(Scope.STRATEGY, "a"))
    folded(desk, resume(Scope.STRATEGY, "a"), ReduceRequested("c", "ann", "less", Scope.STRATEGY, "a"))

    assert states(begins(desk)) == [(Scope.STRATEGY, "a", TradingState.ACTIVE), (Scope.STRATEGY, "a", TradingState.REDUCING)]


def test_under_manual_arming_it_is_no_consent_to_arm_this_run() -> None:
    desk = RiskDesk(arm="manual")
    desk.tell(halt())
    folded(desk, resume())
    begins(desk)

    desk.tell(CLEAN)
    assert desk.core.desk.states.overall() is TradingState.DISARMED
    desk.tell(resume())
    assert desk.core.desk.states.overall() is TradingState.ACTIVE


def test_it_is_refused_while_a_loss_limit_stands_and_not_asked_again_later() -> None:
    desk = RiskDesk(day_loss_max="5000")
    desk.hold(100)
    desk.quote("X", 40.0, 40.1)
    stands = desk.core.desk.states.mode
    assert stands is not TradingState.ACTIVE
    folded(desk, resume())

    assert [type(e) for e in begins(desk)] == [LimitBreached]
    desk.quote("X", 99.0, 101.0)
    assert begins(desk, 3) == []
    assert desk.core.desk.states.mode is stands


def test_one_a_run_refused_is_not_carried_out_by_the_next() -> None:
    desk = RiskDesk(day_loss_max="5000")
    desk.hold(100)
    desk.quote("X", 40.0, 40.1)
    assert [type(e) for e in desk.tell(resume())] == [LimitBreached]
    desk.quote("X", 99.0, 101.0)

    assert begins(desk) == []


def test_one_a_run_answered_while_the_brokers_line_was_down_lifts_no_halt_that_came_after_it() -> None:
    desk = RiskDesk(clock="wall", missed_ms_max=10**9, halt_scope="global")
    desk.tell(GONE)
    assert states(desk.tell(resume())) == [(Scope.GLOBAL, "", TradingState.REDUCING)]
    desk.tell(StrategyFailed("a", 1, "on_bar", "ZeroDivisionError"), "strategy.a")

    assert begins(desk) == []
    assert desk.core.desk.states.overall() is TradingState.HALTED


# together


@pytest.mark.parametrize(
    ("commands", "state"),
    [
        (("remove", "add", "halt"), TradingState.HALTED),
        (("halt", "remove", "add"), TradingState.ACTIVE),
        (("halt", "resume", "remove"), TradingState.HALTED),
        (("remove", "resume"), TradingState.HALTED),
        (("remove", "add", "reduce"), TradingState.REDUCING),
        (("reduce", "remove", "add", "reduce"), TradingState.REDUCING),
    ],
)
def test_strategies_and_states_end_as_if_risk_had_been_there(commands: tuple[str, ...], state: TradingState) -> None:
    strategies = [{"id": "a", "symbols": ["X", "Y"], "budget": 500_000}, {"id": "b", "symbols": ["X", "Y"], "budget": 400_000}]
    away, there = (RiskDesk(clock="wall", strategies=strategies, missed_ms_max=10**9) for _ in range(2))
    by_name: dict[str, Event] = {
        "halt": halt(Scope.STRATEGY, "b"),
        "resume": resume(Scope.STRATEGY, "b"),
        "reduce": ReduceRequested("c", "ann", "less", Scope.STRATEGY, "b"),
        "remove": StrategyChanged("s1", "ann", "drill", "b", "remove", ""),
        "add": StrategyChanged("s2", "ann", "drill", "b", "add", json.dumps(ENTRY)),
    }
    for name in commands:
        there.tell(by_name[name])
        folded(away, by_name[name])

    begins(away)

    for desk in (away, there):
        assert desk.core.desk.states.of(Scope.STRATEGY, "b") is state
    assert begins(away, 3) == begins(there, 2) == []


def test_a_limit_that_came_before_a_flatten_is_in_force_and_what_is_told_is_what_a_replay_tells() -> None:
    desk = RiskDesk()
    desk.hold(100)
    folded(desk, LimitChanged("l", "ann", "less", "limits.max_notional", "500"), FLATTEN, CANCEL, halt())
    again = desk.restarted()

    said = begins(desk)

    assert [type(e) for e in said] == [LimitOverridden, TradingStateChanged, OrderApproved]
    assert [e for e in again.decide(desk.log[-1]) if not isinstance(e, TradingStateChanged)] == [said[0], said[2]]
