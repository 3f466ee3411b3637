"""When the dead man's switch falls: who is judged away, by what clock. Cancelling is `sweep.py`'s.

The router's absence is read from the log (its lease ended and nobody holds it) and judged in log time by the core: the halt it leads to is
an output like any other. The bus's absence cannot be in the log; it is judged by monotonic time this process itself lived through, so that a
process that was frozen, or a machine that slept, does not wake up to a switch that has fallen.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from shared.events import BusStarted, ClockTicked, Event, HaltRequested, LeaseEnded, LeaseGranted, OrdersCanceledDirectly, Scope

from .settings import SOURCE

ROUTER: Final = "order_router"
BY_BUS: Final = "bus"
BY_ROUTER: Final = "router"
BY_OPERATOR: Final = "operator"
STEP_S_MAX: Final = 1.0

_PREFIX: Final = "deadman"


class RouterWatch(msgspec.Struct):
    """In the reconciler's snapshot. gone_at: ns of log time from which the router's absence counts, 0 while it is there. tripped: halts asked for
    so far; pending: the newest one's command, until its sweep is told; done: this absence has had its halt."""

    gone_at: int = 0
    tripped: int = 0
    pending: str = ""
    done: bool = False

    def fold(self, event: Event, now: int) -> None:
        """A clock event only when `due`."""
        match event:
            case LeaseGranted(name="order_router"):
                self.gone_at, self.done = 0, False
            case LeaseEnded(name="order_router"):
                self.gone_at = now
            case BusStarted() | LeaseGranted(name="reconciler"):
                self.gone_at = now if self.gone_at else 0  # nobody was there to see: it has its time again
            case HaltRequested(operator=operator, command=command) if operator == SOURCE and command.startswith(_PREFIX):
                self.tripped, self.pending, self.done = self.tripped + 1, command, True
            case ClockTicked():
                self.done = True  # it fell: halted, or nothing was at the broker, and nothing comes there without a router
            case OrdersCanceledDirectly(command=command) if command == self.pending:
                self.pending = ""

    def due(self, after_ns: int) -> int:
        """ns at which it falls, 0 while it cannot."""
        return self.gone_at + after_ns if after_ns and self.gone_at and not self.done else 0

    def fallen(self, after_ns: int) -> HaltRequested:
        reason = f"dead man's switch: the router was away for {after_ns / 1e9:g} s"
        return HaltRequested(f"{_PREFIX}{self.tripped + 1}", SOURCE, reason, Scope.GLOBAL, "")


WATCHED: Final[frozenset[type[Event]]] = frozenset({LeaseGranted, LeaseEnded, BusStarted, HaltRequested, OrdersCanceledDirectly})


class BusWatch:
    """after_s: silence of the bus after which `step` says so, once for each such span."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._away_s = 0.0
        self._silent_s = math.inf
        self._last: float | None = None

    def step(self, now_s: float, silent_s: float) -> bool:
        """silent_s: since the bus last answered; less than at the last step means that it did since (inf: it never has)."""
        lived = min(now_s - self._last, STEP_S_MAX) if self._last is not None else 0.0
        self._last = now_s
        self._away_s = 0.0 if silent_s < self._silent_s else self._away_s + lived
        self._silent_s = silent_s
        if not self._after_s or self._away_s < self._after_s:
            return False
        self._away_s = 0.0
        return True
