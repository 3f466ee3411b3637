"""Contract multipliers and other currencies: every figure of risk is account currency; what has no rate is not bought."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.events import CorporateAction, InstrumentDefined, OrderApproved, OrderDenied, Reason
from tests.support.risk_desk import BUY, SELL, RiskDesk

D = Decimal


def defined(multiplier: str, currency: str = "USD", rate: str = "0") -> InstrumentDefined:
    return InstrumentDefined("X", "future", currency, D("0.01"), D(1), D(multiplier), "24x7", fx_rate=D(rate))


@pytest.mark.parametrize(
    ("instrument", "unit"), [(defined("50"), 5000), (defined("1.25", "EUR", "1.25"), 125), (defined("62.5", "EUR", "1.25"), 6250)]
)
def test_a_point_is_worth_its_multiplier_times_its_rate_in_every_limit(instrument: InstrumentDefined, unit: int) -> None:
    for key, reason in (
        ("order_notional_max", Reason.ORDER_NOTIONAL),
        ("position_notional_max", Reason.POSITION_NOTIONAL),
        ("gross_notional_max", Reason.GROSS_EXPOSURE),
        ("net_notional_max", Reason.NET_EXPOSURE),
    ):
        desk = RiskDesk(**{key: unit * 2})
        desk.tell(instrument)
        desk.quote("X", 100.0, 100.0)
        assert isinstance(desk.order(BUY, 2, 100), OrderApproved), key
        denied = RiskDesk(**{key: unit * 2 - 1})
        denied.tell(instrument)
        denied.quote("X", 100.0, 100.0)
        told = denied.order(BUY, 2, 100)
        assert isinstance(told, OrderDenied)
        assert told.reason is reason


def test_profit_and_expiry_count_the_multiplier() -> None:
    desk = RiskDesk(day_loss_max="1000")
    desk.tell(defined("50"))
    desk.quote("X", 100.0, 100.0)
    order = desk.order(BUY, 2, 100)
    desk.fill(order, 2, price=100)
    value = desk.core._desk.value
    start = value.equity()
    desk.quote("X", 101.0, 101.0)
    assert value.equity() == start + 100
    desk.tell(CorporateAction("expiry", "X", D(1), "", "r", price=D(102)))
    assert value.equity() == start + 200


def test_what_has_no_rate_is_not_bought_and_can_be_sold() -> None:
    desk = RiskDesk()
    first = desk.order(BUY, 5, 100)
    desk.fill(first, 5, price=100)
    desk.tell(defined("1", "EUR"))
    denied = desk.order(BUY, 1, 100)
    assert isinstance(denied, OrderDenied)
    assert (denied.reason, denied.key, denied.limit, denied.value) == (Reason.NO_REFERENCE, "currencies", "USD", "EUR")
    assert isinstance(desk.order(SELL, 5, 100), OrderApproved)
    desk.tell(defined("1.1", "EUR", "1.1"))
    assert isinstance(desk.order(BUY, 1, 100), OrderApproved)
