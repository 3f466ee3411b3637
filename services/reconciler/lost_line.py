"""The reconciler's own line to its broker: when the next reading tries it again, and when nobody does any more. Judged in log time by the core:
a reading that could not be made is the failed attempt, so what is told of it follows from the log.

With `Reconnect` None (the feed clock) nothing is judged: readings go on every `retry_ns`, and nothing is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import msgspec

from shared.brokers.reconnect import LOST, Reconnect, given_up_alert, outcome
from shared.events import BrokerConnectionChanged, BrokerQueryFailed, Event, LeaseGranted, ResumeRequested, Scope

from .settings import SOURCE

MS: Final = 1_000_000
FOLDED: Final[frozenset[type[Event]]] = frozenset({LeaseGranted, ResumeRequested, BrokerConnectionChanged})


class OwnLine(msgspec.Struct):
    """In the reconciler's snapshot. reached: a reading was made by this process; down: the newest could not be; attempts: failed ones since the last
    good one, the loss itself not counted; given_up: none by itself any more."""

    reached: bool = False
    down: bool = False
    attempts: int = 0
    given_up: bool = False

    # what follows

    def failed(self, e: BrokerQueryFailed, policy: Reconnect | None) -> Sequence[Event]:
        """What is told of a reading that failed; nothing where the broker did answer."""
        if policy is None or e.error not in LOST:
            return ()
        attempts = self.attempts + 1 if self.down or not self.reached else 0
        given_up = policy.gives_up(attempts, reached=self.reached)
        text = outcome(f"{e.query}: {e.error}: {e.text}", attempts, given_up=given_up)
        changed = BrokerConnectionChanged(e.account, SOURCE, connected=False, text=text, attempts=attempts, given_up=given_up)
        return (changed, given_up_alert(SOURCE, text)) if given_up and not self.given_up else (changed,)

    def made(self, account: str, query: int) -> Sequence[Event]:
        """What is told of a reading that was made."""
        return (BrokerConnectionChanged(account, SOURCE, connected=True, text=f"reading {query}"),) if self.down else ()

    def pause_ns(self, policy: Reconnect | None, retry_ns: int, seed: str) -> int:
        """From a failed reading to the next by the clock; 0: there is none. seed: what the jitter is drawn from."""
        if policy is None or not self.down:
            return retry_ns
        drawn = crc32(f"{seed}:{self.attempts}".encode()) / 2**32
        return 0 if self.given_up else round(policy.pause_ms(max(1, self.attempts + self.reached), drawn) * MS)

    # folding

    def fold(self, event: Event) -> None:
        match event:
            case LeaseGranted(name="reconciler"):
                self.reached = self.given_up = False
                self.attempts = 0
            case ResumeRequested(scope=Scope.GLOBAL) | BrokerConnectionChanged(session="router", connected=True):
                self.given_up, self.attempts = False, 0
            case BrokerConnectionChanged(session="reconciler") as e:
                self.down, self.attempts, self.given_up = not e.connected, e.attempts, e.given_up
