"""The paper venue's service and ledger, without sockets: answers that never change, restarts that lose nothing, faults tests can set."""

from __future__ import annotations

import sqlite3
from decimal import Decimal as D

import msgspec
import pytest

from services.paper_venue.ledger import Ledger, LedgerIncompatible, LedgerInUse
from services.paper_venue.service import VenueService
from shared.brokers.paper.sessions import PaperReadings
from shared.events import (
    BrokerClock,
    BrokerOrderReported,
    DataGap,
    FreshnessChanged,
    InstrumentDefined,
    InstrumentHalted,
    OrderBook,
    PriceBandsChanged,
    SessionChanged,
    SessionPhase,
    encode_body,
)
from shared.venue import VenueSettings, dump
from shared.venue import protocol as p
from shared.venue.faults import FaultSpec, Mode
from tests.unit.venue.world import at, bar, quote, terms, trade

INSTRUMENT = InstrumentDefined("X", "equity", "USD", D("0.01"), D(1), D(1), "XT")


class Venue:
    """A service over a ledger file; `restart` throws everything in memory away."""

    def __init__(self, path, clock=lambda: 0, **settings):
        self.path, self.clock, self.settings = path, clock, msgspec.convert(settings, VenueSettings)
        self.row = 0
        self.ledger: Ledger | None = None
        self.restart()

    def restart(self):
        if self.ledger is not None:
            self.ledger.close()
        self.ledger = Ledger(self.path)
        self.core = self.ledger.restore(self.settings)
        self.service = VenueService(self.core, self.ledger, self.clock)

    def raw(self, method, message):
        return self.service.handle(method, p.encode(message))

    def ask(self, method, message, kind):
        outcome = self.raw(method, message)
        assert outcome.code == "", (outcome.code, outcome.text)
        return p.decode(kind, outcome.answer)

    def advance(self, event, row=None, now=0):
        if row is None:
            self.row += 1
            row = self.row
        return self.ask("advance", p.Advance(row, now, event.TAG, encode_body(event)), p.Advanced).head

    def submit(self, name, order, second=1, **more):
        return self.ask("submit", p.Submit(name, order, at(second), **more), p.OrderAnswer)

    def fault(self, mode, **more):
        self.ask("fault", p.FaultRequest(FaultSpec(Mode(mode), **more)), p.Done)

    def order(self, name):
        return self.ask("order", p.OrderQuery(name), p.OrderAnswer)


@pytest.fixture
def venue(tmp_path):
    made = Venue(tmp_path / "paper.db", displayed_size=True)
    made.advance(INSTRUMENT)
    made.advance(quote(0, 99, 100))
    yield made
    made.ledger.close()


BUY = terms("buy", "market")
REST = terms("buy", "limit", limit=95, tif="gtc")


class Line:
    """Requests of an account session that take `ns` each way."""

    def __init__(self, venue, times):
        self.venue, self.times, self.ns = venue, times, 3

    def read(self, query, message, kind, timeout_s=None):
        self.times[0] += self.ns
        answer = self.venue.ask(query, message, kind)
        self.times[0] += self.ns
        return answer


@pytest.mark.parametrize("ahead", [0, 70, -70])
def test_a_reading_tells_the_venues_clock_against_ours(tmp_path, ahead):
    """times: our wall clock; the venue's stands that far ahead of it."""
    times = [at(0)]
    venue = Venue(tmp_path / "paper.db")
    venue.service = VenueService(venue.core, venue.ledger, lambda: times[0] + ahead)
    state = PaperReadings(Line(venue, times), lambda: times[0]).whole_state("")
    assert state.clock == BrokerClock(offset_ns=ahead, error_ns=3)
    venue.ledger.close()


def test_under_the_feed_clock_a_reading_tells_no_time(tmp_path):
    venue = Venue(tmp_path / "paper.db")
    assert PaperReadings(Line(venue, [at(0)])).whole_state("").clock is None
    venue.ledger.close()


def test_rows_that_mean_nothing_to_a_venue_pass_it_by(venue):
    """Under the feed clock every row of the feed is shown it, in order: it refuses none, else the feed would wait for ever."""
    row = venue.row
    for event in (PriceBandsChanged("X", at(1), 90.0, 110.0), DataGap("X", at(0), at(1), "feed"), FreshnessChanged("X", fresh=False, last=at(1))):
        venue.advance(event)
    assert venue.row == row + 3
    assert venue.submit("A", BUY, 2).code == ""


def test_a_submission_said_again_is_answered_word_for_word(venue):
    first = venue.raw("submit", p.Submit("a", REST, at(1)))
    venue.advance(quote(2, 94, 95))
    assert venue.order("a").order.status == "filled"
    assert venue.raw("submit", p.Submit("a", REST, at(5))).answer == first.answer
    venue.restart()
    again = venue.raw("submit", p.Submit("a", REST, at(9)))
    assert (again.answer, list(again.push)) == (first.answer, [])
    assert venue.submit("a", BUY).code == "duplicate"
    assert venue.submit("a", REST, group="g").code == "duplicate"


def test_a_rejection_is_kept_like_any_answer(venue):
    first = venue.submit("a", terms("buy", "limit", limit="95.001"))
    assert (first.code, first.order.status) == ("off_tick", "rejected")
    venue.restart()
    assert venue.submit("a", terms("buy", "limit", limit="95.001")) == first


def test_a_cancel_is_named_by_its_attempt(venue):
    venue.submit("a", REST)
    first = venue.raw("cancel", p.Cancel("a", 1, at(2)))
    assert p.decode(p.OrderAnswer, first.answer).order.status == "cancelled"
    venue.restart()
    assert venue.raw("cancel", p.Cancel("a", 1, at(3))).answer == first.answer
    assert venue.ask("cancel", p.Cancel("a", 2, at(3)), p.OrderAnswer).code == "order_done"
    assert venue.ask("cancel", p.Cancel("a", 0, at(3)), p.OrderAnswer).code == "order_done"


def test_an_order_is_cancelled_by_the_brokers_id_where_it_has_no_name_here(venue):
    placed = venue.submit("hand", REST).order
    named = p.Cancel("", 1, at(2), placed.broker_order_id)

    assert venue.ask("cancel", named, p.OrderAnswer).order.status == "cancelled"
    assert venue.ask("cancel", named, p.OrderAnswer).code == "unknown_order"


def test_a_replace_is_named_by_its_new_id(venue):
    venue.submit("a", REST)
    request = p.Replace("b", "a", terms("buy", "limit", limit=96, tif="gtc"), at(2))
    first = venue.raw("replace", request)
    venue.restart()
    assert venue.raw("replace", request).answer == first.answer
    assert venue.ask("open_orders", p.Empty(), p.OrdersAnswer).rows[0].client_order_id == "b"


def test_a_row_said_again_changes_nothing_and_names_the_same_report(venue):
    venue.submit("a", REST)
    head = venue.advance(quote(2, 94, 95))
    assert head == 3, "accepted, executed, filled"
    quiet = venue.advance(quote(3, 94, 95))
    venue.submit("b", BUY, 4)
    for _ in range(2):
        assert [venue.advance(quote(9, 1, 2), row=r) for r in (2, 3, 4)] == [0, head, quiet]
        venue.restart()
    assert quiet == head
    assert venue.core.market.quotes["X"].timestamp == at(3)


def test_a_restart_brings_back_the_core_exactly(venue):
    venue.advance(SessionChanged("XT", SessionPhase.OPEN, "2023-11-14", at(0), at(9000)))
    venue.submit("filled", BUY, 3)
    venue.submit("resting", REST, 3)
    venue.submit("trailing", terms("sell", "trailing_stop", trail=2, tif="gtc"), 3)
    for event in (trade(4, 101), quote(5, 100, 101), quote(6, 101, 102, ask_size=5), trade(7, 103), bar(0, 100, 101, 99, 100)):
        venue.advance(event)
    before = dump(venue.core), venue.core.account(), venue.core.positions(), venue.core.market.quotes, venue.core.market.prints
    venue.restart()
    assert (dump(venue.core), venue.core.account(), venue.core.positions(), venue.core.market.quotes, venue.core.market.prints) == before
    assert venue.order("filled").order.status == "filled"
    assert venue.core.now_ns == at(60)


def test_depth_survives_a_restart_as_the_quote_it_is(venue):
    venue.advance(OrderBook("X", at(2), ((98.0, 1.0),), ((99.0, 7.0),)))
    venue.restart()
    assert venue.submit("a", BUY, 3).order.filled == 7


def test_an_event_without_a_time_of_its_own_happens_at_the_newest_time(venue):
    venue.advance(trade(50, 100))
    venue.restart()
    venue.advance(InstrumentHalted("X", True, "news"))
    answer = venue.ask("submit", p.Submit("a", terms("buy", "market", tif="ioc")), p.OrderAnswer)
    assert (answer.order.status, answer.order.broker_ns) == ("cancelled", at(50))


def test_readings_page_and_move_their_cursor(venue):
    for i in range(7):
        venue.advance(quote(10 + i, 99, 100, ask_size=1000))
        venue.submit(f"o{i}", BUY, 10 + i)
    cursor, seen = 0, []
    while True:
        page = venue.ask("executions", p.Since(cursor, 3), p.ExecutionsAnswer)
        seen += [e.client_order_id for e in page.rows]
        cursor = page.next
        if not page.more:
            break
    assert (seen, cursor) == ([f"o{i}" for i in range(7)], venue.core.report_number)
    reports = venue.ask("reports", p.Since(5, 4), p.ReportsAnswer)
    assert ([r.n for r in reports.reports], reports.head) == ([6, 7, 8, 9], 21)
    state = venue.ask("state", p.Since(0, 2), p.StateAnswer)
    assert (state.more, len(state.executions), state.head) == (True, 2, 21)
    assert state.positions[0].quantity == 700
    assert venue.ask("positions", p.Empty(), p.PositionsAnswer).rows == state.positions
    assert venue.ask("account", p.Empty(), p.AccountAnswer).row == state.totals


def test_a_fault_before_acting_leaves_no_trace(venue):
    for mode, silent in (("timeout_before_accept", True), ("server_error", False)):
        venue.fault(mode, requests=("submit",))
        outcome = venue.raw("submit", p.Submit("a", BUY, at(1)))
        assert (outcome.answer, bool(outcome.code), list(outcome.push)) == (None, not silent, [])
        assert venue.order("a").code == "unknown_order"
    assert venue.submit("a", BUY).order.status == "filled", "once each"


@pytest.mark.parametrize("spec", [{"mode": "accept_then_timeout"}, {"mode": "server_error", "acts": True}])
def test_a_fault_after_acting_hides_only_the_answer(venue, spec):
    venue.fault(**spec)
    outcome = venue.raw("submit", p.Submit("a", BUY, at(1)))
    assert outcome.answer is None
    assert [r.n for r in outcome.push] == [1, 2, 3]
    assert venue.submit("a", BUY).order.status == "filled"


def test_faults_count_their_requests_and_spare_others(venue):
    venue.fault("reject", count=2, requests=("submit",), code="restricted")
    assert venue.submit("a", REST).code == "restricted"
    assert venue.ask("cancel", p.Cancel("a", 1, at(2)), p.OrderAnswer).code == "order_done"
    assert venue.submit("b", REST).code == "restricted"
    assert venue.submit("c", REST).code == ""
    assert venue.submit("a", REST).code == "restricted", "a rejection is for ever"
    venue.fault("reject", count=0)
    assert [venue.submit(f"d{i}", REST).code for i in range(5)] == ["account_restricted"] * 5
    assert venue.ask("cancel", p.Cancel("c", 1, at(2)), p.OrderAnswer).code == "account_restricted"
    venue.ask("fault", p.FaultRequest(None), p.Done)
    assert venue.ask("cancel", p.Cancel("c", 2, at(2)), p.OrderAnswer).code == ""


def test_delayed_answer(venue):
    venue.fault("delayed_answer", delay_ms=250)
    assert venue.raw("submit", p.Submit("a", BUY, at(1))).delay_ms == 250
    assert venue.raw("submit", p.Submit("b", REST, at(1))).delay_ms == 0


def test_duplicate_fills_are_two_reports_of_one_execution_and_one_trade(venue):
    venue.fault("duplicate_fills")
    outcome = venue.raw("submit", p.Submit("a", BUY, at(1)))
    assert [r.n for r in outcome.push] == [1, 2, 3, 4]
    assert outcome.push[1].execution == outcome.push[3].execution
    assert p.decode(p.OrderAnswer, outcome.answer).head == 4
    assert venue.core.positions()[0].quantity == 100
    venue.restart()
    assert venue.submit("b", REST).head == 5, "the spent number is not used again"


def test_fill_before_ack(venue):
    venue.fault("fill_before_ack")
    outcome = venue.raw("submit", p.Submit("a", BUY, at(1)))
    assert outcome.push_first
    assert [(r.n, r.execution is not None) for r in outcome.push] == [(1, True), (2, False), (3, False)]
    assert [r.order.status for r in outcome.push[1:]] == ["new", "filled"]


def test_mute_and_dropped_streams_say_nothing_and_keep_everything(venue):
    venue.fault("mute_stream", count=2)
    venue.fault("dropped_stream")
    assert [list(venue.raw("submit", p.Submit(f"o{i}", REST, at(1))).push) for i in range(2)] == [[], []]
    dropped = venue.raw("submit", p.Submit("o2", REST, at(1)))
    assert (dropped.drop_stream, list(dropped.push)) == (True, [])
    assert [r.n for r in venue.ask("reports", p.Since(0), p.ReportsAnswer).reports] == [1, 2, 3]


def test_outside_acts(venue):
    venue.ask("external_order", p.Submit("web-1", REST, at(1)), p.OrderAnswer)
    venue.ask("external_trade", p.ExternalTrade("web-2", "X", terms("sell", "market").side, D(5), D(99), at(2)), p.OrderAnswer)
    assert venue.ask("cash_flow", p.CashFlowRequest("deposit", D(250), "wire", at(3)), p.Done).head == 5
    venue.restart()
    assert [r.client_order_id for r in venue.core.open_orders()] == ["web-1"]
    assert venue.core.account().cash == D(100_000) + 495 + 250
    assert venue.ask("reports", p.Since(4), p.ReportsAnswer).reports[0].cash.reference == "wire"


def test_the_wall_clock_brings_what_is_due(tmp_path):
    now = [at(0)]
    venue = Venue(tmp_path / "w.db", clock=lambda: now[0], latency_ns=10)
    venue.advance(quote(0, 99, 100), row=0)
    venue.ask("submit", p.Submit("a", BUY), p.OrderAnswer)
    assert list(venue.service.tick().push) == []
    now[0] += 100
    assert [r.n for r in venue.service.tick().push] == [2, 3]
    now[0] -= 10**12
    later = venue.ask("submit", p.Submit("b", REST), p.OrderAnswer)
    assert later.order.broker_ns == at(0) + 100, "its clock never goes back"
    venue.ledger.close()


@pytest.mark.parametrize(
    ("method", "payload", "code"),
    [
        ("no_such", b"", "unknown_method"),
        ("submit", b"", "malformed"),
        ("submit", b"\x90", "malformed"),
        ("submit", b"\x91" * 3000, "malformed"),
        ("submit", p.encode(p.Submit("", BUY)), "bad_client_order_id"),
        ("submit", p.encode(p.Submit("y" * 65, BUY)), "bad_client_order_id"),
        ("submit", p.encode(p.Submit("a", terms("buy", "market", "sNaN"))), "malformed"),
        ("submit", p.encode(p.Submit("a", terms("buy", "market", "1E+999999"))), "malformed"),
        ("submit", p.encode(p.Submit("a", terms("buy", "limit", limit="Infinity"))), "malformed"),
        ("cash_flow", p.encode(p.CashFlowRequest("deposit", D("NaN"), "")), "malformed"),
        ("external_trade", p.encode(p.ExternalTrade("a", "X", BUY.side, D(-1), D(1))), "malformed"),
        ("advance", p.encode(p.Advance(9, 0, 9999, b"")), "malformed"),
        ("advance", p.encode(p.Advance(9, 0, BrokerOrderReported.TAG, b"\x90")), "malformed"),
        ("advance", p.encode(p.Advance(9, 0, 101, encode_body(bar(0, 1, float("nan"), 1, 1)))), "bad_market_data"),
        ("advance", p.encode(p.Advance(9, 0, 102, encode_body(quote(0, 1, float("inf"))))), "bad_market_data"),
        ("fault", msgspec.msgpack.encode([["no_such_mode"]]), "malformed"),
        ("fault", msgspec.msgpack.encode([["reject", 1, ["advance"]]]), "malformed"),
    ],
)
def test_bad_requests_are_refused_and_change_nothing(venue, method, payload, code):
    before = dump(venue.core), venue.ledger.last_row
    outcome = venue.service.handle(method, payload)
    assert (outcome.code, outcome.answer) == (code, None)
    assert (dump(venue.core), venue.ledger.last_row) == before


def test_one_writer_a_ledger(venue):
    with pytest.raises(LedgerInUse):
        Ledger(venue.path)


def test_a_ledger_of_another_layout_is_left_alone(tmp_path):
    path = tmp_path / "old.db"
    Ledger(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = 99 WHERE key = 'layout'")
    db.close()
    with pytest.raises(LedgerIncompatible):
        Ledger(path)


def test_a_write_that_fails_raises_and_leaves_the_ledger_as_it_was(venue, monkeypatch):
    venue.submit("a", REST)
    monkeypatch.setattr(Ledger, "_put_report", lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError("disk full")))
    with pytest.raises(sqlite3.OperationalError):
        venue.raw("submit", p.Submit("b", REST, at(2)))
    monkeypatch.undo()
    venue.restart()
    assert [r.client_order_id for r in venue.core.open_orders()] == ["a"]
    assert venue.submit("b", REST, 3).head == 2


def test_a_wall_clock_that_jumps_or_is_behind_the_data_keeps_nothing_waiting(tmp_path):
    """What a cancel asks for takes effect a latency later, by whatever clock."""
    wall = [at(1_000)]
    venue = Venue(tmp_path / "v.db", lambda: wall[0], latency_ns=10**9)
    venue.advance(quote(1_000, 99.0, 101.0))
    for name, jump in (("back", at(0) - at(3_600)), ("data ahead", 0)):
        venue.submit(name, REST, 0)
        if name == "data ahead":
            venue.advance(quote(9_000, 99.0, 101.0))
        wall[0] += jump
        venue.raw("cancel", p.Cancel(name, 1))
        wall[0] += 2 * 10**9
        venue.service.tick()

        assert venue.order(name).order.status == "cancelled", name
