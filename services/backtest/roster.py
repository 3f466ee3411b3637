"""The actors of a backtest: those of the live roster, in its ranks (`actors`), with sessions that talk to the venue in this process.

The auditor is left out: it only observes, and nothing it emits (`HealthReported`, `Alert`) changes what another actor does. So are the
watchdog of the strategy worker and the snapshots: a run that fails is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from services.gateway.feeds.port import Source
from services.gateway.session import ReplaySession
from services.gateway.settings import GatewaySettings
from services.order_router.main import REPEAT_S
from services.order_router.session import RouterSession
from services.reconciler.session import ReconcilerSession
from services.risk_engine.settings import RiskSettings
from shared.bus.port import Role
from shared.config import Loaded
from shared.runtime.actor import Core, FoldingCore
from shared.runtime.places import Places
from shared.runtime.service import Setting, broker_settings
from shared.runtime.session import Session

from .actors import AUDITOR, GATEWAY, RECONCILER, ROUTER, Strategy, actors_of
from .members import Member
from .strategies import InlineStrategy
from .venue_link import Venue, VenueLine

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
    """loaded: with the effective configuration (`services.backtest.build`). Raises as `actors_of`."""
    setting, able = in_process(loaded), VenueLine(venue).capabilities()
    actors = actors_of(setting, able, broker_settings(setting))
    sessions: dict[str, Callable[[], Session]] = {
        GATEWAY: lambda: ReplaySession(source, venue),
        ROUTER: lambda: RouterSession(able, lambda: VenueLine(venue), lambda: VenueLine(venue), REPEAT_S),
        RECONCILER: lambda: ReconcilerSession(lambda: VenueLine(venue), REPORTS),
    }

    def member(name: str, role: Role, topics: tuple[str, ...], mark: str, core: Core | FoldingCore) -> Member:
        registered, session = setting.registration(name, role, topics, mark), sessions.get(name)
        return Member(name, registered.rank, topics, core, session() if session is not None else None, registered.fingerprint, polled=name == ROUTER)

    members: list[Member] = []
    strategies: list[InlineStrategy] = []
    for a in actors.ranked:
        if isinstance(a, Strategy):
            a.loaded.cls.check_params(a.settings.params)
            strategy = InlineStrategy(a.settings, a.loaded, alone=len(setting.config.strategies) == 1)
            strategies.append(strategy)
            members.append(member(a.settings.source, Role.STRATEGY, strategy.topics(), a.mark, strategy))
        elif a.source != AUDITOR:
            members.append(member(a.source, a.role, a.topics, a.mark, a.make()))
    return Roster(members, strategies, actors.gateway, actors.risk)
