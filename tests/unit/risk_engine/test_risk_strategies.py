"""Strategies added, removed and set while the engine runs: what it answers, and what it approves from there on."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from services.risk_engine.core import SOURCE
from shared.events import (
    AccountOpened,
    Alert,
    CancelApproved,
    Event,
    FlattenRequested,
    HoldingAssigned,
    LimitChanged,
    LimitOverridden,
    OrderApproved,
    OrderTerms,
    OrderType,
    Reason,
    ReconcileCompleted,
    ResumeRequested,
    RunStarted,
    Scope,
    StrategyChanged,
    StrategyRevised,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import BUY, RiskDesk, reason, replayed

ENTRY: dict[str, Any] = {"id": "c", "name": "buy_and_hold", "params": {"symbol": "X", "quantity": 5}, "symbols": ["X"], "budget": "40000"}


def desk_of(**limits: Any) -> RiskDesk:
    strategies = [{"id": "a", "symbols": ["X", "Y"], "budget": 500_000}, {"id": "b", "symbols": ["X", "Y"], "budget": 400_000}]
    return RiskDesk(clock="wall", **{"strategies": strategies, "missed_ms_max": 10**9, **limits})


def change(desk: RiskDesk, action: str, strategy: str = "c", definition: Any = None) -> list[Event]:
    text = definition if isinstance(definition, str) else json.dumps(definition) if definition is not None else ""
    return desk.tell(StrategyChanged(f"c{desk.seq}", "ann", "drill", strategy, action, text))


def answer(desk: RiskDesk, action: str, strategy: str = "c", definition: Any = None) -> StrategyRevised:
    said = change(desk, action, strategy, definition)[0]
    assert isinstance(said, StrategyRevised)
    return said


def test_an_added_strategy_trades_its_symbols_from_the_commands_place_on_with_its_budget_out_of_what_is_unassigned() -> None:
    desk = desk_of()
    assert reason(desk.buy(1, strategy="c")) is Reason.NOT_AUTHORISED

    said = answer(desk, "add", definition=ENTRY)

    assert (said.outcome, said.strategy, said.since, said.budget, said.text) == ("added", "c", desk.seq, 40_000, "ann: drill")
    assert reason(desk.buy(1, strategy="c")) is None
    assert reason(desk.buy(1, strategy="c", symbol="Y")) is Reason.NOT_AUTHORISED
    books = desk.core._desk.ledger.books
    assert (books["c"].cash, books[""].cash, desk.core._desk.ledger.cash) == (40_000, 60_000, 1_000_000)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({**ENTRY, "id": "a"}, "a trades already"),
        ({**ENTRY, "id": "risk"}, "risk is the engine's own"),
        ({**ENTRY, "budget": "100000.01"}, "100000.01 is more than the 100000 that is unassigned"),
        ({**ENTRY, "symbols": ["X", "Z"]}, "no feed subscribes Z"),
        ({**ENTRY, "symbols": []}, "symbols: required"),
        ({**ENTRY, "budget": None}, "budget: required"),
        ({**ENTRY, "budget": "NaN"}, "budget: "),
        ({**ENTRY, "name": "buy_and_hodl"}, "nearest: buy_and_hold"),
        ({**ENTRY, "params": {"quantitty": 5}}, "params.quantitty: unknown key; nearest: quantity"),
        ({**ENTRY, "params": {"quantity": True}}, "params.quantity: must be a number"),
        ({**ENTRY, "limits": {"max_notionl": 5}}, "limits.max_notionl: unknown key; nearest: max_notional"),
        ({**ENTRY, "symbls": []}, "symbls: unknown key; nearest: symbols"),
        ("{", "not JSON"),
        ("[]", "no section"),
        ({**ENTRY, "params": {"symbol": "X" * 20_000}}, "characters, at most 16384"),
    ],
)
def test_what_cannot_be_added_is_refused_in_one_line_and_changes_nothing(entry: Any, said: str) -> None:
    desk = desk_of()
    before = desk.core.snapshot()
    strategy = entry["id"] if isinstance(entry, dict) else "c"
    refused = answer(desk, "add", strategy, entry)
    assert refused.outcome == "refused"
    assert said in refused.text
    assert "\n" not in refused.text
    assert desk.core.snapshot() == before


def test_its_own_limits_and_an_override_of_them_hold() -> None:
    desk = desk_of()
    answer(desk, "add", definition={**ENTRY, "limits": {"order_qty_max": 10}})
    assert reason(desk.buy(11, strategy="c")) is Reason.ORDER_QUANTITY
    (overridden,) = desk.tell(LimitChanged("l1", "ann", "drill", "limits.order_qty_max", "5", 0, Scope.STRATEGY, "c"))
    assert isinstance(overridden, LimitOverridden)
    assert (overridden.outcome, overridden.old) == ("set", "10")
    assert reason(desk.buy(6, strategy="c")) is Reason.ORDER_QUANTITY
    assert reason(desk.buy(5, strategy="c")) is None


def test_a_removed_strategy_is_halted_its_orders_are_cancelled_and_what_it_had_is_unassigned() -> None:
    desk = desk_of()
    desk.hold(100, strategy="a")
    working, other = desk.buy(10, 90, strategy="a"), desk.buy(10, 90, strategy="b")
    desk.accept(working)
    desk.accept(other)

    said = change(desk, "remove", "a")

    assert [type(e) for e in said] == [StrategyRevised, TradingStateChanged, CancelApproved]
    revised, halted, cancel = said
    assert isinstance(revised, StrategyRevised)
    assert isinstance(halted, TradingStateChanged)
    assert isinstance(working, OrderApproved)
    assert (revised.outcome, revised.strategy, revised.definition) == ("removed", "a", "")
    assert (halted.scope, halted.key, halted.state, halted.halt_epoch) == (Scope.STRATEGY, "a", TradingState.HALTED, working.halt_epoch + 1)
    assert cancel == CancelApproved(working.order_id, "a", Reason.OPERATOR)
    assert reason(desk.buy(1, strategy="a")) is Reason.HALTED
    ledger = desk.core._desk.ledger
    assert (ledger.book("").cash, ledger.book("").quantity("X"), ledger.quantity("b", "X")) == (590_000, 100, 0)
    desk.fill(working, 4, 90)  # it was filled before the cancel
    assert (ledger.book("").quantity("X"), ledger.net("X"), "a" in ledger.books and ledger.books["a"].quantity("X")) == (104, 104, 0)


def test_it_stays_removed_over_restarts_and_resumes_though_the_configuration_lists_it() -> None:
    desk = desk_of()
    change(desk, "remove", "a")
    desk.core = desk.restarted()
    desk.tell(RunStarted(SOURCE, 2, "other settings"))
    desk.tell(ReconcileCompleted(2, clean=True, breaks=(), pending=0, report=0))
    assert reason(desk.buy(1, strategy="b")) is None
    assert reason(desk.buy(1, strategy="a")) is Reason.HALTED
    (said,) = desk.tell(ResumeRequested("r1", "ann", "again", Scope.STRATEGY, "a"))
    assert isinstance(said, Alert)
    assert "it is removed; `regimeflow strategy add`" in said.text
    assert reason(desk.buy(1, strategy="a")) is Reason.HALTED
    assert answer(desk, "remove", "a").text == "removed already: a"


def test_added_again_it_is_active_with_a_new_book() -> None:
    desk = desk_of()
    change(desk, "remove", "a")
    revised, lifted = change(desk, "add", "a", {**ENTRY, "id": "a"})
    assert isinstance(revised, StrategyRevised)
    assert isinstance(lifted, TradingStateChanged)
    assert (lifted.key, lifted.state) == ("a", TradingState.ACTIVE)
    assert desk.core._desk.ledger.books["a"].cash == 40_000
    assert reason(desk.buy(1, strategy="a")) is None


def test_what_is_set_is_kept_by_parameter_and_moves_no_money() -> None:
    desk = desk_of()
    cash = desk.core._desk.ledger.books["a"].cash
    assert answer(desk, "set", "a", {"params": {"quantity": 7}}).definition == '{"params":{"quantity":7}}'
    assert answer(desk, "set", "a", {"params": {"symbol": "Y"}}).definition == '{"params":{"quantity":7,"symbol":"Y"}}'
    change(desk, "add", definition=ENTRY)
    whole = json.loads(answer(desk, "set", "c", {"params": {"quantity": 7}}).definition)
    assert whole == {**ENTRY, "params": {"symbol": "X", "quantity": 7}}
    assert answer(desk, "set", "c", {"params": {"quantity": True}}).outcome == "refused"
    assert answer(desk, "set", "c", {"params": {}}).outcome == "refused"
    assert answer(desk, "set", "d", {"params": {"quantity": 1}}).text == "no strategy is called: d"
    assert answer(desk, "frob", "a").outcome == "refused"
    assert desk.core._desk.ledger.books["a"].cash == cash
    assert reason(desk.buy(1, strategy="a")) is None


def test_commands_nobody_decided_are_answered_as_the_next_run_begins_each_by_what_those_before_it_leave() -> None:
    desk = desk_of()
    envelopes = list(desk.log)
    commands = [
        StrategyChanged("c1", "ann", "x", "b", "remove", ""),
        StrategyChanged("c2", "ann", "x", "c", "add", json.dumps({**ENTRY, "budget": "450000"})),  # of what b leaves
        StrategyChanged("c3", "ann", "x", "b", "add", json.dumps({**ENTRY, "id": "b"})),
        StrategyChanged("c4", "ann", "x", "d", "add", json.dumps({**ENTRY, "id": "d"})),
    ]
    core = desk.restarted()
    for n, command in enumerate(commands, 1):
        core.apply(type(envelopes[0])(desk.seq + n, desk.now, "c.", "control.x", 1, n, 0, 0, command))
    begun = type(envelopes[0])(desk.seq + 9, desk.now, "c.", "bus", 1, 9, 0, 0, RunStarted(SOURCE, 2, "f"))
    said = [e for e in replayed(core, begun) if isinstance(e, StrategyRevised | TradingStateChanged)]
    answers = [(e.command, e.outcome, e.since) for e in said if isinstance(e, StrategyRevised)]
    assert answers == [("c1", "removed", begun.seq), ("c2", "added", begun.seq), ("c3", "added", begun.seq), ("c4", "refused", begun.seq)]
    states = [e.state for e in said if isinstance(e, TradingStateChanged) and e.key == "b"]
    assert states == [TradingState.HALTED, TradingState.ACTIVE]
    assert core._desk.ledger.books[""].cash == 10_000
    assert core._desk.unanswered.to_state() == {}


def test_under_the_feeds_clock_strategies_change_with_the_file() -> None:
    desk = RiskDesk(clock="feed")
    assert answer(desk, "remove", "a").text == "the log's clock is the feed's: strategies change with the configuration"


def test_the_same_log_gives_the_same_state_from_its_beginning_and_from_a_snapshot() -> None:
    desk = desk_of(strategy_day_loss_max=1000)
    change(desk, "add", definition={**ENTRY, "limits": {"daily_loss_limit": 50}})
    desk.hold(10, strategy="c")
    desk.hold(10, strategy="a")
    change(desk, "remove", "a")
    halfway = desk.restarted()
    from_there = len(desk.log)
    change(desk, "set", "c", {"params": {"quantity": 9}})
    desk.quote("X", 97.0, 98.0)
    desk.hold(5, strategy="c")
    whole = type(desk.core)(desk.settings)
    for e in desk.log:
        replayed(whole, e)
    for e in desk.log[from_there:]:
        replayed(halfway, e)
    assert whole.snapshot() == halfway.snapshot() == desk.core.snapshot()


def test_before_the_account_is_found_there_is_nothing_to_give() -> None:
    desk = RiskDesk(clock="wall", ready=False)
    assert "is more than the 0 that is unassigned" in answer(desk, "add", definition=ENTRY).text
    desk.tell(AccountOpened("acc", "USD", Decimal(50_000), Decimal(50_000), (), (), ()))
    assert answer(desk, "add", definition=ENTRY).outcome == "added"


def test_what_closes_an_unassigned_holding_is_not_taken_for_a_removed_strategys() -> None:
    desk = desk_of()
    desk.hold(10, strategy="a")
    desk.hold(20, strategy="b")
    change(desk, "remove", "a")
    (closing,) = [e for e in desk.tell(FlattenRequested("f", "ann", "home", "X")) if isinstance(e, OrderApproved)]

    assert desk.fill(closing) == [HoldingAssigned("X", "b", Decimal(-20), Decimal(100))]


def test_an_order_said_by_a_run_from_before_it_was_added_again_is_denied() -> None:
    """Its process has not heard yet: it speaks for a strategy that is no more."""
    desk = desk_of()
    desk.tell(RunStarted("strategy.a", 1, "f"))
    change(desk, "remove", "a")
    change(desk, "add", "a", {**ENTRY, "id": "a"})
    assert reason(desk.buy(1, strategy="a")) is Reason.HALTED
    desk.tell(RunStarted("strategy.a", 2, "g"))
    assert reason(desk.buy(1, strategy="a")) is Reason.HALTED
    desk.core = desk.restarted()
    assert reason(desk.intend(OrderTerms("X", BUY, OrderType.MARKET, Decimal(1)), "a", "a:2:1")[0]) is None


def test_what_an_order_of_its_earlier_life_still_trades_is_nobodys() -> None:
    desk = desk_of()
    desk.tell(RunStarted("strategy.a", 1, "f"))
    working = desk.buy(10, 90, strategy="a")
    change(desk, "remove", "a")
    said = answer(desk, "add", "a", {**ENTRY, "id": "a"})
    assert (said.runs, said.exits) == (1, (1, 0))
    desk.fill(working, 4, 90)
    desk.core = desk.restarted()
    desk.fill(working, 6, 90)
    ledger = desk.core.desk.ledger
    assert (ledger.quantity("a", "X"), ledger.quantity("", "X"), ledger.books["a"].cash) == (0, 10, 40_000)
