"""Kill points: where a process ends itself by SIGKILL when a fault test asked it to. Nothing happens, and nothing is paid, when none is set.

`REGIMEFLOW_KILLPOINT=STEP/NAME[|NAME...]:NTH` is read once, at import: the process kills itself the NTH time it passes that step with a subject
of one of these names (an event's type, a request's method). `REGIMEFLOW_KILLPOINT_LOG` names a file that gets one line, `PID POINT`, right
before: the proof that it was this point and no other death. With nothing set `passed` is None, so a place costs the test of one attribute.

    step          who, where                                             the event or request passed
    observed      driver: the auditor's files hold it                     what came
    received      driver: before it is decided on, live events only       what came
    decided       driver: folded, nothing appended yet                    each output
    sent          driver: handed to the socket of the bus                 each output
    durable       driver: came back from the journal, no effect yet       own output
    permitted     driver: the last look before a request leaves           its write-ahead
    answered      host: the broker's answer is read, nothing appended     its write-ahead
    seen, noted   driver: evidence of a session, before and after append  the evidence
    saving        driver: before a snapshot is handed over                the source
    bus_received  bus: checked and numbered, not in the journal           each output
    bus_committed, bus_published, bus_acked   bus, after each of these    each event of the batch
    venue_received, venue_committed, venue_answered   paper venue         the request's method
    venue_acted   paper venue: its core changed, its ledger not           order | cancel
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

POINT: Final = "REGIMEFLOW_KILLPOINT"
LOG: Final = "REGIMEFLOW_KILLPOINT_LOG"
STEPS: Final = frozenset(
    {
        *("observed", "received", "decided", "sent", "durable", "permitted", "answered", "seen", "noted", "saving"),
        *("bus_received", "bus_committed", "bus_published", "bus_acked"),
        *("venue_received", "venue_acted", "venue_committed", "venue_answered"),
    }
)

Passed = Callable[[str, object], None]


def parse(point: str) -> tuple[str, frozenset[str], int]:
    """(step, names, nth). Raises ValueError: a misspelt point would never fire, and a test of it would prove nothing."""
    where, _, nth = point.rpartition(":")
    step, _, names = where.partition("/")
    if step not in STEPS or not all(names.split("|")) or not nth.isascii() or not nth.isdigit() or int(nth) < 1:
        raise ValueError(f"{POINT}: {point!r} is not STEP/NAME[|NAME...]:NTH with a step of {', '.join(sorted(STEPS))}")
    return step, frozenset(names.split("|")), int(nth)


def armed(environment: Mapping[str, str]) -> Passed | None:
    """What to call at every step, None when no kill point is set. Raises ValueError."""
    point = environment.get(POINT, "")
    if not point:
        return None
    step, names, nth = parse(point)
    log = environment.get(LOG, "")
    left = nth

    def passed(here: str, subject: object) -> None:
        """subject: an event, or a name as text."""
        nonlocal left
        if here != step or (subject if isinstance(subject, str) else type(subject).__name__) not in names:
            return
        left -= 1
        if left == 0:
            _end(point, log)

    return passed


def _end(point: str, log: str) -> None:
    if log:
        with Path(log).open("a") as file:
            file.write(f"{os.getpid()} {point}\n")
    os.kill(os.getpid(), signal.SIGKILL)


passed: Final = armed(os.environ)
