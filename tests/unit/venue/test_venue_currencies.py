"""Instruments and money of other currencies at the venue: each currency's money by itself, rates only say what it is worth."""

from __future__ import annotations

import sqlite3
from decimal import Decimal as D
from decimal import localcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.paper_venue.ledger import LAYOUT
from shared.events import ActionRow, BalanceRow, CurrencyRate, InstrumentDefined, OrderSide, SessionChanged, SessionPhase, UnsettledRow, encode_body
from shared.venue import VenueSettings, dump
from shared.venue import protocol as p
from tests.unit.venue.test_paper_service import Venue
from tests.unit.venue.world import at, quote, terms

BUY, SELL = OrderSide.BUY, OrderSide.SELL
SAP = InstrumentDefined("X", "equity", "EUR", D("0.01"), D(1), D(1), "XNYS")
DAX = InstrumentDefined("Y", "future", "EUR", D("0.5"), D(1), D(25), "24x7")
HOME = InstrumentDefined("Z", "equity", "USD", D("0.01"), D(1), D(1), "24x7")


@pytest.fixture
def opened(tmp_path: Path):
    """Makes a venue with two instruments in euro and one in dollar, all at 100, the euro at 1.25."""
    made: list[Venue] = []

    def open_(rate: str | None = "1.25", **settings: Any) -> Venue:
        venue = Venue(tmp_path / f"l{len(made)}.db", **{"initial_cash": 10_000, "margin_multiplier": 2, **settings})
        made.append(venue)
        for instrument in (SAP, DAX, HOME):
            venue.advance(instrument)
            venue.advance(quote(0, 100, 100, symbol=instrument.symbol))
        if rate is not None:
            rated(venue, rate)
        return venue

    yield open_
    for venue in made:
        venue.ledger.close()


def rated(venue: Venue, rate: str, currency: str = "EUR") -> None:
    venue.advance(CurrencyRate(currency, D(rate), at(0)))


def by_hand(venue: Venue, symbol: str, side: OrderSide, quantity: int, price: int = 100, second: int = 1) -> None:
    name = f"web{venue.core.report_number}"
    venue.ask("external_trade", p.ExternalTrade(name, symbol, side, D(quantity), D(price), at(second)), p.OrderAnswer)


def order(venue: Venue, symbol: str, side: str, quantity: int, second: int = 2) -> p.OrderAnswer:
    asked = msgspec.structs.replace(terms(side, "limit", quantity, limit=100, tif="gtc"), symbol=symbol)
    return venue.ask("submit", p.Submit(f"o{venue.core.report_number}", asked, at(second)), p.OrderAnswer)


def money(venue: Venue) -> tuple[D, dict[str, D]]:
    row = venue.core.account()
    assert all(b.amount for b in row.balances)
    return row.cash, {b.currency: b.amount for b in row.balances}


def test_a_trade_moves_the_balance_of_its_currency_and_its_commission_the_cash(opened):
    venue = opened(commission={"model": "per_share", "rate": "0.5"})
    by_hand(venue, "X", BUY, 10)
    by_hand(venue, "Y", SELL, 2)
    by_hand(venue, "Z", BUY, 1)
    assert money(venue) == (10_000 - 5 - 1 - 100 - D("0.5"), {"EUR": D(-1000 + 2 * 100 * 25)})
    rows = venue.ask("executions", p.Since(0), p.ExecutionsAnswer).rows
    assert {row.currency for row in rows} == {"USD"}


def test_a_rate_moves_what_money_is_worth_and_no_money(opened):
    venue = opened(balances={"EUR": "100", "GBP": "7", "CHF": "0"})
    by_hand(venue, "X", BUY, 10)
    before = money(venue)
    assert before == (10_000, {"EUR": D(-900), "GBP": D(7)})
    assert venue.core.account().equity == 10_000 + 100 * D("1.25") + 7  # nobody told a rate of the pound
    rated(venue, "1.5")
    venue.advance(quote(3, 110, 110))
    assert money(venue) == before
    assert venue.core.account().equity == 10_000 - 900 * D("1.5") + 7 + 10 * 110 * D("1.5")


def test_equity_and_buying_power_are_exact_however_many_places_price_quantity_and_rate_have_together(opened):
    venue = opened()
    coin = InstrumentDefined("C", "crypto", "EUR", D("0.0001"), D("0.000000001"), D(1), "24x7")
    venue.advance(coin)
    venue.advance(quote(2, 12345.6789, 12345.6789, symbol="C"))
    rated(venue, "0.006666666667")
    bought = D("1.123456789")
    venue.ask("external_trade", p.ExternalTrade("web", "C", BUY, bought, D("12345.6788"), at(3)), p.OrderAnswer)
    asked = msgspec.structs.replace(terms("buy", "limit", bought, limit="12000.0001", tif="gtc"), symbol="C")
    venue.ask("submit", p.Submit("o", asked, at(4)), p.OrderAnswer)
    with localcontext(prec=80):
        held, rate = bought * D("12345.6789"), D("0.006666666667")
        equity = 10_000 + (held - bought * D("12345.6788")) * rate
        expected = (equity, 2 * equity - (held + bought * D("12000.0001")) * rate)
    row = venue.core.account()
    assert (row.equity, row.buying_power) == expected


def test_margin_is_counted_at_the_newest_rate_and_a_balance_may_be_owed(opened):
    venue = opened()
    order(venue, "Y", "buy", 5)  # 5 x 100 x 25 x 1.25 of 2 x 10,000
    assert venue.core.account().buying_power == 20_000 - 15_625
    assert order(venue, "X", "buy", 36).code == "insufficient_buying_power"
    assert order(venue, "X", "buy", 35).code == ""
    rated(venue, "1.6")
    assert venue.core.account().buying_power == 0
    assert order(venue, "Z", "buy", 1).code == "insufficient_buying_power"
    rated(venue, "1")
    assert order(venue, "Z", "buy", 40).code == ""


def test_a_cash_account_buys_with_settled_money_of_the_instruments_own_currency(opened):
    venue = opened(account_kind="cash", settlement_days=1, balances={"EUR": "1500"})
    venue.advance(SessionChanged("XNYS", SessionPhase.OPEN, "2023-11-14", at(0), at(9)))
    venue.advance(quote(1, 101, 102))
    refused = order(venue, "X", "buy", 16)
    assert (refused.code, refused.text) == ("insufficient_buying_power", "needs 1600, has 1500 EUR")
    assert order(venue, "X", "buy", 10).code == ""
    assert order(venue, "X", "buy", 6).text == "needs 600, has 500 EUR"
    assert order(venue, "Z", "buy", 100).code == ""  # the dollars are another matter
    assert venue.core.account().buying_power == 0


def test_what_a_sale_brought_settles_in_its_currency(opened):
    venue = opened(account_kind="cash", settlement_days=1, commission={"model": "fixed", "amount": "3"})
    venue.advance(SessionChanged("XNYS", SessionPhase.OPEN, "2023-11-14", at(0), at(9)))
    venue.advance(msgspec.structs.replace(HOME, calendar="XNYS"))
    venue.ask("cash_flow", p.CashFlowRequest("deposit", D(1000), "d", at(1), "", "EUR"), p.Done)
    by_hand(venue, "X", BUY, 10)
    by_hand(venue, "Z", BUY, 10)
    by_hand(venue, "X", SELL, 10, 90)
    by_hand(venue, "Z", SELL, 10)
    row = venue.core.account()
    assert row.unsettled == (UnsettledRow("XNYS", "2023-11-15", D(900), "EUR"), UnsettledRow("XNYS", "2023-11-15", D(997)))
    assert (money(venue), row.buying_power) == ((D(9_988), {"EUR": D(900)}), 9_988 - 997)
    assert order(venue, "X", "buy", 1).text == "needs 100, has 0 EUR"
    venue.restart()
    assert venue.core.account() == row
    venue.advance(SessionChanged("XNYS", SessionPhase.OPEN, "2023-11-15", at(86_400), at(86_409)))
    assert venue.core.account().unsettled == ()
    assert order(venue, "X", "buy", 9).code == ""


@pytest.mark.parametrize(
    ("kind", "symbol", "currency", "told"),
    [
        ("deposit", "", "EUR", "EUR"),
        ("fee", "", "JPY", "JPY"),
        ("deposit", "", "", "USD"),
        ("interest", "", "USD", "USD"),
        ("dividend", "X", "", "EUR"),
        ("dividend", "X", "USD", "USD"),
        ("dividend", "Z", "", "USD"),
    ],
)
def test_money_comes_in_any_currency(opened, kind, symbol, currency, told):
    venue = opened()
    venue.ask("cash_flow", p.CashFlowRequest(kind, D("12.5"), "c1", at(2), symbol, currency), p.Done)
    row = venue.ask("reports", p.Since(0), p.ReportsAnswer).reports[-1].cash
    assert (row.currency, row.amount) == (told, D("12.5"))
    assert money(venue) == ((D("10012.5"), {}) if told == "USD" else (D(10_000), {told: D("12.5")}))
    venue.ask("cash_flow", p.CashFlowRequest(kind, D("-12.5"), "c2", at(3), symbol, currency), p.Done)
    assert money(venue) == (10_000, {})


def test_what_is_no_currency_is_refused(opened):
    venue = opened()
    assert venue.raw("cash_flow", p.CashFlowRequest("deposit", D(1), "c", at(1), "", "euro")).code == "bad_currency"
    assert venue.core.report_number == 0


def test_a_split_and_an_expiry_pay_in_the_instruments_currency(opened):
    venue = opened()
    by_hand(venue, "X", BUY, 5)
    venue.ask("corporate_action", p.ActionRequest(ActionRow("split", "X", "s", 0, D(3), D(2)), at(2)), p.Done)
    made = venue.ask("reports", p.Since(0), p.ReportsAnswer).reports[-1].action
    assert made.cash == D("33.34")  # half a unit at 66.67
    assert money(venue) == (10_000, {"EUR": D("-466.66")})
    by_hand(venue, "Y", BUY, 1)
    for symbol, price in (("X", "70"), ("Y", "0")):
        action = ActionRow("expiry", symbol, f"e{symbol}", 0, price=D(price))
        venue.ask("corporate_action", p.ActionRequest(action, at(3)), p.Done)
    assert money(venue) == (10_000, {"EUR": D("-466.66") - 2500 + 490})


def test_rates_and_balances_are_as_they_were_after_a_restart_and_the_state_is_not_written_for_a_rate(opened):
    venue = opened(balances={"GBP": "50"})
    by_hand(venue, "X", BUY, 10)
    row, state, version = venue.core.account(), dump(venue.core), venue.core.version
    rated(venue, "1.5")
    assert venue.core.version == version
    rated(venue, "1.25")
    rated(venue, "1.4", "GBP")
    equity = venue.core.account().equity
    venue.restart()
    assert dump(venue.core) == state
    assert venue.core.account() == msgspec.structs.replace(row, equity=equity, buying_power=venue.core.account().buying_power)
    assert equity == row.equity + 50 * D("0.4")


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "1E+30"])
def test_what_no_rate_can_be_is_refused(opened, rate):
    venue = opened()
    told = encode_body(CurrencyRate("EUR", D(rate)))
    assert venue.raw("advance", p.Advance(0, 0, CurrencyRate.TAG, told)).code in {"bad_market_data", "malformed"}
    assert venue.core.market.rate("EUR") == D("1.25")


def test_a_fixed_rate_of_an_older_ledger_stays_in_its_multiplier(opened):
    venue = opened(rate=None)
    venue.advance(InstrumentDefined("X", "equity", "EUR", D("0.01"), D(1), D("1.5"), "24x7", fx_rate=D("1.5")))
    by_hand(venue, "X", BUY, 10)
    assert money(venue) == (8500, {})


def test_a_ledger_of_one_currency_is_taken_over_as_it_is(opened):
    venue = opened(rate=None)
    by_hand(venue, "Z", BUY, 10)
    row = venue.core.account()
    venue.ledger.close()
    with sqlite3.connect(venue.path) as db:
        state = msgspec.msgpack.decode(db.execute("SELECT body FROM state").fetchone()[0])
        state[0] = 1
        assert state[6].pop() == {}  # the balances, which it did not have
        db.execute("UPDATE state SET body = ?", (msgspec.msgpack.encode(state),))
        db.execute("UPDATE meta SET value = 1 WHERE key = 'layout'")
    db.close()
    venue.ledger = None
    venue.restart()
    assert venue.core.account() == row
    rated(venue, "1.5")
    by_hand(venue, "X", BUY, 1)
    venue.restart()
    assert money(venue) == (9_000, {"EUR": D(-100)})
    assert venue.core.account().balances == (BalanceRow("EUR", D(-100)),)
    assert LAYOUT == 2


def test_an_order_of_an_instrument_nobody_defined_is_refused_where_its_currency_may_be_any(opened):
    venue = opened(defined_only=True)
    venue.advance(quote(1, 100, 100, symbol="NEW"))
    assert order(venue, "NEW", "buy", 1).code == "unknown_instrument"
    venue.advance(msgspec.structs.replace(SAP, symbol="NEW"))
    version = venue.core.version
    venue.advance(msgspec.structs.replace(SAP, symbol="NEW"))
    assert venue.core.version == version  # told again
    assert order(venue, "NEW", "buy", 1).code == ""
    assert money(venue) == (10_000, {"EUR": D(-100)})


@pytest.mark.parametrize("balances", [{"USD": D(1)}, {"EUR": D(-1)}])
def test_balances_a_new_account_cannot_start_with_are_refused(balances):
    with pytest.raises(ValueError, match="balances: "):
        VenueSettings(balances=balances)
