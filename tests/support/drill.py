"""A stack with a ladder of resting orders, and the operator's `halt` as a process of its own; what works is read from the venue's own ledger."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shared.events import Scope, TradingState
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


@contextmanager
def drilled(orders: int, **changes: Any) -> Iterator[Faulty]:
    """Not yet started. The dead man's switch is far away unless `changes` bring it near."""
    ladder = {"id": "ladder", "path": f"{ROOT / 'tests' / 'support' / 'ladder.py'}:Ladder", "symbols": ["ACME"], "budget": 10_000_000}
    chosen: dict[str, Any] = {
        "live__strategies": [{**ladder, "params": {"rungs": orders}}],
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
    command = [sys.executable, "-m", "services.control.main", "halt", "--reason", why, "--config", str(stack.config), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}{done.stderr}\n{stack.tails()}"
    stack.until(lambda: working(stack) == 0, "no order works at the venue", WITHIN_S)
    return Halted(json.loads(done.stdout), time.monotonic() - begun)


def state(stack: Faulty) -> TradingState | None:
    """The newest global trading state in the journal."""
    states = [e for _, e in stack.story.read().states if e.scope is Scope.GLOBAL]
    return states[-1].state if states else None


def is_halted(stack: Faulty) -> None:
    stack.until(lambda: state(stack) is TradingState.HALTED, "halted, latched")


def again(stack: Faulty, orders: int) -> None:
    """Everybody back, an operator resumes, the ladder stands anew."""
    dead = [name for name, process in stack.processes.items() if process.poll() is not None]
    stack.start(*dead) if dead else None
    is_halted(stack)
    command = [sys.executable, "-m", "services.control.main", "resume", "--reason", "next drill", "--config", str(stack.config)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=WITHIN_S)
    laddered(stack, orders)
