"""What a rate gains or loses counts as profit and loss, in its own event; a first rate, a definition and a deposit are neither."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from shared.events import (
    AccountOpened,
    BalanceRow,
    CashFlow,
    InstrumentDefined,
    LimitBreached,
    Reason,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import CLEAN, RiskDesk

from .abroad import abroad, rate


@pytest.mark.parametrize("above", [False, True])
def test_the_rate_that_meets_a_loss_limit_meets_it_in_its_own_event(above: bool) -> None:
    """10,000 EUR at 1.10: a cent less of the rate is a hundred dollars."""
    desk = abroad(day_loss_max=1_000, strategies=[{"id": "a", "symbols": ["X", "Y"]}])
    desk.tell(CashFlow("deposit", "EUR", D(10_000), "d"))
    told = rate(desk, "1.0" if above else "1.0001")
    assert [type(e) for e in told] == ([LimitBreached, TradingStateChanged] if above else [LimitBreached])
    breach = told[0]
    assert isinstance(breach, LimitBreached)
    assert (breach.reason, breach.key, breach.limit, breach.value, breach.hard) == (
        (Reason.DAY_LOSS, "day_loss_max", "1000", "1000", True) if above else (Reason.DAY_LOSS, "day_loss_max", "1000", "999", False)
    )
    if above:
        assert isinstance(told[1], TradingStateChanged)
        assert told[1].state is TradingState.REDUCING


def test_a_short_in_another_currency_loses_with_its_rate() -> None:
    desk = abroad(day_loss_max=50)
    desk.hold(-10)
    desk.quote("X", 104.0, 104.0)  # 44 dollars
    told = rate(desk, "1.25")
    assert [(e.key, e.value) for e in told if isinstance(e, LimitBreached) and e.hard] == [("day_loss_max", "50")]


def test_a_contract_of_many_units_loses_them_all_at_the_rate() -> None:
    desk = RiskDesk(ready=False, day_loss_max=1_500)
    desk.tell(InstrumentDefined("X", "future", "EUR", D("0.01"), D(1), D(50), "24x7"))
    desk.tell(AccountOpened("acc", "USD", D(100_000), D(100_000), (), (), ()))
    desk.tell(CLEAN)
    rate(desk, "1.1")
    desk.quote("X", 100.0, 100.0)
    desk.hold(2)
    desk.quote("X", 90.0, 90.0)  # 1,000 EUR
    assert [(e.value, e.hard) for e in rate(desk, "1.5") if isinstance(e, LimitBreached)] == [("1500", True)]


def test_a_strategy_loses_by_the_rate_of_what_it_owes() -> None:
    desk = abroad(strategy_day_loss_max=100, strategies=[{"id": "a", "symbols": ["X"], "budget": 10_000}, {"id": "b", "symbols": ["X"], "budget": 1}])
    desk.hold(10)
    desk.quote("X", 91.0, 91.0)  # 99
    told = rate(desk, "1.2")  # 108
    assert [(e.key, e.value) for e in told if isinstance(e, LimitBreached) and e.hard] == [("strategies.a.day_loss_max", "108")]
    assert [(e.scope.value, e.key) for e in told if isinstance(e, TradingStateChanged)] == [("strategy", "a")]


def test_the_first_rate_of_a_currency_is_no_loss_and_no_peak() -> None:
    for first, equity in (("0.007", 100_700), ("1.3", 230_000)):
        desk = RiskDesk(ready=False, day_loss_pct_max="0.0001", drawdown_max="0.0001")
        desk.tell(AccountOpened("acc", "USD", D(100_000), D(100_000), (), (), (), (), (BalanceRow("EUR", D(100_000)),)))
        assert rate(desk, first) == []
        watch = desk.core._desk.watches.account
        assert desk.core._desk.value.equity() == watch.state.base == watch.state.peak == equity
        assert rate(desk, str(D(first) * D("0.9"))) != []


@pytest.mark.parametrize("units", [2, -2])
def test_what_a_definition_says_of_a_holding_found_before_it_is_no_loss_and_no_peak(units: int) -> None:
    desk = RiskDesk(ready=False, day_loss_max="1000", drawdown_max="0.01")
    desk.tell(AccountOpened("acc", "USD", D(100_000), D(100_000), ("ES",), (D(units),), (D(5000),)))
    desk.tell(CLEAN)
    desk.quote("ES", 5000.0, 5000.0)
    told = desk.tell(InstrumentDefined("ES", "future", "USD", D("0.25"), D(1), D(50), "24x7"))
    assert not [e for e in (*told, *desk.quote("ES", 5000.0, 5000.0)) if isinstance(e, LimitBreached)]
    away = 5000.0 - 11.0 * units / abs(units)
    (breach,) = [e for e in desk.quote("ES", away, away) if isinstance(e, LimitBreached) and e.key == "day_loss_max" and e.hard]
    assert breach.value == "1100"


def test_a_deposit_of_another_currency_is_no_profit() -> None:
    desk = abroad(day_loss_max=1)
    desk.tell(CashFlow("deposit", "EUR", D(500), "d"))
    watch = desk.core._desk.watches.account
    assert watch.state.base == watch.state.peak == desk.core._desk.value.equity() == 100_550
    assert desk.tell(CashFlow("withdrawal", "EUR", D(-400), "w")) == []
    assert watch.state.base == 100_110


def test_a_strategys_dividend_in_another_currency_is_no_trading_profit() -> None:
    desk = abroad(strategy_day_loss_max=100, strategies=[{"id": "a", "symbols": ["X"], "budget": 10_000}])
    desk.hold(10)
    desk.tell(CashFlow("dividend", "EUR", D(50), "d", "X", D(10)))
    watch = desk.core._desk.watches.strategies["a"]
    assert watch.state.base == watch.value.equity() == 10_055
