"""`regimeflow backtest`: what it prints, writes and refuses, in the process of the test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from services.control import backtest
from services.control.main import run
from shared.config import Loaded
from tests.unit.backtest.conftest import Configure, Row, WriteBars, walk

Call = Callable[..., int]
CROSS = {"name": "moving_average_cross", "params": {"fast_period": 2, "slow_period": 5, "quantity": 3}}


def call(loaded: Loaded, *arguments: str) -> int:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    backtest.add_to(app)
    return run(app, "regimeflow", ["backtest", "--config", str(loaded.files[0]), *arguments])


def test_it_writes_what_is_asked_for_and_says_so(
    configure: Configure, write_bars: WriteBars, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bars("ABC", walk(5, 120))
    outputs = {kind: tmp_path / f"out.{kind}" for kind in ("json", "csv", "equity", "trades", "html")}
    flags = [text for kind, path in outputs.items() for text in (f"--output-{kind}", str(path))]
    assert call(configure(strategy=CROSS), *flags) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"wrote {path}" for path in outputs.values()]
    report = json.loads(outputs["json"].read_text())
    assert report["counts"]["bars"] == 120
    assert report["counts"]["filled"] == len(report["fills"]) > 0
    assert all(path.stat().st_size for path in outputs.values())


def test_without_an_output_it_prints_the_summary(configure: Configure, write_bars: WriteBars, capsys: pytest.CaptureFixture[str]) -> None:
    write_bars("ABC", walk(5, 40))
    assert call(configure(strategy=CROSS)) == 0
    assert "Final equity" in capsys.readouterr().out


def test_a_strategy_of_the_command_line_with_its_parameters(configure: Configure, write_bars: WriteBars, tmp_path: Path) -> None:
    write_bars("ABC", walk(5, 60))
    params = tmp_path / "params.json"
    params.write_text('{"symbol": "ABC", "quantity": 7}')
    out = tmp_path / "out.json"
    assert call(configure(), "--strategy", "buy_and_hold", "--strategy-params", str(params), "--output-json", str(out)) == 0
    fills = json.loads(out.read_text())["fills"]
    assert [fill["quantity"] for fill in fills] == [7]


BAD_ROWS: dict[str, list[Row]] = {
    "high below low": [(100, 101, 99, 100, 5), (100, 99, 101, 100, 5)],
    "negative": [(100, 101, 99, 100, 5), (-1, 101, -2, 100, 5)],
    "not a number": [(100, 101, 99, 100, 5), (float("nan"), 101, 99, 100, 5)],
}


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_a_bad_row_is_one_line_with_file_and_row(configure: Configure, write_bars: WriteBars, capsys: pytest.CaptureFixture[str], fault: str) -> None:
    path = write_bars("ABC", BAD_ROWS[fault])
    assert call(configure(strategy=CROSS)) == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith(f"regimeflow: {path}, row 3: ")


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "strategy: nothing trades": ({}, ()),
    "did you mean buy_and_hold?": ({}, ("--strategy", "buy_and_hodl")),
    "fast_period: 9 must be smaller": ({"strategy": {**CROSS, "params": {"fast_period": 9, "slow_period": 5}}}, ()),
    "NOPE.csv: no such file": ({"strategy": CROSS, "symbols": ["NOPE"], "instruments": {}}, ()),
    "gateway.feed.minutes: 0 is a market without an end": (
        {"strategy": CROSS, "data": None, "data_source": "synthetic", "live": {"broker": "paper", "symbols": ["ABC"]}},
        (),
    ),
    "regime_detector: not in force yet": ({"strategy": CROSS, "regime_detector": "hmm"}, ()),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_it_cannot_run_is_one_line(configure: Configure, write_bars: WriteBars, capsys: pytest.CaptureFixture[str], words: str) -> None:
    write_bars("ABC", walk(5, 10))
    changes, flags = REFUSED[words]
    assert call(configure(**changes), *flags) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("regimeflow: ")]
    assert words in line
