"""Small parts of the supervisor, each against the real thing it deals with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.live.budget import WINDOW_S, RestartBudget
from services.live.child import Child, describe
from services.live.leftovers import Roll
from services.live.log_tail import LogTail
from services.live.plan import plan_for, service_command
from services.live.running import registered, stacks
from services.live.state_lock import StateInUse, StateLock
from services.live.wakeups import Wakeups
from shared.config import load
from tests.unit.live.conftest import stand_in, until


@given(limit=st.integers(0, 6), gaps=st.lists(st.floats(0.0, 40.0), max_size=60))
@settings(derandomize=True, max_examples=60)
def test_no_minute_ever_holds_more_restarts_than_the_budget(limit: int, gaps: list[float]) -> None:
    budget, now, taken = RestartBudget(limit), 0.0, []
    for gap in gaps:
        now += gap
        if budget.take(now) is not None:
            taken.append(now)
    for end in taken:
        assert sum(end - WINDOW_S < t <= end for t in taken) <= limit


def test_the_first_restart_is_at_once_and_each_further_one_waits_longer() -> None:
    budget = RestartBudget(5)
    assert [budget.take(0.0) for _ in range(6)] == [0.0, 0.5, 1.0, 2.0, 4.0, None]
    assert budget.take(WINDOW_S) == 0.0


@pytest.mark.parametrize(
    ("status", "text"),
    [(0, "ended by itself (status 0)"), (3, "was fenced: another process holds its name (status 3)"), (-9, "was killed by SIGKILL")],
)
def test_exit_statuses_have_words(status: int, text: str) -> None:
    assert describe(status) == text


def test_two_supervisors_on_one_state_directory_refuse_each_other(tmp_path: Path) -> None:
    first = StateLock(tmp_path)
    with pytest.raises(StateInUse, match=f"pid {os.getpid()}.*{tmp_path.name}"):
        StateLock(tmp_path)
    first.release()
    StateLock(tmp_path).release()


def test_services_of_a_killed_supervisor_are_ended_and_strangers_are_left_alone(tmp_path: Path) -> None:
    left, stranger = Child(stand_in("gateway", tmp_path, "steady"), tmp_path / "a.log"), subprocess.Popen(["sleep", "60"])
    roll = Roll(tmp_path)
    roll.write([("gateway", left.pid), ("router", stranger.pid)])
    rows = orjson.loads((tmp_path / "services.json").read_bytes())
    rows[1][2] -= 100.0  # its number belonged to somebody else when it was written down
    (tmp_path / "services.json").write_bytes(orjson.dumps(rows))
    until((tmp_path / "gateway.json").exists)
    try:
        assert roll.end_leftovers() == ["gateway"]
        assert not psutil.pid_exists(left.pid)
        assert stranger.poll() is None
        assert roll.end_leftovers() == []
    finally:
        stranger.kill()
        stranger.wait()


def test_a_wait_ends_at_once_when_a_child_dies_or_somebody_asks_to_stop(tmp_path: Path) -> None:
    wake = Wakeups()
    try:
        child = Child(stand_in("bus", tmp_path, "refuses:2"), tmp_path / "bus.log")
        begun = time.monotonic()
        while child.status() is None:
            wake.wait(30.0)
        os.kill(os.getpid(), signal.SIGTERM)
        wake.wait(30.0)
        assert time.monotonic() - begun < 30.0  # neither wait ran its course
        assert wake.stops == 1
    finally:
        wake.close()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_log_is_read_from_where_it_ended_line_by_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("of an earlier session\n")
    tail = LogTail(path)
    with path.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert tail.lines() == ["one"]
        file.write("o\n\n")
        file.flush()
        assert tail.lines() == ["two"]
    assert (tail.lines(), tail.last()) == ([], "two")
    assert LogTail(path).last() == ""


def test_a_running_stack_is_found_and_a_dead_one_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with registered(Path("live.yaml")):
        assert [(s.config.name, s.directory) for s in stacks()] == [("live.yaml", Path.cwd())]
    assert stacks() == []
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    entry = {"pid": dead.pid, "created": psutil.Process(dead.pid).create_time(), "config": "x", "directory": "y"}
    dead.wait()
    (tmp_path / "regimeflow" / "1.json").write_bytes(orjson.dumps(entry))
    assert stacks() == []
    assert not list((tmp_path / "regimeflow").iterdir())


def test_a_directory_others_may_write_to_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "regimeflow").mkdir()
    (tmp_path / "regimeflow").chmod(0o777)
    with registered(Path("live.yaml")):
        assert stacks() == []


def test_the_bus_comes_first_and_the_strategies_last() -> None:
    config = load("configs/paper.yaml").config
    order = ("bus", "paper_venue", "auditor", "gateway", "risk_engine", "order_router", "reconciler", "strategy_runner")
    assert plan_for(config, single=False).services == order


def test_in_one_process_the_venue_is_still_one_of_its_own() -> None:
    plan = plan_for(load("configs/paper.yaml").config, single=True)
    assert plan.services == ("paper_venue", "single")
    assert {plan.bus, plan.auditor, plan.strategies} == {"single"}


def test_a_service_is_started_with_a_fixed_hash_seed_and_its_slots_name() -> None:
    command = service_command(Path("live.yaml"))("risk_engine")
    assert command.argv[1:] == ("-m", "services.control.main", "service", "risk_engine", "--config", "live.yaml")
    assert (command.env["PYTHONHASHSEED"], command.env["REGIMEFLOW_INSTANCE"]) == ("0", "risk_engine")
