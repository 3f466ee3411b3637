"""How old the cause of an event is: queued orders must not fire after an outage, and an alert must not come late.

An envelope tells the sequence number of its cause, not its time. Samples (sequence number, time) over the last `age_ms_max` are enough,
because time never decreases along the log: an event is at least as old as every one after it. Error: a cause is found too old at most one
sample interval late, never early. Only under the wall clock: under the feed clock an output has its cause's time.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from shared.events import Envelope

MILLISECOND: Final = 1_000_000
SAMPLES: Final = 16  # per age_ms_max


class AgeState(msgspec.Struct):
    """samples: (seq, ns), oldest first; last: the newest event; wall: the log runs on the wall clock."""

    samples: list[tuple[int, int]] = msgspec.field(default_factory=list)
    last: tuple[int, int] = (0, 0)
    wall: bool = False


class CauseAges:
    """watching: ages matter in this log. due: log time from which the next event is worth a sample; newest: the newest event. The core
    looks at them on every event, so they are plain attributes."""

    def __init__(self, age_ms_max: int | None, state: AgeState) -> None:
        self._age = (age_ms_max or 0) * MILLISECOND
        self._enabled = age_ms_max is not None
        self._wall = state.wall
        self.watching = False
        self._samples = deque(state.samples)
        self._before = state.last
        self.newest: Envelope | None = None
        self.due = 0
        self._plan()

    def log_started(self, clock: str) -> None:
        self._wall = clock == "wall"
        self._plan()

    def passed(self, e: Envelope) -> None:
        """Note an event of the log; what another actor calls for each that looks at `due` itself."""
        if self.watching and e.seq:  # own outputs stand at their cause
            if e.ts_ns >= self.due:
                self.sample(e)
            self.newest = e

    def sample(self, e: Envelope) -> None:
        """Note the newest event and the one before it, which says how old the last thing before a silence is."""
        if self._last()[0]:
            self._samples.append(self._last())
        self._samples.append((e.seq, e.ts_ns))
        # kept: the newest sample past the age, which decides for everything before it, and what is younger
        while len(self._samples) > 1 and self._samples[1][1] < e.ts_ns - self._age:
            self._samples.popleft()
        self._plan()

    def too_old(self, cause: int, now: int) -> int:
        """Age in ms a cause has at least, when that is more than allowed; else 0."""
        if not self.watching or not cause:
            return 0
        for seq, ns in (*self._samples, self._last()):
            if seq >= cause:
                age = now - ns
                return age // MILLISECOND if age > self._age else 0
        return 0

    def to_state(self) -> AgeState:
        return AgeState(list(self._samples), self._last(), self._wall)

    def _last(self) -> tuple[int, int]:
        return self._before if self.newest is None else (self.newest.seq, self.newest.ts_ns)

    def _plan(self) -> None:
        self.watching = self._wall and self._enabled
        self.due = self._samples[-1][1] + self._age // SAMPLES if self._samples else 0
