"""Money of other currencies: opened with, compared by currency and exactly, and what a rate does is nobody's difference."""

from __future__ import annotations

from decimal import Decimal

from services.reconciler.core import ReconcilerCore
from services.reconciler.settings import ReconcilerSettings
from shared.events import (
    AccountOpened,
    AccountReported,
    ActionRow,
    Alert,
    BalanceRow,
    BrokerActionReported,
    BrokerCashReported,
    BrokerExecutionReported,
    CashFlow,
    CashRow,
    CorporateAction,
    CurrencyRate,
    Event,
    FillCorrected,
    InstrumentDefined,
    InstrumentLocked,
    OrderFilled,
    OrderSide,
    ReconcileCompleted,
)
from tests.unit.order_router.world import ACCOUNT, T0, World, execution, only, reading
from tests.unit.reconciler.desk import completed, read, start

D = Decimal
SAP = InstrumentDefined("SAP", "equity", "EUR", D("0.01"), D(1), D(5), "24x7")


def world(**opening: object) -> World:
    """The account is open with 100,000 dollars, the euro at 1.10."""
    w = start(cash_exact=True).given(SAP, CurrencyRate("EUR", D("1.10")))
    read(w, **opening)
    return w


def booked(side: OrderSide, quantity: int, eid: str, commission: str = "0", currency: str = "USD", price: int = 100) -> OrderFilled:
    return OrderFilled("ext:9", "external", "SAP", side, D(quantity), D(price), D(commission), currency, eid, "B9", D(quantity), D(0), T0)


def told(eid: str, quantity: int, report: int, previous: str = "") -> BrokerExecutionReported:
    row = execution(quantity, eid=eid, client_id="", broker_id="B9", price=100, symbol="SAP", previous=previous)
    return BrokerExecutionReported(ACCOUNT, "router", row, report)


def rated(value: str) -> CurrencyRate:
    return CurrencyRate("EUR", D(value))


def test_the_account_opens_with_its_balances_and_adopts_a_foreign_holding_without_moving_cash() -> None:
    w = start(cash_exact=True).given(SAP, rated("1.10"))
    outputs = w.when(reading(query=1, positions=[("SAP", 3)], balances=[("EUR", -40), ("GBP", "7.5")]))

    assert only(outputs, AccountOpened).balances == (BalanceRow("EUR", D(-40)), BalanceRow("GBP", D("7.5")))
    assert only(outputs, AccountReported).balances == only(outputs, AccountOpened).balances
    ledger = w.core._ledger
    assert (ledger.cash, ledger.balances(), ledger.positions()) == (100_000, {"EUR": D(-40), "GBP": D("7.5")}, {"SAP": D(3)})
    assert completed(read(w, positions=[("SAP", 3)], balances=[("EUR", -40), ("GBP", "7.5")])) == (True, [], 0)


def test_each_currency_agrees_to_the_last_digit_or_is_a_break_that_names_it() -> None:
    w = world(balances=[("EUR", 5)])
    state = {"cash": "99999.99", "balances": [("EUR", "5.01"), ("GBP", 1)]}
    read(w, **state)

    outputs = read(w, after=10, **state)

    breaks = only(outputs, ReconcileCompleted).breaks
    assert [(b.kind, b.subject, b.ours, b.theirs) for b in breaks] == [
        ("cash", "USD", "100000", "99999.99"),
        ("cash", "EUR", "5", "5.01"),
        ("cash", "GBP", "0", "1"),
    ]
    alerts = [e for e in outputs if isinstance(e, Alert)]
    assert [a.key for a in alerts] == ["break:cash", "break:cash:EUR", "break:cash:GBP"]
    assert alerts[1].text.startswith("cash of EUR: we have 5, the broker 5.01")
    assert not [e for e in outputs if isinstance(e, InstrumentLocked)]
    assert completed(read(w, after=1, balances=[("EUR", 5)])) == (True, [], 0)


def test_a_balance_the_broker_no_longer_has_is_a_break() -> None:
    w = world(balances=[("EUR", 5)])
    read(w)

    assert [(b.subject, b.theirs) for b in only(read(w, after=10), ReconcileCompleted).breaks] == [("EUR", "0")]


def test_a_rate_that_moves_between_two_readings_is_no_difference() -> None:
    w = world()
    w.given(booked(OrderSide.BUY, 2, "E1"), rated("1.31"))

    assert completed(read(w, after=10, positions=[("SAP", 2)], balances=[("EUR", -1000)])) == (True, [], 0)


def test_what_was_booked_after_a_numbered_reading_is_left_out_of_the_currency_it_moved() -> None:
    w = world(balances=[("EUR", 3000)])
    w.given(told("E1", 2, 5), booked(OrderSide.BUY, 2, "E1", "3"))
    w.given(BrokerCashReported(ACCOUNT, "router", CashRow("fee", "EUR", D(-2), "f1", T0), 6), CashFlow("fee", "EUR", D(-2), "f1"))
    w.given(told("E2", 2, 7), booked(OrderSide.SELL, 2, "E2", "1.5", "EUR"), rated("0.9"))

    shown: list[tuple[int, dict[str, object]]] = [
        (4, {"balances": [("EUR", 3000)]}),
        (5, {"cash": 99_997, "positions": [("SAP", 2)], "balances": [("EUR", 2000)]}),
        (6, {"cash": 99_997, "positions": [("SAP", 2)], "balances": [("EUR", 1998)]}),
        (7, {"cash": 99_997, "balances": [("EUR", "2996.5")]}),
    ]
    for report, state in shown:
        assert completed(read(w, report=report, **state)) == (True, [], 0), report


def test_a_correction_and_an_expiry_after_a_numbered_reading_are_left_out_in_their_currency() -> None:
    w = world()
    w.given(told("E1", 4, 5), booked(OrderSide.BUY, 4, "E1", "2", "EUR"))
    state = {"positions": [("SAP", 4)], "balances": [("EUR", -2002)]}
    assert completed(read(w, report=5, **state)) == (True, [], 0)
    w.given(told("E1.1", 3, 6, "E1"))
    w.given(FillCorrected("ext:9", "external", "SAP", OrderSide.BUY, "E1.1", "E1", D(3), D(100), D(1), D(4), D(100), D(2), "", "EUR"))

    assert completed(read(w, report=5, **state)) == (True, [], 0)
    state = {"positions": [("SAP", 3)], "balances": [("EUR", -1501)]}
    assert completed(read(w, report=6, **state)) == (True, [], 0)
    w.given(BrokerActionReported(ACCOUNT, "router", ActionRow("expiry", "SAP", "x1", T0, D(1), price=D(120)), 7))
    w.given(rated("1.5"), CorporateAction("expiry", "SAP", D(1), "", "x1", price=D(120)))
    assert completed(read(w, report=6, **state)) == (True, [], 0)
    assert completed(read(w, after=10, balances=[("EUR", 299)])) == (True, [], 0)


def test_totals_are_told_anew_when_a_balance_alone_changed() -> None:
    w = world(balances=[("EUR", 5)])
    w.given(CashFlow("deposit", "EUR", D(2), "d1"))

    assert only(read(w, after=10, balances=[("EUR", 7)]), AccountReported).balances == (BalanceRow("EUR", D(7)),)
    assert not [e for e in read(w, balances=[("EUR", 7)]) if isinstance(e, AccountReported)]


def test_snapshot_half_way_compares_the_same() -> None:
    straight, stopped = world(), world()
    story: list[Event] = [told("E1", 2, 5), booked(OrderSide.BUY, 2, "E1", "3"), rated("1.2"), reading(query=2, report=4)]
    for w in (straight, stopped):
        w.given(*story[:2])
    fresh = ReconcilerCore(ReconcilerSettings(cash_exact=True))
    fresh.restore(stopped.core.snapshot())
    stopped.core = fresh
    for w in (straight, stopped):
        w.given(*story[2:])
        assert completed(read(w, report=4)) == (True, [], 0)
    assert straight.core.snapshot() == stopped.core.snapshot()


def test_the_hint_for_a_foreign_position_is_a_price_of_its_own_currency() -> None:
    w = world()
    w.given(booked(OrderSide.BUY, 2, "E1", price=4), rated("1.3"))
    state = {"positions": [("SAP", 4)], "balances": [("EUR", -40)]}  # at the broker's average price of 10
    read(w, **state)

    (alert,) = [e for e in read(w, after=10, **state) if isinstance(e, Alert)]
    assert "It would be explained by: buy 2 [SAP:change:2:4] at 16." in alert.text
