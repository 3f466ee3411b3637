"""The session contract: the half of an edge service (gateway, router, reconciler) that touches the world.

It does what its core decided, after that decision is durable, and says what it saw. It judges nothing: every answer becomes evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from shared.events import Envelope, Event

Permit = Callable[[], str]
"""Asked right before a request leaves: empty to go, else the reason nothing may be sent (another epoch's decision, lease or deadline gone)."""


class Evidence(msgspec.Struct, frozen=True):
    """An outside fact with its name. source, run, n: the dense name where the world gives one (a replay file's row, the paper venue's report
    number); n 0: the driver numbers it under the session's own epoch. ts_ns: when it happened, where the world says so; under the feed
    clock it is sequenced at that time."""

    event: Event
    source: str = ""
    run: int = 0
    n: int = 0
    ts_ns: int = 0


class Performed(msgspec.Struct, frozen=True):
    """What came of one effect. requires: outside names that must be in the log before a lock-step feed goes on, (source, run) -> n."""

    evidence: Sequence[Evidence] = ()
    requires: tuple[tuple[str, int, int], ...] = ()


class Turn(msgspec.Struct, frozen=True):
    """What a feed offers next under the feed clock: a fact, its data time, and the outside names that must be settled before it."""

    evidence: Evidence
    ts_ns: int
    requires: tuple[tuple[str, int, int], ...] = ()


class Session(Protocol):
    """Runs in threads of its own, joined to the driver by queues: one performs, one polls, never two of a kind. May block, within its own
    time-outs; never raises for what the world does. `names` (optional): outside (source, run) whose reports resume where the log ends."""

    def start(self, known: dict[tuple[str, int], int]) -> None:
        """Connect. known: newest n in the log of each outside (source, run), so that named reports resume where the log ends."""

    def wants(self, e: Envelope) -> bool:
        """Whether this own, durable event is an effect to perform."""

    def perform(self, e: Envelope, permit: Permit) -> Performed:
        """Do it. permit: asked at the socket write of whatever changes something; reads need none."""

    def poll(self, timeout_s: float) -> Sequence[Evidence]:
        """What arrived by itself since the last call."""

    def close(self) -> None: ...
