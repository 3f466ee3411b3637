"""Loss limits and equity marks."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from shared.events import (
    AccountOpened,
    Bar,
    BusStarted,
    CashFlow,
    ClockTicked,
    CorporateAction,
    DayEnded,
    Envelope,
    EquityMarked,
    Event,
    HaltRequested,
    LimitBreached,
    Reason,
    ResumeRequested,
    RunStarted,
    Scope,
    Trade,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import CLEAN, RiskDesk, reason

RESUME = ResumeRequested("c", "ann", "seen", Scope.GLOBAL, "")


def states(outputs: list[Event]) -> list[TradingState]:
    return [event.state for event in outputs if isinstance(event, TradingStateChanged)]


def breaches(outputs: list[Event]) -> list[tuple[str, bool]]:
    return [(event.key, event.hard) for event in outputs if isinstance(event, LimitBreached)]


def long_desk(**limits: object) -> RiskDesk:
    """100,000 of cash, then long 100 bought at the bid of 99: each point down loses 100."""
    desk = RiskDesk(cash="100000", **limits)
    desk.hold(100, price=99)
    return desk


@pytest.mark.parametrize(
    ("bid", "soft", "hard"), [(91.01, False, False), (91.0, True, False), (89.01, True, False), (89.0, False, True), (80.0, False, True)]
)
def test_a_price_that_meets_the_day_limit_reduces_within_the_event(bid: float, soft: bool, hard: bool) -> None:
    told = long_desk(day_loss_max=1000).quote("X", bid, bid + 2)
    assert breaches(told) == ([("day_loss_max", True)] if hard else [("day_loss_max", False)] if soft else [])
    assert states(told) == ([TradingState.REDUCING] if hard else [])


def test_one_gap_through_every_limit_asks_for_the_strictest_state_once() -> None:
    desk = long_desk(day_loss_max=1000, day_loss_pct_max="0.01", drawdown_max="0.02")
    told = desk.quote("X", 50.0, 52.0)
    assert breaches(told) == [("day_loss_max", True), ("day_loss_pct_max", True), ("drawdown_max", True)]
    assert states(told) == [TradingState.HALTED]
    assert desk.quote("X", 40.0, 42.0) == []


def test_values_are_told_in_the_limits_own_unit() -> None:
    [event, *_] = long_desk(day_loss_pct_max="0.01").quote("X", 88.0, 90.0)
    assert event == LimitBreached(Reason.DAY_LOSS, "day_loss_pct_max", "0.01", "0.011", hard=True)


@pytest.mark.parametrize("kind", ["bar", "trade"])
def test_bars_and_trades_mark_where_no_quote_stands(kind: str) -> None:
    desk = RiskDesk(cash="100000", day_loss_max=1000, ready=False)
    desk.tell(CLEAN)
    datum = {"bar": lambda p: Bar("X", 0, desk.now, p, p, p, p, 1.0), "trade": lambda p: Trade("X", desk.now, p, 1.0)}[kind]
    desk.tell(AccountOpened("acc", "USD", D(100000), D(100000), ("X",), (D(100),), (D(99),)))
    assert desk.tell(datum(99.0)) == []
    assert breaches(desk.tell(datum(89.0))) == [("day_loss_max", True)]


def test_a_print_beside_a_fresh_quote_marks_nothing() -> None:
    desk = long_desk(day_loss_max=1000, quote_age_ms_max=5000)
    assert desk.tell(Trade("X", desk.now + 1, 10.0, 1.0)) == []


def test_a_short_is_marked_at_the_ask() -> None:
    desk = RiskDesk(cash="100000", day_loss_max=1000)
    desk.hold(-100, price=101)
    assert desk.quote("X", 99.0, 108.99) == []
    assert breaches(desk.quote("X", 99.0, 111.0)) == [("day_loss_max", True)]


def test_a_fill_that_costs_the_limit_is_judged_when_it_is_booked() -> None:
    desk = RiskDesk(cash="100000", day_loss_max=1000)
    told = desk.fill(desk.buy(100), price="108.9", commission=10)
    assert breaches(told) == [("day_loss_max", True)]


def test_a_strategy_has_a_limit_of_its_own() -> None:
    strategies = [{"id": "a", "symbols": ["X"], "limits": {"day_loss_max": 500}}, {"id": "b", "symbols": ["X"]}]
    desk = RiskDesk(cash="100000", strategies=strategies, strategy_day_loss_max=5000)
    desk.hold(100, price=99)
    desk.hold(100, price=99, strategy="b")
    told = desk.quote("X", 94.0, 96.0)
    assert breaches(told) == [("strategies.a.day_loss_max", True)]
    assert reason(desk.buy(1)) is Reason.REDUCING_ONLY
    assert reason(desk.sell(100)) is None  # a loss limit that could not be closed would be no help
    assert reason(desk.buy(1, strategy="b")) is None


def test_closing_orders_pass_a_day_loss() -> None:
    desk = long_desk(day_loss_max=1000)
    desk.quote("X", 80.0, 82.0)
    assert reason(desk.buy(1)) is Reason.REDUCING_ONLY
    assert reason(desk.sell(100)) is None


def test_an_operator_does_not_resume_while_the_limit_stands() -> None:
    desk = long_desk(day_loss_max=1000)
    desk.quote("X", 80.0, 82.0)
    assert desk.tell(RESUME) == [LimitBreached(Reason.DAY_LOSS, "day_loss_max", "1000", "1900", hard=True)]
    assert reason(desk.buy(1)) is Reason.REDUCING_ONLY
    desk.quote("X", 98.0, 100.0)
    assert states(desk.tell(RESUME)) == [TradingState.ACTIVE]
    assert breaches(desk.quote("X", 80.0, 82.0)) == [("day_loss_max", True)]  # and is told again


def test_a_new_day_starts_from_its_own_base() -> None:
    desk = long_desk(day_loss_max=1000)
    desk.quote("X", 90.0, 92.0)
    [mark] = desk.tell(DayEnded("24x7", "2024-01-02"))
    assert isinstance(mark, EquityMarked)
    assert (mark.equity, mark.day_pnl, mark.peak) == (D(99100), D(-900), D(100000))
    assert desk.quote("X", 83.0, 85.0) == []
    assert breaches(desk.quote("X", 80.0, 82.0)) == [("day_loss_max", True)]


def test_a_second_calendar_ending_the_same_date_is_no_new_day() -> None:
    desk = long_desk(day_loss_max=1000)
    desk.tell(DayEnded("XNYS", "2024-01-02"))
    assert desk.tell(DayEnded("24x7", "2024-01-02")) == []
    assert len(desk.tell(DayEnded("XNYS", "2024-01-03"))) == 1


@pytest.mark.parametrize("start", [BusStarted(2, 0), RunStarted("risk_engine", 2, "g")])
def test_base_and_peak_survive_a_start(start: BusStarted | RunStarted) -> None:
    desk = long_desk(day_loss_max=1000)
    desk.quote("X", 94.0, 96.0)
    desk.tell(start)
    desk.core = desk.restarted()
    assert breaches(desk.quote("X", 89.0, 91.0)) == [("day_loss_max", True)]


def test_base_and_peak_come_back_from_a_mark_where_market_data_was_pruned() -> None:
    full = long_desk(mark_interval_ms=1000, day_loss_max=1000)
    full.wait(10).quote("X", 109.0, 111.0)
    full.wait(1000)
    [mark] = full.tell(ClockTicked())
    assert isinstance(mark, EquityMarked)
    pruned = RiskDesk(ready=False, day_loss_max=1000)
    for envelope in full.log[len(pruned.log) :]:
        if not envelope.event.PRUNABLE:
            pruned.core.apply(envelope)
    pruned.core.apply(Envelope(0, full.now, mark.topic, "risk_engine", 1, 1, 0, 1, mark))
    watch = pruned.core._desk.watches.account.state
    assert (watch.base, watch.peak) == (D(100000), D(101000))


def test_money_withdrawn_is_no_loss_and_money_deposited_no_profit() -> None:
    desk = long_desk(day_loss_max=1000, drawdown_max="0.05")
    assert desk.tell(CashFlow("withdrawal", "USD", D(-50000), "w")) == []
    assert desk.quote("X", 98.0, 100.0) == []
    assert desk.tell(CashFlow("deposit", "USD", D(50000), "d")) == []
    assert breaches(desk.quote("X", 89.0, 91.0)) == [("day_loss_max", True)]


def test_a_drawdown_is_measured_from_the_highest_equity_and_halts() -> None:
    desk = long_desk(drawdown_max="0.1")
    desk.quote("X", 199.0, 201.0)  # 110,000
    assert breaches(desk.quote("X", 111.0, 113.0)) == [("drawdown_max", False)]
    told = desk.quote("X", 89.0, 91.0)
    assert breaches(told) == [("drawdown_max", True)]
    assert states(told) == [TradingState.HALTED]
    assert reason(desk.sell(1)) is Reason.HALTED


def test_a_limit_met_while_halted_changes_no_state() -> None:
    desk = long_desk(day_loss_max=1000)
    desk.tell(HaltRequested("c", "ann", "r", Scope.GLOBAL, ""))
    told = desk.quote("X", 80.0, 82.0)
    assert (breaches(told), states(told)) == ([("day_loss_max", True)], [])


def test_a_split_is_no_loss() -> None:
    desk = long_desk(day_loss_max=1000)
    desk.tell(CorporateAction("split", "X", D(4), "", "r"))
    assert desk.quote("X", 24.75, 25.25) == []
    assert breaches(desk.quote("X", 22.25, 25.25)) == [("day_loss_max", True)]


def test_a_symbol_change_keeps_the_mark() -> None:
    desk = long_desk(day_loss_max=1000)
    desk.tell(CorporateAction("symbol_change", "X", D(1), "Z", "r"))
    assert breaches(desk.quote("Z", 89.0, 91.0)) == [("day_loss_max", True)]


class TestMarks:
    def test_nothing_held_nothing_marked(self) -> None:
        desk = RiskDesk(mark_interval_ms=1000, ready=False)
        desk.tell(CLEAN)
        desk.quote("X", 1.0, 2.0)
        assert desk.core.next_timer() == 0

    def test_a_mark_is_due_one_interval_after_something_moved(self) -> None:
        desk = long_desk(mark_interval_ms=1000)
        desk.wait(5000).tell(ClockTicked())
        assert desk.core.next_timer() == 0
        moved = desk.now
        desk.quote("X", 100.0, 102.0)
        desk.wait(400).quote("X", 101.0, 103.0)
        assert desk.core.next_timer() == moved + 1_000_000_000
        assert desk.wait(599).tell(ClockTicked()) == []
        [mark] = desk.wait(1).tell(ClockTicked())
        assert mark == EquityMarked(D(100200), D(90100), D(200), D(100200), 0.0, D(10100), D(10100))
        assert desk.core.next_timer() == 0
        assert desk.wait(5000).tell(ClockTicked()) == []

    def test_numbers_are_written_one_way(self) -> None:
        desk = long_desk(mark_interval_ms=1000)
        for price in (99.123456, 98.5, 99.0):
            desk.quote("X", price, price + 1)
        [mark] = desk.wait(1000).tell(ClockTicked())
        assert isinstance(mark, EquityMarked)
        assert str(mark.equity) == "100000"

    def test_marks_only_at_day_ends_where_the_timer_is_off(self) -> None:
        desk = long_desk(mark_interval_ms=0)
        desk.quote("X", 100.0, 102.0)
        assert desk.core.next_timer() == 0
        assert len(desk.tell(DayEnded("24x7", "2024-01-02"))) == 1
