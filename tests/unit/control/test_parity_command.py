"""`regimeflow parity`: exit statuses, plain lines, JSON."""

import json

import pytest
import typer

from services.control import parity
from services.control.main import run

FILE = """
live:
  broker: paper
  symbols: [SPY]
  state_dir: {folder}/state
bus: {{clock: {clock}, durability: process}}
gateway: {{feed: {{kind: synthetic, minutes: 10}}}}
strategy: {{name: moving_average_cross, params: {{fast_period: {fast}}}}}
"""


@pytest.fixture
def call(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, fast=10, clock="feed"):
        path = tmp_path / name
        path.write_text(FILE.format(folder=tmp_path, fast=fast, clock=clock))
        return str(path)

    def call(*arguments):
        app = typer.Typer(name="regimeflow", add_completion=False)
        app.callback()(lambda: None)
        parity.add_to(app)
        status = run(app, "regimeflow", ["parity", *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    call.write = write
    return call


def test_one_file_that_is_both_agrees(call):
    status, out, err = call("--backtest-config", call.write("a.yaml"))
    assert (status, err) == (0, "")
    assert out.startswith("pass: 0 fail, 0 warn, ")


def test_a_warning_is_no_failure(call):
    status, out, _ = call("--live-config", call.write("a.yaml", clock="wall"))
    assert status == 0
    assert "warn     time   bus.clock  feed      wall" in out


def test_a_difference_fails_and_is_named(call):
    status, out, _ = call("--backtest-config", call.write("a.yaml"), "--live-config", call.write("b.yaml", fast=12))
    assert status == 2
    assert "fail     strategy  strategy.params.fast_period  10        12    the strategy decides otherwise" in out
    assert out.splitlines()[-1].startswith("fail: 1 fail, 0 warn, ")


def test_json_has_every_row(call):
    status, out, _ = call("--backtest-config", call.write("a.yaml"), "--live-config", call.write("b.yaml", fast=12), "--json")
    found = json.loads(out)
    assert (status, found["status"], found["counts"]["fail"]) == (2, "fail", 1)
    assert sum(found["counts"].values()) == len(found["rows"])
    row = next(row for row in found["rows"] if row["verdict"] == "fail")
    assert list(row) == ["verdict", "topic", "backtest_key", "live_key", "backtest", "live", "why"]
    assert (row["backtest_key"], row["backtest"], row["live"]) == ("strategy.params.fast_period", 10, 12)


def test_called_wrongly(call, tmp_path):
    assert call()[0] == 1
    assert call("--live-config", str(tmp_path / "none.yaml"))[0] == 1
    (tmp_path / "bad.yaml").write_text("live: {broker: paper}\n")
    status, _, err = call("--live-config", str(tmp_path / "bad.yaml"))
    assert status == 1
    assert "live.symbols: required key is missing" in err
