"""A stack with a ladder of resting orders, and the operator's `halt` as a process of its own; what works is read from the venue's own ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shared.events import TradingState
from tests.support.faulty import WIDE, Faulty, faulty
from tests.support.stack import ROOT
from tests.support.truth import OVER, Ledger

SERVICES = ("bus", "paper_venue", "gateway", "risk_engine", "order_router", "reconciler", "strategy_runner")  # nobody asks the auditor here
WITHIN_S = 120.0


@dataclass(frozen=True)
class Halted:
    """answer: what the command said in JSON; took_s: from its start, interpreter included, to no working order in the venue's ledger."""

    answer: dict[str, Any]
    took_s: float


def ladder(rungs: int) -> dict[str, Any]:
    """A strategy that keeps so many orders resting."""
    path = f"{ROOT / 'tests' / 'support' / 'ladder.py'}:Ladder"
    return {"id": "ladder", "path": path, "symbols": ["ACME"], "budget": 10_000_000, "params": {"rungs": rungs}}


@contextmanager
def drilled(orders: int, **changes: Any) -> Iterator[Faulty]:
    """Not yet started. The dead man's switch is far away unless `changes` bring it near."""
    chosen: dict[str, Any] = {
        "live__strategies": [ladder(orders)],
        "live__risk": {**WIDE, "collar_bps": None},
        "gateway__feed__speed": 60,
        "gateway__feed__trades_per_minute": 1,
        **changes,
    }
    with faulty(**chosen) as stack:
        stack.services = SERVICES
        yield stack


def working(stack: Faulty) -> int:
    """By the venue's ledger file: nobody is asked."""
    return sum(rows[-1][1].status not in OVER for rows in Ledger.read(stack.places.ledger).rows.values())


def laddered(stack: Faulty, orders: int) -> None:
    stack.until(stack.ready, "every service is ready", meanwhile=stack.revive)
    stack.until(lambda: working(stack) >= orders, f"{orders} orders work at the venue", WITHIN_S)


def halt(stack: Faulty, why: str) -> Halted:
    """The command itself, as typed."""
    begun = time.monotonic()
    status, said = stack.command("halt", "--reason", why, "--json")
    assert status == 0, f"{status}\n{said}\n{stack.tails()}"
    stack.until(lambda: working(stack) == 0, "no order works at the venue", WITHIN_S)
    return Halted(json.loads(said), time.monotonic() - begun)


def is_halted(stack: Faulty) -> None:
    stack.until(lambda: (now := stack.story.read().trading()) is not None and now.state is TradingState.HALTED, "halted, latched")


def again(stack: Faulty, orders: int) -> None:
    """Everybody back, an operator resumes, the ladder stands anew."""
    dead = [name for name, process in stack.processes.items() if process.poll() is not None]
    stack.start(*dead) if dead else None
    is_halted(stack)
    status, said = stack.command("resume", "--reason", "next drill")
    assert status == 0, said
    laddered(stack, orders)
