"""The actors of a configuration, in rank order: the one list that a backtest runs and a replay compares with.

Settings and fingerprints are made by the live services' own builders; `tests/unit/backtest_replay` holds them against what live runs registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.auditor.core import AuditorCore
from services.auditor.settings import SOURCE as AUDITOR
from services.auditor.settings import TOPICS as AUDITOR_TOPICS
from services.auditor.settings import auditor_settings
from services.gateway.build import gateway_settings
from services.gateway.core import SOURCE as GATEWAY
from services.gateway.core import TOPICS as GATEWAY_TOPICS
from services.gateway.core import GatewayCore
from services.gateway.settings import GatewaySettings
from services.order_router.core import RouterCore
from services.order_router.main import router_settings
from services.order_router.settings import SOURCE as ROUTER
from services.order_router.settings import TOPICS as ROUTER_TOPICS
from services.reconciler.core import ReconcilerCore
from services.reconciler.main import reconciler_settings
from services.reconciler.settings import SOURCE as RECONCILER
from services.reconciler.settings import TOPICS as RECONCILER_TOPICS
from services.risk_engine.build import risk_settings
from services.risk_engine.core import SOURCE as RISK
from services.risk_engine.core import TOPICS as RISK_TOPICS
from services.risk_engine.core import RiskCore
from services.risk_engine.settings import RiskSettings
from services.strategy_runner.worker import strategy_settings
from shared.brokers.contract import Capabilities
from shared.bus.port import Role
from shared.config import Config
from shared.config.revised import InForce, fold, in_force
from shared.events import StrategyRevised
from shared.runtime.actor import Core
from shared.runtime.service import Setting
from shared.strategy.loading import LoadedStrategy, load_strategy
from shared.strategy.settings import StrategySettings

__all__ = ["AUDITOR", "GATEWAY", "RECONCILER", "ROUTER", "Actors", "Service", "Strategy", "actors_of"]


@dataclass(frozen=True, slots=True)
class Service:
    """An actor that is no strategy. mark: what its run's fingerprint is made of; make: a fresh core."""

    source: str
    role: Role
    topics: tuple[str, ...]
    mark: str
    make: Callable[[], Core]


@dataclass(frozen=True, slots=True)
class Strategy:
    """mark: as of a service. Its topics follow from its class, so whoever runs it knows them."""

    settings: StrategySettings
    loaded: LoadedStrategy
    mark: str


@dataclass(frozen=True, slots=True)
class Actors:
    """ranked: everybody, in rank order. gateway, risk: settings others ask for."""

    ranked: tuple[Service | Strategy, ...]
    gateway: GatewaySettings
    risk: RiskSettings


def actors_of(setting: Setting, able: Capabilities, options: Mapping[str, Any], changes: Sequence[StrategyRevised] = ()) -> Actors:
    """able, options: of the broker. changes: what operators did to strategies, in order: each form of one is an actor. Raises ValueError naming the key or parameter, StrategyNotFound, and whatever a strategy's module raises when
    it is imported."""
    config = setting.config
    gateway, risk, auditor = gateway_settings(config), risk_settings(config), auditor_settings(config)
    router, reconciler = router_settings(setting, able, options), reconciler_settings(setting)
    ranked: tuple[Service | Strategy, ...] = (
        Service(GATEWAY, Role.GATEWAY, GATEWAY_TOPICS, repr(gateway), lambda: GatewayCore(gateway)),
        *_strategies(setting, changes),
        Service(RISK, Role.RISK, RISK_TOPICS, repr(risk), lambda: RiskCore(risk)),
        Service(ROUTER, Role.ROUTER, ROUTER_TOPICS, repr(router), lambda: RouterCore(router)),
        Service(RECONCILER, Role.RECONCILER, RECONCILER_TOPICS, repr(reconciler), lambda: ReconcilerCore(reconciler)),
        Service(AUDITOR, Role.AUDITOR, AUDITOR_TOPICS, repr(auditor), lambda: AuditorCore(auditor)),
    )
    return Actors(ranked, gateway, risk)


def _strategies(setting: Setting, changes: Sequence[StrategyRevised]) -> Iterator[Strategy]:
    for form in _forms(setting.config, changes):
        settings = strategy_settings(setting, form)
        loaded = load_strategy(settings.name, base=setting.loaded.files[0].parent)
        yield Strategy(settings, loaded, loaded.fingerprint(settings))


def _forms(config: Config, changes: Sequence[StrategyRevised]) -> Iterator[InForce]:
    """Every form of every strategy: as the file has it, then after each change of it."""
    standing: dict[str, StrategyRevised] = {}
    forms = {form.entry.id: [form] for form in in_force(config, standing)}
    for change in changes:
        if fold(standing, change):
            for form in in_force(config, standing):
                if form.entry.id == change.strategy:
                    forms.setdefault(change.strategy, []).append(form)
    for of_one in forms.values():
        yield from of_one
