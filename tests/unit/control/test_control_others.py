"""`config`, `check-strategy` and `service`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.unit.control.conftest import ROOT, Run, Stack


def test_a_configuration_in_order_says_what_has_no_effect(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "live.yaml"
    path.write_text("live: {broker: paper, symbols: [ACME]}\nmetrics: {prometheus: {enabled: true}}\n")
    done = run("config", "check", path)
    assert done.status == 0
    assert done.out.endswith(f"{path}: in order\n")
    said = json.loads(run("config", "check", path, "--json").out)
    assert (said["ok"], said["problems"]) == (True, [])


def test_a_refused_configuration_is_json_too(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("live: {broker: paper}\n")
    done = run("config", "check", path, "--json")
    assert done.status == 2
    (problem,) = json.loads(done.out)["problems"]
    assert problem["path"] == "live.symbols"
    assert run("config", "check", path).err.count("\n") == 1


def test_the_schema_is_json(run: Run) -> None:
    assert json.loads(run("config", "schema").out)["title"] == "regimeflow configuration"


def test_a_fit_strategy_is_fit_on_made_up_bars_and_on_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("{fast_period: 3, slow_period: 8, quantity: 2}")
    done = run("check-strategy", "moving_average_cross", "--params", tmp_path / "params.yaml", "--bars", 300, "--json")
    said = json.loads(done.out)
    assert (done.status, said["verdict"], said["findings"]) == (0, "fit", [])
    assert said["orders"] > 0

    rows = [f"2024-01-02T10:{m:02d}:00Z,{p},{p},{p},{p},5" for m, p in enumerate([10, 11] * 15)]
    (tmp_path / "ACME.csv").write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    done = run("check-strategy", "moving_average_cross", "--params", tmp_path / "params.yaml", "--data", tmp_path)
    assert done.status == 0
    assert done.out.startswith("fit: ")


def test_data_that_is_not_there_is_one_line(run: Run, tmp_path: Path) -> None:
    done = run("check-strategy", "buy_and_hold", "--data", tmp_path)
    assert done.status == 2
    assert "ACME.csv" in done.err
    assert done.err.count("\n") == 1


def test_a_venue_of_our_own_serves_the_paper_broker_only(tmp_path: Path) -> None:
    path = tmp_path / "live.yaml"
    path.write_text("live: {broker: alpaca, symbols: [ACME], broker_config: {api_key: k, secret_key: s}}\n")
    arguments = [sys.executable, "-m", "services.control.main", "service", "paper_venue", "--config", str(path)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "regimeflow: paper_venue serves live.broker: paper; this configuration trades elsewhere\n"


def test_a_service_runs_with_the_fixed_hash_seed_whatever_it_was_started_with(stack: Stack) -> None:
    arguments = [sys.executable, "-m", "services.control.main", "service", "paper_venue", "--config", str(stack.config)]
    env = {**os.environ, "PYTHONHASHSEED": "17"}
    process = subprocess.Popen(arguments, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20.0
        while psutil.Process(process.pid).environ().get("PYTHONHASHSEED") != "0":
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        assert psutil.Process(process.pid).cmdline()[1:] == arguments[1:]
    finally:
        process.kill()
        process.wait()
