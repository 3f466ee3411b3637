"""Limits of one strategy's own book beside the account's. Each below, at and above: `tests/unit/risk_matrix`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.risk_engine.build import bounds_of
from services.risk_engine.core import RiskCore
from services.risk_engine.settings import Bounds
from shared.config.limits import LimitOverrides
from shared.events import LimitBreached, OrderApproved, OrderDenied, OrderIntent, OrderSide, OrderTerms, OrderType, Reason, TradingStateChanged
from tests.support.risk_desk import RiskDesk, reason

BUDGET = 20_000


def bounded(limits: dict[str, Any], **account: Any) -> RiskDesk:
    """Strategy a with limits of its own and a budget; b without. X is bought at 101 and sold at 99, marked at 100 while flat."""
    strategies = [{"id": "a", "symbols": ["X", "Y"], "budget": BUDGET, "limits": limits}, {"id": "b", "symbols": ["X", "Y"], "budget": BUDGET}]
    return RiskDesk(strategies=strategies, **account)


TABLE: dict[str, tuple[object, Reason, int, int]] = {
    "order_qty_max": (50, Reason.ORDER_QUANTITY, 50, 51),
    "order_notional_max": (5_000, Reason.ORDER_NOTIONAL, 50, 51),
    "position_max": (50, Reason.POSITION, 50, 51),
    "position_notional_max": (5_000, Reason.POSITION_NOTIONAL, 50, 51),
    "position_pct_max": ("0.25", Reason.POSITION_PCT, 50, 51),
    "gross_notional_max": (5_000, Reason.GROSS_EXPOSURE, 50, 51),
    "gross_pct_max": ("0.25", Reason.GROSS_EXPOSURE, 50, 51),
    "net_notional_max": (5_000, Reason.NET_EXPOSURE, 50, 51),
    "net_pct_max": ("0.25", Reason.NET_EXPOSURE, 50, 51),
    "leverage_max": ("0.25", Reason.LEVERAGE, 50, 51),
    "buying_power_fraction_max": ("0.25", Reason.BUYING_POWER, 50, 51),
}


@pytest.mark.parametrize("key", [key for key in TABLE if not key.startswith(("order_", "buying_"))])
def test_what_reduces_the_book_passes_above_every_limit(key: str) -> None:
    desk = bounded({})
    desk.hold(60)
    tight = RiskCore(bounded({key: TABLE[key][0]}).settings)
    tight.restore(desk.core.snapshot())
    desk.core = tight
    assert reason(desk.buy(1, 100)) is TABLE[key][1]
    assert reason(desk.sell(60, 100)) is None


def test_the_other_strategys_holding_does_not_count() -> None:
    desk = bounded({"position_max": 50, "net_notional_max": 5_000})
    desk.hold(40, strategy="b")
    assert reason(desk.buy(50, 100)) is None


def test_sums_are_over_the_whole_book() -> None:
    desk = bounded({"gross_notional_max": 5_000})
    desk.hold(-40, "Y", price=50)  # 2,000 to 2,040 at the ask
    assert reason(desk.buy(30, 100)) is Reason.GROSS_EXPOSURE
    assert reason(desk.buy(29, 100)) is None


@pytest.mark.parametrize(("key", "window_ms"), [("msgs_per_s_max", 1_000), ("msgs_per_min_max", 60_000)])
def test_messages_of_the_strategy(key: str, window_ms: int) -> None:
    desk = bounded({key: 2})
    assert [reason(desk.buy(n, 90)) for n in (1, 2)] == [None, None]
    answer = desk.buy(3, 90)
    assert isinstance(answer, OrderDenied)
    assert (answer.reason, answer.key, answer.limit) == (Reason.THROTTLED, f"strategies.a.{key}", "2")
    assert reason(desk.buy(3, 90, strategy="b")) is None
    desk.core = desk.restarted()
    assert reason(desk.buy(4, 90)) is Reason.THROTTLED
    assert reason(desk.wait(window_ms).buy(5, 90)) is None


@pytest.mark.parametrize(
    ("limits", "bid", "key", "state"),
    [
        ({"day_loss_max": 500}, 95.0, "day_loss_max", "reducing"),
        ({"day_loss_pct_max": "0.025"}, 95.0, "day_loss_pct_max", "reducing"),
        ({"drawdown_max": "0.025"}, 95.0, "drawdown_max", "halted"),
    ],
)
def test_losses_of_the_book_stop_its_strategy_alone(limits: dict[str, Any], bid: float, key: str, state: str) -> None:
    desk = bounded(limits)
    desk.hold(100)
    desk.hold(100, strategy="b")
    desk.quote("X", 100.0, 102.0)
    told = desk.quote("X", bid, bid + 2)
    assert [(e.key, e.hard) for e in told if isinstance(e, LimitBreached)] == [(f"strategies.a.{key}", True)]
    assert [(e.key, str(e.state)) for e in told if isinstance(e, TradingStateChanged)] == [("a", state)]
    assert reason(desk.buy(1, 95)) in {Reason.REDUCING_ONLY, Reason.HALTED}
    assert reason(desk.buy(1, 95, strategy="b")) is None


@pytest.mark.parametrize(
    "key", ["position_max", "position_notional_max", "gross_notional_max", "net_notional_max", "position_pct_max", "leverage_max"]
)
def test_eighty_percent_is_told_as_it_is_crossed_and_not_by_every_order(key: str) -> None:
    value, why, *_ = TABLE[key]
    desk = bounded({key: value})
    told = [soft for quantity in (40, 1, 1, 1) for soft in _soft(desk, OrderSide.BUY, quantity)]
    assert [(e.reason, e.key, e.hard) for e in told] == [(why, f"strategies.a.{key}", False)]


def test_a_file_says_them_in_regimeflows_names() -> None:
    limits = LimitOverrides.model_validate(
        {
            "max_notional": 1,
            "max_gross_exposure": "0.5",
            "max_orders_per_second": 0,
            "strategy_orders_open_max": 5,
            "orders_open_max": 7,
            "daily_loss_limit": 3.5,
            "max_leverage": None,
        }
    )
    found = bounds_of(limits)
    assert {k: str(v) for k, v in found.items()} == {
        "order_notional_max": "1",
        "gross_pct_max": "0.5",
        "orders_open_max": "5",
        "day_loss_max": "3.5",
    }
    assert Bounds(**found).limits_sums


def _soft(desk: RiskDesk, side: OrderSide, quantity: int) -> list[LimitBreached]:
    terms = OrderTerms("X", side, OrderType.LIMIT, Decimal(quantity), Decimal(100))
    desk._ids["a"] = desk._ids.get("a", 0) + 1
    outputs = desk.tell(OrderIntent(f"a:1:{desk._ids['a']}", "a", terms), "strategy.a")
    assert isinstance(outputs[0], OrderApproved)
    return [e for e in outputs if isinstance(e, LimitBreached)]
