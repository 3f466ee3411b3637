"""Many seeds on every core of the machine: `python -m tests.sim.batch 20000`. Says each failing seed with how to run it again, keeps it in seeds.txt,
fails when a class of faults never came, and prints seeds a minute."""

from __future__ import annotations

import functools
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from shared.runtime.killpoints import STEPS
from shared.venue.faults import Mode

from .changes import AWAY
from .runs import LEAVERS, Verdict, run

KEPT: Final = Path(__file__).with_name("seeds.txt")
KILLS: Final = frozenset(f"kill {step}" for step in STEPS - {"observed", "venue_answered"})  # no files beside the log here; its answer is the line's
EXPECTED: Final = (
    KILLS
    | frozenset(f"venue {mode}" for mode in Mode)
    | frozenset(f"without {leaver}" for leaver in LEAVERS)
    | {
        *("lose", "repeat", "crash actor", "crash bus", "pause", "successor", "fenced", "leaseheld", "snapshot", "crash after snapshot", "torn tail"),
        *("line: request lost", "line: request late", "line: answer lost", "line: answer slow", "push lost", "push repeated"),
        *("venue fault", "venue crash", "operator", "clock jump", "limits"),
        *("hand trade", "hand order", "hand cancel", "hand cancel of ours"),
        *(f"{kind} in EUR" for kind in ("deposit", "withdrawal", "fee", "interest", "dividend")),
        *("deposit", "withdrawal", "fee", "interest", "dividend", "split", "ClaimRequested", "LimitChanged"),
        *("dead man: bus", "router away", "kill path", "risk away", "command to nobody"),
        *("strategies", "strategy add", "strategy remove", "strategy set", "strategy's run ended", "change while halted"),
        *(f"change and {who} dead" for who in AWAY),
        *("HaltRequested", "ResumeRequested", "CancelRequested", "FlattenRequested", "ReconcileNow"),
    }
)
JUDGED: Final = frozenset(
    {
        *("OrderApproved", "OrderSending", "wire submit", "wire cancel", "wire replace", "OrderFilled", "OrderUnknown", "OrderAbandoned"),
        *("CurrencyRate", "rate moved"),
        *("ExternalOrderSeen", "CashFlow", "CorporateAction", "HoldingAssigned", "InstrumentLocked", "BrokerActionReported"),
        *("entry filled", "take_profit filled", "stop_loss filled", "oco filled", "leg resized", "leg ended unsent"),
        *("OrderExpired", "LimitOverridden", "stop met", "exit"),
        *(
            f"between runs: {c}"
            for c in ("HaltRequested", "ResumeRequested", "CancelRequested", "FlattenRequested", "LimitChanged", "ClaimRequested")
        ),
        *("operator cancels", "flatten closes", "books compared"),
        *("direct cancel", "cancelled directly: bus", "cancelled directly: router", "cancelled directly: operator"),
    }
)


def kept() -> list[int]:
    """Seeds that failed once; they are run for ever."""
    return [int(line.split()[0]) for line in KEPT.read_text().splitlines() if line.strip() and not line.startswith("#")]


def runs(seeds: Iterable[int], workers: int) -> Iterator[Verdict]:
    """Verdicts in the order of the seeds."""
    if workers < 2:
        yield from map(run, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(run, seeds, chunksize=5)


@functools.cache
def version() -> str:
    """The commit this is, where it is known."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=KEPT.parent)
    return found.stdout.strip() or "unknown"


def again(verdict: Verdict) -> str:
    return f"{verdict.broken}\n  again: python -m tests.sim.runs {verdict.seed}   (at {version()}, seed {verdict.seed})"


def missing(fired: Counter[str], seen: Counter[str]) -> list[str]:
    """Fault classes that never came and things never judged: a run without them proves nothing about them."""
    return sorted((EXPECTED - set(fired)) | (JUDGED - set(seen)))


def main(arguments: Sequence[str]) -> int:
    first = int(arguments[1]) if len(arguments) > 1 else 0
    seeds = range(first, first + int(arguments[0]))
    fired: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    failed, events, started = 0, 0, time.monotonic()
    for done, verdict in enumerate(runs([*kept(), *seeds], os.cpu_count() or 1), 1):
        fired += verdict.fired
        seen += verdict.seen
        events += verdict.events
        if verdict.broken:
            failed += 1
            print(again(verdict), flush=True)
            if verdict.seed not in kept():
                with KEPT.open("a") as file:
                    file.write(f"{verdict.seed}  # {version()}: {verdict.broken.splitlines()[0][:120]}\n")
        if done % 1_000 == 0:
            print(f"{done} seeds, {failed} failed, {done * 60 / (time.monotonic() - started):.0f} a minute", flush=True)
    minutes = (time.monotonic() - started) / 60
    print(f"{done} seeds, {events} events, {failed} failed, {done / minutes:.0f} seeds a minute")
    for what, count in sorted(fired.items()):
        print(f"  {count:8} {what}")
    never = missing(fired, seen)
    if never and done >= 200:
        print(f"never came: {', '.join(never)}")
    return 1 if failed or (never and done >= 200) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
