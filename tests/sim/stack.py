"""All real cores and sessions in one simulated world, and its store: the whole engine in one thread under one seed."""

from __future__ import annotations

import dataclasses
import functools
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from services.auditor.core import AuditorCore
from services.auditor.settings import AuditorSettings
from services.gateway.core import TOPICS as GATEWAY_TOPICS
from services.gateway.core import GatewayCore
from services.gateway.pacing import Pacer
from services.gateway.session import ReplaySession
from services.gateway.settings import GatewaySettings, RateSettings
from services.order_router.core import RouterCore
from services.order_router.session import RouterSession
from services.order_router.settings import RouterSettings
from services.reconciler.core import ReconcilerCore
from services.reconciler.session import ReconcilerSession
from services.reconciler.settings import ReconcilerSettings
from services.risk_engine.core import RiskCore
from services.risk_engine.settings import RiskSettings
from services.strategy_runner.core import StrategyActor
from shared.brokers.paper.sessions import CAPABILITIES, PaperAccount, PaperExecution
from shared.brokers.reconnect import Reconnect
from shared.bus.memory_store import MemoryStore
from shared.bus.port import ClockMode, Registration, Role
from shared.bus.record import Record, envelope_of
from shared.bus.server import BusSettings
from shared.config.revised import InForce
from shared.events import Envelope, Event, InstrumentDefined
from shared.runtime.session import Evidence, Performed, Permit
from shared.runtime.simulated import Faults, Killed, Made, Part, World
from shared.runtime.simulated_host import SimulatedHost
from shared.strategy.loading import LoadedStrategy, load_strategy
from shared.strategy.settings import StrategySettings
from shared.venue import VenueSettings
from shared.venue.settings import CommissionModel, CommissionSettings

from .changes import NAMES
from .killpath import Host, SimulatedKillPath
from .market import ABROAD, CURRENCIES, HOME, PAIR, SYMBOLS, SeededMarket
from .staff import Staff
from .toys import Quiet
from .venue import SimulatedVenue

SECOND = 1_000_000_000
CASH = Decimal(1_000_000)
BUDGETS = {"one": Decimal(400_000), "two": Decimal(300_000)}
TIMEOUT_S = 1.0
STRATEGIES = {"one": ("tests.sim.gamblers:Gambler", SYMBOLS), "two": ("tests.sim.gamblers:Saver", SYMBOLS[:1])}
OPENED = {HOME: CASH, ABROAD: Decimal(50_000)}
INSTRUMENTS = (
    *(
        InstrumentDefined(s, "equity", CURRENCIES[s], Decimal("0.01"), Decimal(1), Decimal(1), "24x7", shortable=True, sector="", industry="")
        for s in SYMBOLS
    ),
    InstrumentDefined(PAIR, "forex", HOME, Decimal("0.00001"), Decimal(1), Decimal(1), "24x7"),
)
RANKS = {
    "gateway": 0,
    "strategy.one": 1,
    "strategy.two": 2,
    "strategy.three": 3,
    "risk_engine": 100,
    "order_router": 101,
    "reconciler": 102,
    "auditor": 103,
}

GATEWAY = GatewaySettings(instruments=INSTRUMENTS, quote_age_ms_max=5_000, bar_age_ms_max=0, rates=(RateSettings(currency=ABROAD, pair=PAIR),))
ROUTER = RouterSettings(request_timeout_ns=int(TIMEOUT_S * SECOND), settle_ns=SECOND // 2, backoff_first_ns=SECOND // 5, backoff_max_ns=SECOND)
RECONNECT = Reconnect(initial_ms=100, max_ms=1_000)
RECONCILER = ReconcilerSettings(
    interval_ns=3 * SECOND,
    grace_ns=2 * SECOND,
    retry_ns=SECOND,
    answer_ns=4 * SECOND,
    unknown_age_ns=6 * SECOND,
    cash_exact=True,
    reconnect=RECONNECT,
)


@dataclass(frozen=True, slots=True)
class House:
    """What a configuration says of trades that are not ours, one-cancels-other groups of the broker, stops and the dead man's switch, for a whole run."""

    external_policy: str = "unassigned"
    allow_external: bool = False
    native_oco: bool = True
    stops: tuple[tuple[str, str], ...] = ()
    deadman: bool = False

    @classmethod
    def drawn(cls, rng: random.Random) -> House:
        stops = rng.choice(((), ("stop_loss_pct", "0.0005"), ("trailing_stop_pct", "0.0008"), ("max_holding_seconds", "1")))
        policy, deadman = rng.choice(("unassigned", "reduce_holder", "lock")), rng.random() < 0.5
        return cls(policy, rng.random() < 0.5, rng.random() < 0.5, (stops,) if stops else (), deadman)

    def reconciler(self) -> ReconcilerSettings:
        away_ns = SECOND if self.deadman else 0
        locks = self.external_policy == "lock"
        return dataclasses.replace(RECONCILER, allow_external_orders=self.allow_external, lock_on_external=locks, router_away_ns=away_ns)


BUS = BusSettings(ClockMode.WALL, roster=RANKS, tick_ns=SECOND // 5)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a restart may change."""

    position_max: int = 40
    order_qty_max: int = 18

    @functools.cache  # noqa: B019 - a handful of values
    def risk(self, house: House) -> RiskSettings:
        return RiskSettings.of(
            {
                "strategies": [{"id": name, "symbols": list(symbols), "budget": str(BUDGETS[name])} for name, (_, symbols) in STRATEGIES.items()],
                "position_max": self.position_max,
                "order_qty_max": self.order_qty_max,
                "short_allowed": True,
                "mark_interval_ms": 2_000,
                "msgs_per_s_max": 40,
                "strategy_msgs_per_s_max": 20,
                "duplicate_order_window_ms": None,
                "external_policy": house.external_policy,
                "stops": dict(house.stops),
            }
        )


class Journal(MemoryStore):
    """committed: told of every event as it becomes durable. tear: asked before a commit; true, and the bus ends with nothing of it written."""

    def __init__(self, log_id: str) -> None:
        super().__init__(log_id)
        self.committed: Callable[[Envelope], None] = lambda _: None
        self.tear: Callable[[], bool] = lambda: False
        self._names: dict[tuple[str, int, int], Record] = {}

    def append(self, rows: Sequence[Record], encoded: Sequence[bytes] = ()) -> None:
        if self.tear():
            raise Killed("torn tail")
        for row in rows:
            self._names[(row.source, row.run, row.n)] = row
            self.rows.append(row)
            self.committed(envelope_of(row))

    def find(self, source: str, run: int, n: int) -> Record | None:
        return self._names.get((source, run, n))


class Console:
    """The operator's session: commands in order, each said once whatever restarts."""

    names = (("control.sim", 1),)

    def __init__(self, said: list[Event]) -> None:
        self._said = said
        self._n = 0

    def start(self, known: dict[tuple[str, int], int]) -> None:
        self._n = known[("control.sim", 1)]

    def wants(self, _e: Envelope) -> bool:
        return False

    def perform(self, _e: Envelope, _permit: Permit) -> Performed:
        return Performed()

    def poll(self, _timeout_s: float) -> Sequence[Evidence]:
        new = [Evidence(event, "control.sim", 1, n) for n, event in enumerate(self._said[self._n :], self._n + 1)]
        self._n = len(self._said)
        return new

    def close(self) -> None: ...


@functools.cache
def loaded(name: str) -> LoadedStrategy:
    return load_strategy(name)


class Stack:
    """The engine of one seed. commands: what the operator has said so far; limits: those a process of risk starts with; killpath: of
    the reconciler's newest process; outbox: its file."""

    def __init__(self, seed: int, faults: Faults, seconds: int, house: House) -> None:
        self.house = house
        self.journal = Journal(f"{seed:06x}{seed:010x}")
        self.world = World(seed, BUS, (), faults, self.journal)
        self.commands: list[Event] = []
        self.limits = Limits()
        self._directory = tempfile.TemporaryDirectory(prefix="sim-")
        self.outbox = Path(self._directory.name) / "outbox"
        self.killpath: SimulatedKillPath | None = None
        self._reconciling = house.reconciler()
        self._routing = dataclasses.replace(ROUTER, native_oco=house.native_oco)
        rng = random.Random(seed ^ 0x5EED)
        self._market = SeededMarket(seed, seconds)
        self.venue = SimulatedVenue(
            self.world,
            VenueSettings(
                account="PAPER-1",
                initial_cash=CASH,
                balances={ABROAD: OPENED[ABROAD]},
                defined_only=True,
                displayed_size=True,
                latency_ns=rng.choice((0, 5, 80)) * 1_000_000,
                commission=CommissionSettings(model=CommissionModel.PER_SHARE, rate=Decimal("0.005"), minimum=Decimal(1)),
            ),
        )
        self._seeds = {name: rng.randrange(1 << 30) for name in STRATEGIES}
        self._pace = rng.choice((30, 50, 70))
        self._seeds |= {name: rng.randrange(1 << 30) for name in NAMES if name not in STRATEGIES}
        self._wall_at: dict[str, int] = {}
        self.staff = Staff(self.world, self._settings_of)
        makers: dict[str, Callable[[], Made | None]] = {
            "gateway": self._gateway,
            "risk_engine": self._risk,
            "order_router": self._router,
            "reconciler": self._reconciler,
            "auditor": self._auditor,
            "control.sim": self._console,
            **{f"strategy.{name}": functools.partial(self._strategy, name) for name in NAMES},
        }
        for source, make in makers.items():
            self.world.add(Part(source, make))

    def core(self, source: str) -> object | None:
        """The core of a source that runs."""
        return next((d.core for d in self.world.drivers() if d.source == source), None)

    def kill(self, source: str, away: int | None = None) -> None:
        """Its process ends, or every process of the kind (`strategy`). away: ns until it is back, where the world does not say."""
        for life in list(self.world.lives):
            if source in {life.part.source, life.part.source.partition(".")[0]}:
                self.world.crash(life)
                if away is not None:
                    life.wake = self.world.now + away

    def _reg(self, source: str, role: Role, topics: tuple[str, ...], settings: str = "") -> Registration:
        return Registration(source, role, settings or "f", topics, RANKS.get(source, 200), "slot")

    def _gateway(self) -> Made:
        world = self.world
        offset = world.wall_ns() - world.now
        session = ReplaySession(self._market, self.venue, Pacer(1.0, SECOND, True, lambda: world.now + offset))
        return Made(self._reg("gateway", Role.GATEWAY, GATEWAY_TOPICS), GatewayCore(GATEWAY), SimulatedHost(world).hosts(session))

    def _strategy(self, name: str) -> Made | None:
        """As the log says when its process begins; None where it is none of those that trade."""
        settings = self.staff.wanted(name)
        if settings is None:
            return None
        strategy = loaded(settings.name)
        actor = StrategyActor(settings, strategy)
        return Made(self._reg(settings.source, Role.STRATEGY, actor.topics(), strategy.fingerprint(settings)), actor)

    def _settings_of(self, wanted: InForce) -> StrategySettings:
        entry = wanted.entry
        params = {"seed": self._seeds[entry.id], "pace": self._pace, **entry.params}
        return StrategySettings(entry.id, entry.path or "", entry.symbols, params, wanted.budget, since=wanted.since)

    def _risk(self) -> Made:
        settings = self.limits.risk(self.house)
        return Made(self._reg("risk_engine", Role.RISK, ("m.", "t.", "c."), repr(self.limits)), RiskCore(settings))

    def _router(self) -> Made:
        host = SimulatedHost(self.world)

        def line() -> PaperExecution:
            return PaperExecution("", TIMEOUT_S, self.venue.line(host, subscribe=True), host.clock_s)

        drawn = random.Random(self.world.now).random
        session = RouterSession(CAPABILITIES, line, line, 0.0, TIMEOUT_S, clock=host.clock_s, reconnect=RECONNECT, drawn=drawn)
        return Made(self._reg("order_router", Role.ROUTER, ("t.", "c.")), RouterCore(self._routing), host.hosts(session), session.observed)

    def _reconciler(self) -> Made:
        killpath = self.killpath = SimulatedKillPath(self.venue, self.outbox, TIMEOUT_S, deadman=self.house.deadman)
        host = Host(killpath, self.venue)

        def account() -> PaperAccount:
            return PaperAccount("", TIMEOUT_S, self.venue.line(host), self.world.wall_ns)

        session = ReconcilerSession(account, "venue.paper", TIMEOUT_S, killpath=killpath)  # type: ignore[arg-type]  # in place of its thread
        registration = self._reg("reconciler", Role.RECONCILER, ("t.", "c."))
        return Made(registration, ReconcilerCore(self._reconciling), host.hosts(session), killpath.observed)

    def _auditor(self) -> Made:
        return Made(self._reg("auditor", Role.AUDITOR, ("m.", "t.", "c.")), AuditorCore(AuditorSettings(budgets=BUDGETS)))

    def _console(self) -> Made:
        session = Console(self.commands)
        return Made(self._reg("control.sim", Role.CONTROL, ("c.",)), Quiet(), SimulatedHost(self.world).hosts(session))
