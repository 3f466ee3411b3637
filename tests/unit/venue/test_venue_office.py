"""The broker's back office: money, splits with fractions, renames, expiries; and that none of it is lost or done twice."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path

import pytest

from services.paper_venue.service import VenueService
from shared.brokers.contract import ActionSeen
from shared.brokers.paper.stream import item_of
from shared.events import ActionRow, InstrumentDefined, OrderSide
from shared.venue import MatchingCore, VenueSettings
from shared.venue import protocol as p
from tests.unit.venue.test_paper_service import Venue
from tests.unit.venue.world import at, quote, terms

X = InstrumentDefined("X", "equity", "USD", D("0.01"), D(1), D(1), "24x7")
SPLIT = ActionRow("split", "X", "s1", 0, D(3), D(2))


@pytest.fixture
def venue(tmp_path: Path):
    made = Venue(tmp_path / "l.db")
    made.service.advance(0, X, at(0))
    made.advance(quote(0, 99, 99.02), row=1)
    yield made
    made.ledger.close()


def hold(venue, quantity, price=90):
    side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
    venue.ask("external_trade", p.ExternalTrade("web", "X", side, D(abs(quantity)), D(price), at(1)), p.OrderAnswer)


def act(venue, row=SPLIT, second=2):
    return venue.ask("corporate_action", p.ActionRequest(row, at(second)), p.Done)


def held(venue):
    return [(row.symbol, row.quantity, row.average_price) for row in venue.core.positions()]


def last(venue):
    found = venue.ask("reports", p.Since(0), p.ReportsAnswer).reports[-1]
    seen = item_of(found)
    assert isinstance(seen, ActionSeen)
    return seen.action


def test_a_split_keeps_whole_lots_and_pays_the_rest_at_the_new_price(venue):
    hold(venue, 5)
    cash = venue.core.account().cash
    act(venue)
    assert held(venue) == [("X", 7, D(60))]
    made = last(venue)
    assert (made.lot, made.price, made.cash) == (1, D("66.005"), D(33))
    assert venue.core.account().cash == cash + 33


def test_a_short_pays_for_its_fraction(venue):
    hold(venue, -5)
    cash = venue.core.account().cash
    act(venue)
    assert held(venue) == [("X", -7, D(60))]
    assert venue.core.account().cash == cash - 33


def test_working_orders_of_the_symbol_are_cancelled_first(venue):
    venue.ask("submit", p.Submit("gtc", terms("buy", "limit", 10, limit=90, tif="gtc"), at(1)), p.OrderAnswer)
    act(venue)
    row = venue.core.order("gtc")
    assert (row.status, row.text) == ("cancelled", "split of X")
    assert [r.action is None for r in venue.ask("reports", p.Since(1), p.ReportsAnswer).reports] == [True, False]


def test_prices_are_restated_and_stay_so_over_a_restart(venue):
    hold(venue, 6)
    before = venue.core.account().equity
    act(venue)
    assert abs(venue.core.account().equity - before) < D("0.05")  # to the tick
    equity = venue.core.account().equity
    venue.restart()
    assert venue.core.account().equity == equity
    assert held(venue) == [("X", 9, D(60))]


def test_the_same_reference_is_done_once_and_another_act_under_it_refused(venue):
    hold(venue, 4)
    head = act(venue).head
    venue.restart()
    assert act(venue, second=9).head == head
    assert held(venue)[0][1] == 6
    other = ActionRow("split", "X", "s1", 0, D(2), D(1))
    assert venue.raw("corporate_action", p.ActionRequest(other, at(9))).code == "duplicate"
    wire = p.CashFlowRequest("deposit", D(5), "w", at(3))
    assert venue.ask("cash_flow", wire, p.Done).head == venue.ask("cash_flow", wire, p.Done).head
    assert venue.core.account().cash == 100_000 - 360 + 5


def test_a_rename_carries_holding_price_and_instrument(venue):
    hold(venue, 4)
    act(venue, ActionRow("symbol_change", "X", "r1", 0, new_symbol="Z"))
    assert held(venue) == [("Z", 4, D(90))]
    assert venue.core.market.tick("Z") == D("0.01")
    assert venue.core.account().equity == 100_000 - 360 + 4 * D("99.01")


def test_an_expiry_settles_in_cash(venue):
    hold(venue, 4)
    act(venue, ActionRow("expiry", "X", "e1", 0, price=D(95)))
    assert held(venue) == []
    assert venue.core.account().cash == 100_000 - 360 + 380


def test_a_dividend_says_what_it_was_paid_on(venue):
    hold(venue, 4)
    venue.ask("cash_flow", p.CashFlowRequest("dividend", D(2), "d", at(3), "X"), p.Done)
    row = venue.ask("reports", p.Since(0), p.ReportsAnswer).reports[-1].cash
    assert (row.symbol, row.units, row.amount) == ("X", 4, 2)


@pytest.mark.parametrize(
    "row",
    [
        ActionRow("merger", "X", "a", 0),
        ActionRow("split", "X", "a", 0, D(0)),
        ActionRow("split", "X", "", 0, D(2)),
        ActionRow("symbol_change", "X", "a", 0),
        ActionRow("symbol_change", "X", "a", 0, new_symbol="X"),
        ActionRow("split", "X", "a", 0, D(2), new_symbol="Y"),
        ActionRow("expiry", "X", "a", 0, price=D(-1)),
    ],
)
def test_what_is_no_action_is_refused_and_changes_nothing(venue, row):
    hold(venue, 4)
    head = venue.core.report_number
    assert venue.raw("corporate_action", p.ActionRequest(row, at(2))).code == "bad_action"
    assert (venue.core.report_number, held(venue)) == (head, [("X", 4, D(90))])


def test_a_reading_places_actions_among_executions():
    core = MatchingCore(VenueSettings())
    from services.paper_venue.books import MemoryBooks

    service = VenueService(core, MemoryBooks(), lambda: 0)
    service.advance(0, X, at(0))
    service.advance(0, quote(0, 99, 100), at(0))
    trade = lambda n: p.ExternalTrade(f"w{n}", "X", OrderSide.BUY, D(2), D(99), at(n))  # noqa: E731
    for n in (1, 2):
        service.ask("external_trade", trade(n))
    service.ask("corporate_action", p.ActionRequest(SPLIT, at(2)))
    service.ask("external_trade", trade(3))
    state = service.ask("state", p.Since(0)).said
    assert [(a.action.reference, a.after) for a in state.actions] == [("s1", 2)]
    assert service.ask("state", p.Since(state.head)).said.actions == ()
    paged = service.ask("state", p.Since(0, 1)).said
    assert (paged.more, paged.actions) == (True, ())
