"""Who may trade when: states x what is asked, arming, halting, resuming."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.events import (
    BusStarted,
    CancelApproved,
    CancelIntent,
    Envelope,
    Event,
    HaltRequested,
    InstrumentLocked,
    InstrumentUnlocked,
    OrderApproved,
    Reason,
    ReconcileCompleted,
    ReduceRequested,
    ResumeRequested,
    RunStarted,
    Scope,
    StrategyBlocked,
    StrategyFailed,
    StrategyPaused,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import CLEAN, RiskDesk, reason

HALT = HaltRequested("c1", "ann", "drill", Scope.GLOBAL, "")
REDUCE = ReduceRequested("c2", "ann", "drill", Scope.GLOBAL, "")
RESUME = ResumeRequested("c3", "ann", "drill", Scope.GLOBAL, "")
RUN = RunStarted("risk_engine", 2, "g")
DIRTY = ReconcileCompleted(1, clean=False, breaks=(), pending=0, report=0)
PENDING = ReconcileCompleted(1, clean=True, breaks=(), pending=1, report=0)

ACTIVE, REDUCING, HALTED, DISARMED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED, TradingState.DISARMED


def desk_in(state: TradingState) -> tuple[RiskDesk, OrderApproved, OrderApproved]:
    """Long 100 with an opening buy and a closing sell working, then in the state."""
    desk = RiskDesk()
    desk.hold(100)
    opening, closing = desk.buy(10, 98), desk.sell(10, 103)
    assert isinstance(opening, OrderApproved)
    assert isinstance(closing, OrderApproved)
    for order in (opening, closing):
        desk.accept(order)
    if state is not ACTIVE:
        desk.tell({HALTED: HALT, REDUCING: REDUCE, DISARMED: BusStarted(2, 0)}[state], "bus")
    return desk, opening, closing


BOTH = {HALTED: Reason.HALTED, DISARMED: Reason.DISARMED}
TABLE = {
    # what is asked: (ACTIVE, REDUCING, HALTED, DISARMED), None for approved
    "new": (None, Reason.REDUCING_ONLY, Reason.HALTED, Reason.DISARMED),
    "increase": (None, Reason.REDUCING_ONLY, Reason.HALTED, Reason.DISARMED),
    "reduce": (None, None, Reason.HALTED, Reason.DISARMED),
    "reduce all that is free": (None, None, Reason.HALTED, Reason.DISARMED),
    "flip": (None, Reason.REDUCING_ONLY, Reason.HALTED, Reason.DISARMED),
    "replace up": (None, Reason.REDUCING_ONLY, Reason.HALTED, Reason.DISARMED),
    "replace price of opening": (None, Reason.REDUCING_ONLY, Reason.HALTED, Reason.DISARMED),
    "replace down": (None, None, Reason.HALTED, Reason.DISARMED),
    "replace closing up": (None, None, Reason.HALTED, Reason.DISARMED),
    "replace price of closing": (None, None, Reason.HALTED, Reason.DISARMED),
    "replace closing through zero": (None, Reason.REDUCING_ONLY, Reason.HALTED, Reason.DISARMED),
}


def ask(asked: str, desk: RiskDesk, opening: OrderApproved, closing: OrderApproved) -> Event:
    return {
        "new": lambda: desk.buy(1, symbol="Y"),
        "increase": lambda: desk.buy(1),
        "reduce": lambda: desk.sell(1),
        "reduce all that is free": lambda: desk.sell(90),  # 100 less the 10 that the closing order may sell
        "flip": lambda: desk.sell(91),
        "replace up": lambda: desk.replace(opening, quantity=11),
        "replace price of opening": lambda: desk.replace(opening, limit=97),
        "replace down": lambda: desk.replace(opening, quantity=9),
        "replace closing up": lambda: desk.replace(closing, quantity=100),
        "replace price of closing": lambda: desk.replace(closing, limit=102),
        "replace closing through zero": lambda: desk.replace(closing, quantity=101),
    }[asked]()


@pytest.mark.parametrize("asked", TABLE)
@pytest.mark.parametrize("column", range(4), ids=["active", "reducing", "halted", "disarmed"])
def test_states_by_what_is_asked(asked: str, column: int) -> None:
    desk, opening, closing = desk_in((ACTIVE, REDUCING, HALTED, DISARMED)[column])
    assert reason(ask(asked, desk, opening, closing)) is TABLE[asked][column]


@pytest.mark.parametrize("restarted", [False, True], ids=["", "after a restart"])
@pytest.mark.parametrize("asked", TABLE)
@pytest.mark.parametrize(("scope", "key"), [(Scope.STRATEGY, "a"), (Scope.SYMBOL, "X")])
@pytest.mark.parametrize("column", [1, 2], ids=["reducing", "halted"])
def test_states_of_a_strategy_and_a_symbol(scope: Scope, key: str, column: int, asked: str, restarted: bool) -> None:
    desk, opening, closing = desk_in(ACTIVE)
    command = ReduceRequested if column == 1 else HaltRequested
    desk.tell(command("c1", "ann", "drill", scope, key))
    if restarted:
        desk.core = desk.restarted()
        desk.tell(RunStarted("risk_engine", 2, "g"), "bus")
        desk.tell(CLEAN)
    elsewhere = scope is Scope.SYMBOL and asked == "new"  # it is of another symbol
    assert reason(ask(asked, desk, opening, closing)) is (None if elsewhere else TABLE[asked][column])
    assert reason(desk.buy(1, symbol="Y", strategy="b")) is None
    assert desk.tell(CancelIntent(opening.order_id, "a"), "strategy.a") == [CancelApproved(opening.order_id, "a")]


@pytest.mark.parametrize(("command", "state"), [(HALT, HALTED), (REDUCE, REDUCING)], ids=["halt", "reduce"])
@pytest.mark.parametrize(("scope", "key"), [(Scope.GLOBAL, ""), (Scope.STRATEGY, "a"), (Scope.SYMBOL, "X")])
def test_what_was_asked_while_the_engine_was_away_holds_though_its_configuration_changed(
    command: HaltRequested | ReduceRequested, state: TradingState, scope: Scope, key: str
) -> None:
    """The next run only folds what lies before it; the command is answered as that run begins, once, and a resume meanwhile undoes it."""
    asked, resume = type(command)("c1", "ann", "drill", scope, key), ResumeRequested("c2", "ann", "done", scope, key)
    for meanwhile, expected in (((asked,), state), ((asked, resume), ACTIVE), ((), ACTIVE)):
        desk = RiskDesk()
        for n, event in enumerate(meanwhile):
            desk.core.apply(Envelope(900 + n, desk.now, "c.", f"control.{n}", 1, 1, 0, 0, event))
        desk.core = desk.restarted()
        desk.tell(RUN, "bus")
        desk.tell(CLEAN)
        assert desk.core._desk.states.of(scope, key) is expected
        desk.tell(resume)
        desk.tell(RunStarted("risk_engine", 3, "h"), "bus")
        desk.tell(CLEAN)
        assert desk.core._desk.states.of(scope, key) is ACTIVE


@pytest.mark.parametrize("state", [ACTIVE, REDUCING, HALTED, DISARMED])
def test_cancels_pass_in_every_state(state: TradingState) -> None:
    desk, opening, _ = desk_in(state)
    assert desk.tell(CancelIntent(opening.order_id, "a"), "strategy.a") == [CancelApproved(opening.order_id, "a")]


def test_a_start_disarms_and_the_first_clean_reconcile_arms() -> None:
    desk = RiskDesk(ready=False)
    assert desk.told == [TradingStateChanged(Scope.GLOBAL, "", DISARMED, Reason.DISARMED, "starting: waits to be armed", 0)]
    assert desk.tell(DIRTY) == desk.tell(PENDING) == []
    [armed] = desk.tell(CLEAN)
    assert isinstance(armed, TradingStateChanged)
    assert (armed.state, armed.reason) == (ACTIVE, Reason.RECONCILED)
    assert desk.tell(CLEAN) == []


@pytest.mark.parametrize("start", [RUN, BusStarted(2, 10)])
def test_every_start_disarms_again(start: RunStarted | BusStarted) -> None:
    desk = RiskDesk()
    [changed] = desk.tell(start, "bus")
    assert isinstance(changed, TradingStateChanged)
    assert changed.state is DISARMED
    assert reason(desk.buy(1)) is Reason.DISARMED
    desk.tell(CLEAN)
    assert reason(desk.buy(1)) is None


def test_another_services_run_changes_nothing() -> None:
    assert RiskDesk().tell(RunStarted("order_router", 2, "f"), "bus") == []


def test_manual_arming_wants_the_operator_and_the_reconcile_in_either_order() -> None:
    desk = RiskDesk(arm="manual")
    assert reason(desk.buy(1)) is Reason.DISARMED
    desk.tell(RESUME)
    assert reason(desk.buy(1)) is None
    desk.tell(RUN)
    desk.tell(RESUME)
    assert reason(desk.buy(1)) is Reason.DISARMED
    desk.tell(CLEAN)
    assert reason(desk.buy(1)) is None


def test_without_a_reconcile_to_wait_for_a_start_arms() -> None:
    desk = RiskDesk(arm_requires_reconcile=False, ready=False)
    [changed] = desk.told
    assert isinstance(changed, TradingStateChanged)
    assert changed.state is ACTIVE


def test_a_halt_is_latched_over_starts_and_reconciles() -> None:
    desk = RiskDesk()
    assert desk.tell(HALT) == [TradingStateChanged(Scope.GLOBAL, "", HALTED, Reason.OPERATOR, "ann: drill", 1)]
    assert desk.tell(RUN) == desk.tell(BusStarted(2, 0)) == desk.tell(CLEAN) == []
    assert reason(desk.buy(1)) is Reason.HALTED
    [changed] = desk.tell(RESUME)
    assert isinstance(changed, TradingStateChanged)
    assert changed.state is ACTIVE  # the reconcile above was after the start


def test_resuming_before_the_reconcile_of_a_start_only_disarms() -> None:
    desk = RiskDesk()
    desk.tell(HALT)
    desk.tell(RUN)
    [changed] = desk.tell(RESUME)
    assert isinstance(changed, TradingStateChanged)
    assert changed.state is DISARMED
    assert reason(desk.buy(1)) is Reason.DISARMED
    desk.tell(CLEAN)
    assert reason(desk.buy(1)) is None


def test_reducing_survives_a_start() -> None:
    desk = RiskDesk()
    desk.hold(10)
    desk.tell(REDUCE)
    desk.tell(RUN)
    [changed] = desk.tell(CLEAN)
    assert isinstance(changed, TradingStateChanged)
    assert changed.state is REDUCING
    assert reason(desk.buy(1)) is Reason.REDUCING_ONLY
    assert reason(desk.sell(1)) is None


def test_reducing_asked_while_disarmed_holds_once_armed() -> None:
    desk = RiskDesk(ready=False)
    [changed] = desk.tell(REDUCE)
    assert isinstance(changed, TradingStateChanged)
    assert (changed.state, changed.reason) == (DISARMED, Reason.REDUCING_ONLY)
    [armed] = desk.tell(CLEAN)
    assert isinstance(armed, TradingStateChanged)
    assert armed.state is REDUCING


def test_each_halt_is_a_new_epoch_and_approvals_carry_it() -> None:
    desk = RiskDesk()
    for epoch in (1, 2):
        [changed] = desk.tell(HALT)
        assert isinstance(changed, TradingStateChanged)
        assert changed.halt_epoch == epoch
    desk.tell(RESUME)
    answer = desk.buy(1)
    assert isinstance(answer, OrderApproved)
    assert answer.halt_epoch == 2


def test_a_halt_is_not_softened_by_reducing() -> None:
    desk = RiskDesk()
    desk.tell(HALT)
    assert desk.tell(REDUCE) == []


@pytest.mark.parametrize(
    "failure", [StrategyFailed("a", 1, "on_bar", "ValueError: line 3"), StrategyBlocked("a", 1, "on_bar", 5000)], ids=["failed", "blocked"]
)
def test_a_broken_strategy_is_halted_alone_until_resumed(failure: StrategyFailed | StrategyBlocked) -> None:
    desk = RiskDesk()
    [changed] = desk.tell(failure)
    assert isinstance(changed, TradingStateChanged)
    assert (changed.scope, changed.key, changed.state, changed.halt_epoch) == (Scope.STRATEGY, "a", HALTED, 1)
    assert desk.tell(failure) == []
    desk.tell(RUN)
    desk.tell(CLEAN)
    assert reason(desk.buy(1)) is Reason.HALTED
    assert reason(desk.buy(1, strategy="b")) is None
    desk.tell(ResumeRequested("c", "ann", "fixed", Scope.STRATEGY, "a"))
    assert reason(desk.buy(1)) is None


@pytest.mark.parametrize(
    ("scope", "also"), [("strategy", []), ("global", [(Scope.GLOBAL, "")]), ("symbol", [(Scope.SYMBOL, "X"), (Scope.SYMBOL, "Y")])]
)
def test_how_wide_a_strategys_failure_or_loss_stops(scope: str, also: list[tuple[Scope, str]]) -> None:
    expected = [(Scope.STRATEGY, "a"), *also]
    desk = RiskDesk(halt_scope=scope)
    told = desk.tell(StrategyFailed("a", 1, "on_bar", "x"))
    assert [(c.scope, c.key, c.state) for c in told if isinstance(c, TradingStateChanged)] == [(*key, HALTED) for key in expected]
    desk = RiskDesk(halt_scope=scope, strategy_day_loss_max=100)
    desk.hold(10)
    told = desk.quote("X", 80.0, 80.1)
    assert [(c.scope, c.key, c.state) for c in told if isinstance(c, TradingStateChanged)] == [(*key, REDUCING) for key in expected]
    assert (reason(desk.buy(1, strategy="b")) is None) is (scope == "strategy")


def test_a_paused_strategy_waits() -> None:
    desk = RiskDesk()
    desk.tell(StrategyPaused("a", paused=True, text="lags"))
    assert reason(desk.buy(1)) is Reason.STRATEGY_PAUSED
    assert reason(desk.buy(1, strategy="b")) is None
    desk.tell(StrategyPaused("a", paused=False, text=""))
    assert reason(desk.buy(1)) is None


def test_a_symbol_may_be_halted_reduced_and_locked_alone() -> None:
    desk = RiskDesk()
    desk.hold(10)
    desk.tell(HaltRequested("c", "ann", "r", Scope.SYMBOL, "X"))
    assert reason(desk.buy(1)) is Reason.HALTED
    assert reason(desk.buy(1, symbol="Y")) is None
    desk.tell(ResumeRequested("c", "ann", "r", Scope.SYMBOL, "X"))
    desk.tell(ReduceRequested("c", "ann", "r", Scope.SYMBOL, "X"))
    assert reason(desk.buy(1)) is Reason.REDUCING_ONLY
    desk.tell(ResumeRequested("c", "ann", "r", Scope.SYMBOL, "X"))
    desk.tell(InstrumentLocked("X", Reason.RECONCILE_BREAK, "break"))
    assert reason(desk.sell(1)) is Reason.INSTRUMENT_LOCKED
    desk.tell(InstrumentUnlocked("X", ""))
    assert reason(desk.buy(1)) is None


def test_a_strategys_reducing_is_judged_on_its_own_book() -> None:
    desk = RiskDesk()
    desk.hold(100, strategy="b")
    desk.hold(-20, strategy="a")
    desk.tell(ReduceRequested("c", "ann", "r", Scope.STRATEGY, "a"))
    assert reason(desk.sell(1)) is Reason.REDUCING_ONLY  # shrinks the account, grows a's short
    assert reason(desk.buy(20)) is None
    assert reason(desk.buy(1)) is Reason.REDUCING_ONLY  # what is short may be bought already


def test_global_reducing_is_judged_on_the_account() -> None:
    desk = RiskDesk()
    desk.hold(100, strategy="b")
    desk.hold(-20, strategy="a")
    desk.tell(REDUCE)
    assert reason(desk.buy(1)) is Reason.REDUCING_ONLY
    assert reason(desk.sell(80)) is None
    assert reason(desk.sell(1)) is Reason.REDUCING_ONLY


def test_reduce_only_orders_never_add() -> None:
    desk = RiskDesk()
    desk.hold(10)
    assert reason(desk.sell(11, reduce_only=True)) is Reason.REDUCING_ONLY
    assert reason(desk.buy(1, reduce_only=True)) is Reason.REDUCING_ONLY
    answer = desk.sell(10, reduce_only=True)
    assert isinstance(answer, OrderApproved)
    assert answer.terms.quantity == Decimal(10)
