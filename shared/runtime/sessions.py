"""Hosts of a session: inline (single process, simulation, tests) and in threads of its own (a service process).

A host takes effects in order and gives back what the session saw. In threads, one performs effects and one listens, so that a slow broker
answer delays no report and a silent stream no submission; the driver is woken through a pipe.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from shared.bus.port import NEVER, Connection, Names
from shared.events import Envelope

from . import killpoints
from .session import Evidence, Permit, Session, Turn

LISTEN_S: Final = 0.05
YIELD_S: Final = 0.001
EFFECTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing for the driver: evidence to append; effect: the own event it finishes; next_ts: the feed's next row time."""

    evidence: Sequence[Evidence] = ()
    requires: Names = ()
    effect: Envelope | None = None
    ts_ns: int = 0
    next_ts: int | None = None


class FeedSession(Session, Protocol):
    """A session that also holds the lock-step feed."""

    def peek(self) -> tuple[int, Names]:
        """Time of the next row (NEVER: none is left) and the outside facts that must be settled before it: the venue's newest report."""

    def turn(self) -> Turn | None:
        """The venue acts first, then the row is offered, with the venue's newest report required. None: there is nothing to offer."""


class SessionHost(Protocol):
    """What a driver knows of a hosted session."""

    def start(self, connection: Connection) -> None: ...
    def wants(self, e: Envelope) -> bool: ...
    def perform(self, e: Envelope, permit: Permit) -> None: ...
    def collect(self) -> Sequence[Seen]: ...
    def close(self) -> None: ...
    @property
    def idle(self) -> bool: ...


@runtime_checkable
class FeedHost(Protocol):
    """A host of a feed session."""

    def take_turn(self) -> None: ...
    def announce(self) -> None: ...


def known_names(session: Session, connection: Connection) -> dict[tuple[str, int], int]:
    """Where the log ends for each outside name the session brings."""
    names: Sequence[tuple[str, int]] = getattr(session, "names", ())
    return {(source, run): connection.last_outside(source, run) for source, run in names}


class InlineHost:
    """Effects are performed at once, in the caller's thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: deque[Seen] = deque()

    def start(self, connection: Connection) -> None:
        self._session.start(known_names(self._session, connection))

    @property
    def idle(self) -> bool:
        return not self._seen

    def wants(self, e: Envelope) -> bool:
        return self._session.wants(e)

    def perform(self, e: Envelope, permit: Permit) -> None:
        done = self._session.perform(e, permit)
        self._seen.append(Seen(done.evidence, done.requires, effect=e))

    def collect(self) -> Sequence[Seen]:
        evidence = self._session.poll(0.0)
        seen = list(self._seen)
        self._seen.clear()
        if evidence:
            seen.append(Seen(evidence))
        return seen

    def close(self) -> None:
        self._session.close()


class InlineFeedHost(InlineHost):
    """For the gateway under the feed clock."""

    def __init__(self, session: FeedSession) -> None:
        super().__init__(session)
        self._feed = session

    def announce(self) -> None:
        ts_ns, requires = self._feed.peek()
        self._seen.append(Seen(requires=requires, next_ts=ts_ns))

    def take_turn(self) -> None:
        row = self._feed.turn()
        if row is not None:
            self._seen.append(Seen((row.evidence,), row.requires, ts_ns=row.ts_ns))
        self.announce()


_TURN: Final = "turn"
_ANNOUNCE: Final = "announce"


class ThreadedHost:
    """listen: False for a session that never reports by itself. serial: never perform and poll at once, for a session of one thread."""

    def __init__(self, session: Session, listen: bool = True, serial: bool = False) -> None:
        self._session = session
        self._listen = listen
        self._turn: AbstractContextManager[object] = threading.Lock() if serial else contextlib.nullcontext()
        self._serial = serial
        self._effects: queue.SimpleQueue[tuple[Envelope, Permit] | str | None] = queue.SimpleQueue()  # a third of a bounded Queue's cost
        self._seen: deque[Seen | BaseException] = deque()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._busy = 0
        self._wanted = False
        self._running = True
        self._threads: list[threading.Thread] = []

    def start(self, connection: Connection) -> None:
        known = known_names(self._session, connection)
        connection.watch(self._read)
        self._session.start(known)
        loops = [self._perform_loop, self._listen_loop] if self._listen else [self._perform_loop]
        self._threads = [threading.Thread(target=self._guard, args=(loop,), daemon=True) for loop in loops]
        for thread in self._threads:
            thread.start()

    @property
    def idle(self) -> bool:
        return not self._busy and not self._seen

    def wants(self, e: Envelope) -> bool:
        return self._session.wants(e)

    def perform(self, e: Envelope, permit: Permit) -> None:
        self._put((e, permit))

    def take_turn(self) -> None:
        self._put(_TURN)

    def announce(self) -> None:
        self._put(_ANNOUNCE)

    def collect(self) -> Sequence[Seen]:
        """Raises what the session's threads raised: our bug, the process stops."""
        try:
            os.read(self._read, 4096)
        except BlockingIOError:
            if not self._seen:
                return ()
        out: list[Seen] = []
        while self._seen:
            item = self._seen.popleft()
            if isinstance(item, BaseException):
                raise item
            if item.effect is not None or item.next_ts is not None:
                self._busy = max(self._busy - 1, 0)
            out.append(item)
        return out

    def close(self) -> None:
        self._running = False
        self._effects.put(None)
        for thread in self._threads:
            thread.join(timeout=5.0)
        self._session.close()
        os.close(self._read)
        os.close(self._write)

    def _put(self, effect: tuple[Envelope, Permit] | str) -> None:
        while self._effects.qsize() >= EFFECTS_MAX:
            time.sleep(YIELD_S)  # the actor pauses; nothing is dropped
        self._busy += 1
        self._wanted = True
        self._effects.put(effect)

    def _give(self, item: Seen | BaseException) -> None:
        self._seen.append(item)
        try:
            os.write(self._write, b".")
        except BlockingIOError:
            return  # the pipe is full of wake-ups already

    def _guard(self, loop: object) -> None:
        try:
            assert callable(loop)
            loop()
        except BaseException as error:  # noqa: BLE001 - handed to the driver, which stops the process
            self._give(error)

    def _perform_loop(self) -> None:
        while (effect := self._effects.get()) is not None:
            with self._turn:
                if isinstance(effect, str):
                    self._feed_effect(effect)
                else:
                    e, permit = effect
                    done = self._session.perform(e, permit)
                    if killpoints.passed is not None:
                        killpoints.passed("answered", e.event)
                    self._give(Seen(done.evidence, done.requires, effect=e))
            self._wanted = not self._effects.empty()

    def _feed_effect(self, effect: str) -> None:
        feed: FeedSession = self._session  # type: ignore[assignment]
        if effect == _TURN:
            row = feed.turn()
            if row is not None:
                self._give(Seen((row.evidence,), row.requires, ts_ns=row.ts_ns))
        ts_ns, requires = feed.peek()
        self._give(Seen(requires=requires, next_ts=ts_ns))

    def _listen_loop(self) -> None:
        while self._running:
            if self._serial and self._wanted:
                time.sleep(YIELD_S)  # a lock alone would let this loop take it again and again
                continue
            with self._turn:
                evidence = self._session.poll(LISTEN_S)
            if evidence:
                self._give(Seen(evidence))


__all__ = ["NEVER", "FeedHost", "FeedSession", "InlineFeedHost", "InlineHost", "Seen", "SessionHost", "ThreadedHost"]
