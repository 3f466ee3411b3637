"""The actors of a backtest: those of the live roster, in its ranks, built by the live services' own builders from one configuration.

The auditor is left out: it only observes, and nothing it emits (`HealthReported`, `Alert`) changes what another actor does. So are the
watchdog of the strategy worker and the snapshots: a run that fails is run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from services.gateway.build import gateway_settings
from services.gateway.core import SOURCE as GATEWAY
from services.gateway.core import TOPICS as GATEWAY_TOPICS
from services.gateway.core import GatewayCore
from services.gateway.feeds.port import Source
from services.gateway.session import ReplaySession
from services.gateway.settings import GatewaySettings
from services.order_router.core import RouterCore
from services.order_router.main import REPEAT_S, router_settings
from services.order_router.session import RouterSession
from services.order_router.settings import SOURCE as ROUTER
from services.order_router.settings import TOPICS as ROUTER_TOPICS
from services.reconciler.core import ReconcilerCore
from services.reconciler.main import reconciler_settings
from services.reconciler.session import ReconcilerSession
from services.reconciler.settings import SOURCE as RECONCILER
from services.reconciler.settings import TOPICS as RECONCILER_TOPICS
from services.risk_engine.build import risk_settings
from services.risk_engine.core import SOURCE as RISK
from services.risk_engine.core import TOPICS as RISK_TOPICS
from services.risk_engine.core import RiskCore
from services.risk_engine.settings import RiskSettings
from services.strategy_runner.worker import strategy_settings
from shared.bus.port import Role
from shared.config import Loaded
from shared.config.revised import in_force
from shared.runtime.places import Places
from shared.runtime.service import Setting, broker_settings

from .members import Member
from .strategies import InlineStrategy
from .venue_link import Venue, VenueLine

from shared.strategy.loading import load_strategy  # isort: skip - after the generators were redirected

REPORTS = "venue.paper"


@dataclass(frozen=True, slots=True)
class Roster:
    """members: everybody but the bus. gateway, risk: what the curve's marks follow."""

    members: Sequence[Member]
    strategies: Sequence[InlineStrategy]
    gateway: GatewaySettings
    risk: RiskSettings


def in_process(loaded: Loaded) -> Setting:
    """What the services' builders are given where there are no files and no sockets."""
    return Setting(loaded, Places(*[Path()] * len(fields(Places))), "backtest")


def roster_of(loaded: Loaded, source: Source, venue: Venue) -> Roster:
    """loaded: with the effective configuration (`services.backtest.build`). Raises ValueError naming the key or parameter, StrategyNotFound, and whatever a
    strategy's module raises when it is imported."""
    setting = in_process(loaded)
    strategies = _strategies(setting)
    gateway, risk, reconciler = gateway_settings(setting.config), risk_settings(setting.config), reconciler_settings(setting)
    line, options = VenueLine(venue), broker_settings(setting)
    router = router_settings(setting, line.capabilities(), options)

    def member(
        source: str, role: Role, topics: tuple[str, ...], settings: object, core: object, session: object = None, *, polled: bool = False
    ) -> Member:
        text = settings if isinstance(settings, str) else repr(settings)
        registered = setting.registration(source, role, topics, text)
        return Member(source, registered.rank, topics, core, session, registered.fingerprint, polled=polled)  # type: ignore[arg-type]  # of this very function

    members = [
        member(GATEWAY, Role.GATEWAY, GATEWAY_TOPICS, gateway, GatewayCore(gateway), ReplaySession(source, venue)),
        *(member(s.actor.settings.source, Role.STRATEGY, s.topics(), mark, s) for s, mark in strategies),
        member(RISK, Role.RISK, RISK_TOPICS, risk, RiskCore(risk)),
        member(
            ROUTER,
            Role.ROUTER,
            ROUTER_TOPICS,
            router,
            RouterCore(router),
            RouterSession(line.capabilities(), lambda: VenueLine(venue), lambda: VenueLine(venue), REPEAT_S),
            polled=True,
        ),
        member(
            RECONCILER,
            Role.RECONCILER,
            RECONCILER_TOPICS,
            reconciler,
            ReconcilerCore(reconciler),
            ReconcilerSession(lambda: VenueLine(venue), REPORTS),
        ),
    ]
    return Roster(members, [s for s, _ in strategies], gateway, risk)


def _strategies(setting: Setting) -> list[tuple[InlineStrategy, str]]:
    """With what their run's fingerprint is made of."""
    found = []
    wanted = in_force(setting.config, {})
    for strategy in wanted:
        settings = strategy_settings(setting, strategy)
        loaded = load_strategy(settings.name, base=setting.loaded.files[0].parent)
        loaded.cls.check_params(settings.params)
        found.append((InlineStrategy(settings, loaded, alone=len(wanted) == 1), loaded.fingerprint(settings)))
    return found
