"""Risk and the router: what an approval lets it go by, and what happens when it would go beyond."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.events import (
    Event,
    LimitBreached,
    Market,
    OrderApproved,
    OrderRouted,
    OrderSide,
    OrderTerms,
    OrderType,
    Reason,
    RoutedChild,
    Scope,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import BUY, SELL, RiskDesk, reason

D = Decimal


def routed(order: Event, *quantities: int, side: OrderSide = BUY, symbol: str = "X", limit: str | None = None) -> OrderRouted:
    assert isinstance(order, OrderApproved)
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    price = None if limit is None else D(limit)
    parts = [RoutedChild(f"{order.order_id}/{k}", OrderTerms(symbol, side, kind, D(q), price)) for k, q in enumerate(quantities, 1)]
    return OrderRouted(order.order_id, order.strategy, tuple(parts))


@pytest.mark.parametrize(("side", "worst"), [(BUY, "106.05"), (SELL, "94.05")])
def test_an_approval_names_the_quote_and_the_farthest_limit(side: OrderSide, worst: str) -> None:
    desk = RiskDesk(routed=True, collar_bps=500)

    order = desk.order(side, 10)

    assert isinstance(order, OrderApproved)
    assert order.market == Market(99.0, 101.0, 101.0 if side is BUY else 99.0, D(worst), D("0.01"), D(1))


def test_where_nothing_is_routed_an_approval_says_no_more_than_before() -> None:
    order = RiskDesk().buy(10)

    assert isinstance(order, OrderApproved)
    assert order.market is None


def test_parts_that_come_to_the_whole_pass() -> None:
    desk = RiskDesk(routed=True)

    assert desk.tell(routed(desk.buy(10), 6, 4), "order_router") == []


@pytest.mark.parametrize("change", [{}, {"side": SELL}, {"symbol": "Y"}], ids=str)
def test_parts_that_are_more_or_other_than_approved_halt_everything(change: dict[str, object]) -> None:
    desk = RiskDesk(routed=True)
    quantities = (5, 5) if change else (6, 5)

    told = desk.tell(routed(desk.buy(10), *quantities, **change), "order_router")  # type: ignore[arg-type]

    assert [type(e) for e in told] == [LimitBreached, TradingStateChanged]
    assert isinstance(told[1], TradingStateChanged)
    assert (told[1].scope, told[1].state, told[1].reason) == (Scope.GLOBAL, TradingState.HALTED, Reason.CHILD_OVER_PARENT)


def test_a_market_order_that_rests_as_a_limit_is_not_met_by_our_own() -> None:
    desk = RiskDesk(routed=True, self_trade_allowed=False)
    order = desk.buy(10)
    desk.tell(routed(order, 10, limit="99.5"), "order_router")

    assert reason(desk.sell(5, "99.4", strategy="b")) is Reason.SELF_TRADE
    assert reason(desk.sell(5, "99.6", strategy="b")) is None
    assert desk.restarted().snapshot() == desk.core.snapshot()
