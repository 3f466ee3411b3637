"""Repeated execution and repeated rejection: one more than allowed in the window halts the strategy alone, until an operator resumes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.events import Event, LimitChanged, OrderApproved, OrderRejected, Reason, ResumeRequested, Scope, TradingState, TradingStateChanged
from tests.support.risk_desk import RiskDesk, reason

RESUME = ResumeRequested("c1", "ann", "looked at it", Scope.STRATEGY, "a")
Once = Callable[[RiskDesk, str], list[Event]]


def execute(desk: RiskDesk, strategy: str = "a") -> list[Event]:
    return desk.fill(desk.buy(1, 105, strategy=strategy))


def reject(desk: RiskDesk, strategy: str = "a") -> list[Event]:
    order = desk.buy(1, 105, strategy=strategy)
    assert isinstance(order, OrderApproved)
    return desk.tell(OrderRejected(order.order_id, strategy, "42", "no"), "order_router")


KINDS = [
    pytest.param({"repeat_executions_max": 3, "repeat_window_s": 10}, execute, Reason.REPEATED_EXECUTION, "repeat_executions_max", id="fills"),
    pytest.param({"rejections_max": 3, "rejection_window_s": 10}, reject, Reason.REPEATED_REJECTION, "rejections_max", id="rejections"),
]


def states(told: list[Event]) -> list[tuple[str, TradingState, Reason]]:
    return [(e.key, e.state, e.reason) for e in told if isinstance(e, TradingStateChanged)]


@pytest.mark.parametrize(("limits", "once", "why", "key"), KINDS)
def test_one_more_than_allowed_halts_the_strategy_alone_over_restarts(limits: dict[str, int], once: Once, why: Reason, key: str) -> None:
    desk = RiskDesk(**limits)
    for _ in range(3):
        assert states(once(desk, "a")) == []
    assert states(once(desk, "b")) == []
    desk.core = desk.restarted()

    told = once(desk, "a")

    assert states(told) == [("a", TradingState.HALTED, why)]
    assert any(key in e.text for e in told if isinstance(e, TradingStateChanged))
    desk.core = desk.restarted()
    assert reason(desk.buy(1, 105)) is Reason.HALTED
    assert reason(desk.sell(1, 95)) is Reason.HALTED
    assert reason(desk.buy(1, 105, strategy="b")) is None


@pytest.mark.parametrize(("scope", "also"), [("strategy", []), ("symbol", ["X", "Y"]), ("global", [""])])
@pytest.mark.parametrize(("limits", "once", "why", "key"), KINDS)
def test_it_halts_as_wide_as_configured_and_once(limits: dict[str, int], once: Once, why: Reason, key: str, scope: str, also: list[str]) -> None:
    desk = RiskDesk(**limits, halt_scope=scope)
    assert key in limits
    late = desk.buy(1, 105)
    for _ in range(3):
        once(desk, "a")
    assert states(once(desk, "a")) == [(name, TradingState.HALTED, why) for name in ["a", *also]]
    assert (reason(desk.buy(1, 105, strategy="b")) is None) is (scope == "strategy")

    for symbol in also:
        desk.tell(ResumeRequested("c2", "ann", "goes on", Scope(scope), symbol))
    assert states(desk.fill(late)) == []
    assert reason(desk.buy(1, 105, strategy="b")) is None
    assert reason(desk.buy(1, 105)) is Reason.HALTED


@pytest.mark.parametrize(("limits", "once", "why", "key"), KINDS)
def test_the_window_slides(limits: dict[str, int], once: Once, why: Reason, key: str) -> None:
    desk = RiskDesk(**limits)
    for wait in (0, 0, 0, 10_000, 0, 0):
        assert states(once(desk.wait(wait), "a")) == []
    assert states(once(desk.wait(9_999), "a")) == [("a", TradingState.HALTED, why)]
    assert key in limits


@pytest.mark.parametrize(("limits", "once", "why", "key"), KINDS)
def test_a_resume_begins_the_count_anew(limits: dict[str, int], once: Once, why: Reason, key: str) -> None:
    desk = RiskDesk(**limits)
    for _ in range(4):
        once(desk, "a")
    assert states(desk.tell(RESUME)) == [("a", TradingState.ACTIVE, Reason.OPERATOR)]
    assert [states(once(desk, "a")) for _ in range(4)] == [[], [], [], [("a", TradingState.HALTED, why)]]
    assert key in limits


@pytest.mark.parametrize(("limits", "once", "why", "key"), KINDS)
def test_the_limit_may_change_while_running_and_null_is_none(limits: dict[str, int], once: Once, why: Reason, key: str) -> None:
    desk = RiskDesk(**limits)
    desk.tell(LimitChanged("c2", "ann", "drill", key, "null"))
    assert [states(once(desk, "a")) for _ in range(9)] == [[]] * 9
    desk.tell(LimitChanged("c3", "ann", "drill", key, "1"))
    assert [states(once(desk, "a")) for _ in range(2)] == [[], [("a", TradingState.HALTED, why)]]


def test_an_order_in_parts_counts_as_often_as_the_broker_rejected() -> None:
    desk = RiskDesk(rejections_max=3, rejection_window_s=10)
    for _ in range(3):
        order = desk.buy(1, 105)
        assert isinstance(order, OrderApproved)
        told = desk.tell(OrderRejected(f"{order.order_id}/1", "a", "42", "no"), "order_router")
        told += desk.tell(OrderRejected(order.order_id, "a", "no_part", "no"), "order_router")
        assert states(told) == []

    order = desk.buy(1, 105)
    assert isinstance(order, OrderApproved)
    told = desk.tell(OrderRejected(f"{order.order_id}/1", "a", "42", "no"), "order_router")

    assert states(told) == [("a", TradingState.HALTED, Reason.REPEATED_REJECTION)]
