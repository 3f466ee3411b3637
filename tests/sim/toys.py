"""Small actors for runtime tests: a feed, an actor that answers each bar, one that counts the answers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shared.bus.port import NEVER, Names, Registration, Role
from shared.events import Alert, Bar, ClockTicked, Envelope, Event, Severity
from shared.runtime.actor import SnapshotIncompatible
from shared.runtime.session import Evidence, Performed, Permit, Turn
from shared.runtime.sessions import InlineFeedHost, InlineHost
from shared.runtime.simulated import Made, Part


class Answerer:
    """Says `<name>.<k>` twice for bar k when the sum of closes so far is even; its own outputs count too."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.total = 0
        self.own = 0

    def decide(self, e: Envelope) -> Sequence[Event]:
        if isinstance(e.event, Bar) and (self.total + int(e.event.close)) % 2 == 0:
            key = f"{self.name}.{e.event.timestamp}.{self.total}"
            return [Alert(Severity.INFO, key, str(self.own)), Alert(Severity.INFO, f"{key}b", "")]
        return ()

    def apply(self, e: Envelope) -> None:
        if isinstance(e.event, Bar):
            self.total += int(e.event.close)
        elif isinstance(e.event, Alert) and e.seq == 0:
            self.own += 1

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self.name, self.total, self.own))

    def restore(self, state: bytes) -> None:
        name, self.total, self.own = msgspec.msgpack.decode(state)
        if name != self.name:
            raise SnapshotIncompatible

    def next_timer(self) -> int:
        return 0


class Quiet:
    """Folds nothing, says nothing."""

    def decide(self, _e: Envelope) -> Sequence[Event]:
        return ()

    def apply(self, _e: Envelope) -> None: ...

    def snapshot(self) -> bytes:
        return b""

    def restore(self, _state: bytes) -> None: ...

    def next_timer(self) -> int:
        return 0


def toy_bar(k: int) -> Bar:
    return Bar("SPY", k, k + 1, 1.0, 1.0, 1.0, float(k * 7 % 5), 1.0)


class ToyFeed:
    """Bars 1..count named by their row, resumed where the log ends."""

    names = (("gateway.feed", 1),)

    def __init__(self, count: int, a_poll: int = 2) -> None:
        self.count, self.a_poll, self.row = count, a_poll, 0

    def start(self, known: dict[tuple[str, int], int]) -> None:
        self.row = known[("gateway.feed", 1)]

    def wants(self, _e: Envelope) -> bool:
        return False

    def perform(self, _e: Envelope, permit: Permit) -> Performed:
        raise AssertionError(permit())

    def _next(self) -> Evidence:
        self.row += 1
        return Evidence(toy_bar(self.row), "gateway.feed", 1, self.row)

    def poll(self, _timeout_s: float) -> Sequence[Evidence]:
        return [self._next() for _ in range(min(self.a_poll, self.count - self.row))]

    def peek(self) -> tuple[int, Names]:
        return (self.row + 2 if self.row < self.count else NEVER), ()

    def turn(self) -> Turn | None:
        row = self._next()
        return Turn(row, self.row + 1)

    def close(self) -> None: ...


class TurnsOnly(ToyFeed):
    def poll(self, _timeout_s: float) -> Sequence[Evidence]:
        return ()


def toy_parts(count: int, lockstep: bool) -> list[Part]:
    def reg(source: str, role: Role, topics: tuple[str, ...], rank: int, feed: bool = False) -> Registration:
        return Registration(source, role, "f", topics, rank, "slot", feed=feed)

    def feed_host() -> InlineHost:
        return InlineFeedHost(TurnsOnly(count)) if lockstep else InlineHost(ToyFeed(count))

    return [
        Part("gateway", lambda: Made(reg("gateway", Role.GATEWAY, ("c.",), 0, feed=lockstep), Quiet(), feed_host())),
        Part("risk_engine", lambda: Made(reg("risk_engine", Role.RISK, ("m.", "c."), 1), Answerer("r"))),
        Part("auditor", lambda: Made(reg("auditor", Role.AUDITOR, ("m.", "t.", "c."), 2), Answerer("a"))),
    ]


ROSTER = {"gateway": 0, "risk_engine": 1, "auditor": 2}


def facts(rows: Sequence[Envelope]) -> list[tuple[str, int, object]]:
    """What was said, without seq and time."""
    return [(e.source, e.n, e.event) for e in rows if not isinstance(e.event, ClockTicked) and isinstance(e.event, Bar | Alert)]
