"""The paper adapter against the real venue: every failure has its outcome, every report arrives once, an error is never empty."""

from __future__ import annotations

import threading
import time
from decimal import Decimal as D

import pytest

from shared.brokers import (
    Accepted,
    Ambiguous,
    Cancellation,
    CashSeen,
    ExecutionSeen,
    NotSent,
    OrderSeen,
    ReadFailed,
    Refused,
    Replacement,
    StreamDown,
    StreamUp,
    Submission,
    broker,
)
from shared.brokers.paper import PaperAccount, PaperExecution, PaperFeed, PaperOperator
from shared.brokers.paper import stream as stream_module
from shared.brokers.paper.client import VenueClient
from shared.bus.link import LinkServer
from shared.events import ErrorClass, OrderSide, OrderStatus
from shared.venue.faults import FaultSpec, Mode
from tests.unit.venue.venue_process import VenueProcess, VenueThread
from tests.unit.venue.world import at, quote, terms

BUY = terms("buy", "market", 10)
REST = terms("buy", "limit", 10, limit=90, tif="gtc")


class Setup:
    """A venue that was shown one quote, an execution session and the broker's operator."""

    def __init__(self, venue):
        self.venue = venue.start()
        self.feed = PaperFeed(self.venue.endpoint)
        self.session = PaperExecution(self.venue.endpoint, timeout_s=2.0)
        self.operator = PaperOperator(self.venue.endpoint)
        self.account = PaperAccount(self.venue.endpoint, timeout_s=2.0)
        self.row = 0
        self.show(99, 100)

    def show(self, bid, ask):
        self.row += 1
        return self.feed.advance(self.row, quote(self.row, bid, ask))

    def submit(self, name, order=BUY, **more):
        return self.session.submit(Submission(name, order, at(self.row)), **more)

    def hear(self, count, timeout_s=10.0):
        """Stream items until `count` reports came."""
        items, end = [], time.monotonic() + timeout_s
        while sum(not isinstance(i, StreamUp | StreamDown) for i in items) < count:
            assert time.monotonic() < end, items
            items += self.session.stream(0.1)
        return items

    def close(self):
        for part in (self.feed, self.session, self.operator, self.account):
            part.close()
        self.venue.end()


@pytest.fixture
def paper(tmp_path, monkeypatch):
    monkeypatch.setattr(stream_module, "QUIET_S", 0.2)
    made = Setup(VenueThread(tmp_path))
    yield made
    made.close()


def numbers(items):
    return [i.report for i in items if not isinstance(i, StreamUp | StreamDown)]


def test_a_day_of_requests(paper):
    assert paper.session.connect(5) == "paper"
    taken = paper.submit("a")
    assert isinstance(taken, Accepted)
    assert (taken.order.status, taken.report) == (OrderStatus.FILLED, 3)
    assert paper.submit("a") == taken, "said again: the first outcome"
    assert paper.submit("a", REST) == Refused(ErrorClass.REJECTION, "duplicate", "order:a was used for something else", None, 3)
    rejected = paper.submit("b", terms("buy", "limit", 10, limit="90.00001"))
    assert isinstance(rejected, Refused)
    assert (rejected.error, rejected.code, rejected.order.status) == (ErrorClass.REJECTION, "off_tick", OrderStatus.REJECTED)
    resting = paper.submit("c", REST)
    moved = paper.session.replace(Replacement("d", "c", resting.order.broker_order_id, terms("buy", "limit", 20, limit=91, tif="gtc"), at(1)))
    assert (moved.order.replaces, moved.order.terms.quantity) == ("c", 20)
    assert [o.client_order_id for o in paper.session.open_orders()] == ["d"]
    gone = paper.session.cancel(Cancellation("d", moved.order.broker_order_id, 1, at(1)))
    assert gone.order.status is OrderStatus.CANCELLED
    assert paper.session.cancel(Cancellation("d", moved.order.broker_order_id, 2, at(1))).code == "order_done"
    assert paper.session.order_by_client_id("d").status is OrderStatus.CANCELLED
    assert paper.session.order_by_client_id("never") is None
    items = paper.hear(8)
    assert isinstance(items[0], StreamUp)
    assert numbers(items) == list(range(1, 9))
    executed = [i.execution for i in items if isinstance(i, ExecutionSeen)]
    assert [(e.client_order_id, e.price) for e in executed] == [("a", 100)]
    assert [i.order.status for i in items if isinstance(i, OrderSeen)][-1] is OrderStatus.CANCELLED


def test_without_a_venue_nothing_is_sent_and_nothing_is_empty(tmp_path):
    session = PaperExecution(f"ipc://{tmp_path}/nobody", timeout_s=0.1)
    account = PaperAccount(f"ipc://{tmp_path}/nobody", timeout_s=0.1)
    try:
        assert isinstance(session.submit(Submission("a", BUY, 0)), NotSent)
        assert isinstance(session.cancel(Cancellation("a", "p1", 1, 0)), NotSent)
        for read in (
            session.open_orders,
            account.positions,
            account.account,
            lambda: account.whole_state(""),
            lambda: session.executions_since(""),
            lambda: session.order_by_client_id("a"),
            lambda: session.connect(0.1),
            lambda: session.resume(0),
        ):
            with pytest.raises(ReadFailed) as failed:
                read()
            assert failed.value.error is ErrorClass.NETWORK
        assert [type(item) for item in session.stream(0.05)] == [StreamDown]
    finally:
        session.close()
        account.close()


def test_a_withdrawn_permit_sends_nothing(paper):
    assert paper.submit("a", permit=lambda: "the lease is gone") == NotSent("the lease is gone")
    assert paper.session.order_by_client_id("a") is None


def test_a_timeout_after_acceptance_is_ambiguous_and_is_found(paper):
    paper.session.close()
    paper.session = PaperExecution(paper.venue.endpoint, timeout_s=0.3)
    paper.operator.fault(FaultSpec(Mode.ACCEPT_THEN_TIMEOUT))
    assert paper.submit("a").error is ErrorClass.TIMEOUT
    assert paper.session.order_by_client_id("a").status is OrderStatus.FILLED
    paper.operator.fault(FaultSpec(Mode.TIMEOUT_BEFORE_ACCEPT))
    assert isinstance(paper.submit("b"), Ambiguous)
    assert paper.session.order_by_client_id("b") is None


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(paper):
    paper.session.close()
    paper.session = PaperExecution(paper.venue.endpoint, timeout_s=0.3)
    paper.operator.fault(FaultSpec(Mode.DELAYED_ANSWER, delay_ms=450))
    assert isinstance(paper.submit("a"), Ambiguous)
    end = time.monotonic() + 5
    while not paper.session._client.link.counts["late"]:
        assert time.monotonic() < end
        assert paper.session.order_by_client_id("b") is None
    assert paper.submit("b").order.client_order_id == "b"


@pytest.mark.parametrize("acts", [True, False])
def test_a_server_error_is_ambiguous_whatever_happened(paper, acts):
    paper.operator.fault(FaultSpec(Mode.SERVER_ERROR, acts=acts))
    outcome = paper.submit("a")
    assert isinstance(outcome, Ambiguous)
    assert outcome.error is ErrorClass.UNKNOWN
    assert (paper.session.order_by_client_id("a") is not None) is acts


def test_a_restricted_account_refuses(paper):
    paper.operator.fault(FaultSpec(Mode.REJECT, count=0, code="restricted", text="closing only"))
    refused = paper.submit("a")
    assert (refused.error, refused.code, refused.text) == (ErrorClass.REJECTION, "restricted", "closing only")
    paper.operator.fault(None)
    assert isinstance(paper.submit("b"), Accepted)


@pytest.mark.parametrize("mode", [Mode.MUTE_STREAM, Mode.DROPPED_STREAM])
def test_a_stream_that_says_nothing_loses_nothing(paper, mode):
    paper.submit("a")
    assert numbers(paper.hear(3)) == [1, 2, 3]
    paper.operator.fault(FaultSpec(mode))
    paper.submit("b")
    paper.submit("c")
    assert numbers(paper.hear(6)) == list(range(4, 10))


def test_a_fill_may_be_heard_before_the_order_and_twice(paper):
    paper.operator.fault(FaultSpec(Mode.FILL_BEFORE_ACK))
    paper.operator.fault(FaultSpec(Mode.DUPLICATE_FILLS))
    paper.submit("a")
    items = [i for i in paper.hear(4) if not isinstance(i, StreamUp)]
    assert [type(i).__name__ for i in items] == ["ExecutionSeen", "OrderSeen", "OrderSeen", "ExecutionSeen"]
    assert items[0].execution == items[3].execution


@pytest.fixture
def killable(tmp_path, monkeypatch):
    monkeypatch.setattr(stream_module, "QUIET_S", 0.2)
    made = Setup(VenueProcess(tmp_path))
    yield made
    made.close()


def test_the_stream_goes_on_after_a_killed_venue(killable):
    paper = killable
    paper.submit("a")
    paper.hear(3)
    paper.venue.kill()
    end, items = time.monotonic() + 10, []
    while not any(isinstance(i, StreamDown) for i in items):
        assert time.monotonic() < end
        items += paper.session.stream(0.1)
    paper.venue.start()
    paper.operator.external_trade("web-1", "X", OrderSide.SELL, D(3), D(99), at(5))
    heard = [i for i in paper.hear(3) if not isinstance(i, StreamDown)]  # some, where the link takes long to come back
    assert isinstance(heard[0], StreamUp)
    assert numbers(heard) == [4, 5, 6]


def test_a_venue_that_came_back_with_another_ledger_is_not_taken_for_a_quiet_one(killable):
    paper = killable
    paper.submit("a")
    assert numbers(paper.hear(3)) == [1, 2, 3]
    paper.venue.kill()
    for file in paper.venue.ledger.parent.glob(f"{paper.venue.ledger.name}*"):
        file.unlink()
    paper.venue.start()
    end, items = time.monotonic() + 20, []
    while not any(isinstance(i, StreamDown) and "ends at report 0, the log has 3" in i.text for i in items):
        assert time.monotonic() < end
        items += paper.session.stream(0.1)
    assert not any(isinstance(i, StreamUp) for i in items)


def test_the_stream_resumes_where_the_log_ends(paper):
    for name in "abc":
        paper.submit(name)
    paper.session.resume(7)
    assert numbers(paper.hear(2)) == [8, 9]
    with pytest.raises(ReadFailed, match="another or an older ledger"):
        paper.session.resume(10)


def test_foreign_acts_are_heard_and_in_the_whole_state(paper):
    paper.operator.external_order("web-1", REST, at(2))
    paper.operator.external_trade("web-2", "X", OrderSide.BUY, D(5), D("99.5"), at(2))
    assert paper.operator.cash_flow("deposit", D("12.50"), "wire 7", at(2)) == 5
    heard = paper.hear(5)
    assert heard[-1].cash.amount == D("12.50")
    assert isinstance(heard[-1], CashSeen)
    state = paper.account.whole_state("")
    assert ([o.client_order_id for o in state.orders], state.report) == (["web-1"], 5)
    assert state.positions == tuple(paper.account.positions())
    assert state.totals == paper.account.account()
    assert state.totals.cash == D(100_000) - D("497.50") + D("12.50")
    assert paper.account.whole_state(state.next_cursor).executions == ()


def test_a_reading_of_many_pages_is_whole(paper, monkeypatch):
    for i in range(5):
        paper.submit(f"o{i}")
    ask = VenueClient.read
    limited = []

    def small_pages(self, query, message, kind, timeout_s=None):
        if query in {"state", "executions"}:
            message = type(message)(message.n, 2)
            limited.append(query)
        return ask(self, query, message, kind, timeout_s)

    monkeypatch.setattr(VenueClient, "read", small_pages)
    state = paper.account.whole_state("")
    assert len(limited) == 3
    assert [e.client_order_id for e in state.executions] == [f"o{i}" for i in range(5)]
    page = paper.session.executions_since("")
    assert (len(page.rows), page.more) == (2, True)


def test_a_cursor_of_another_broker_is_refused(paper):
    for cursor in ("abc", "-1", "1.5", "٣"):
        with pytest.raises(ReadFailed):
            paper.session.executions_since(cursor)


def test_the_feed_shows_rows_once_and_names_what_they_caused(paper):
    paper.submit("a", REST)
    head = paper.show(89, 90)
    assert head == 3
    assert paper.feed.advance(2, quote(2, 1, 2)) == 3
    assert paper.show(89, 90) == 3
    assert paper.feed.tell(quote(4, 50, 51))
    assert paper.feed.advance(3, quote(3, 1, 2)) == 3, "an old row, answered after what was told before it on this connection"
    assert paper.submit("b").order.average_price == 51
    with pytest.raises(ReadFailed) as failed:
        paper.feed.advance(9, quote(9, 1, float("nan")))
    assert failed.value.error is ErrorClass.SCHEMA


def test_answers_that_cannot_be_read_are_ambiguous_for_changes_and_failures_for_readings(tmp_path):
    endpoint, stop = f"ipc://{tmp_path}/fake", threading.Event()

    def fake():
        server = LinkServer(endpoint)
        while not stop.is_set():
            for request in server.poll(0.01):
                server.reply(request, b"\xc1 nonsense")
        server.close(linger_ms=0)

    thread = threading.Thread(target=fake)
    thread.start()
    made = broker("paper").execution({"endpoint": endpoint, "timeout_seconds": 5})
    try:
        outcome = made.submit(Submission("a", BUY, 0))
        assert isinstance(outcome, Ambiguous)
        assert outcome.error is ErrorClass.SCHEMA
        with pytest.raises(ReadFailed):
            made.open_orders()
    finally:
        made.close()
        stop.set()
        thread.join(5)
