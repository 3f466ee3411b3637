"""The venue's process is killed under a trading stack: back-off, giving up, what people are told; fills that nobody heard; a command brings the lines back,
and nothing arms before a reading that was asked for afterwards agrees (I13)."""

from __future__ import annotations

import csv
import time
from contextlib import suppress
from typing import Any

import orjson
import pytest

from shared.brokers import ReadFailed
from shared.brokers.paper import PaperAccount, PaperFeed
from shared.events import (
    Alert,
    BrokerConnectionChanged,
    OrderAccepted,
    OrderSending,
    Quote,
    Reason,
    ReconcileCompleted,
    ReconcileRequested,
    TradingState,
    TradingStateChanged,
)
from tests.support.drill import ladder
from tests.support.faulty import Faulty, busy, faulty

ATTEMPTS = 3
SESSIONS = ("router", "reconciler")
CHANGES = {
    "live__strategies": [*busy(), ladder(1)],
    "live__reconnect": {"enabled": True, "initial_ms": 100, "max_ms": 400, "max_attempts": ATTEMPTS},
    "bus__lease_ms": 60_000,  # who is fenced starts again, and tries the broker anew
}


def attempts(stack: Faulty, session: str) -> list[tuple[int, bool]]:
    """Of a line that went: failed attempts as they were told, since it was last up (a venue that is slow to start, or to answer, costs some before)."""
    told: list[tuple[int, bool]] = []
    for e in (e.event for e in stack.events(BrokerConnectionChanged) if e.event.session == session):
        told = [] if e.connected else [*told, (e.attempts, e.given_up)]
    return told


def given_up(stack: Faulty) -> bool:
    """And said so aloud."""
    enough = stack.story.read().counts["Alert"] >= len(SESSIONS)
    return enough and {e.event.key for e in stack.events(Alert)} >= {f"reconnect:{s}" for s in SESSIONS}


def trading(stack: Faulty) -> tuple[TradingState, Reason]:
    newest = stack.story.read().trading()
    assert newest is not None
    return newest.state, newest.reason


def missed(stack: Faulty) -> str:
    """The resting order of ours fills at the venue; its client id."""
    resting = next(e.event.order_id for e in stack.events(OrderAccepted) if e.event.strategy == "ladder")
    rung = next(e.event for e in stack.events(OrderSending) if e.event.order_id == resting)
    account, feed = PaperAccount(stack.places.endpoint("venue"), 10.0), PaperFeed(stack.places.endpoint("venue"))
    price = float(rung.terms.limit_price or 0)

    def hit() -> None:
        with suppress(ReadFailed):
            feed.advance(0, Quote(rung.terms.symbol, time.time_ns(), price - 0.02, price - 0.01, 1_000.0, 1_000.0))

    def filled() -> bool:
        with suppress(ReadFailed):  # the venue is still starting
            return rung.client_order_id in {x.client_order_id for x in account.whole_state("").executions}
        return False

    try:
        stack.until(filled, "the resting order fills at the venue", meanwhile=hit)
    finally:
        account.close()
        feed.close()
    return rung.client_order_id


def booked(stack: Faulty, client_id: str) -> int:
    tales = stack.story.read().tales.values()
    return sum(len(t.fills) for t in tales if client_id in {e.client_order_id for _, e in t.sendings})


@pytest.mark.timeout(900)
def test_a_lost_venue_is_given_up_and_brought_back_by_a_command_and_nothing_is_missed() -> None:
    with faulty(**CHANGES) as stack:
        stack.start()
        stack.trading(3)
        stack.until(lambda: any(e.event.strategy == "ladder" for e in stack.events(OrderAccepted)), "an order rests")

        stack.kill("paper_venue")
        stack.until(lambda: given_up(stack), "both lines are given up")
        told = {session: attempts(stack, session) for session in SESSIONS}
        for session in SESSIONS:  # a slow machine may have lost a line before
            assert told[session][-ATTEMPTS:] == [(n, n == ATTEMPTS) for n in range(1, ATTEMPTS + 1)]
        stack.until(lambda: trading(stack) == (TradingState.REDUCING, Reason.BROKER_DISCONNECTED), "trading only reduces")
        people_are_told(stack)

        stack.start("paper_venue")
        unheard = missed(stack)
        assert booked(stack, unheard) == 0
        assert told == {session: attempts(stack, session) for session in SESSIONS}, "nobody tries by himself"

        before = stack.story.read().head
        assert stack.command("resume", "--reason", "the venue is back")[0] == 0
        stack.until(lambda: trading(stack)[0] is TradingState.ACTIVE, "trading is armed again")
        armed_by_a_reading_of_afterwards(stack, before)
        assert booked(stack, unheard) == 1
        stack.trading(2)
        stack.settle()
        assert booked(stack, unheard) == 1
        stack.audit()


def people_are_told(stack: Faulty) -> None:
    """As soon as the auditor has read of it."""
    health: dict[str, Any] = {}
    names = [f"broker.{session}" for session in SESSIONS]

    def named() -> bool:
        status, said = stack.command("health", "--json")
        health.update(orjson.loads(said) if status == 0 else {})
        lines = {line["name"]: (line["up"], line["attempts"], line["given_up"]) for line in health.get("lines", ())}
        return all(lines.get(name) == (False, ATTEMPTS, True) for name in names)

    stack.until(named, "health names both lines")
    router = next(line for line in health["lines"] if line["name"] == "broker.router")
    assert router["last_up"] < router["since"] < router["last_attempt"] <= health["last_reconnect_attempt"]
    assert router["last_up"] <= health["last_reconnect_success"]
    assert not health["connected"]

    words = (
        "given up after 3 attempts",
        "BROKER_DISCONNECTED",
        "broker.router is not tried again by itself: see that the broker can be reached, then `regimeflow resume --reason TEXT`",
    )
    stack.until(lambda: all(word in said for said in [stack.command("status")[1]] for word in words), "status says what to do")
    stack.until(lambda: audited(stack, "Reconnect", "given_up=true") and audited(stack, "Error", "key=reconnect:router"), "it is in the audit log")


def audited(stack: Faulty, kind: str, field: str) -> bool:
    rows = csv.reader((stack.directory / "logs" / "audit.log").read_text().splitlines())
    return any(row[1] == kind and field in row for row in rows)


def armed_by_a_reading_of_afterwards(stack: Faulty, before: int) -> None:
    """In the order of the log: the router's line, a reading asked for, its clean end, the trading state."""
    up = next(e.seq for e in stack.events(BrokerConnectionChanged) if e.seq > before and e.event.session == "router" and e.event.connected)
    asked = {e.event.query: e.seq for e in stack.events(ReconcileRequested) if e.seq > before}
    active = next(e for e in stack.events(TradingStateChanged) if e.seq > before and e.event.state is TradingState.ACTIVE)
    clean = next(e for e in stack.events(ReconcileCompleted) if e.seq == active.cause)
    assert clean.event.clean
    assert not clean.event.pending
    assert up < asked[clean.event.query] < clean.seq < active.seq
