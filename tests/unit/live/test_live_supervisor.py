"""The supervisor over a real bus and stand-ins: ordered start, a death, a service that stays down, the clean stop, all in the journal."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from services.live import ending, reporter, supervisor
from services.live.child import Command
from services.live.console import PlainConsole
from services.live.plan import plan_for, service_command
from services.live.supervisor import Job, Supervisor
from shared.bus.journal_reader import JournalReader
from shared.bus.record import envelope_of
from shared.config import load
from shared.events import CancelRequested, Event, HaltRequested, Scope, SystemStarted, SystemStopped
from shared.runtime.places import Places
from tests.unit.live.conftest import stand_in

CONFIG = """
live:
  broker: paper
  symbols: [ACME]
  calendar: 24x7
  state_dir: {directory}/s
  log_dir: {directory}/logs
  restart_max_per_min: {restarts}
  strategies: [{{id: cross, name: moving_average_cross, symbols: [ACME]}}]
"""


class Session:
    """One supervised run; modes: of the stand-ins, `steady` where nothing is said."""

    def __init__(self, directory: Path, modes: dict[str, str] | None = None, *, restarts: int = 1, run_for_s: float | None = None) -> None:
        path = directory / "live.yaml"
        path.write_text(CONFIG.format(directory=directory, restarts=restarts))
        self.loaded = load(path)
        self.places = Places.of(self.loaded.config)
        self.places.make()
        self.modes = modes or {}
        self.out = io.StringIO()
        self._real = service_command(path)
        live = self.loaded.config.live
        assert live is not None
        job = Job(self.loaded, live, self.places, plan_for(self.loaded.config, single=False), self._command, SystemStarted("test", "hash"), run_for_s)
        self.supervisor = Supervisor(job, PlainConsole(self.loaded.redactor.text, self.out))

    def _command(self, service: str) -> Command:
        if service == "bus":
            return self._real(service)
        return stand_in(service, self.places.health, self.modes.get(service, "steady"))

    def run(self) -> int:
        return self.supervisor.run()

    def words(self) -> list[tuple[str, str]]:
        """(word, text) of every line."""
        return [(parts[1], parts[2]) for line in self.out.getvalue().splitlines() if len(parts := line.split("  ", 2)) == 3]

    def told(self) -> list[Event]:
        """What the supervisor said in the log."""
        reader = JournalReader(self.places.journal)
        rows, _ = reader.page(0, ("c.",), 5_000)
        reader.close()
        return [envelope_of(r).event for r in rows if r.source.startswith("control.")]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins answer no query: what waits for one does not wait long."""
    monkeypatch.setattr(ending, "SETTLE_S", 0.2)
    monkeypatch.setattr(ending, "ASK_S", 0.05)
    monkeypatch.setattr(reporter, "ASK_S", 0.05)


def test_a_session_starts_tells_the_log_and_stops_in_reverse(short_dir: Path) -> None:
    s = Session(short_dir, run_for_s=0.5)

    assert s.run() == 0

    ended = [word for word, text in s.words() if text.strip() == "stopped"]
    assert ended[0] == "strategy_runner"
    assert set(ended[1:5]) == {"gateway", "risk_engine", "order_router", "reconciler"}
    assert ended[5] == "auditor"
    assert set(ended[6:]) == {"paper_venue", "bus"}
    started, cancel, stopped, *rest = s.told()
    assert started == SystemStarted("test", "hash")
    assert isinstance(cancel, CancelRequested)
    assert not cancel.order_id
    assert stopped == SystemStopped("ran for 0.5 s, as asked")
    assert [type(e) for e in rest] == [CancelRequested]  # nobody could say that nothing works any more
    assert s.supervisor.head_before is not None
    assert not list(s.places.health.glob("*.json"))


def test_a_service_that_stays_down_halts_trading_and_the_session_ends_with_1(short_dir: Path) -> None:
    s = Session(short_dir, {"order_router": "exits:4"}, run_for_s=1.0)

    assert s.run() == 1

    (halt,) = [e for e in s.told() if isinstance(e, HaltRequested)]
    assert (halt.scope, halt.key, halt.operator) == (Scope.GLOBAL, "", "supervisor")
    assert halt.reason.startswith("order_router stays down: found an invariant broken (status 4); 1 restarts within a minute are used up")


def test_a_refused_start_ends_everything_with_2_and_says_why(short_dir: Path) -> None:
    s = Session(short_dir, {"gateway": "refuses:2"})

    assert s.run() == 2

    assert ("stopping", "  a service refused to start") in s.words()
    assert "refused to start (status 2)" in s.out.getvalue()
    assert not [e for e in s.told() if isinstance(e, HaltRequested)]


def test_ctrl_c_stops_cleanly_and_a_second_one_does_not_wait_for_the_deaf(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "HURRY_S", 0.1)
    s = Session(short_dir, {"strategy_runner": "deaf"})
    seen: list[str] = []

    def press(when: Callable[[str], bool]) -> None:
        while not when(s.out.getvalue()):
            threading.Event().wait(0.02)
        seen.append("pressed")
        os.kill(os.getpid(), signal.SIGINT)

    def user() -> None:
        press(lambda text: "services are ready" in text)
        press(lambda text: "asked to stop" in text)

    hands = threading.Thread(target=user)
    hands.start()
    assert s.run() == 0
    hands.join()

    assert len(seen) == 2
    assert "strategy_runner did not stop in time and was killed" in s.out.getvalue()
    assert [type(e) for e in s.told()].count(SystemStopped) == 1
