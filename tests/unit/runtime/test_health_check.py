"""`python -m shared.runtime.health`: what a container's health check answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from shared.events import HealthState
from shared.runtime.health import FRESH_S, HealthFile, Sample, main


def reported(directory: Path, state: HealthState, service: str = "bus") -> Path:
    file = HealthFile(directory, service)
    file.state = state
    file.write(Sample(), 0)
    return file.path


@pytest.mark.parametrize("state", HealthState)
def test_only_ready_is_healthy(tmp_path: Path, state: HealthState, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(reported(tmp_path, state))]) == (0 if state is HealthState.READY else 1)
    assert capsys.readouterr().out == f"bus={state}\n"


def test_a_report_that_is_old_or_of_a_dead_process_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = reported(tmp_path, HealthState.READY)
    body = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps({**body, "at": body["at"] - FRESH_S - 1}))
    assert main([str(path)]) == 1
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path.write_bytes(orjson.dumps({**body, "pid": ended.pid}))
    assert main([str(path)]) == 1
    assert capsys.readouterr().out == "bus=silent\n" * 2


def test_a_directory_is_healthy_when_every_report_in_it_is_and_one_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    reported(tmp_path, HealthState.READY, "bus")
    assert main([str(tmp_path)]) == 0
    reported(tmp_path, HealthState.RECOVERING, "gateway")
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == ["no report", "bus=ready", "bus=ready gateway=recovering"]


def test_an_absent_report_is_not_healthy_and_a_wrong_call_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "bus.json")]) == 1
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_as_a_program(tmp_path: Path) -> None:
    path = reported(tmp_path, HealthState.READY)
    done = subprocess.run([sys.executable, "-m", "shared.runtime.health", str(path)], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"bus=ready\n", b"")
