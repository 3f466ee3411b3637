"""`regimeflow live` as its user runs it, in both topologies: it trades, obeys the operator, survives kills, stops cleanly and says what was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from shared.bus.verify import verify
from shared.events import OrderFilled, SystemStopped
from tests.support.stack import ROOT, Stack, config_of

WAIT_S = 240.0
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}

pytestmark = pytest.mark.timeout(900)


def regimeflow(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.control.main", *arguments], cwd=ROOT, env=ENV, capture_output=True, text=True, timeout=WAIT_S, check=False
    )


def until(condition: Callable[[], Any], what: str, session: Session | None = None) -> Any:
    end = time.monotonic() + WAIT_S
    while not (found := condition()):
        said = session.output.read_text() if session is not None else ""
        assert time.monotonic() < end, f"{what}: not in {WAIT_S:g} s\n{said}"
        time.sleep(0.2)
    return found


class Session:
    """One `regimeflow live` over a directory."""

    def __init__(self, directory: Path, topology: str, *arguments: str) -> None:
        self.config = config_of("paper.yaml", directory)
        self.stack = Stack(self.config, directory)
        self.output = directory / "console.txt"
        command = [sys.executable, "-m", "services.control.main", "live", "--config", str(self.config), "--topology", topology, *arguments]
        with self.output.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=ENV, stdout=out, stderr=subprocess.STDOUT)

    def ask(self, what: str) -> Any:
        """The auditor's answer, None while there is none."""
        done = regimeflow(what, "--json", "--config", str(self.config))
        return orjson.loads(done.stdout) if done.returncode == 0 else None

    def tell(self, *command: str) -> None:
        done = regimeflow(*command, "--config", str(self.config))
        assert done.returncode == 0, done.stderr

    def state(self) -> str:
        status = self.ask("status")
        return status["trading_state"] if status else ""

    def fills(self) -> int:
        return sum(1 for _ in self.stack.events(OrderFilled))

    def child(self, service: str) -> int:
        """Process number of a service, 0 while it has none."""
        marks = ["service", service, "--config", str(self.config)]
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # dead in between, or not yet buried
                if process.cmdline()[-4:] == marks:
                    return process.pid
        return 0

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(WAIT_S)


@pytest.fixture(params=["processes", "single"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    running = Session(tmp_path, request.param)
    yield running
    if running.process.poll() is None:
        running.stop()


def test_a_session_trades_obeys_and_stops(session: Session) -> None:
    until(lambda: session.fills() >= 2, "fills", session)
    until(lambda: session.state() == "active", "armed", session)
    positions = until(lambda: (session.ask("positions") or {}).get("positions"), "positions", session)
    assert {row["symbol"] for row in positions} <= {"ACME", "GLOBEX"}
    session.tell("halt", "--reason", "drill")
    until(lambda: session.state() == "halted", "halted", session)
    session.tell("flatten", "--reason", "drill")
    until(lambda: (answer := session.ask("positions")) and not answer["positions"], "flat", session)
    session.tell("resume", "--reason", "drill over")
    until(lambda: session.state() == "active", "active again", session)
    assert session.stop() == 0, session.output.read_text()
    assert "summary" in session.output.read_text()
    assert verify(session.stack.journal).clean
    assert regimeflow("audit", "verify", "--config", str(session.config)).returncode == 0
    assert [e.event.reason for e in session.stack.events(SystemStopped)]


def test_a_killed_service_comes_back_and_trading_goes_on(tmp_path: Path) -> None:
    session = Session(tmp_path, "processes")
    try:
        until(lambda: session.fills() >= 2, "fills", session)
        for service in ("strategy_runner", "order_router", "risk_engine", "bus"):
            killed = until(lambda s=service: session.child(s), f"{service} runs", session)
            os.kill(killed, signal.SIGKILL)
            until(lambda s=service, k=killed: session.child(s) not in {0, k}, f"{service} is back", session)
        before = session.fills()
        until(lambda: session.fills() > before, "fills after the kills", session)
    finally:
        status = session.stop()
    assert status == 0, session.output.read_text()
    assert verify(session.stack.journal).clean


def test_run_for_ends_by_itself_and_goes_on_where_it_was(tmp_path: Path) -> None:
    for lives in (1, 2):
        session = Session(tmp_path, "single", "--run-for", "8s")
        assert session.process.wait(WAIT_S) == 0, session.output.read_text()
        assert sum(1 for _ in session.stack.events(SystemStopped)) == lives
    assert verify(session.stack.journal).clean


def test_refusals_are_one_line_and_status_2(tmp_path: Path) -> None:
    config = config_of("paper.yaml", tmp_path, live__risk__limits__max_notionl=5)
    done = regimeflow("live", "--config", str(config))
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "max_notionl" in line
    assert "max_notional" in line
    assert str(config.name) in line
