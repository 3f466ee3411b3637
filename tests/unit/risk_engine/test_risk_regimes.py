"""Regime profiles: tighter from the event that names the regime, over restarts, until the next one."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from services.risk_engine.build import risk_settings
from services.risk_engine.core import RiskCore
from services.risk_engine.settings import RiskSettings
from shared.config import load
from shared.events import (
    LimitChanged,
    OrderDenied,
    OrderSide,
    OrderTerms,
    OrderType,
    Reason,
    RegimeChanged,
    Scope,
    TimeInForce,
    TradingState,
    TradingStateChanged,
)
from shared.runtime.actor import state_hash
from tests.support.risk_desk import BUY, SELL, RiskDesk, reason, replayed


def regime(desk: RiskDesk, name: str) -> None:
    assert desk.tell(RegimeChanged(name, "", 0.9)) == []


def crisis(**rules: Any) -> dict[str, Any]:
    return {"regimes": {"crisis": rules}}


def test_a_limit_is_tighter_from_its_event_on_and_until_the_next() -> None:
    desk = RiskDesk(order_qty_max=100, **crisis(limits={"order_qty_max": 10}))
    assert reason(desk.buy(11)) is None
    regime(desk, "crisis")
    assert desk.buy(11) == OrderDenied("a:1:2", "a", Reason.ORDER_QUANTITY, "order_qty_max", "10", "11")
    assert reason(desk.buy(10)) is None
    regime(desk, "bull")  # without a profile: the account's limits
    assert reason(desk.buy(100)) is None
    assert reason(desk.buy(101)) is Reason.ORDER_QUANTITY


def test_a_regime_never_loosens() -> None:
    desk = RiskDesk(order_qty_max=10, **crisis(limits={"order_qty_max": 100}))
    regime(desk, "crisis")
    assert reason(desk.buy(11)) is Reason.ORDER_QUANTITY


@pytest.mark.parametrize(
    ("limits", "rules", "quantity", "code"),
    [
        ({}, {"limits": {"position_max": 10}}, 10, Reason.POSITION),
        ({}, {"limits": {"order_notional_max": "1000"}}, 10, Reason.ORDER_NOTIONAL),
        ({}, {"limits": {"gross_notional_max": 1000.0}}, 10, Reason.GROSS_EXPOSURE),
        ({"sector_map": {"X": "tech"}, "sector_limits": {"tech": "0.1"}}, {"sector_limits": {"tech": "0.001"}}, 10, Reason.SECTOR_EXPOSURE),
        ({}, {"industry_limits": {"chips": "0.001"}, "industry_map": {"X": "chips"}}, 10, Reason.INDUSTRY_EXPOSURE),
    ],
)
@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("over", [-1, 0, 1], ids=["below", "at", "above"])
def test_every_kind_of_limit_below_at_and_above(
    limits: dict[str, Any], rules: dict[str, Any], quantity: int, code: Reason, side: OrderSide, over: int
) -> None:
    desk = RiskDesk(**limits, **crisis(**rules))
    assert reason(desk.order(side, quantity + 1, 100, symbol="X", strategy="b")) is None
    desk = RiskDesk(**limits, **crisis(**rules))
    regime(desk, "crisis")
    assert reason(desk.order(side, quantity + over, 100)) is (code if over > 0 else None)


def terms(kind: OrderType = OrderType.LIMIT, tif: TimeInForce = TimeInForce.DAY, side: OrderSide = BUY) -> OrderTerms:
    return OrderTerms("X", side, kind, D(1), None if kind is OrderType.MARKET else D(100), tif=tif)


@pytest.mark.parametrize(
    ("rule", "asked", "passes", "value"),
    [
        ("allow_market_orders", terms(OrderType.MARKET), terms(), "market"),
        ("allow_aggressive_tif", terms(tif=TimeInForce.IOC), terms(), "ioc"),
        ("allow_aggressive_tif", terms(tif=TimeInForce.FOK), terms(), "fok"),
        ("allow_new_exposure", terms(), None, "new exposure"),
        ("allow_new_exposure", terms(side=SELL), None, "new exposure"),
    ],
)
def test_what_a_regime_does_not_allow(rule: str, asked: OrderTerms, passes: OrderTerms | None, value: str) -> None:
    desk = RiskDesk(**crisis(**{rule: False}))
    assert reason(desk.intend(asked)[0]) is None
    regime(desk, "crisis")
    assert desk.intend(asked)[0] == OrderDenied("a:1:2", "a", Reason.REGIME, f"regime_overlays.crisis.{rule}", "false", value)
    if passes is not None:
        assert reason(desk.intend(passes)[0]) is None


def test_getting_out_is_always_allowed() -> None:
    desk = RiskDesk(**crisis(allow_new_exposure=False, allow_market_orders=False, allow_aggressive_tif=False))
    desk.hold(10)
    order = desk.buy(5, 90)
    regime(desk, "crisis")
    assert reason(desk.sell(11)) is Reason.REGIME
    assert reason(desk.sell(10)) is None
    assert reason(desk.replace(order, 1, quantity=4)) is None
    assert reason(desk.replace(order, 2, quantity=6)) is Reason.REGIME


def test_a_tighter_loss_limit_is_judged_by_the_next_datum() -> None:
    desk = RiskDesk(day_loss_max=1000, **crisis(limits={"day_loss_max": 100}))
    desk.hold(100)
    assert desk.quote("X", 98.0, 98.1) == []
    regime(desk, "crisis")
    states = [e.state for e in desk.quote("X", 98.0, 98.1) if isinstance(e, TradingStateChanged)]
    assert states == [TradingState.REDUCING]


def test_with_what_an_operator_changed_the_stricter_holds() -> None:
    desk = RiskDesk(order_qty_max=100, **crisis(limits={"order_qty_max": 10}))
    regime(desk, "crisis")
    desk.tell(LimitChanged("c1", "ann", "r", "limits.order_qty_max", "5", 0, Scope.GLOBAL, ""))
    assert reason(desk.buy(6)) is Reason.ORDER_QUANTITY
    desk.tell(LimitChanged("c2", "ann", "r", "limits.order_qty_max", "50", 0, Scope.GLOBAL, ""))
    assert reason(desk.buy(11)) is Reason.ORDER_QUANTITY
    regime(desk, "bull")
    assert reason(desk.buy(50)) is None


def test_the_regime_outlives_restarts() -> None:
    desk = RiskDesk(order_qty_max=100, **crisis(limits={"order_qty_max": 10}, allow_market_orders=False))
    desk.hold(5)
    regime(desk, "crisis")
    desk.core = desk.restarted()
    assert reason(desk.buy(11, 100)) is Reason.ORDER_QUANTITY
    assert reason(desk.buy(1)) is Reason.REGIME
    straight = RiskCore(desk.settings)
    assert [e for envelope in desk.log for e in replayed(straight, envelope)] == desk.told
    assert state_hash(straight) == state_hash(desk.core)


@pytest.mark.parametrize(
    "rules", [{"limits": {"order_qt_max": 1}}, {"limits": {"order_qty_max": 0}}, {"limits": {"order_qty_max": "NaN"}}, {"allow": 1}]
)
def test_what_is_no_profile_is_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        RiskSettings.of(crisis(**rules))


CONFIG = """
live:
  broker: paper
  symbols: [X]
  risk:
    limits: {max_notional: 5000}
    limits_by_regime:
      crisis: {limits: {max_notional: 1000, max_position: "7", sector_limits: {tech: 0.1}, max_orders_per_second: 3}}
    regime_overlays:
      crisis: {allow_new_exposure: false, max_order_notional: 800}
      bear: {max_position_pct: 0.1}
"""


def test_from_the_configuration(tmp_path: Any) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    loaded = load(path, env={})
    made = risk_settings(loaded.config).regimes
    assert made["crisis"].limits == {"order_notional_max": 800, "position_max": 7, "msgs_per_s_max": 3}
    assert (made["crisis"].sector_limits, made["crisis"].allow_new_exposure, made["crisis"].allow_market_orders) == ({"tech": D("0.1")}, False, True)
    assert made["bear"].limits == {"position_pct_max": D("0.1")}
    assert {note.path for note in loaded.not_in_force} == {"live.risk.limits_by_regime", "live.risk.regime_overlays"}
    assert all("`constant`" in note.text for note in loaded.not_in_force)
