"""The router's session against a real paper venue: what was asked is done once, what is told comes back as evidence, in order, by number."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.order_router.session import RouterSession
from shared.brokers.paper import CAPABILITIES
from shared.events import (
    BrokerConnectionChanged,
    BrokerExecutionReported,
    BrokerOrderNotFound,
    BrokerOrderReported,
    BrokerQueryFailed,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    CancelSending,
    Envelope,
    Event,
    OrderApproved,
    OrderQuerySending,
    OrderSending,
    OrderStatus,
    OrderTerms,
    ReplaceSending,
)
from shared.runtime.session import Evidence, Performed
from shared.venue.faults import FaultSpec, Mode
from tests.unit.order_router.venue import Venue, running_venue
from tests.unit.order_router.world import SECOND, T0, approved, client, terms


@dataclass
class Desk:
    """A session and a short way to use it."""

    venue: Venue
    session: RouterSession

    def do(self, event: Event, refusal: str = "") -> Performed:
        return self.session.perform(Envelope(5, T0, event.topic, "order_router", 1, 1, 4, 1, event), lambda: refusal)

    def told(self, count: int) -> list[Evidence]:
        """The next `count` numbered reports, waiting for them."""
        got: list[Evidence] = []
        until = time.monotonic() + 5
        while len(got) < count and time.monotonic() < until:
            got += [e for e in self.session.poll(0.05) if e.n]
        return got

    def quiet(self) -> Sequence[Evidence]:
        """Bring the line up and return what came."""
        return [e for _ in range(3) for e in self.session.poll(0.02)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with running_venue(tmp_path) as venue:
        session = RouterSession(CAPABILITIES, venue.execution, venue.execution)
        session.start({})
        yield Desk(venue, session)
        session.close()


def sending(n: int = 1, t: OrderTerms | None = None) -> OrderSending:
    return OrderSending(f"ma:1:{n}", "ma", client(n), t or terms(), T0 + 5 * SECOND)


def test_it_wants_the_routers_write_ahead_events_only(desk: Desk) -> None:
    wanted = [sending(), CancelSending("ma:1:1", "ma", client(), "B", 1), OrderQuerySending("ma:1:1", "ma", client(), 1)]
    envelopes = [Envelope(1, T0, "", "order_router", 1, 1, 0, 1, e) for e in (*wanted, approved())]

    assert [desk.session.wants(e) for e in envelopes] == [True, True, True, False]
    assert isinstance(envelopes[-1].event, OrderApproved)


def test_the_line_comes_up_once_with_the_brokers_capabilities(desk: Desk) -> None:
    up = [e.event for e in desk.quiet()]

    assert [type(e) for e in up] == [BrokerConnectionChanged]
    assert up[0].connected
    assert '"numbered_reports":true' in up[0].capabilities


def test_accepts_and_fills_come_by_number_through_the_stream_and_the_answer_names_the_newest(desk: Desk) -> None:
    desk.venue.quote(9.9, 10.1)

    done = desk.do(sending())
    told = desk.told(1)

    assert done.evidence == ()
    assert done.requires == (("venue.paper", 1, told[-1].n),)
    assert [(e.source, e.run, e.n) for e in told] == [("venue.paper", 1, 1)]
    assert told[0].event.order.status is OrderStatus.NEW
    desk.venue.quote(9.7, 9.8)
    later = desk.told(2)
    assert {type(e.event) for e in later} == {BrokerExecutionReported, BrokerOrderReported}
    assert [e.n for e in later] == [2, 3]


def test_a_successor_goes_on_after_the_newest_report_the_log_has(desk: Desk) -> None:
    desk.do(sending())
    desk.do(sending(2))
    assert len(desk.told(2)) == 2

    successor = RouterSession(CAPABILITIES, desk.venue.execution, desk.venue.execution)
    successor.start({("venue.paper", 1): 1})
    assert [e.n for e in Desk(desk.venue, successor).told(1)] == [2]
    successor.close()


def test_a_venue_that_never_made_the_reports_the_log_has_is_refused_and_nothing_is_sent(desk: Desk) -> None:
    session = RouterSession(CAPABILITIES, desk.venue.execution, desk.venue.execution)
    session.start({("venue.paper", 1): 99})
    stranger = Desk(desk.venue, session)

    down = [e.event for e in stranger.quiet()]
    assert [(type(e), e.connected) for e in down] == [(BrokerConnectionChanged, False)]
    assert [type(e.event) for e in stranger.do(sending()).evidence] == [BrokerRequestNotSent]
    session.close()


def test_a_repeated_submission_is_one_order(desk: Desk) -> None:
    desk.do(sending())
    desk.do(sending())

    assert len(desk.told(1)) == 1
    assert not [e for e in desk.quiet() if e.n]


def test_a_rejected_submission_is_told_by_the_stream_alone(desk: Desk) -> None:
    done = desk.do(sending(t=terms(10_000_000)))

    rows = [e.event for e in desk.told(1)]
    assert done.evidence == ()
    assert [r.order.status for r in rows if isinstance(r, BrokerOrderReported)] == [OrderStatus.REJECTED]


def test_a_cancel_is_confirmed_by_the_stream_and_a_refused_one_is_evidence(desk: Desk) -> None:
    desk.do(sending())
    broker_id = desk.told(1)[0].event.order.broker_order_id

    desk.do(CancelSending("ma:1:1", "ma", client(), broker_id, 1))
    assert desk.told(1)[0].event.order.status is OrderStatus.CANCELLED
    refused = desk.do(CancelSending("ma:1:1", "ma", client(), broker_id, 2))

    assert [type(e.event) for e in refused.evidence] == [BrokerRequestRefused]
    assert refused.evidence[0].event.request == "cancel"


def test_a_replace_finds_the_order_by_its_broker_id_and_a_repeat_does_nothing_more(desk: Desk) -> None:
    desk.do(sending())
    broker_id = desk.told(1)[0].event.order.broker_order_id
    replace = ReplaceSending("ma:1:1", "ma", client(replace=1), broker_id, 1, terms(150), T0 + 5 * SECOND)

    assert desk.do(replace).evidence == ()
    rows = [e.event.order for e in desk.told(2)]
    again = desk.do(replace)

    assert client(replace=1) in {r.client_order_id for r in rows if r.terms.quantity == 150}
    assert [type(e.event) for e in again.evidence] == [BrokerOrderReported]


@pytest.mark.parametrize(("mode", "exists"), [(Mode.ACCEPT_THEN_TIMEOUT, True), (Mode.TIMEOUT_BEFORE_ACCEPT, False), (Mode.SERVER_ERROR, False)])
def test_no_answer_is_ambiguous_and_the_look_up_tells_which_it_was(desk: Desk, mode: Mode, exists: bool) -> None:
    operator = desk.venue.operator()
    operator.fault(FaultSpec(mode))

    done = desk.do(sending())
    looked = desk.do(OrderQuerySending("ma:1:1", "ma", client(), 1))

    assert [type(e.event) for e in done.evidence] == [BrokerRequestAmbiguous]
    assert [type(e.event) for e in looked.evidence] == [BrokerOrderReported if exists else BrokerOrderNotFound]
    operator.close()


def test_in_lock_step_an_idempotent_venue_is_asked_until_it_answers(desk: Desk) -> None:
    operator = desk.venue.operator()
    operator.fault(FaultSpec(Mode.ACCEPT_THEN_TIMEOUT))
    session = RouterSession(CAPABILITIES, desk.venue.execution, desk.venue.execution, repeat_s=5)
    session.start({})

    done = Desk(desk.venue, session).do(sending())

    assert (done.evidence, done.requires) == ((), (("venue.paper", 1, 1),))
    assert len(desk.told(1)) == 1
    session.close()
    operator.close()


def test_without_permission_nothing_is_sent(desk: Desk) -> None:
    done = desk.do(sending(), refusal="deadline passed")

    assert [(type(e.event), e.event.text) for e in done.evidence] == [(BrokerRequestNotSent, "deadline passed")]
    assert [type(e.event) for e in desk.do(OrderQuerySending("ma:1:1", "ma", client(), 1)).evidence] == [BrokerOrderNotFound]


def test_without_a_venue_requests_were_not_sent_and_look_ups_failed(tmp_path: Path) -> None:
    venue = Venue(f"ipc://{tmp_path}/nobody")
    session = RouterSession(CAPABILITIES, venue.execution, venue.execution, connect_timeout_s=0.2)
    session.start({})
    desk = Desk(venue, session)

    assert [e.event.connected for e in session.poll(0.01)] == [False]
    assert session.poll(0.01) == ()
    assert [type(e.event) for e in desk.do(sending()).evidence] == [BrokerRequestNotSent]
    assert [type(e.event) for e in desk.do(OrderQuerySending("ma:1:1", "ma", client(), 1)).evidence] == [BrokerQueryFailed]
    session.close()
