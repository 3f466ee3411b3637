"""Claims, trades by hand and money that is no profit: whose a holding is, and what the loss limits make of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.events import (
    AccountOpened,
    Alert,
    CashFlow,
    ClaimRequested,
    CorporateAction,
    EquityMarked,
    Event,
    HoldingAssigned,
    LimitBreached,
    OrderFilled,
    OrderSide,
)
from tests.support.risk_desk import CLEAN, RiskDesk

D = Decimal


def found(quantity: str = "100", price: str = "80", **limits: Any) -> RiskDesk:
    """An account that held X when it was found."""
    desk = RiskDesk(ready=False, **limits)
    desk.tell(AccountOpened("acc", "USD", D(100_000), D(108_000), ("X",), (D(quantity),), (D(price),)))
    desk.tell(CLEAN)
    desk.quote("X", 100.0, 100.0)
    return desk


def claim(quantity: str = "", strategy: str = "a", symbol: str = "X") -> ClaimRequested:
    return ClaimRequested("c1", "me", "mine", symbol, strategy, quantity)


def by_hand(side: OrderSide, quantity: int, price: int = 100, n: int = 1) -> OrderFilled:
    return OrderFilled(f"external:m{n}", "external", "X", side, D(quantity), D(price), D(0), "USD", f"h{n}", f"m{n}", D(quantity), D(0), 0)


def refused(told: list[Event]) -> str:
    (alert,) = told
    assert isinstance(alert, Alert)
    assert alert.key == "claim:c1"
    return alert.text


def test_what_is_unassigned_is_given_at_its_average_price_and_back() -> None:
    desk = found()
    assert desk.tell(claim("60")) == [HoldingAssigned("X", "a", D(60), D(80), "c1")]
    assert desk.tell(claim()) == [HoldingAssigned("X", "a", D(40), D(80), "c1")]
    assert desk.tell(claim("-30")) == [HoldingAssigned("X", "a", D(-30), D(80), "c1")]
    assert desk.tell(claim("30", "b")) == [HoldingAssigned("X", "b", D(30), D(80), "c1")]


def test_a_short_is_claimed_in_its_own_direction() -> None:
    desk = found("-100")
    assert desk.tell(claim("25")) == [HoldingAssigned("X", "a", D(-25), D(80), "c1")]
    assert desk.tell(claim("-5")) == [HoldingAssigned("X", "a", D(5), D(80), "c1")]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (claim("101"), "101 is not within the 100 unassigned"),
        (claim("0"), "0 is not within"),
        (claim("-1"), "it holds nothing of X"),
        (claim("ten"), "'ten' is no number"),
        (claim(strategy="nobody"), "nobody does not trade X"),
        (claim(symbol="Z"), "a does not trade Z"),
        (claim(symbol="Y"), "unassigned is nothing of Y"),
    ],
)
def test_a_claim_of_what_is_not_there_is_refused_in_a_line(asked: ClaimRequested, why: str) -> None:
    assert why in refused(found().tell(asked))


def test_a_claim_is_no_profit_and_no_loss_of_the_strategy() -> None:
    """80 was paid and 100 is the mark: 2,000 would be a day's profit, and as much lost from another cost a breach."""
    desk = found(strategy_day_loss_max="1000")
    desk.tell(claim())
    watch = desk.core._desk.watches.strategies["a"]
    assert watch.state.base == watch.value.equity()
    dear = found(price="200", strategy_day_loss_max="1000")
    assert dear.tell(claim()) == [HoldingAssigned("X", "a", D(100), D(200), "c1")]
    assert not [e for e in dear.quote("X", 99.0, 99.0) if isinstance(e, LimitBreached) and e.hard]


def test_a_dividend_moves_the_base_of_who_holds_and_of_the_account() -> None:
    desk = found(strategy_day_loss_max="1000", day_loss_max="1000")
    desk.tell(claim("50"))
    account, strategy = desk.core._desk.watches.account, desk.core._desk.watches.strategies["a"]
    before = account.state.base, strategy.state.base
    desk.tell(CashFlow("dividend", "USD", D(500), "d", "X", D(100)))
    assert (account.state.base, strategy.state.base) == (before[0] + 500, before[1] + 250)


def test_a_withdrawal_on_the_day_of_a_loss_is_not_added_to_it() -> None:
    desk = found(day_loss_max="1000")
    desk.quote("X", 75.0, 75.0)  # the day began at what was paid, 80
    assert desk.tell(CashFlow("withdrawal", "USD", D(-90_000), "w")) == []
    assert [e.hard for e in desk.quote("X", 70.0, 70.0) if isinstance(e, LimitBreached)] == [True]


def test_a_trade_by_hand_is_unassigned_unless_the_policy_says_otherwise() -> None:
    desk = found()
    desk.tell(claim("60"))
    assert not [e for e in desk.tell(by_hand(OrderSide.SELL, 70)) if isinstance(e, HoldingAssigned)]


def test_a_trade_by_hand_takes_unassigned_units_first_then_the_holders() -> None:
    desk = found(external_policy="reduce_holder")
    desk.tell(claim("50"))
    desk.tell(claim("20", "b"))
    told = desk.tell(by_hand(OrderSide.SELL, 90))
    assert [e for e in told if isinstance(e, HoldingAssigned)] == [
        HoldingAssigned("X", "a", D(-50), D(100)),
        HoldingAssigned("X", "b", D(-10), D(100)),
    ]
    assert desk.core._desk.ledger.quantity("", "X") == 0
    assert not [e for e in desk.tell(by_hand(OrderSide.BUY, 5, n=2)) if isinstance(e, HoldingAssigned)]


def test_a_split_and_its_price_are_no_loss() -> None:
    desk = found(day_loss_max="100", drawdown_max="0.01")
    desk.tell(CorporateAction("split", "X", D(3), "", "s", D(2), D(1), D("66.67")))
    assert desk.quote("X", 66.67, 66.67) == []
    assert desk.core._desk.ledger.net("X") == 150


def test_an_expiry_is_marked_at_what_it_settled_for() -> None:
    desk = found(day_loss_max="100", mark_interval_ms=0)
    assert desk.tell(CorporateAction("expiry", "X", D(1), "", "s", price=D(100))) == []
    assert desk.core._desk.value.equity() == 110_000
    assert not [e for e in desk.told if isinstance(e, EquityMarked)]


def test_a_claim_of_what_is_worth_more_than_it_cost_makes_no_peak_that_was_never_there() -> None:
    strategies = [{"id": "a", "symbols": ["X"], "budget": "100000", "limits": {"drawdown_max": "0.02"}}]
    desk = found(strategies=strategies)
    desk.tell(claim("100"))  # worth 2,000 more than its price
    assert [e for e in desk.quote("X", 99.0, 99.0) if isinstance(e, LimitBreached)] == []
    (breach,) = [e for e in desk.quote("X", 79.0, 79.0) if isinstance(e, LimitBreached)]
    assert breach.value == f"{D(2100) / D(102000):.18f}"
