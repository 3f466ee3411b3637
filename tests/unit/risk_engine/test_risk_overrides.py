"""A limit changed while running: what it decides from its place in the log on, when it ends, what it survives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.risk_engine.core import SOURCE, RiskCore
from services.risk_engine.overrides import setting_of
from services.risk_engine.settings import Bounds, RiskSettings
from shared.config.changes import AMONG, CHANGEABLE
from shared.events import ClockTicked, Event, LimitBreached, LimitChanged, LimitOverridden, OrderDenied, Reason, ResumeRequested, RunStarted, Scope
from tests.support.risk_desk import RiskDesk, reason, replayed

HOUR = 3_600_000_000_000


def change(desk: RiskDesk, key: str, value: object, scope: Scope = Scope.GLOBAL, of: str = "", *, expires: int = 0) -> LimitOverridden:
    """The engine's answer."""
    (answer,) = desk.tell(LimitChanged(f"c{desk.seq}", "ann", "drill", key, str(value), expires, scope, of))
    assert isinstance(answer, LimitOverridden)
    return answer


def test_it_decides_from_the_commands_place_on_and_says_old_and_new() -> None:
    desk = RiskDesk(order_qty_max=100)
    assert reason(desk.buy(100)) is None

    answer = change(desk, "limits.order_qty_max", 50)

    assert (answer.outcome, answer.key, answer.old, answer.new) == ("set", "limits.order_qty_max", "100", "50")
    assert answer.text == "ann: drill"
    denied = desk.buy(51)
    assert isinstance(denied, OrderDenied)
    assert (denied.reason, denied.key, denied.limit, denied.value) == (Reason.ORDER_QUANTITY, "order_qty_max", "50", "51")
    assert reason(desk.buy(50)) is None


def test_cleared_the_configuration_holds_again() -> None:
    desk = RiskDesk(order_qty_max=100)
    change(desk, "order_qty_max", 50)
    answer = change(desk, "order_qty_max", "")
    assert (answer.outcome, answer.old, answer.new) == ("cleared", "50", "100")
    assert reason(desk.buy(100)) is None
    assert change(desk, "order_qty_max", "").outcome == "refused"


def test_null_switches_a_limit_off() -> None:
    desk = RiskDesk(order_qty_max=100)
    assert change(desk, "order_qty_max", "null").new == "null"
    assert reason(desk.buy(5000)) is None


def test_it_ends_by_the_logs_time() -> None:
    desk = RiskDesk(order_qty_max=100)
    change(desk, "order_qty_max", 50, expires=desk.now + HOUR)
    assert desk.core.next_timer() <= desk.now + HOUR
    assert not any(isinstance(e, LimitOverridden) for e in desk.wait(3_599_999).tell(ClockTicked()))
    assert reason(desk.buy(51)) is Reason.ORDER_QUANTITY

    (ended,) = desk.wait(1).tell(ClockTicked())

    assert isinstance(ended, LimitOverridden)
    assert (ended.outcome, ended.old, ended.new) == ("expired", "50", "100")
    assert reason(desk.buy(51)) is None


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("limits.max_notinal", "1", "did you mean max_notional"),
        ("limits.max_notional", "-1", "greater than 0"),
        ("limits.max_notional", "NaN", "is no value such as"),
        ("limits.max_position_pct", "20", "less than or equal to 4"),
        ("limits.orders_open_max", '"ten"', "valid integer"),
        ("collar_bps", "true", "must be a number"),
        ("arm", '"auto"', "no limit that can change"),
    ],
)
def test_what_the_file_may_not_say_is_refused_and_changes_nothing(key: str, value: str, said: str) -> None:
    desk = RiskDesk()
    answer = change(desk, key, value)
    assert answer.outcome == "refused"
    assert said in answer.text
    assert desk.core._desk.settings == desk.settings


@pytest.mark.parametrize(
    ("scope", "of", "said"),
    [
        (Scope.STRATEGY, "c", "no strategy is called 'c'"),
        (Scope.STRATEGY, "", "no strategy is called ''"),
        (Scope.SYMBOL, "", "names which"),
        (Scope.GLOBAL, "a", "names none"),
    ],
)
def test_a_scope_that_is_not_there_is_refused(scope: Scope, of: str, said: str) -> None:
    answer = change(RiskDesk(), "limits.max_notional", 1, scope, of)
    assert answer.outcome == "refused"
    assert said in answer.text


def test_one_strategys_and_one_symbols_stand_beside_the_accounts() -> None:
    desk = RiskDesk(order_qty_max=100)
    change(desk, "order_qty_max", 50, Scope.STRATEGY, "a")
    change(desk, "order_qty_max", 20, Scope.SYMBOL, "Y")
    keys = [getattr(answer, "key", "") for answer in (desk.buy(51), desk.buy(51, strategy="b"), desk.buy(21, symbol="Y", strategy="b"))]
    assert keys == ["strategies.a.order_qty_max", "", "symbols.Y.order_qty_max"]
    change(desk, "order_qty_max", 500, Scope.STRATEGY, "a")
    assert getattr(desk.buy(101), "key", "") == "order_qty_max"  # the stricter decides


def test_it_survives_a_restart_and_the_newer_configuration_lies_under_it() -> None:
    desk = RiskDesk(order_qty_max=100, position_max=1000)
    change(desk, "order_qty_max", 50)
    other = RiskCore(RiskSettings.of({**_plain(desk.settings), "order_qty_max": 70, "position_max": 900}))
    other.restore(desk.core.snapshot())
    for core, position in ((desk.restarted(), 1000), (other, 900)):
        assert core._desk.settings.order_qty_max == 50
        assert core._desk.settings.position_max == position
    desk.core = other
    assert change(desk, "order_qty_max", "").new == "70"


def test_an_override_of_a_strategy_that_is_gone_waits_for_its_return() -> None:
    desk = RiskDesk()
    change(desk, "order_qty_max", 50, Scope.STRATEGY, "a")
    without = RiskCore(RiskSettings.of({**_plain(desk.settings), "strategies": [{"id": "b", "symbols": ["X"]}]}))
    without.restore(desk.core.snapshot())
    back = RiskCore(desk.settings)
    back.restore(without.snapshot())
    desk.core = back
    assert reason(desk.buy(51)) is Reason.ORDER_QUANTITY


def test_a_command_no_run_decided_is_answered_as_the_next_run_begins() -> None:
    """The engine was away while its configuration changed: what happened meanwhile it only folds."""
    desk = RiskDesk(order_qty_max=100)
    desk.core.apply(desk.log[-1].__class__(900, desk.now, "c.", "control.x", 1, 1, 0, 0, LimitChanged("c9", "ann", "drill", "order_qty_max", "50")))
    told = desk.tell(RunStarted(SOURCE, 2, "g"), "bus")
    assert [e.new for e in told if isinstance(e, LimitOverridden)] == ["50"]
    assert [e for e in desk.tell(RunStarted(SOURCE, 3, "h"), "bus") if isinstance(e, LimitOverridden)] == []


def test_an_engine_that_replays_the_log_comes_to_the_same_state() -> None:
    desk = RiskDesk(order_qty_max=100, day_loss_max=1000, msgs_per_s_max=50)
    desk.hold(10)
    change(desk, "order_qty_max", 50, expires=desk.now + HOUR)
    change(desk, "limits.daily_loss_limit", 500, Scope.STRATEGY, "a")
    change(desk, "limits.max_orders_per_second", 5, Scope.STRATEGY, "a")
    desk.buy(10, 98)
    desk.quote("X", 80.0, 82.0)
    desk.wait(4_000_000).tell(ClockTicked())

    again, told = RiskCore(desk.settings), []
    for envelope in desk.log:
        told += replayed(again, envelope)

    assert told == desk.told
    assert again.snapshot() == desk.core.snapshot() == desk.restarted().snapshot()


def test_a_loss_limit_is_judged_anew_when_it_changes() -> None:
    desk = RiskDesk(cash="100000", day_loss_max=1000)
    desk.hold(100)
    assert [e.hard for e in desk.quote("X", 88.0, 90.0) if isinstance(e, LimitBreached)] == [True]
    resume = ResumeRequested("c1", "ann", "raised", Scope.GLOBAL, "")
    assert isinstance(desk.tell(resume)[0], LimitBreached)  # it stands: nobody resumes
    change(desk, "limits.daily_loss_limit", 5000)
    assert not [e for e in desk.tell(resume) if isinstance(e, LimitBreached)]
    assert [e.limit for e in desk.quote("X", 49.0, 51.0) if isinstance(e, LimitBreached) and e.hard] == ["5000"]


def test_a_strategys_first_loss_limit_counts_from_here() -> None:
    desk = RiskDesk(cash="100000")
    desk.hold(100)
    desk.quote("X", 80.0, 82.0)
    change(desk, "limits.daily_loss_limit", 500, Scope.STRATEGY, "a")
    assert [e.hard for e in desk.quote("X", 76.0, 78.0) if isinstance(e, LimitBreached)] == [False]  # 400 since, 2400 in all
    told: list[Event] = desk.quote("X", 75.0, 77.0)
    assert [e.key for e in told if isinstance(e, LimitBreached) and e.hard] == ["strategies.a.day_loss_max"]


@pytest.mark.parametrize("spelled", ["250", "250.0", '"250"', "2.5e2", '"250.00"'])
def test_integer_float_and_text_are_one_limit(spelled: str) -> None:
    desk = RiskDesk(position_max=1000)
    assert change(desk, "limits.max_position", spelled).new == "250"
    assert [reason(desk.buy(quantity)) for quantity in (200, 51, 50, 1)] == [None, Reason.POSITION, None, Reason.POSITION]


def test_every_key_that_may_change_is_a_setting_of_the_engine() -> None:
    names = {key: setting_of(key, Scope.GLOBAL) for key in CHANGEABLE}
    assert {key for key, name in names.items() if name not in RiskSettings.__struct_fields__} == set()
    for scope in (Scope.STRATEGY, Scope.SYMBOL):
        assert {key for key in AMONG[scope] if setting_of(key, scope) not in Bounds.__struct_fields__} == set()


def _plain(settings: RiskSettings) -> dict[str, Any]:
    fields = {name: getattr(settings, name) for name in settings.__struct_fields__}
    strategies = [{"id": s.id, "symbols": s.symbols} for s in settings.strategies]
    return {**fields, "strategies": strategies, "order_qty_max": settings.order_qty_max or Decimal(10**6)}
