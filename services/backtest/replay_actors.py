"""The actors of a configuration as replay needs them: what each folds, what decides its outputs, and how to make its core anew.

Settings and fingerprints are those of the services' mains; `tests/unit/backtest_replay` holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.auditor.core import AuditorCore
from services.auditor.settings import SOURCE as AUDITOR
from services.auditor.settings import TOPICS as AUDITOR_TOPICS
from services.auditor.settings import auditor_settings
from services.gateway.build import gateway_settings
from services.gateway.core import SOURCE as GATEWAY
from services.gateway.core import TOPICS as GATEWAY_TOPICS
from services.gateway.core import GatewayCore
from services.order_router.core import RouterCore
from services.order_router.main import router_settings
from services.order_router.settings import SOURCE as ROUTER
from services.order_router.settings import TOPICS as ROUTER_TOPICS
from services.reconciler.core import ReconcilerCore
from services.reconciler.main import reconciler_settings
from services.reconciler.settings import SOURCE as RECONCILER
from services.reconciler.settings import TOPICS as RECONCILER_TOPICS
from services.risk_engine.build import risk_settings
from services.risk_engine.commands import SOURCE as RISK
from services.risk_engine.core import TOPICS as RISK_TOPICS
from services.risk_engine.core import RiskCore
from services.strategy_runner.host import StrategyHost
from services.strategy_runner.worker import strategy_settings
from shared.brokers import registry
from shared.bus.port import Role
from shared.config import Config, Loaded
from shared.config.revised import InForce, fold, in_force
from shared.events import StrategyRevised
from shared.runtime.actor import Core, FoldingCore
from shared.runtime.places import Places
from shared.runtime.service import Setting, broker_settings
from shared.strategy.loading import load_strategy

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
    """In rank order. changes: what operators did to strategies, in order. Raises ValueError, PlaceError, StrategyNotFound, UnknownBroker, and what a strategy's own module raises on import."""
    setting = Setting(loaded, Places.of(loaded.config), INSTANCE)
    config = setting.config
    gateway, risk = gateway_settings(config), risk_settings(config)
    options = broker_settings(setting)
    router = router_settings(setting, registry.broker(setting.live.broker).capabilities(options), options)
    reconciler = reconciler_settings(setting)
    auditor = auditor_settings(config)

    def actor(source: str, role: Role, topics: tuple[str, ...], settings: object, make: Callable[[], Core]) -> Actor:
        mark = setting.registration(source, role, topics, repr(settings)).fingerprint
        return Actor(source, topics, mark, lambda _blocked: make())

    return [
        actor(GATEWAY, Role.GATEWAY, GATEWAY_TOPICS, gateway, lambda: GatewayCore(gateway)),
        *(_strategy(setting, form) for form in _forms(config, changes)),
        actor(RISK, Role.RISK, RISK_TOPICS, risk, lambda: RiskCore(risk)),
        actor(ROUTER, Role.ROUTER, ROUTER_TOPICS, router, lambda: RouterCore(router)),
        actor(RECONCILER, Role.RECONCILER, RECONCILER_TOPICS, reconciler, lambda: ReconcilerCore(reconciler)),
        actor(AUDITOR, Role.AUDITOR, AUDITOR_TOPICS, auditor, lambda: AuditorCore(auditor)),
    ]


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


def _strategy(setting: Setting, form: InForce) -> Actor:
    settings = strategy_settings(setting, form)
    loaded = load_strategy(settings.name, base=setting.loaded.files[0].parent)

    def make(blocked: Blocked) -> FoldingCore:
        host = StrategyHost(settings, loaded)
        host.skip(blocked)
        return host

    shown = StrategyHost(settings, loaded)
    registration = setting.registration(settings.source, Role.STRATEGY, shown.topics(), loaded.fingerprint(settings))
    return Actor(settings.source, registration.topics, registration.fingerprint, make, shown.deterministic)
