"""The actors of a configuration (`actors`) as replay needs them: what each folds, what its run's fingerprint is, how to make its core anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.strategy_runner.host import StrategyHost
from shared.brokers import registry
from shared.bus.port import Role
from shared.config import Loaded
from shared.events import StrategyRevised
from shared.runtime.actor import Core, FoldingCore
from shared.runtime.places import Places
from shared.runtime.service import Setting, broker_settings

from . import actors

INSTANCE: Final = "replay"
Blocked = frozenset[int]
"""Events (seq) at which a callback of the run did not return; see `StrategyHost.skip`."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One of a source, or one for each form a strategy had, oldest first. make: a fresh core. deterministic: False for a strategy that reads the outside world; nobody can decide its run again."""

    source: str
    topics: tuple[str, ...]
    fingerprint: str
    make: Callable[[Blocked], Core | FoldingCore]
    deterministic: bool = True


def actors_of(loaded: Loaded, changes: Sequence[StrategyRevised] = ()) -> list[Actor]:
    """In rank order. changes: as `actors.actors_of`, which says what is raised, with PlaceError and UnknownBroker."""
    setting = Setting(loaded, Places.of(loaded.config), INSTANCE)
    options = broker_settings(setting)
    able = registry.broker(setting.live.broker).capabilities(options)
    found = actors.actors_of(setting, able, options, changes)
    return [_service(setting, a) if isinstance(a, actors.Service) else _strategy(setting, a) for a in found.ranked]


def _service(setting: Setting, a: actors.Service) -> Actor:
    mark = setting.registration(a.source, a.role, a.topics, a.mark).fingerprint
    return Actor(a.source, a.topics, mark, lambda _blocked: a.make())


def _strategy(setting: Setting, a: actors.Strategy) -> Actor:
    def make(blocked: Blocked) -> FoldingCore:
        host = StrategyHost(a.settings, a.loaded)
        host.skip(blocked)
        return host

    shown = StrategyHost(a.settings, a.loaded)
    registration = setting.registration(a.settings.source, Role.STRATEGY, shown.topics(), a.mark)
    return Actor(a.settings.source, registration.topics, registration.fingerprint, make, shown.deterministic)
