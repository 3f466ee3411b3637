"""The watchdog: a thread that notices user code which does not return.

The strategy's thread only counts: odd while in user code, even outside, so watching costs the hot path two additions and no clock. A count
that is odd and unchanged for longer than the limit is a blocked callback: it is reported once, through the given function, and from then
on the slot refuses to let a late return count (`leave` raises `CallbackBlocked`), so that nothing the callback said leaves the worker.
Whoever takes the report journals it and ends the process. Not noticed: code that holds the interpreter lock for ever (a C extension);
the missing heartbeat of the whole worker tells of that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from shared.events import StrategyBlocked

CHECKS_A_LIMIT: Final = 4  # a block is noticed at the limit, or at most a quarter later


class CallbackBlocked(BaseException):
    """The callback came back after it was reported: the strategy is latched, the worker ends. No `Exception`, so that nothing takes it for
    an error of user code."""


class Watched(Protocol):
    """What a report says of a strategy."""

    @property
    def strategy(self) -> str: ...
    @property
    def run(self) -> int: ...
    @property
    def callback(self) -> str: ...
    @property
    def seq(self) -> int: ...


class Slot:
    """One strategy under watch. enter and leave belong to its thread, check to the watchdog's."""

    __slots__ = ("_count", "_limit_s", "_seen", "_since", "_watched", "reported")

    def __init__(self, watched: Watched, limit_s: float) -> None:
        self._watched = watched
        self._limit_s = limit_s
        self._count = 0
        self._seen = 0
        self._since = 0.0
        self.reported = False

    def enter(self) -> None:
        self._count += 1

    def leave(self) -> None:
        """Raises CallbackBlocked when the block has been reported. The count goes first: `check` marks before it reads it again, so either
        this sees the mark or that sees the count."""
        self._count += 1
        if self.reported:
            raise CallbackBlocked

    def check(self, now_s: float) -> StrategyBlocked | None:
        """What to report, once."""
        count = self._count
        if count != self._seen or not count % 2:
            self._seen, self._since = count, now_s
            return None
        blocked_s = now_s - self._since
        if blocked_s < self._limit_s or self.reported:
            return None
        self.reported = True
        if self._count != count:
            self.reported = False
            return None
        w = self._watched
        return StrategyBlocked(w.strategy, w.run, w.callback, round(blocked_s * 1_000), w.seq)


class Watchdog:
    """report: called on the watchdog's own thread, with an own connection to the bus: journal the event, then end the worker."""

    def __init__(self, report: Callable[[StrategyBlocked], None], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._monotonic = monotonic
        self._slots: list[Slot] = []
        self._period_s = 1.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, watched: Watched, callback_ms_max: int) -> Slot:
        """Raises ValueError for a limit below 1 ms."""
        if callback_ms_max < 1:
            raise ValueError(f"callback_ms_max: {callback_ms_max} must be at least 1")
        slot = Slot(watched, callback_ms_max / 1_000)
        self._period_s = min(self._period_s, callback_ms_max / 1_000 / CHECKS_A_LIMIT)
        self._slots = [*self._slots, slot]
        return slot

    def forget(self, slot: Slot) -> None:
        self._slots = [s for s in self._slots if s is not slot]

    def check(self) -> None:
        now = self._monotonic()
        for slot in self._slots:
            blocked = slot.check(now)
            if blocked is not None:
                self._report(blocked)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._period_s):
            self.check()
