"""A session under virtual time: its two threads (one performs, one listens) as events of the world, with the time that each call would take.

A call of the session returns at once; how long it would have blocked is told by whatever it called (`spend`), and what it saw is there that much
later. So a request without an answer keeps the thread that made it busy and nobody else. A crash loses what was in hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.bus.port import Connection
from shared.events import Envelope

from .session import Permit, Session
from .sessions import Seen, known_names

if TYPE_CHECKING:
    from .simulated import Life, World

EFFECT_NS = 2_000_000  # how long an effect may wait for its thread, at most


class SimulatedHost:
    """A `SessionHost`. listen: the session hears of things by itself."""

    def __init__(self, world: World, *, listen: bool = True) -> None:
        self._world = world
        self._listen = listen
        self._effects: deque[tuple[Envelope, Permit]] = deque()
        self._seen: deque[Seen] = deque()
        self._doing = False
        self._hearing_until = 0
        self._spent = 0
        self._open = True
        self.life: Life | None = None

    def hosts(self, session: Session) -> SimulatedHost:
        """Which session; itself."""
        self._session = session
        return self

    def attach(self, life: Life) -> None:
        self.life = life

    # -- what a session's own means of reaching the world use

    def spend(self, ns: int) -> None:
        """The call in hand takes so much longer."""
        self._spent += ns

    def clock_s(self) -> float:
        """Monotonic seconds as the session's thread has them."""
        return (self._world.now + self._spent) / 1e9

    @property
    def epoch(self) -> int:
        return self.life.epoch if self.life is not None else 0

    def wake(self) -> None:
        """Something is there to be heard."""
        if self.life is not None and self._open:
            self._world.plan(self.life, self._world.now)

    # -- SessionHost

    def start(self, connection: Connection) -> None:
        self._session.start(known_names(self._session, connection))

    @property
    def idle(self) -> bool:
        return not (self._effects or self._doing or self._seen)

    def wants(self, e: Envelope) -> bool:
        return self._session.wants(e)

    def perform(self, e: Envelope, permit: Permit) -> None:
        self._effects.append((e, permit))
        self._next()

    def collect(self) -> Sequence[Seen]:
        world = self._world
        if self._listen and world.now >= self._hearing_until:
            self._spent = 0
            evidence = self._session.poll(0.0)
            if self._spent:
                self._hearing_until = world.now + self._spent
                if evidence:
                    world.at(self._hearing_until, lambda: self._give(Seen(evidence)))
            elif evidence:
                self._seen.append(Seen(evidence))
        seen = list(self._seen)
        self._seen.clear()
        return seen

    def close(self) -> None:
        self._open = False
        self._session.close()

    # -- the performing thread

    def _next(self) -> None:
        if self._effects and not self._doing:
            self._doing = True
            world = self._world
            world.at(world.now + int(world.rng.random() * EFFECT_NS), self._do)

    def _do(self) -> None:
        life = self.life
        if not self._open or life is None:
            return
        if life.wake > self._world.now:  # the whole process sleeps
            self._world.at(life.wake, self._do)
            return
        self._world.guard(life, self._act)

    def _act(self) -> None:
        world = self._world
        e, permit = self._effects.popleft()
        self._spent = 0
        done = self._session.perform(e, permit)
        seen = Seen(done.evidence, done.requires, effect=e)

        def answered() -> None:
            if self._open:
                assert self.life is not None
                world.guard(self.life, lambda: world.point("answered", e.event))
                self._doing = False
                self._give(seen)
                self._next()

        world.at(world.now + self._spent, answered)

    def _give(self, seen: Seen) -> None:
        if self._open:
            self._seen.append(seen)
            self.wake()
