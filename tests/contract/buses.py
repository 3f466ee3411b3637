"""What the suite of the bus port says and sees, whichever bus it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.bus.port import (
    Acked,
    Connection,
    Delivered,
    LeaseHeld,
    Notice,
    Registration,
    Role,
)
from shared.events import (
    Alert,
    Bar,
    ClockTicked,
    Envelope,
    Event,
    Severity,
)

TTL_MS = 60_000  # this process may stand still
SHORT_TTL_MS = 2_500  # where one has to run out
WAIT_S = 120.0


@dataclass
class World:
    """A bus under test. connect: an actor; lapse: for longer than a lease only these are heard."""

    connect: Callable[..., Connection]
    lapse: Callable[[list[Connection]], None]

    def successor(self, living: list[Connection], *args: Any, **kwargs: Any) -> Connection:
        """An actor, once who has its name was silent for long enough; a bus that stood still has to be given longer."""
        end = time.monotonic() + WAIT_S
        while True:
            self.lapse(living)
            try:
                return self.connect(*args, **kwargs)
            except LeaseHeld:
                assert time.monotonic() < end


def alert(key: str) -> Alert:
    return Alert(Severity.INFO, key, "text")


def bar(k: int) -> Bar:
    return Bar("SPY", k * 60, k * 60 + 60, 1.0, 2.0, 0.5, 1.5, 100.0)


def registration(source: str, role: Role, topics: tuple[str, ...] = ("c.",), holder: str = "h", fingerprint: str = "f", **more: Any) -> Registration:
    return Registration(source, role, fingerprint, topics, more.pop("rank", 0), holder, **more)


class Seen:
    """Polls a connection until a condition holds, keeping all it saw."""

    def __init__(self, connection: Connection, *others: Connection) -> None:
        self.connection, self.others = connection, others
        self.notices: list[Notice] = []

    def until(self, condition: Callable[[Seen], bool]) -> Seen:
        end = time.monotonic() + WAIT_S
        while not condition(self):
            assert time.monotonic() < end, f"not seen; have {self.notices[-5:]}"
            self.notices.extend(self.connection.poll(0.01))
            for other in self.others:
                other.poll(0)
        return self

    @property
    def envelopes(self) -> list[Envelope]:
        return [n.envelope for n in self.notices if isinstance(n, Delivered)]

    def of(self, *types: type[Event]) -> list[Envelope]:
        return [e for e in self.envelopes if isinstance(e.event, types)]

    @property
    def acked(self) -> int:
        return max((n.n for n in self.notices if isinstance(n, Acked)), default=0)


CAUSE = Envelope(0, 0, "c.", "bus", 1, 1, 0, 0, ClockTicked())
