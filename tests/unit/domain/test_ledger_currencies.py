"""Instruments and money of other currencies: what is paid stays in its currency, exactly; a rate says what it is worth."""

from __future__ import annotations

import random
from decimal import Decimal as D

import msgspec
import pytest
from msgspec.structs import replace

from shared.domain.ledger import UNASSIGNED, Ledger, LedgerState
from shared.events import (
    AccountOpened,
    BalanceRow,
    CashFlow,
    CorporateAction,
    CurrencyRate,
    Event,
    FillCorrected,
    HoldingAssigned,
    InstrumentDefined,
    OrderFilled,
    OrderSide,
    StrategyRevised,
)

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def defined(symbol: str, currency: str, multiplier: str = "1") -> InstrumentDefined:
    return InstrumentDefined(symbol, "equity", currency, D("0.01"), D(1), D(multiplier), "24x7")


def rate(value: str, currency: str = "EUR") -> CurrencyRate:
    return CurrencyRate(currency, D(value))


def filled(side: OrderSide, quantity: str, price: str, commission: str = "0", currency: str = "USD", symbol: str = "SAP") -> OrderFilled:
    return OrderFilled("a:1:1", "a", symbol, side, D(quantity), D(price), D(commission), currency, "e", "b", D(quantity), D(0), 0)


def made(*events: Event, multiplier: str = "1", balances: tuple[BalanceRow, ...] = ()) -> Ledger:
    ledger = Ledger({"a": D(1000)})
    for event in (
        defined("SAP", "EUR", multiplier),
        defined("X", "USD"),
        rate("1.10"),
        AccountOpened("acc", "USD", D(10_000), D(10_000), (), (), (), (), balances),
        *events,
    ):
        ledger.apply(event)
        assert identity_holds(ledger), event
    return ledger


def identity_holds(ledger: Ledger) -> bool:
    return all(book.cash + book.cost() == book.funding + book.realised - book.fees for book in ledger.books.values())


def test_a_purchase_is_paid_in_the_instruments_currency() -> None:
    ledger = made(filled(BUY, "10", "100"))
    assert (ledger.cash, ledger.balances(), ledger.money) == (10_000, {"EUR": D(-1000)}, D(8900))
    assert ledger.equity({"SAP": 100.0}) == 10_000


def test_what_is_financed_in_its_currency_earns_by_its_price_alone_and_the_profit_by_the_rate() -> None:
    ledger = made(filled(BUY, "10", "100"), rate("1.20"))
    assert ledger.equity({"SAP": 100.0}) == 10_000  # as much is owed as is held
    assert ledger.equity({"SAP": 110.0}) == 10_000 + 120  # 100 EUR at today's rate
    ledger.apply(filled(SELL, "10", "110"))
    assert (ledger.cash, ledger.balances()) == (10_000, {"EUR": D(100)})
    ledger.apply(rate("1.00"))
    assert ledger.equity({}) == 10_000 + 100
    book = ledger.books["a"]
    assert book.realised == book.positions["SAP"].realised + book.balances["EUR"].realised
    assert book.exchange() == (1000 * D("1.10") - 1000 * D("1.20")) + (100 * D("1.00") - 100 * D("1.20"))
    assert identity_holds(ledger)


def test_a_fee_is_taken_in_the_currency_it_is_told_in() -> None:
    ledger = made(filled(BUY, "10", "100", "2", "EUR"), filled(BUY, "1", "50", "3", "USD", "X"))
    assert ledger.balances() == {"EUR": D(-1002)}
    assert ledger.cash == 10_000 - 53
    assert ledger.books["a"].fees == D("2.2") + 3


def test_the_average_price_is_the_instruments_whatever_its_rate_does() -> None:
    ledger = made(filled(BUY, "10", "100"), rate("1.20"), filled(BUY, "10", "110"), rate("0.90"), multiplier="5")
    position = ledger.books["a"].positions["SAP"]
    assert position.average_price == D(105)
    assert position.cost == 10 * 100 * 5 * D("1.10") + 10 * 110 * 5 * D("1.20")
    ledger.apply(filled(SELL, "30", "120"))
    assert position.average_price == D(120)
    assert position.quantity == -10


def test_a_multiplier_and_a_rate_are_both_in_the_unit() -> None:
    ledger = made(multiplier="50")
    assert ledger.multiplier("SAP") == 55
    ledger.apply(rate("1.2"))
    assert (ledger.multiplier("SAP"), ledger.multiplier("X")) == (60, 1)


def test_money_of_another_currency_that_comes_in_is_no_profit_and_what_its_rate_does_is() -> None:
    ledger = made(CashFlow("deposit", "EUR", D(500), "d1"), balances=(BalanceRow("GBP", D(20)),))
    assert ledger.balances() == {"EUR": D(500), "GBP": D(20)}
    assert ledger.books[UNASSIGNED].funding == 10_000 - 1000 + 550 + 20  # nobody told a rate of the pound
    ledger.apply(rate("1.2"))
    assert ledger.equity({}) == 10_000 + 600 + 20


def test_a_dividend_goes_to_the_holder_in_its_currency() -> None:
    ledger = made(filled(BUY, "10", "100"), CashFlow("dividend", "EUR", D(7), "d1", "SAP", D(10)))
    assert ledger.books["a"].balance("EUR") == -993


def test_a_correction_moves_the_balance_and_its_fee() -> None:
    bought = filled(BUY, "10", "100", "2", "EUR")
    fixed = FillCorrected("a:1:1", "a", "SAP", BUY, "e2", "e", D(10), D(99), D(1), D(10), D(100), D(2), "", "EUR")
    ledger = made(bought, rate("1.3"), fixed)
    assert ledger.balances() == {"EUR": D(-991)}
    assert ledger.positions() == {"SAP": D(10)}


@pytest.mark.parametrize(("price", "balance"), [("0", "-1000"), ("120", "200")])
def test_an_expiry_pays_in_its_currency(price: str, balance: str) -> None:
    ledger = made(filled(BUY, "10", "100"), rate("1.25"), CorporateAction("expiry", "SAP", D(1), "", "r", price=D(price)))
    assert ledger.balances() == {"EUR": D(balance)}
    assert ledger.cash == 10_000


def test_a_split_pays_what_is_past_the_lots_in_its_currency() -> None:
    split = CorporateAction("split", "SAP", D(3), "", "r", D(2), D(1), D(60), D(30))
    ledger = made(filled(BUY, "11", "100"), rate("1.25"), split)  # 16.5 units
    assert ledger.positions() == {"SAP": D(16)}
    assert ledger.balances() == {"EUR": D(-1070)}


def test_what_a_split_leaves_to_nobody_is_of_the_instruments_currency_too() -> None:
    split = CorporateAction("split", "SAP", D(3), "", "r", D(2), D(1), D(60), D(0))
    ledger = made(filled(BUY, "3", "100"), replace(filled(BUY, "3", "100"), strategy="b"), multiplier="5")
    ledger.apply(split)  # of 4.5 units each keeps 4, and the account has 9
    rest = ledger.books[UNASSIGNED].positions["SAP"]
    assert (rest.quantity, rest.value(60.0)) == (1, 60 * 5 * D("1.10"))
    assert (rest.average_price, ledger.books[UNASSIGNED].balance("EUR")) == (60, -60 * 5)
    assert identity_holds(ledger)


@pytest.mark.parametrize("is_told", [False, True])
def test_under_another_symbol_a_holding_keeps_what_was_paid_in_its_currency(is_told: bool) -> None:
    told = (defined("NEW", "EUR"), filled(BUY, "10", "80", symbol="NEW")) if is_told else ()
    ledger = made(filled(BUY, "10", "100"), rate("1.25"), *told, CorporateAction("symbol_change", "SAP", D(1), "NEW", "r"))
    held, position = 20 if is_told else 10, ledger.books["a"].positions["NEW"]
    assert (position.quantity, position.average_price) == (held, 90 if is_told else 100)
    assert position.cost == 1100 + (1000 if is_told else 0)
    assert ledger.symbols_in("EUR") == ["NEW", "SAP"]
    ledger.apply(rate("1.5"))
    ledger.apply(filled(SELL, str(held), "90", symbol="NEW"))
    assert ledger.balances() == ({} if is_told else {"EUR": D(-100)})
    assert identity_holds(ledger)


def test_under_a_symbol_of_another_currency_a_holding_keeps_what_was_paid_in_the_accounts() -> None:
    ledger = made(filled(BUY, "10", "110", symbol="X"), CorporateAction("symbol_change", "X", D(1), "SAP", "r"))
    position = ledger.books["a"].positions["SAP"]
    assert (position.quantity, position.cost, position.average_price) == (10, 1100, 100)
    assert (ledger.cash, ledger.balances()) == (8900, {})


def test_what_a_point_is_worth_may_be_told_anew_and_what_was_paid_stays() -> None:
    ledger = made(filled(BUY, "10", "100"), defined("SAP", "EUR", "10"), multiplier="5")
    position = ledger.books["a"].positions["SAP"]
    assert (position.cost, position.average_price, position.value(60.0)) == (5500, 50, 60 * 10 * 10 * D("1.1"))
    ledger.apply(defined("SAP", "USD", "5"))
    assert (position.cost, position.average_price, position.value(60.0)) == (5500, 110, 60 * 10 * 5)
    assert ledger.symbols_in("EUR") == []


def test_a_claim_moves_the_holding_for_money_of_its_currency() -> None:
    ledger = made(filled(BUY, "10", "100"), HoldingAssigned("SAP", "b", D(4), D(100)), HoldingAssigned("SAP", "a", D(-4), D(100)))
    assert ledger.books["b"].balance("EUR") == -400
    assert ledger.balances() == {"EUR": D(-1000)}


def test_what_was_found_before_its_unit_and_rate_were_told_is_counted_at_what_was_paid() -> None:
    ledger = Ledger()
    opened = AccountOpened("acc", "USD", D(10_000), D(10_000), ("SAP", "ES"), (D(10), D(-2)), (D(100), D(5000)), (), (BalanceRow("EUR", D(-400)),))
    marks = {"SAP": 101.0, "ES": 5000.0}
    told = (opened, defined("ES", "USD", "50"), defined("SAP", "EUR", "3"), rate("1.10"))
    for event in told:
        ledger.apply(event)
        assert identity_holds(ledger), event
    book = ledger.books[UNASSIGNED]
    assert (book.positions["SAP"].cost, book.positions["ES"].cost, book.balances["EUR"].cost) == (3300, -500_000, -440)
    assert (book.positions["SAP"].average_price, book.positions["ES"].average_price) == (100, 5000)
    assert ledger.equity(marks) - book.funding == 33
    assert book.realised == 0
    ledger.apply(rate("1.20"))
    assert ledger.equity(marks) - book.funding == 33 * D("1.2") / D("1.1") + (3000 - 400) * D("0.1")


def test_a_removed_strategy_leaves_its_balances_too() -> None:
    ledger = made(filled(BUY, "10", "100", "2", "EUR"), rate("1.3"), StrategyRevised("c", "removed", "a", 1, "", D(0), ""))
    assert ledger.books["a"].balance("EUR") == ledger.books["a"].cash == 0
    assert ledger.books[UNASSIGNED].balance("EUR") == -1002
    assert ledger.equity({"SAP": 100.0}) == 10_000 - 2 * D("1.3")


def test_a_fixed_rate_of_an_older_journal_stays_in_its_multiplier() -> None:
    ledger = made(InstrumentDefined("OLD", "equity", "EUR", D("0.01"), D(1), D("1.5"), "24x7", fx_rate=D("1.5")))
    ledger.apply(filled(BUY, "10", "100", symbol="OLD"))
    assert (ledger.cash, ledger.balances()) == (8500, {})
    assert ledger.symbols_in("EUR") == ["SAP"]


def test_told_anew_without_its_fixed_rate_it_is_of_its_currency_from_there_and_what_was_paid_stays() -> None:
    old = InstrumentDefined("OLD", "equity", "EUR", D("0.01"), D(1), D("1.1"), "24x7", fx_rate=D("1.1"))
    ledger = made(old, filled(BUY, "10", "100", symbol="OLD"), defined("OLD", "EUR"))
    position = ledger.books["a"].positions["OLD"]
    assert (position.cost, position.average_price) == (1100, 100)
    assert (ledger.cash, ledger.balances(), ledger.symbols_in("EUR")) == (8900, {}, ["OLD", "SAP"])
    ledger.apply(rate("1.2"))
    assert ledger.equity({"OLD": 100.0}) == 8900 + 1200
    ledger.apply(filled(SELL, "10", "100", symbol="OLD"))
    assert (ledger.cash, ledger.balances()) == (8900, {"EUR": D(1000)})
    assert identity_holds(ledger)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_owed_and_held_never_depends_on_rates_and_a_state_gives_the_same_books(seed: int) -> None:
    draw = random.Random(seed)
    events: list[Event] = []
    paid = D(0)
    for _ in range(60):
        if draw.random() < 0.4:
            events.append(rate(f"{draw.uniform(0.5, 2.0):.5f}"))
            continue
        side, units, price, fee = draw.choice((BUY, SELL)), D(draw.randint(1, 9)), D(draw.randint(90, 110)), D(draw.randint(0, 3))
        paid += (units if side is BUY else -units) * price * 5 + fee
        events.append(filled(side, str(units), str(price), str(fee), "EUR"))
    ledger = made(*events, multiplier="5")
    assert ledger.balances().get("EUR", D(0)) == -paid
    assert ledger.cash == 10_000
    state = ledger.to_state()
    again = Ledger.from_state(msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=LedgerState))
    assert again.to_state() == state
    for event in (rate("1.7"), filled(SELL, "3", "101")):
        ledger.apply(event)
        again.apply(event)
    assert again.to_state() == ledger.to_state()
