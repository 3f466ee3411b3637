"""The program as a whole: every command explains itself, errors are lines, starting it is quick, its page is current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from services.control import reference
from services.control.main import app, live_main
from services.control.options import seconds
from services.live.running import registered
from tests.unit.control.conftest import ROOT, Run, Stack

LATER = {"validate", "brokers", "readiness", "keys"}


def every_command() -> list[tuple[str, Any]]:
    root: Any = typer.main.get_command(app)
    return list(reference.commands(root, "regimeflow"))


@pytest.mark.parametrize("path", [path for path, _ in every_command()])
def test_every_command_has_help_with_an_example(run: Run, path: str) -> None:
    done = run(*path.split()[1:], "--help")
    assert done.status == 0
    assert f"Example: {path}" in " ".join(done.out.split())
    assert not done.err


def test_what_comes_in_later_issues_is_not_there_as_a_stub() -> None:
    assert not {path.split()[1] for path, _ in every_command()} & LATER


def test_the_page_of_commands_is_current() -> None:
    assert (ROOT / "docs/commands.md").read_text() == reference.render(), "python -m services.control.reference > docs/commands.md"


def test_help_imports_nothing_heavy() -> None:
    script = "import sys, services.control.main as m; m.main(['--help']); print(sorted(n for n in sys.modules if n.startswith(('shared.', 'zmq', 'msgspec'))))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["halt"], 2, "--reason"),
        (["status", "--config", "missing.yaml"], 2, "missing.yaml"),
        (["status"], 2, "no stack runs here; name one with --config PATH or REGIMEFLOW_CONFIG"),
        (["cancel"], 2, "name one order, or say --all"),
        (["live", "--config", "x.yaml", "--run-for", "soon"], 2, "30s, 5m or 1h"),
        (["journal", "export", "--journal", "x.db", "--type", "OrderFiled"], 2, "no event is called OrderFiled"),
        (["journal", "export", "--format", "parquet", "--journal", "x.db"], 2, "parquet needs --out FILE"),
        (["check-strategy", "no_such_strategy"], 2, "no_such_strategy"),
        (["service", "nothing", "--config", "x.yaml"], 2, "'nothing' is not one of"),
    ],
)
@pytest.mark.usefixtures("stack")
def test_errors_are_one_line_and_no_traceback(run: Run, arguments: list[str], status: int, said: str) -> None:
    done = run(*arguments)
    assert done.status == status
    assert said in done.err
    assert done.err.startswith("regimeflow: ")
    assert done.err.count("\n") == 1
    assert not done.out


def test_a_refused_configuration_is_one_line_a_problem(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("live:\n  broker: paper\n  symbols: [ACME]\n  stop_policy: perhaps\n  log_dirr: x\n")
    done = run("live", "--config", path)
    assert done.status == 2
    assert [line.split(": ")[1:3] for line in done.err.splitlines()] == [[f"{path}:4", "live.stop_policy"], [f"{path}:5", "live.log_dirr"]]


def test_a_bug_of_ours_is_one_line_too(run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr("services.control.options.seconds", broken)
    monkeypatch.setattr("services.live.asking.Auditor.__init__", broken)
    done = run("status", "--config", stack.config)
    assert (done.status, done.err) == (4, "regimeflow: a bug of ours: ZeroDivisionError: by nothing (REGIMEFLOW_TRACEBACK=1 shows where)\n")


def test_regimeflow_live_is_the_same_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert live_main(["--config", "missing.yaml"]) == 2
    assert capfd.readouterr().err.startswith("regimeflow_live: missing.yaml")


@pytest.mark.parametrize(("text", "value"), [("30s", 30.0), ("5m", 300.0), ("1h", 3_600.0), ("500ms", 0.5), ("2", 2.0), ("1.5s", 1.5)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


def test_the_one_stack_that_runs_needs_no_config(run: Run, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.control.queries.ANSWER_S", 0.1)
    monkeypatch.chdir(tmp_path)
    with registered(stack.config):
        done = run("status")
    assert done.status == 5  # it was found; its auditor is not there
    assert "the auditor does not answer" in done.err
