"""What the mains of all actor services share: places, bus, health, log, the process loop. A main only says which actors there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.bus.port import Bus, Registration, Role
from shared.bus.zmq_client import ZmqBus
from shared.config import Config, Loaded, config_hashes

from .build import build_hash
from .driver import ActorDriver, fingerprint
from .health import HealthFile
from .logs import logger
from .places import Places
from .process import ActorProcess
from .signals import Stop

RANKS: Final = {"gateway": 0, "risk_engine": 100, "order_router": 101, "reconciler": 102, "auditor": 103}
STRATEGY_RANK: Final = 1


def roster(config: Config) -> dict[str, int]:
    """Every actor that takes part in lock-step, with its rank: the gateway, strategies in the order of the file, then the order path."""
    strategies = {f"strategy.{s.id}": STRATEGY_RANK + i for i, s in enumerate(config.strategies)}
    return {"gateway": RANKS["gateway"], **strategies, **{k: v for k, v in RANKS.items() if k != "gateway"}}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a service is built from. instance: the slot that holds its leases."""

    loaded: Loaded
    places: Places
    instance: str

    @property
    def config(self) -> Config:
        return self.loaded.config

    @property
    def feed_clock(self) -> bool:
        return self.config.bus.clock == "feed"

    def registration(self, source: str, role: Role, topics: tuple[str, ...], settings: str, *, feed: bool = False) -> Registration:
        """settings: text of all that decides the actor's outputs besides its code."""
        mark = fingerprint(build_hash(), settings)
        return Registration(source, role, mark, topics, roster(self.config)[source], self.instance, feed=feed)

    def hashes(self) -> tuple[str, str, str]:
        """(build, broker settings, bus settings): what must agree between services before trading arms."""
        return (build_hash(), *config_hashes(self.config))


def run_service(name: str, loaded: Loaded, instance: str, build: Callable[[Setting, Bus], Sequence[ActorDriver]]) -> int:
    """Until asked to stop. Exit status as `ActorProcess`."""
    places = Places.of(loaded.config)
    places.make()
    stop = Stop()
    bus = ZmqBus(places.bus)
    setting = Setting(loaded, places, instance)
    return ActorProcess(name, bus, build(setting, bus), HealthFile(places.health, name), logger(name)).run(stop)
