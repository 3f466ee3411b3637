"""A strategy in a backtest: the live actor and its seeded generators, without the watchdog, which nothing here could obey."""

from __future__ import annotations

from collections.abc import Sequence

from services.strategy_runner.core import StrategyActor
from services.strategy_runner.generators import SeededGenerators
from shared.events import Envelope, Event
from shared.strategy.loading import LoadedStrategy
from shared.strategy.settings import StrategySettings


class InlineStrategy:
    """A FoldingCore, as `services.strategy_runner.host.StrategyHost`. alone: no other strategy shares the thread, so the generators are in force
    from `enter` to `leave` and not set anew for every event."""

    def __init__(self, settings: StrategySettings, loaded: LoadedStrategy, *, alone: bool) -> None:
        self._generators = SeededGenerators()
        self.actor = StrategyActor(settings, loaded, self._generators)
        self.step = self.actor.step if alone else self._step
        self.apply = self.actor.apply
        self.next_timer = self.actor.next_timer
        self.snapshot = self.actor.snapshot
        self.restore = self.actor.restore
        self._alone = alone

    def topics(self) -> tuple[str, ...]:
        return self.actor.topics()

    @property
    def consults_account(self) -> bool:
        """Whether it has read `ctx.account` so far."""
        return self.actor.consults_account

    def enter(self) -> None:
        """The run begins."""
        if self._alone:
            self._generators.enter()

    def leave(self) -> None:
        """The run is over."""
        self._generators.leave()

    def _step(self, e: Envelope) -> Sequence[Event]:
        self._generators.enter()
        try:
            return self.actor.step(e)
        finally:
            self._generators.leave()
