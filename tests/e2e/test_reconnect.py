"""The venue's process is killed under a trading stack: back-off, giving up, what people are told; fills that nobody heard; a command brings the lines back,
and nothing arms before a reading that was asked for afterwards agrees (I13)."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Sequence

import orjson
import pytest

from shared.brokers.paper import PaperAccount, PaperFeed
from shared.events import (
    Alert,
    BrokerConnectionChanged,
    OrderRow,
    OrderSide,
    OrderType,
    Quote,
    Reason,
    ReconcileCompleted,
    ReconcileRequested,
    Scope,
    TradingState,
    TradingStateChanged,
)
from tests.support.faulty import Faulty, faulty
from tests.support.stack import ROOT

ATTEMPTS = 3
SESSIONS = ("router", "reconciler")
RECONNECT = {"enabled": True, "initial_ms": 100, "max_ms": 400, "max_attempts": ATTEMPTS}


def says(stack: Faulty, *command: str) -> str:
    arguments = [sys.executable, "-m", "services.control.main", *command, "--config", str(stack.config)]
    done = subprocess.run(arguments, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def attempts(stack: Faulty, session: str) -> list[tuple[int, bool]]:
    """Of a line that went: failed attempts as they were told, since it was last up (a venue that is slow to start, or to answer, costs some before)."""
    told: list[tuple[int, bool]] = []
    for e in (e.event for e in stack.events(BrokerConnectionChanged) if e.event.session == session):
        told = [] if e.connected else [*told, (e.attempts, e.given_up)]
    return told


def given_up(stack: Faulty) -> bool:
    return all(attempts(stack, session)[-1:] == [(ATTEMPTS, True)] for session in SESSIONS)


def trading(stack: Faulty) -> TradingStateChanged:
    return [e for _, e in stack.story.read().states if e.scope is Scope.GLOBAL][-1]


def resting(rows: Sequence[OrderRow]) -> OrderRow | None:
    return next((row for row in rows if row.terms.type is OrderType.LIMIT and row.terms.side is OrderSide.BUY), None)


def missed(stack: Faulty) -> str:
    """A resting order of ours fills at the venue; its client id."""
    account, feed = PaperAccount(stack.places.endpoint("venue"), 10.0), PaperFeed(stack.places.endpoint("venue"))
    try:
        row = resting(account.whole_state("").orders)
        assert row is not None
        price = float(row.terms.limit_price or 0)

        def hit() -> None:
            feed.advance(0, Quote(row.terms.symbol, time.time_ns(), price - 0.02, price - 0.01, 1_000.0, 1_000.0))

        def filled() -> bool:
            return row.client_order_id in {x.client_order_id for x in account.whole_state("").executions}

        stack.until(filled, "the resting order fills at the venue", meanwhile=hit)
        return row.client_order_id
    finally:
        account.close()
        feed.close()


def booked(stack: Faulty, client_id: str) -> int:
    tales = stack.story.read().tales.values()
    return sum(len(t.fills) for t in tales if client_id in {e.client_order_id for _, e in t.sendings})


@pytest.mark.timeout(600)
def test_a_lost_venue_is_given_up_and_brought_back_by_a_command_and_nothing_is_missed() -> None:
    with faulty(live__reconnect=RECONNECT) as stack:
        stack.start()
        stack.trading(3)
        account = PaperAccount(stack.places.endpoint("venue"), 10.0)
        stack.until(lambda: resting(account.whole_state("").orders) is not None, "an order rests")
        account.close()

        stack.kill("paper_venue")
        stack.until(lambda: stack.story.read().counts["Alert"] >= len(SESSIONS) and given_up(stack), "both lines are given up")
        for session in SESSIONS:
            assert attempts(stack, session) == [(n, n == ATTEMPTS) for n in range(ATTEMPTS + 1)]
        state = trading(stack)
        assert (state.state, state.reason) == (TradingState.REDUCING, Reason.BROKER_DISCONNECTED)
        assert {e.event.key for e in stack.events(Alert)} >= {f"reconnect:{s}" for s in SESSIONS}
        people_are_told(stack)

        stack.start("paper_venue")
        unheard = missed(stack)
        assert booked(stack, unheard) == 0
        assert given_up(stack), "nobody tries by himself"

        before = stack.story.read().head
        says(stack, "resume", "--reason", "the venue is back")
        stack.until(lambda: trading(stack).state is TradingState.ACTIVE, "trading is armed again")
        armed_by_a_reading_of_afterwards(stack, before)
        assert booked(stack, unheard) == 1
        stack.trading(2)
        stack.settle()
        assert booked(stack, unheard) == 1
        stack.audit()


def people_are_told(stack: Faulty) -> None:
    health = orjson.loads(says(stack, "health", "--json"))
    status = says(stack, "status")
    assert "given up after 3 attempts" in status
    assert "BROKER_DISCONNECTED" in status
    assert "broker.router is not tried again by itself: see that the broker can be reached, then `regimeflow resume --reason TEXT`" in status
    lines = {line["name"]: line for line in health["lines"]}
    for name in ("broker.router", "broker.reconciler"):
        assert (lines[name]["up"], lines[name]["attempts"], lines[name]["given_up"]) == (False, ATTEMPTS, True)
    assert not health["connected"]
    assert health["last_reconnect_success"] < lines["broker.router"]["since"] < health["last_reconnect_attempt"]

    rows = list(csv.reader((stack.directory / "logs" / "audit.log").read_text().splitlines()))
    assert any(row[1] == "Reconnect" and "given_up=true" in row for row in rows)
    assert any(row[1] == "Error" and "key=reconnect:router" in row for row in rows)


def armed_by_a_reading_of_afterwards(stack: Faulty, before: int) -> None:
    """In the order of the log: the router's line, a reading asked for, its clean end, the trading state."""
    up = next(e.seq for e in stack.events(BrokerConnectionChanged) if e.seq > before and e.event.session == "router" and e.event.connected)
    asked = {e.event.query: e.seq for e in stack.events(ReconcileRequested) if e.seq > before}
    active = next(e for e in stack.events(TradingStateChanged) if e.seq > before and e.event.state is TradingState.ACTIVE)
    clean = next(e for e in stack.events(ReconcileCompleted) if e.seq == active.cause)
    assert clean.event.clean
    assert not clean.event.pending
    assert up < asked[clean.event.query] < clean.seq < active.seq
