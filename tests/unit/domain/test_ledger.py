"""Books: what fills, corrections, flows and corporate actions leave in them."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
import pytest

from shared.domain.ledger import UNASSIGNED, Ledger, LedgerState
from shared.events import (
    AccountOpened,
    CashFlow,
    CorporateAction,
    Event,
    FillCorrected,
    HoldingAssigned,
    InstrumentDefined,
    OrderFilled,
    OrderSide,
)

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def filled(side: OrderSide, quantity: str, price: str, commission: str = "0", strategy: str = "a", symbol: str = "X") -> OrderFilled:
    return OrderFilled(f"{strategy}:1:1", strategy, symbol, side, D(quantity), D(price), D(commission), "USD", "e", "b", D(quantity), D(0), 0)


def corrected(side: OrderSide, previous: tuple[str, str, str], now: tuple[str, str, str]) -> FillCorrected:
    was, new = [D(v) for v in previous], [D(v) for v in now]
    return FillCorrected("a:1:1", "a", "X", side, "e2", "e", new[0], new[1], new[2], was[0], was[1], was[2])


def opened(cash: str, **holdings: tuple[str, str]) -> AccountOpened:
    quantities, prices = tuple(D(q) for q, _ in holdings.values()), tuple(D(p) for _, p in holdings.values())
    return AccountOpened("acc", "USD", D(cash), D(cash), tuple(holdings), quantities, prices)


def ledger(*events: Event, **budgets: str) -> Ledger:
    made = Ledger({name: D(amount) for name, amount in budgets.items()})
    for event in events:
        made.apply(event)
    return made


def identity_holds(made: Ledger) -> bool:
    return all(book.cash + book.cost() == book.funding + book.realised - book.fees for book in made.books.values())


def test_budgets_divide_the_account_and_do_not_change_it() -> None:
    made = ledger(opened("5000"), a="1000", b="1500")
    assert {name: book.cash for name, book in made.books.items()} == {UNASSIGNED: D(2500), "a": D(1000), "b": D(1500)}
    assert made.cash == D(5000)


def test_a_partial_close_realises_against_the_average_cost() -> None:
    made = ledger(filled(BUY, "100", "10"), filled(BUY, "100", "12"), filled(SELL, "50", "13"))
    book = made.books["a"]
    assert book.realised == D(100)  # 50 x (13 - 11)
    assert book.positions["X"].average_price == D(11)
    assert made.net("X") == D(150)


@pytest.mark.parametrize(
    ("fills", "quantity", "cost", "realised"),
    [
        ([(BUY, "100", "10"), (SELL, "150", "12")], "-50", "-600", "200"),
        ([(SELL, "100", "10"), (BUY, "150", "8")], "50", "400", "200"),
        ([(SELL, "100", "10"), (BUY, "40", "11")], "-60", "-600", "-40"),
        ([(BUY, "100", "10"), (SELL, "100", "10")], "0", "0", "0"),
    ],
)
def test_shorts_and_trades_through_zero(fills: list[tuple[OrderSide, str, str]], quantity: str, cost: str, realised: str) -> None:
    made = ledger(*(filled(*fill) for fill in fills))
    position = made.books["a"].positions["X"]
    assert (position.quantity, position.cost, position.realised) == (D(quantity), D(cost), D(realised))


def test_a_third_is_never_lost_between_closes() -> None:
    made = ledger(filled(BUY, "3", "10.01"), filled(BUY, "4", "10.02"), filled(SELL, "1", "10"), filled(SELL, "6", "10"))
    assert made.books["a"].positions["X"].cost == D(0)
    assert made.books["a"].realised == D("-0.11")
    assert identity_holds(made)


def test_sums_beyond_28_digits_stay_exact() -> None:
    made = ledger(filled(BUY, "123456789012.123456789", "98765.4321098765"), filled(SELL, "0.000000001", "0.0000000001"))
    book = made.books["a"]
    assert book.cash + book.cost() == book.realised
    assert book.cost() != 0


def test_money_counts_the_multiplier() -> None:
    es = InstrumentDefined("X", "future", "USD", D("0.25"), D(1), D(50), "24x7")
    made = ledger(es, filled(BUY, "2", "4000"))
    assert made.books["a"].positions["X"].average_price == D(4000)
    assert made.equity({"X": 4001.0}) == D(100)
    assert made.books["a"].gross({"X": 4001.0}) == D(400100)


def test_fees_are_no_trading_profit_and_leave_cash() -> None:
    book = ledger(filled(BUY, "10", "10", "1.5"), filled(SELL, "10", "11", "-0.2"), a="1000").books["a"]
    assert (book.realised, book.fees, book.cash) == (D(10), D("1.3"), D("1008.7"))


@pytest.mark.parametrize(
    ("now", "quantity", "cash"),
    [(("100", "11", "1"), "100", "-1101"), (("80", "10", "1"), "80", "-801"), (("0", "0", "0"), "0", "0")],
    ids=["price", "quantity", "bust"],
)
def test_a_correction_ends_as_if_only_it_had_been(now: tuple[str, str, str], quantity: str, cash: str) -> None:
    made = ledger(filled(BUY, "100", "10", "1"), corrected(BUY, ("100", "10", "1"), now))
    assert (made.net("X"), made.books["a"].cash) == (D(quantity), D(cash))
    assert identity_holds(made)


def test_a_correction_of_a_closed_trade_moves_its_profit() -> None:
    made = ledger(filled(BUY, "100", "10"), filled(SELL, "100", "12"), corrected(SELL, ("100", "12", "0"), ("100", "11", "0")))
    assert made.books["a"].realised == D(100)
    assert made.positions() == {}


def test_holdings_found_come_in_at_cost_unassigned_and_once() -> None:
    made = ledger(opened("1000", X=("10", "50")), opened("1000", X=("10", "50")), a="600")
    assert made.positions() == {"X": D(10)}
    assert made.books[UNASSIGNED].positions["X"].cost == D(500)
    assert (made.cash, made.books["a"].cash) == (D(1000), D(600))
    assert made.equity({}) == D(1500)


def test_fills_of_risk_and_of_strangers_belong_to_no_strategy() -> None:
    made = ledger(filled(BUY, "10", "5"), filled(SELL, "4", "6", strategy="risk"), filled(SELL, "1", "6", strategy="external"))
    assert made.quantity("a", "X") == D(10)
    assert made.quantity(UNASSIGNED, "X") == made.quantity("risk", "X") == D(-5)
    assert made.net("X") == D(5)


def test_assigning_moves_a_holding_between_books_and_leaves_the_account() -> None:
    before = ledger(filled(BUY, "10", "5", strategy="a"), filled(SELL, "10", "6", strategy="risk"))
    equity = before.equity({"X": 6.0})
    before.apply(HoldingAssigned("X", "a", D(-10), D(6)))
    assert before.quantity("a", "X") == before.quantity("", "X") == D(0)
    assert before.books["a"].realised == D(10)
    assert before.equity({"X": 6.0}) == equity == D(10)


def test_flows_are_funding_not_profit() -> None:
    made = ledger(opened("1000"), CashFlow("withdrawal", "USD", D(-300), "r"), CashFlow("dividend", "USD", D("1.25"), "r"))
    book = made.books[UNASSIGNED]
    assert (made.cash, book.realised, book.funding) == (D("701.25"), D(0), D("701.25"))


def test_a_split_changes_units_not_money() -> None:
    made = ledger(filled(BUY, "10", "100"), CorporateAction("split", "X", D(4), "", "r"))
    position = made.books["a"].positions["X"]
    assert (position.quantity, position.cost, position.average_price) == (D(40), D(1000), D(25))
    assert made.net("X") == D(40)


def test_a_symbol_change_moves_the_holding_with_its_history() -> None:
    es = InstrumentDefined("X", "equity", "USD", D("0.01"), D(1), D(2), "XNYS")
    made = ledger(es, filled(BUY, "10", "100"), filled(SELL, "5", "110"), CorporateAction("symbol_change", "X", D(1), "Y", "r"))
    assert made.positions() == {"Y": D(5)}
    assert made.books["a"].positions["Y"].realised == D(100)
    assert made.multiplier("Y") == D(2)


def test_an_expiry_loses_the_cost() -> None:
    made = ledger(filled(BUY, "10", "3"), CorporateAction("expiry", "X", D(1), "", "r"), a="100")
    assert made.positions() == {}
    assert (made.books["a"].realised, made.books["a"].equity({})) == (D(-30), D(70))


def test_a_holding_without_a_mark_counts_at_cost() -> None:
    made = ledger(filled(BUY, "10", "100"), filled(SELL, "10", "50", symbol="Y"))
    assert made.books["a"].equity({"X": 101.0}) == D(10)
    assert made.books["a"].net({"X": 101.0}) == D(510)
    assert made.books["a"].gross({"X": 101.0}) == D(1510)


def test_state_goes_round_and_is_canonical() -> None:
    events = (opened("9000", Z=("3", "7")), filled(BUY, "3", "10.01", "0.1"), filled(SELL, "1", "11", strategy="b"))
    made = ledger(*events, a="1000", b="10")
    raw = msgspec.msgpack.encode(made.to_state())
    again = Ledger.from_state(msgspec.msgpack.decode(raw, type=LedgerState))
    assert again.to_state() == made.to_state()
    assert again.positions() == made.positions()
    again.apply(filled(SELL, "1", "1"))
    made.apply(filled(SELL, "1", "1"))
    assert msgspec.msgpack.encode(again.to_state()) == msgspec.msgpack.encode(made.to_state())


def test_looking_at_a_book_is_no_state() -> None:
    made = ledger(opened("1"))
    before = made.to_state()
    made.book("nobody")
    assert made.to_state() == before


def test_a_restored_ledger_takes_todays_budgets() -> None:
    state = ledger(opened("1000"), filled(BUY, "1", "10"), a="400").to_state()
    again = Ledger.from_state(state, {"a": D(500), "b": D(50)})
    assert {name: book.cash for name, book in again.books.items()} == {UNASSIGNED: D(450), "a": D(490), "b": D(50)}
    assert identity_holds(again)
