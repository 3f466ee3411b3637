"""Which runs are decided again, which are left out and why, what is refused, and what a session came to; over journals written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from services.backtest.replay_actors import Actor, actors_of
from services.backtest.replay_journal import CannotReplay, refuse_unverified
from services.backtest.replay_run import ReplayReport, replay
from services.backtest.replay_summary import Tally
from services.backtest.replay_text import divergence, plain, told
from services.gateway.main import drivers as gateway_drivers
from services.order_router.main import drivers as router_drivers
from services.reconciler.main import drivers as reconciler_drivers
from services.risk_engine.main import drivers as risk_drivers
from services.strategy_runner.worker import Worker
from shared.bus.journal import Journal
from shared.bus.memory import MemoryBus
from shared.bus.port import ClockMode, Durability
from shared.bus.record import record_of
from shared.bus.retention import Pruner
from shared.bus.server import BusSettings
from shared.config import Loaded, load
from shared.events import (
    AccountOpened,
    Bar,
    CashFlow,
    CurrencyRate,
    Envelope,
    EquityMarked,
    Event,
    LeaseGranted,
    LogStarted,
    MarketPruned,
    OrderIntent,
    OrderSide,
    OrderTerms,
    OrderType,
    ReconcileNow,
    RunStarted,
    StrategyBlocked,
    StrategyLogged,
    StrategyStarted,
)
from shared.runtime.places import Places
from shared.runtime.service import Setting

CONFIG = """
live:
  broker: paper
  symbols: [ACME]
  calendar: 24x7
  state_dir: {directory}
  log_dir: {directory}
  strategies:
    - {{id: steady, path: "{directory}/mine.py:{cls}", symbols: [ACME]}}
gateway:
  feed: {{kind: synthetic, seed: 7, prices: {{ACME: 100.0}}}}
"""
MINE = """
from shared.strategy import Order, OrderSide, OrderType, Strategy

class Steady(Strategy):
    def on_bar(self, bar):
        if bar.close == 13.0:
            while True:
                pass
        if bar.close > 100.0:
            self.ctx.submit_order(Order(bar.symbol, OrderSide.BUY, OrderType.MARKET, 1))

class Outside(Steady):
    deterministic = False

    def save(self):
        return {}

    def load(self, state):
        pass
"""
STEADY = "strategy.steady"


def loaded(directory: Path, cls: str = "Steady") -> Loaded:
    (directory / "mine.py").write_text(MINE)
    path = directory / "live.yaml"
    path.write_text(CONFIG.format(directory=directory, cls=cls))
    return load(path, offline=True)


class Writer:
    """A journal, one event a batch."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal.open(path, Durability.PROCESS)
        self._n: dict[tuple[str, int], int] = {}
        self.add(LogStarted(self.journal.log_id, "wall", "process"), "bus")

    def add(self, event: Event, source: str, run: int = 1, cause: int = 0) -> int:
        seq = self.journal.head_seq + 1
        n = self._n[(source, run)] = self._n.get((source, run), 0) + 1
        self.journal.append([record_of(Envelope(seq, seq, event.topic, source, run, n, cause, int(cause > 0), event))])
        return seq

    def bar(self, close: float) -> int:
        return self.add(Bar("ACME", 1, 2, close, close, close, close, 1.0), "gateway.feed")

    def began(self, source: str, run: int, mark: str) -> int:
        self.add(LeaseGranted(source, "x", run), "bus")
        seq = self.add(RunStarted(source, run, mark), "bus")
        if source == STEADY:
            self.add(StrategyStarted("steady", run, self.name, ("ACME",), True), source, run, seq)
        return seq

    name = ""

    def bought(self, run: int, k: int, cause: int) -> int:
        terms = OrderTerms("ACME", OrderSide.BUY, OrderType.MARKET, Decimal(1))
        return self.add(OrderIntent(f"steady:{run}:{k}", "steady", terms), STEADY, run, cause)


def replayed(path: Path, config: Loaded, until: int | None = None) -> ReplayReport:
    return replay(path, config, until)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    w = Writer(tmp_path / "journal.db")
    w.name = f"{tmp_path}/mine.py:Steady"
    return w


def mark_of(config: Loaded, source: str = STEADY) -> str:
    return next(a.fingerprint for a in actors_of(config) if a.source == source)


def test_the_newest_run_and_those_of_this_configuration_are_decided_again(writer: Writer, tmp_path: Path) -> None:
    config = loaded(tmp_path)
    writer.began(STEADY, 1, mark_of(config))
    writer.bought(1, 1, writer.bar(101.0))
    writer.began(STEADY, 2, "of other code")
    writer.bar(102.0)  # that code bought nothing
    writer.began(STEADY, 3, "of other code still")
    writer.bought(3, 1, writer.bar(103.0))
    writer.journal.close()
    report = replayed(writer.journal.path, config)
    assert report.identical, report
    assert [(r.source, r.run, r.decided, r.mark_differs) for r in report.runs] == [(STEADY, 1, 2, False), (STEADY, 3, 2, True)]
    assert [(left.source, left.run, left.why) for left in report.left_out] == [(STEADY, 2, "other code or settings")]


def test_a_callback_that_blocked_is_not_entered_again(writer: Writer, tmp_path: Path) -> None:
    config = loaded(tmp_path)
    writer.began(STEADY, 1, mark_of(config))
    writer.bought(1, 1, writer.bar(101.0))
    bar = writer.bar(13.0)
    writer.add(StrategyBlocked("steady", 1, "on_bar", 2_000, bar), f"{STEADY}.watchdog")
    writer.bar(102.0)  # it is latched
    writer.journal.close()
    report = replayed(writer.journal.path, config)
    assert report.identical
    assert report.runs[0].decided == 2


def test_a_strategy_that_reads_the_outside_world_is_left_out_by_name(writer: Writer, tmp_path: Path) -> None:
    config = loaded(tmp_path, "Outside")
    writer.began(STEADY, 1, mark_of(config))
    writer.bar(101.0)
    writer.journal.close()
    report = replayed(writer.journal.path, config)
    assert (report.identical, list(report.runs)) == (True, [])
    assert "not deterministic" in report.left_out[0].why


def test_a_strategy_the_configuration_lacks_is_history_or_a_reason_to_refuse(writer: Writer, tmp_path: Path) -> None:
    config = loaded(tmp_path)
    writer.began("strategy.gone", 1, "x")
    writer.began("risk_engine", 1, "y")
    report = replayed(writer.journal.path, config)
    assert [(left.source, left.why) for left in report.left_out] == [("strategy.gone", "not in the configuration")]
    writer.add(LeaseGranted("strategy.gone", "x", 2), "bus")
    with pytest.raises(CannotReplay, match=r"strategy\.gone, which the configuration lacks"):
        replayed(writer.journal.path, config)


def test_the_newest_market_event_of_the_symbol_is_told_with_a_difference(writer: Writer, tmp_path: Path) -> None:
    config = loaded(tmp_path)
    writer.began(STEADY, 1, mark_of(config))
    bar = writer.bar(99.0)
    seq = writer.bought(1, 1, bar)
    report = replayed(writer.journal.path, config)
    assert report.divergence is not None
    d = report.divergence.difference
    assert d.journaled is not None
    assert (d.cause.seq, d.said, d.journaled.seq) == (bar, None, seq)
    assert report.divergence.market is not None
    assert (report.divergence.symbol, report.divergence.market.seq) == ("ACME", bar)
    assert divergence(report.divergence)[:3] == [
        f"first divergence at seq {bar}: {STEADY} run 1 n 2",
        f"  journal  seq {seq}, n 2: {told(d.journaled.event)}",
        "  replay   nothing",
    ]
    assert plain(report.divergence)["journal"]["data"]["terms"]["quantity"] == "1"
    assert replayed(writer.journal.path, config, until=bar).identical


def test_a_pruned_journal_says_which_event_is_missing(writer: Writer, tmp_path: Path) -> None:
    config = loaded(tmp_path)
    writer.began(STEADY, 1, mark_of(config))
    first = writer.bar(99.0)
    last = writer.bar(99.5)
    writer.bar(98.0)
    pruner = Pruner(writer.journal)
    upto = pruner.announceable(last + 1, last + 1)
    writer.add(MarketPruned(upto), "bus")
    assert replayed(writer.journal.path, config).identical, "announced, not gone yet"
    pruner.announced(upto)
    while pruner.step():
        pass
    with pytest.raises(CannotReplay, match=f"seq {first} is missing: market data up to seq {upto} was pruned"):
        replayed(writer.journal.path, config)


def test_actors_are_built_as_the_services_build_them(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    setting = Setting(config, Places.of(config.config), "x")
    bus = MemoryBus(BusSettings(ClockMode.WALL), lambda: (1, 1))
    worker = Worker(setting, bus)
    built = [*worker.turn([])[1]]
    for make in (gateway_drivers, risk_drivers, router_drivers, reconciler_drivers):
        built.extend(make(setting, bus))
    live = {d.source: (d._reg.fingerprint, d._reg.topics, type(d.core)) for d in built}
    actors: Sequence[Actor] = [a for a in actors_of(config) if a.source != "auditor"]
    assert {a.source: (a.fingerprint, a.topics, type(a.make(frozenset()))) for a in actors} == live


def test_what_a_session_came_to() -> None:
    def d(value: str) -> Decimal:
        return Decimal(value)

    def marked(equity: str) -> EquityMarked:
        return EquityMarked(d(equity), d("0"), d("0"), d("0"), 0.0, d("0"), d("0"))

    events: list[Event] = [
        AccountOpened("a", "USD", d("1000"), d("1000"), (), (), ()),
        marked("1100"),
        marked("990"),
        CashFlow("withdrawal", "USD", d("-490"), "1"),
        marked("500"),
        marked("600"),
        Bar("ACME", 1, 2, 1.0, 1.0, 1.0, 1.0, 1.0),
        OrderIntent("a:1:1", "a", OrderTerms("ACME", OrderSide.BUY, OrderType.MARKET, d("1"))),
        StrategyLogged("a", "info", "x"),
        ReconcileNow("c", "me", "why"),
    ]
    tally = Tally()
    assert tally.summary()["portfolio.final_equity"] is None
    for seq, event in enumerate(events, 1):
        tally.add(Envelope(seq, seq, event.topic, "x", 1, seq, 0, 0, event))
    summary = dict(tally.summary())
    assert summary.pop("portfolio.total_return") == pytest.approx((600 + 490 - 1000) / 1000)
    assert summary.pop("portfolio.max_drawdown") == pytest.approx(110 / 610)
    assert summary == {
        "portfolio.final_equity": "600",
        "events.total": 10,
        "events.market": 1,
        "events.order": 1,
        "events.system": 6,
        "events.user": 2,
    }


def test_money_of_another_currency_that_came_in_is_no_return_at_the_rate_it_came_at() -> None:
    tally = Tally()
    events: list[Event] = [
        AccountOpened("a", "USD", Decimal(1000), Decimal(1000), (), (), ()),
        CurrencyRate("EUR", Decimal("1.2"), 1),
        CashFlow("deposit", "EUR", Decimal(500), "1"),
        CurrencyRate("EUR", Decimal("1.5"), 2),
        EquityMarked(Decimal(1750), Decimal(0), Decimal(0), Decimal(1750), 0.0, Decimal(0), Decimal(0)),
    ]
    for seq, event in enumerate(events, 1):
        tally.add(Envelope(seq, seq, event.topic, "x", 1, seq, 0, 0, event))
    assert tally.summary()["portfolio.total_return"] == 0.15  # 500 EUR at 1.2 came, at 1.5 they are worth


def test_a_journal_that_is_not_there_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(CannotReplay, match="there is no journal"):
        refuse_unverified(tmp_path / "journal.db")
