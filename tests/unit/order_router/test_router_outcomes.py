"""Every answer an adapter can give to every request, and what the router makes of it: booked, looked up, tried again; never sent blindly again.

The session turns an outcome into evidence, the core judges the evidence: both are the real ones here, with an adapter that answers as told.
"""

from __future__ import annotations

from typing import Final

import pytest

from services.order_router.core import RouterCore
from services.order_router.session import RouterSession
from services.order_router.settings import RouterSettings
from shared.brokers.contract import DUPLICATE, Accepted, Ambiguous, Capabilities, NotSent, Outcome, ReadFailed, Refused
from shared.events import (
    CancelApproved,
    CancelSending,
    ErrorClass,
    Event,
    LeaseGranted,
    OrderQuerySending,
    OrderRow,
    OrderSending,
    OrderStatus,
    ReplaceApproved,
    ReplaceSending,
    RunStarted,
)
from shared.runtime.session import Performed
from tests.unit.order_router.world import SECOND, T0, World, approved, client, kinds, log_started, opened, reported, row, terms

REQUESTS: Final = {"submit": OrderSending, "cancel": CancelSending, "replace": ReplaceSending}
REJECTED, UNKNOWN = ["OrderRejected"], ["OrderUnknown", "OrderQuerySending"]

# what follows at once, and what is sent again by itself within ten seconds; look-ups follow every unknown outcome until it is proven
TABLE: Final = [
    ("submit", Accepted(row()), ["OrderAccepted"], []),
    ("submit", Accepted(), [], []),  # the stream will tell; unanswered, it is looked up after the time-out
    *(("submit", Refused(error, "40310000", "no"), REJECTED, []) for error in ErrorClass),
    ("submit", Refused(ErrorClass.REJECTION, DUPLICATE, "exists"), UNKNOWN, []),
    *(("submit", Ambiguous(error, "?"), UNKNOWN, []) for error in ErrorClass),
    ("submit", NotSent("no connection"), ["OrderAbandoned"], []),
    ("submit", ReadFailed("connect", ErrorClass.NETWORK, "down"), ["OrderAbandoned"], []),
    ("cancel", Accepted(), [], []),
    ("cancel", Accepted(row(OrderStatus.CANCELLED)), ["OrderCanceled"], []),
    *(("cancel", Refused(e, "x", "no"), [], ["CancelSending"]) for e in (ErrorClass.RATE_LIMIT, ErrorClass.NETWORK, ErrorClass.TIMEOUT)),
    *(
        ("cancel", Refused(e, "x", "no"), ["CancelRejected", "OrderQuerySending"], [])
        for e in (ErrorClass.AUTH, ErrorClass.REJECTION, ErrorClass.SCHEMA, ErrorClass.UNKNOWN)
    ),
    *(("cancel", Ambiguous(error, "?"), [], ["CancelSending"]) for error in ErrorClass),
    ("cancel", NotSent("no connection"), [], ["CancelSending"]),
    ("cancel", ReadFailed("connect", ErrorClass.NETWORK, "down"), [], ["CancelSending"]),
    ("replace", Accepted(row(client_id=client(replace=1), broker_id="B2", t=terms(150))), ["OrderReplaced"], []),
    ("replace", Accepted(), [], []),
    *(("replace", Refused(error, "x", "no"), ["ReplaceRejected"], []) for error in ErrorClass),
    *(("replace", Ambiguous(error, "?"), ["OrderQuerySending"], []) for error in ErrorClass),
    ("replace", NotSent("no connection"), ["ReplaceRejected"], []),
    ("replace", ReadFailed("connect", ErrorClass.NETWORK, "down"), ["ReplaceRejected"], []),
]


class Answering:
    """An execution session with one answer to whatever changes something."""

    def __init__(self, answer: Outcome | ReadFailed) -> None:
        self.answer = answer
        self.asked = 0

    def connect(self, timeout_s: float) -> str:
        if isinstance(self.answer, ReadFailed):
            raise self.answer
        return "PAPER-1"

    def _answer(self, *_: object) -> Outcome:
        self.asked += 1
        assert not isinstance(self.answer, ReadFailed)
        return self.answer

    submit = cancel = replace = _answer

    def open_orders(self) -> list[OrderRow]:
        return [row()]

    def order_by_client_id(self, client_order_id: str) -> OrderRow | None:
        raise ReadFailed("order", ErrorClass.NETWORK, client_order_id)

    def close(self) -> None:
        """Nothing is open."""


def asked_for(request: str) -> tuple[World, Event]:
    """A world in which the request was just written ahead."""
    w = World(RouterCore(RouterSettings()), "order_router")
    w.given(log_started(), LeaseGranted("order_router", "h", 1), RunStarted("order_router", 1, "f"), opened())
    causes: list[Event] = [approved(1)]
    if request != "submit":
        causes.append(reported(OrderStatus.NEW))
    if request == "cancel":
        causes.append(CancelApproved("ma:1:1", "ma"))
    elif request == "replace":
        causes.append(ReplaceApproved("ma:1:1", "ma", 1, terms(150), T0 + 5 * SECOND, 0))
    w.given(*causes)
    return w, next(e.event for e in w.log if isinstance(e.event, REQUESTS[request]))


def performed(w: World, effect: Event, answer: Outcome | ReadFailed) -> tuple[Performed, Answering]:
    line = Answering(answer)
    session = RouterSession(Capabilities("x", ("equity",), {}), lambda: line, lambda: line)  # type: ignore[arg-type, return-value]
    envelope = next(e for e in w.log if e.event is effect)
    return session.perform(envelope, lambda: ""), line


@pytest.mark.parametrize(("request_", "answer", "at_once", "again"), TABLE, ids=lambda v: str(v)[:60])
def test_what_follows_an_answer(request_: str, answer: Outcome | ReadFailed, at_once: list[str], again: list[str]) -> None:
    w, effect = asked_for(request_)

    done, line = performed(w, effect, answer)
    follows = [e for evidence in done.evidence for e in w.when(evidence.event)]
    later = [e for _ in range(20) for e in w.tick(0.5)]

    assert line.asked <= 1  # the session tries nothing twice
    assert kinds(follows) == at_once
    assert sorted({k for k in kinds(later) if k.endswith("Sending") and k != "OrderQuerySending"}) == again
    assert not [e for e in later if isinstance(e, OrderSending | ReplaceSending)], "a blind resend"


def test_every_kind_of_answer_to_every_request_has_a_row() -> None:
    rows = {(request, type(answer), getattr(answer, "error", None)) for request, answer, *_ in TABLE}
    for request in REQUESTS:
        assert {(request, Accepted, None), (request, NotSent, None), (request, ReadFailed, ErrorClass.NETWORK)} <= rows
        assert {(request, kind, error) for kind in (Refused, Ambiguous) for error in ErrorClass} <= rows


@pytest.mark.parametrize("answer", [Accepted(), *(Ambiguous(error, "?") for error in ErrorClass)], ids=str)
def test_a_request_whose_outcome_stays_open_is_looked_up_until_the_broker_speaks(answer: Outcome) -> None:
    w, effect = asked_for("submit")
    done, _ = performed(w, effect, answer)
    later = [e for evidence in done.evidence for e in w.when(evidence.event)] + [e for _ in range(40) for e in w.tick(1)]

    assert len([e for e in later if isinstance(e, OrderQuerySending)]) >= 2
    assert not [e for e in later if isinstance(e, OrderSending)]
    assert kinds(w.when(reported(OrderStatus.NEW))) == ["OrderAccepted"]
