"""The host of one strategy actor: what a driver runs. Adds to the pure actor what needs a process: seeded generators and the watchdog.

`step` and `apply` are the actor's. An event a callback once blocked at is not given to user code again (`blocked_at`): otherwise every
successor would block where its predecessor did. They stand in the log: `StrategyBlocked` of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.events import Envelope, Event
from shared.strategy.loading import LoadedStrategy
from shared.strategy.settings import StrategySettings

from .core import StrategyActor
from .generators import SeededGenerators
from .watchdog import Watchdog


class StrategyHost:
    """A FoldingCore. seq: of the event at hand. Without a watchdog nothing ends a callback that blocks (notebooks, backtests)."""

    def __init__(
        self,
        settings: StrategySettings,
        loaded: LoadedStrategy,
        watchdog: Watchdog | None = None,
        callback_ms_max: int = 2_000,
    ) -> None:
        self.settings = settings
        self._generators = SeededGenerators()
        self.actor = StrategyActor(settings, loaded, self._generators)
        self.seq = 0
        self._blocked_at: frozenset[int] = frozenset()
        self._watchdog = watchdog
        self._slot = watchdog.watch(self, callback_ms_max) if watchdog is not None else None

    @property
    def strategy(self) -> str:
        return self.settings.id

    @property
    def run(self) -> int:
        return self.actor.run

    @property
    def callback(self) -> str:
        return self.actor.callback

    @property
    def deterministic(self) -> bool:
        return self.actor.deterministic

    @property
    def snapshottable(self) -> bool:
        return self.actor.snapshottable

    def topics(self) -> tuple[str, ...]:
        return self.actor.topics()

    def skip(self, blocked_at: Iterable[int]) -> None:
        """Events (seq) at which a callback of this run blocked: user code is not given them again."""
        self._blocked_at = frozenset(blocked_at)

    def step(self, e: Envelope) -> Sequence[Event]:
        """Raises CallbackBlocked when the watchdog has reported the callback meanwhile: nothing it said may leave, the worker ends."""
        if e.seq in self._blocked_at:
            return self.actor.step_blocked(e)
        self.seq = e.seq
        slot = self._slot
        self._generators.enter()
        if slot is not None:
            slot.enter()
        try:
            return self.actor.step(e)
        finally:
            self._generators.leave()
            if slot is not None:
                slot.leave()

    def apply(self, e: Envelope) -> None:
        self.actor.apply(e)

    def next_timer(self) -> int:
        return self.actor.next_timer()

    def snapshot(self) -> bytes:
        """Raises SaveError where the strategy's save() fails: the caller goes on without a snapshot and says so."""
        slot = self._slot
        self._generators.enter()
        if slot is not None:
            slot.enter()
        try:
            return self.actor.snapshot()
        finally:
            self._generators.leave()
            if slot is not None:
                slot.leave()

    def restore(self, state: bytes) -> None:
        self.actor.restore(state)

    def close(self) -> None:
        """No longer watched."""
        if self._watchdog is not None and self._slot is not None:
            self._watchdog.forget(self._slot)
