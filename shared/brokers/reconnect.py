"""How a lost session at a broker comes back: `live.reconnect`. When the next attempt is due, how many failed, when it is given up.

Promises: every pause lies between `initial_ms` and `max_ms`. The first since the last good connection is `initial_ms`; the bound of each
further one is twice that of the one before, and the pause itself is drawn from the bound's upper half, so that many who lost one broker do
not come back as one. A session that was given up attempts nothing until somebody asks (`again`) or its process starts anew. Never: connects by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from shared.events import Alert, Envelope, ErrorClass, ResumeRequested, Scope, Severity

LOST: Final = frozenset({ErrorClass.NETWORK, ErrorClass.TIMEOUT, ErrorClass.AUTH})
"""Failures of a reading after which its session counts as lost. With the others the broker did answer."""

_WHAT_TO_DO: Final = "`regimeflow resume --reason TEXT`, or a restart of the service, tries again"
_DOUBLINGS_MAX: Final = 40  # beyond any max_ms there is


@dataclass(frozen=True, slots=True)
class Reconnect:
    """enabled: False: what was once connected and is lost is given up at once. attempts_max: failed ones in a row after which it is given up, 0:
    never."""

    enabled: bool = True
    initial_ms: int = 500
    max_ms: int = 10_000
    attempts_max: int = 0

    def pause_ms(self, n: int, drawn: float) -> float:
        """The n-th since the last good connection, from 1. drawn: 0 to 1."""
        most = min(self.max_ms, self.initial_ms << min(n - 1, _DOUBLINGS_MAX))
        least = max(self.initial_ms, most / 2)
        return least + (most - least) * drawn

    def gives_up(self, attempts: int, *, reached: bool) -> bool:
        """reached: there was a good connection before."""
        return (reached and not self.enabled) or 0 < self.attempts_max <= attempts

    def on_demand(self) -> Reconnect:
        """Of a session that connects because somebody wants something of it now: at the same pace, and never given up."""
        return replace(self, enabled=True, attempts_max=0)


def outcome(text: str, attempts: int, *, given_up: bool) -> str:
    """What happened to a session, and what comes of it. attempts: failed ones since the last good connection, 0: it was just lost."""
    if given_up:
        tried = f" after {attempts} attempts" if attempts else ", as `live.reconnect` says"
        return f"given up{tried}: {text}; {_WHAT_TO_DO}"
    return f"attempt {attempts} failed: {text}" if attempts else text


def given_up_alert(session: str, told: str) -> Alert:
    """told: as of `outcome`."""
    return Alert(Severity.CRITICAL, f"reconnect:{session}", f"the {session}'s line to the broker was {told}")


class Reconnecting:
    """One session's way back. Used by one thread, but for `again`. clock: monotonic seconds; drawn: 0 to 1, the jitter. attempts: failed ones since
    the last good connection."""

    def __init__(self, policy: Reconnect, clock: Callable[[], float], drawn: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._drawn = drawn
        self._reached = False
        self._pauses = 0
        self._due = 0.0
        self._asked = False
        self.up = False
        self.given_up = False
        self.attempts = 0

    def wait_s(self) -> float:
        """Until the next attempt; 0: now, inf: never by itself."""
        if self._asked:
            self._asked, self.given_up, self._due = False, False, 0.0
            self.attempts = self._pauses = 0
        return math.inf if self.given_up else max(0.0, self._due - self._clock())

    def good(self) -> None:
        """Connected."""
        self.up = self._reached = True
        self.given_up = False
        self.attempts = self._pauses = 0

    def lost(self) -> None:
        """What was up is down. Who asked before did not mean this."""
        self.up = self._asked = False
        self._wait()

    def failed(self) -> None:
        """One attempt."""
        self.up = False
        self.attempts += 1
        self._wait()

    def again(self) -> None:
        """Somebody asks: the next attempt is due now, and they are counted anew. From any thread."""
        self._asked = True

    def observed(self, e: Envelope) -> None:
        """For a driver's `observe`: the command that asks."""
        if type(e.event) is ResumeRequested and e.event.scope is Scope.GLOBAL:
            self.again()

    def told(self, text: str) -> str:
        """What happened, and what comes of it."""
        said = outcome(text, self.attempts, given_up=self.given_up)
        return said if self.given_up else f"{said}; the next in {max(0.0, self._due - self._clock()):.1f} s"

    def _wait(self) -> None:
        self._pauses += 1
        self.given_up = self._policy.gives_up(self.attempts, reached=self._reached)
        self._due = self._clock() + self._policy.pause_ms(self._pauses, self._drawn()) / 1e3
