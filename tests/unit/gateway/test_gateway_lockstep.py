"""The gateway on a real bus under the feed clock: rows, sessions and days in one order, the same however often its process dies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from services.gateway.core import SOURCE, TOPICS, GatewayCore
from services.gateway.feeds.synthetic import SyntheticSource
from services.gateway.session import ReplaySession
from services.gateway.settings import BarSettings, GatewaySettings, SyntheticSettings
from shared.bus.journal import Journal
from shared.bus.journal_reader import JournalReader
from shared.bus.memory import MemoryBus
from shared.bus.port import ClockMode, Durability, Registration, Role
from shared.bus.server import BusSettings
from shared.events import Bar, ClockTicked, DayEnded, Envelope, FeedStateChanged, FeedStatus, LeaseEnded, LeaseGranted, SessionChanged, SessionPhase
from shared.runtime.driver import ActorDriver
from shared.runtime.sessions import InlineFeedHost

Run = Callable[..., list[Envelope]]


@pytest.fixture
def run(instrument: Callable, tmp_path: Path) -> Run:
    """Plays 25 minutes around a close through bus, driver, core and session; with a new process about every `dies_every` steps."""
    instruments = (instrument("AAA"), instrument("BBB"))
    market = SyntheticSettings(calendar="XNYS", start="2024-07-03T16:45:00Z", minutes=25, bars=False)  # closes early, at 17:00 UTC

    def make(dies_every: int = 0) -> list[Envelope]:
        time = [0]

        def clock() -> tuple[int, int]:
            time[0] += 1_000
            return time[0], time[0]

        path = tmp_path / f"{dies_every}.db"
        journal = Journal.open(path, Durability.PROCESS)
        bus = MemoryBus(BusSettings(ClockMode.FEED, roster={SOURCE: 0}), clock, journal, history=JournalReader(path))

        def process() -> ActorDriver:
            core = GatewayCore(GatewaySettings(instruments=instruments, bars=BarSettings()))
            session = ReplaySession(SyntheticSource(market, instruments))
            driver = ActorDriver(bus, Registration(SOURCE, Role.GATEWAY, "f", TOPICS, 0, "h", feed=True), core, InlineFeedHost(session))
            driver.start(0.0)
            return driver

        living = process()
        steps = idle = 0
        while idle < 5:
            idle = 0 if living.pump(0.0) else idle + 1
            steps += 1
            if not idle and dies_every and steps >= dies_every and journal.head_seq == bus.server.head:
                bus.drop(living.connection)  # as a kill does: nothing is given back, nothing is said
                living, steps, idle = process(), 0, 0
            assert steps < 20_000
        return list(bus.history(0, bus.server.head))

    return make


def facts(log: list[Envelope]) -> list[tuple[object, ...]]:
    """What the log says, without leases and sequence numbers, which a restart adds to and moves."""
    return [(e.source, e.run, e.n, e.ts_ns, e.event) for e in log if not isinstance(e.event, LeaseGranted | LeaseEnded) and e.source != "bus"]


def test_the_log_has_every_row_in_time_with_sessions_where_they_belong(run: Run) -> None:
    log = run()
    assert all(a.ts_ns <= b.ts_ns for a, b in pairwise(log))
    rows = [e for e in log if e.source == "gateway.feed"]
    assert [e.n for e in rows] == list(range(1, len(rows) + 1))
    assert [e.event.status for e in rows if isinstance(e.event, FeedStateChanged)] == [FeedStatus.UP, FeedStatus.ENDED]
    phases = [e.event.phase for e in log if isinstance(e.event, SessionChanged)]
    assert phases == [SessionPhase.OPEN, SessionPhase.POST, SessionPhase.CLOSED, SessionPhase.PRE, SessionPhase.OPEN]
    ended = next(e for e in log if isinstance(e.event, DayEnded))
    of_the_day = [e for e in log if isinstance(e.event, Bar) and e.event.end <= ended.ts_ns]
    assert len(of_the_day) == 30
    assert all(e.seq < ended.seq for e in of_the_day)
    assert all(e.ts_ns >= e.event.end for e in log if isinstance(e.event, Bar))


def test_time_passes_only_where_something_is_due(run: Run) -> None:
    log = run()
    dues = {e.ts_ns for e in log if isinstance(e.event, SessionChanged | DayEnded) or (isinstance(e.event, Bar) and e.source == SOURCE)}
    assert {e.ts_ns for e in log if isinstance(e.event, ClockTicked)} <= dues


@pytest.mark.parametrize("dies_every", [60, 133, 333])
def test_a_gateway_that_dies_again_and_again_writes_the_same_log(run: Run, dies_every: int) -> None:
    assert facts(run(dies_every)) == facts(run())
