"""A rate that moves is judged as a price that moves, values everything in its currency at once, and is too old to trade by after a while."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from shared.events import (
    AccountOpened,
    AccountReported,
    CashFlow,
    ClockTicked,
    CorporateAction,
    CurrencyRate,
    EquityMarked,
    ExternalOrderSeen,
    InstrumentDefined,
    LimitBreached,
    OrderApproved,
    OrderDenied,
    OrderFilled,
    OrderTerms,
    OrderType,
    Reason,
)
from shared.runtime.actor import state_hash
from tests.support.risk_desk import BUY, CLEAN, SELL, RiskDesk, replayed

from .abroad import abroad, denial, rate

MIN = 60_000


@pytest.mark.parametrize("key", ["order_notional_max", "position_notional_max", "gross_notional_max", "net_notional_max"])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_every_limit_of_money_goes_by_the_newest_rate(key: str, side: Any) -> None:
    desk = abroad(**{key: 1_200})
    assert isinstance(desk.order(side, 10, 100), OrderApproved)
    desk = abroad(**{key: 1_200})
    rate(desk, "1.25")
    told = desk.order(side, 10, 100)
    assert isinstance(told, OrderDenied)
    assert (told.limit, told.value) == ("1200", "1250")
    rate(desk, "1.2")
    assert isinstance(desk.order(side, 10, 100), OrderApproved)


def test_what_is_held_and_worked_is_worth_the_newest_rate_and_equity_is_exact() -> None:
    desk = abroad(gross_notional_max=10_000)
    desk.hold(10)
    value = desk.core._desk.value
    assert (value.equity(), value.sums.total().gross) == (100_000, 1_100)
    rate(desk, "1.5")
    assert (value.equity(), value.sums.total().gross) == (100_000, 1_500), "as much is owed as is held"
    desk.quote("X", 110.0, 110.0)
    assert value.equity() == 100_000 + 150
    rate(desk, "2")
    assert value.equity() == 100_000 + 200
    assert isinstance(desk.buy(20, 110), OrderApproved)
    assert value.sums.total().gross == 30 * 110 * 2
    rate(desk, "1")
    assert value.sums.total().gross == 30 * 110


def test_money_reserved_for_open_orders_follows_the_rate() -> None:
    desk = abroad("1", account_kind="margin", margin_multiplier=1, buying_power_fraction_max=1)
    assert isinstance(desk.buy(500, 100), OrderApproved)
    assert desk.core._desk.reservations.value == 50_000
    rate(desk, "1.5")
    assert desk.core._desk.reservations.value == 75_000
    assert denial(desk.buy(501, 50, symbol="Y"))[2:] == ("25000", "25050")
    assert isinstance(desk.buy(500, 50, symbol="Y"), OrderApproved)


def test_an_order_is_paid_for_at_the_rate() -> None:
    desk = abroad("1.25", account_kind="margin", margin_multiplier=1, buying_power_fraction_max=1)
    assert denial(desk.buy(801, 100)) == (Reason.BUYING_POWER, "buying_power_fraction_max", "100000", "100125")
    assert isinstance(desk.buy(800, 100), OrderApproved)


def test_a_strategys_own_money_is_spent_and_bound_at_the_rate() -> None:
    entry = {"id": "a", "symbols": ["X", "Y"], "budget": 10_000, "limits": {"buying_power_fraction_max": 1}}
    desk = abroad("2", strategies=[entry])
    above = (Reason.BUYING_POWER, "strategies.a.buying_power_fraction_max", "6000", "6050")
    order = desk.buy(20, 100)
    assert denial(desk.buy(121, 50, symbol="Y")) == above, "it works"
    desk.fill(order)
    assert denial(desk.buy(121, 50, symbol="Y")) == above, "it is held, and owed"
    assert isinstance(desk.buy(120, 50, symbol="Y"), OrderApproved)


def test_an_instrument_defined_again_is_judged_at_the_rate_as_before() -> None:
    """Every run of the gateway says them again, before any rate."""
    desk = abroad("1.25", order_notional_max=1_250)
    desk.tell(InstrumentDefined("X", "equity", "EUR", D("0.01"), D(1), D(1), "24x7"))
    assert denial(desk.buy(11, 100))[2:] == ("1250", "1375")
    assert isinstance(desk.buy(10, 100), OrderApproved)


def test_a_rate_of_the_accounts_own_currency_says_nothing() -> None:
    desk = RiskDesk(day_loss_max=1)
    desk.hold(10)
    for value in ("1.1", "0.1"):
        assert desk.tell(CurrencyRate("USD", D(value))) == []
    assert desk.core._desk.value.equity() == 1_000_000 - 10, "ten of the spread"


def test_a_mark_has_the_accounts_own_cash_and_everything_in_equity() -> None:
    desk = abroad(mark_interval_ms=1_000)
    desk.tell(CashFlow("deposit", "EUR", D(500), "d"))
    desk.hold(10)
    rate(desk, "1.2")
    mark = next(e for e in desk.wait(1_001).tell(ClockTicked()) if isinstance(e, EquityMarked))
    assert (mark.cash, mark.equity, mark.gross, mark.day_pnl) == (100_000, 100_600, 1_200, 50)


@pytest.mark.parametrize(("value", "fee"), [("1.10", 200), ("10", 22)])
def test_a_fee_counts_in_the_currency_it_is_told_in(value: str, fee: int) -> None:
    desk = abroad(value, day_loss_max=220)
    order = desk.order(BUY, 1, 100)
    assert isinstance(order, OrderApproved)
    fill = OrderFilled(order.order_id, "a", "X", BUY, D(1), D(100), D(fee), "EUR", "e", "b", D(1), D(0), 0)
    assert [(e.value, e.hard) for e in desk.tell(fill, "order_router") if isinstance(e, LimitBreached)] == [("220", True)]
    assert desk.core._desk.value.equity() == 100_000 - 220


def test_an_instrument_of_no_rate_is_not_opened_and_is_closed() -> None:
    desk = abroad("")
    assert denial(desk.buy(1, 100)) == (Reason.NO_REFERENCE, "currencies", "USD", "EUR")
    assert denial(desk.sell(1, 100)) == (Reason.NO_REFERENCE, "currencies", "USD", "EUR")
    assert isinstance(desk.buy(1, 50, symbol="Y"), OrderApproved)
    rate(desk, "1.1")
    assert isinstance(desk.buy(1, 100), OrderApproved)


@pytest.mark.parametrize("age", [3 * MIN - 1, 3 * MIN, 3 * MIN + 1])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_old_rate_opens_nothing(side: Any, age: int) -> None:
    desk = abroad()
    rate(desk, "1.1", desk.now)
    desk.wait(age)
    told = desk.order(side, 10, 100)
    if age <= 3 * MIN:
        assert isinstance(told, OrderApproved)
    else:
        assert denial(told) == (Reason.STALE_DATA, "rate_age_ms_max", "180000", "180001")


def test_an_old_rate_closes_and_an_own_currency_and_a_fixed_rate_never_ages() -> None:
    desk = abroad()
    desk.hold(10)
    rate(desk, "1.1", desk.now)
    desk.wait(1_000 * MIN)
    assert isinstance(desk.buy(1, 50, symbol="Y"), OrderApproved)
    assert isinstance(desk.sell(10, 100), OrderApproved)
    assert denial(desk.sell(1, 100))[1] == "rate_age_ms_max", "all of the holding is being sold"
    rate(desk, "1.1", desk.now - 5)
    assert isinstance(desk.sell(1, 100), OrderApproved)
    rate(desk, "1.1")
    desk.wait(1_000_000 * MIN)
    assert isinstance(desk.buy(1, 100), OrderApproved)


def test_the_age_of_a_rate_is_switched_off_in_writing() -> None:
    desk = abroad(rate_age_ms_max=None)
    rate(desk, "1.1", desk.now)
    desk.wait(1_000 * MIN)
    assert isinstance(desk.buy(1, 100), OrderApproved)


def test_a_replace_to_more_units_needs_a_young_rate_and_one_to_another_price_does_not() -> None:
    desk = abroad()
    order = desk.buy(1, 100)
    rate(desk, "1.1", desk.now)
    desk.wait(4 * MIN)
    assert getattr(desk.replace(order, 1, quantity=2), "reason", None) is Reason.STALE_DATA
    assert getattr(desk.replace(order, 2, limit=99), "reason", None) is None


def test_an_instrument_that_turns_out_to_be_of_another_currency_is_counted_in_it() -> None:
    desk = RiskDesk()
    assert isinstance(desk.buy(10, 100), OrderApproved)
    dip, breakout = OrderTerms("X", BUY, OrderType.LIMIT, D(8), D(95)), OrderTerms("X", BUY, OrderType.STOP, D(8), None, D(105))
    for n, leg in enumerate((dip, breakout), 2):
        desk.intend(leg, order_id=f"a:1:{n}", group="a:1:2", group_role="oco", group_size=2)
    reserved = desk.core.desk.reservations
    assert (reserved.value, reserved.value_by("a"), reserved.needed("")) == (1_840, 2_600, 1_840)
    desk.tell(CurrencyRate("EUR", D(3)))
    desk.tell(InstrumentDefined("X", "equity", "EUR", D("0.01"), D(1), D(1), "24x7"))
    assert (reserved.value, reserved.value_by("a"), reserved.needed(""), reserved.needed("EUR")) == (5_520, 7_800, 0, 1_840)


def test_an_order_in_what_a_symbol_turns_into_is_counted_in_its_currency() -> None:
    desk = abroad("3")
    desk.hold(10)
    desk.tell(seen_outside("Z"))
    assert desk.core.desk.reservations.value == 900
    desk.tell(CorporateAction("symbol_change", "X", D(1), "Z", "c"))
    assert desk.core.desk.reservations.value == 2_700


def test_another_engine_goes_on_the_same_from_a_snapshot_and_from_the_log() -> None:
    desk = abroad(day_loss_max=2_000, mark_interval_ms=1_000, account_kind="margin", margin_multiplier=2, buying_power_fraction_max=1)
    desk.tell(CashFlow("deposit", "EUR", D(10_000), "d"))
    desk.hold(10)
    desk.buy(5, 99)
    rate(desk, "1.05", desk.now)
    again = desk.restarted()
    whole = desk.core
    log = RiskDesk(ready=False).core.__class__(desk.settings)
    for envelope in desk.log:
        replayed(log, envelope)
    assert state_hash(again) == state_hash(whole) == state_hash(log)
    begun = len(desk.log)
    desk.wait(1_001)
    rate(desk, "1.0", desk.now)
    desk.buy(5, 98)
    rate(desk, "0.9", desk.now)
    desk.wait(3 * MIN + 1)
    assert denial(desk.buy(1, 98))[0] is Reason.REDUCING_ONLY
    for envelope in desk.log[begun:]:
        replayed(again, envelope)
        replayed(log, envelope)
    assert state_hash(again) == state_hash(whole) == state_hash(log)


def test_a_definition_told_again_leaves_base_and_peak_spelled_alike_over_a_restart() -> None:
    """Sums that have seen more digits than there are now are spelled with them; a restored engine's have not."""
    desk = RiskDesk(day_loss_max=1_000)
    desk.hold(10)
    desk.quote("X", 99.0625, 99.125)
    desk.tell(CashFlow("deposit", "USD", D(5), "d"))
    desk.quote("X", 99.0, 100.0)
    again = desk.restarted()
    desk.tell(InstrumentDefined("X", "equity", "USD", D("0.01"), D(1), D(1), "24x7"))
    replayed(again, desk.log[-1])
    assert state_hash(again) == state_hash(desk.core)


def seen_outside(symbol: str, price: str = "90") -> ExternalOrderSeen:
    terms = OrderTerms(symbol, BUY, OrderType.LIMIT, D(10), D(price))
    return ExternalOrderSeen("ext:1", "external", "1", terms, D(0), working=True)


def test_instruments_rates_and_orders_told_before_the_account_are_counted_as_those_after() -> None:
    desk = RiskDesk(ready=False, order_notional_max=1_100)
    desk.tell(InstrumentDefined("X", "equity", "EUR", D("0.01"), D(1), D(1), "24x7"))
    rate(desk, "1.1")
    desk.tell(seen_outside("X"))
    desk.tell(AccountOpened("acc", "USD", D(100_000), D(100_000), (), (), ()))
    desk.tell(CLEAN)
    desk.quote("X", 100.0, 100.0)
    assert desk.core._desk.reservations.value == 990
    assert isinstance(desk.buy(10, 100), OrderApproved)
    assert denial(desk.buy(11, 100))[2:] == ("1100", "1210")


def test_an_order_in_what_has_no_price_counts_at_its_own_and_the_rate() -> None:
    desk = abroad()
    desk.tell(InstrumentDefined("Z", "equity", "EUR", D("0.01"), D(1), D(1), "24x7"))
    desk.tell(seen_outside("Z"))
    assert desk.core._desk.value.sums.total().gross == 990
    rate(desk, "2")
    assert desk.core._desk.value.sums.total().gross == 1_800


def test_a_rate_alone_makes_a_mark_due() -> None:
    desk = abroad(mark_interval_ms=1_000)
    desk.tell(CashFlow("deposit", "EUR", D(500), "d"))
    desk.wait(1_001).tell(ClockTicked())
    desk.wait(1_001).tell(ClockTicked())
    rate(desk, "1.1", desk.now)
    assert desk.wait(1_001).tell(ClockTicked()) == [], "the same rate again"
    rate(desk, "1.2")
    assert [e.equity for e in desk.wait(1_001).tell(ClockTicked()) if isinstance(e, EquityMarked)] == [100_600]


def test_a_brokers_own_figure_is_spent_by_what_is_paid_at_the_rate() -> None:
    desk = abroad(buying_power_fraction_max=1)
    desk.tell(AccountReported("acc", "USD", D(100_000), D(100_000), D(10_000)))
    order = desk.order(BUY, 10, 100)
    assert isinstance(order, OrderApproved)
    desk.tell(OrderFilled(order.order_id, "a", "X", BUY, D(10), D(100), D(10), "EUR", "e", "b", D(10), D(0), 0), "order_router")
    assert desk.core._desk.buying_power() == 10_000 - 1_100 - 11
