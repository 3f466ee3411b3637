"""What the mains of all actor services share: places, bus, health, log, the process loop. A main only says which actors there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.brokers.budget import Budget, budget
from shared.brokers.contract import Capabilities
from shared.brokers.reconnect import Reconnect
from shared.bus.port import Bus, Registration, Role
from shared.bus.zmq_client import ZmqBus
from shared.config import Config, Loaded, config_hashes
from shared.config.gateway import BrokerFeed
from shared.config.live import LiveConfig

from .build import build_hash
from .driver import ActorDriver, fingerprint
from .health import REPORT_EVERY_NS, HealthFile
from .logs import logger
from .places import PlaceError, Places
from .process import ActorProcess, Crew
from .signals import Stop

RANKS: Final = {"gateway": 0, "risk_engine": 100, "order_router": 101, "reconciler": 102, "auditor": 103}
STRATEGY_RANK: Final = 1
BROKER_TIMEOUT_S: Final = 5.0
LOCKSTEP: Final = Reconnect(initial_ms=100, max_ms=5_000)  # nothing else moves while the venue is away, so it is never given up


def roster(config: Config) -> dict[str, int]:
    """Every actor that takes part in lock-step, with its rank: the gateway, strategies in the order of the file, then the order path."""
    strategies = {f"strategy.{s.id}": STRATEGY_RANK + i for i, s in enumerate(config.strategies)}
    return {"gateway": RANKS["gateway"], **strategies, **{k: v for k, v in RANKS.items() if k != "gateway"}}


def heartbeat_ns(config: Config) -> int:
    """How often a service reports: `live.risk.heartbeat_ms`."""
    return config.live.risk.heartbeat_ms * 1_000_000 if config.live is not None else REPORT_EVERY_NS


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
    def live(self) -> LiveConfig:
        """The live section; `Places.of` refuses a configuration without one."""
        live = self.config.live
        if live is None:
            raise PlaceError("live: the section is missing")
        return live

    @property
    def snapshot_every(self) -> int:
        return self.config.journal.snapshot_events

    @property
    def feed_clock(self) -> bool:
        return self.config.bus.clock == "feed"

    @property
    def reconnect(self) -> Reconnect:
        """How a lost broker session comes back."""
        r = self.live.reconnect
        return LOCKSTEP if self.feed_clock else Reconnect(r.enabled, r.initial_ms, r.max_ms, r.max_attempts)

    def registration(self, source: str, role: Role, topics: tuple[str, ...], settings: str, *, feed: bool = False) -> Registration:
        """settings: text of all that decides the actor's outputs besides its code."""
        mark = fingerprint(build_hash(), settings)
        rank = roster(self.config).get(source, STRATEGY_RANK)  # one added while running: there is no lock-step then
        return Registration(source, role, mark, topics, rank, self.instance, feed=feed)

    def health(self, service: str) -> HealthFile:
        return HealthFile(self.places.health, service, heartbeat_ns(self.config))

    def hashes(self) -> tuple[str, str, str]:
        """(build, broker settings, bus settings): what must agree between services before trading arms."""
        return (build_hash(), *config_hashes(self.config))


def broker_settings(setting: Setting) -> Mapping[str, Any]:
    """`live.broker_config` as an adapter takes it, and where the embedded venue is."""
    options = setting.live.broker_config.model_dump(exclude_none=True)
    if setting.live.broker == "paper":
        options["endpoint"] = setting.places.endpoint("venue")
    return {"timeout_seconds": BROKER_TIMEOUT_S, **options}


def account_budget(setting: Setting, able: Capabilities, options: Mapping[str, Any]) -> Budget:
    """Who may ask the broker how often."""
    reserve = setting.live.risk.cancel_reserve_per_s
    return budget(able, options, reserve, broker_feed=isinstance(setting.config.gateway.feed, BrokerFeed))


def run_service(
    name: str,
    loaded: Loaded,
    instance: str,
    build: Callable[[Setting, Bus], Sequence[ActorDriver]] = lambda _setting, _bus: (),
    extra: Callable[[], None] | None = None,
    crew: Callable[[Setting, Bus], Crew] | None = None,
) -> int:
    """Until asked to stop. Exit status as `ActorProcess`."""
    places = Places.of(loaded.config)
    places.make()
    stop = Stop()
    bus = ZmqBus(places.bus)
    setting = Setting(loaded, places, instance)
    health, log = setting.health(name), logger(name)
    hands = None if crew is None else crew(setting, bus)
    return ActorProcess(name, bus, build(setting, bus), health, log, extra=extra, announce=setting.hashes(), crew=hands).run(stop)
