"""`regimeflow backtest` as its user runs it: what it writes, which data it takes, which it refuses and in which words.

The first three start the program itself; the others call it in this process, because its start-up costs more than their runs."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from services.backtest.replay_run import replay
from services.control.main import main
from shared.bus.verify import verify
from shared.config import load
from shared.events import Bar, OrderFilled, Quote
from shared.metrics.figures import Performance, PerformanceSummary
from tests.support.rewritten import envelopes
from tests.support.stack import ROOT, Stack, config_of

START: Final = dt.datetime(2024, 1, 3, 14, 30, tzinfo=dt.UTC)
HEADER: Final = "timestamp,open,high,low,close,volume"
CROSS: Final = {"name": "moving_average_cross", "params": {"fast_period": 2, "slow_period": 5, "quantity": 3}}
OUTPUTS: Final = ("json", "csv", "equity", "trades", "fills", "html")

MINE: Final = """
from shared.strategy import Order, OrderSide, OrderType, Strategy


class Once(Strategy):
    '''Buys once, when it has seen `after` bars.'''

    def initialize(self, ctx):
        self.seen = 0

    def on_bar(self, bar):
        self.seen += 1
        if self.seen == self.ctx.params["after"]:
            self.ctx.submit_order(Order(bar.symbol, OrderSide.BUY, OrderType.MARKET, 4))
"""


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def refusal(self) -> str:
        """The one line it gave for what it could not do."""
        assert self.status == 2, self
        (line,) = self.err.splitlines()
        assert not self.out
        assert "Traceback" not in line
        return line.removeprefix("regimeflow: ")


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process."""

    def called(config: Path, *arguments: object) -> Ran:
        status = main(["backtest", "--config", str(config), *map(str, arguments)])
        said = capsys.readouterr()
        return Ran(status, said.out, said.err)

    return called


def program(directory: Path, *arguments: object) -> Ran:
    """The program, from a directory."""
    command = [sys.executable, "-m", "services.control.main", "backtest", *map(str, arguments)]
    done = subprocess.run(command, cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def bars(seed: int, count: int, price: float = 100.0) -> list[str]:
    """Lines of one-minute bars in whole cents."""
    rng, lines = random.Random(seed), []
    for i in range(count):
        close = round(max(1.0, price + rng.gauss(0.0, 0.2)), 2)
        high, low = max(price, close) + 0.01, min(price, close) - 0.01
        lines.append(f"{START + dt.timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ},{price},{high:.2f},{low:.2f},{close},{rng.randint(100, 900)}")
        price = close
    return lines


def write(path: Path, lines: Sequence[str], header: str = HEADER) -> Path:
    text = "\n".join([header, *lines, ""])
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def configured(directory: Path, **changes: Any) -> Path:
    """A flat file over the directory's own CSV files of ABC."""
    tree = {"data_source": "csv", "data": {"data_directory": str(directory)}, "symbols": ["ABC"], "bar_type": "1m", "initial_capital": 10_000}
    path = directory / "backtest.yaml"
    path.write_text(yaml.safe_dump({**tree, "strategy": CROSS, **changes}))
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# -- the program


def test_the_shipped_file_gives_every_output_and_they_agree(tmp_path: Path) -> None:
    tree = yaml.safe_load((ROOT / "configs" / "backtest.yaml").read_text())
    config = tmp_path / "short.yaml"
    config.write_text(yaml.safe_dump({**tree, "end_date": tree["start_date"] + dt.timedelta(days=2)}))
    flags = [text for kind in OUTPUTS for text in (f"--output-{kind}", f"run.{kind}")]
    ran = program(tmp_path, "--config", config, *flags, "--journal", "run.db", "--benchmark", "GLOBEX", "--print-summary")
    assert (ran.status, ran.err) == (0, "")
    assert "Final equity" in ran.out
    assert ran.out.splitlines()[-7:] == [f"wrote run.{kind}" for kind in (*OUTPUTS, "db")]

    report = json.loads((tmp_path / "run.json").read_text(), parse_float=Decimal)
    assert list(report["performance"]) == [f.name for f in fields(Performance)]
    assert list(report["performance_summary"]) == [f.name for f in fields(PerformanceSummary)]
    assert {"max_drawdown", "equity_curve", "trades", "by_strategy", "by_symbol", "costs", "config_hash", "data_hash"} <= set(report)
    assert report["counts"]["bars"] == 3 * 390 * 2
    assert report["benchmark"] is not None
    assert set(report["by_symbol"]) == {"ACME", "GLOBEX"}

    figures = {row["metric"]: row["value"] for row in table(tmp_path / "run.csv")}
    assert Decimal(figures["total_return"]) == report["performance"]["total_return"]
    equity, fills, trades = (table(tmp_path / f"run.{kind}") for kind in ("equity", "fills", "trades"))
    assert len(equity) == report["equity_points"] > 3 * 390
    assert float(equity[-1]["equity"]) == pytest.approx(float(report["final_equity"]))
    assert len(fills) == report["counts"]["filled"] == len(report["fills"]) > 4
    assert [Decimal(fill["fee"]) for fill in fills] == [fill["fee"] for fill in report["fills"]]
    assert sum(Decimal(fill["fee"]) for fill in fills) == report["fees"]
    assert [trade["entry_time"] for trade in trades] == [trade["entry_time"] for trade in report["trades"]]

    page = (tmp_path / "run.html").read_text()
    assert not re.search(r'(?:src|href)="(?!#|data:)', page), "the page asks for something that is not in it"
    assert "GLOBEX bought and held" in page
    assert verify(tmp_path / "run.db").clean
    booked = [e.event for e in envelopes(tmp_path / "run.db") if isinstance(e.event, OrderFilled)]
    assert [fill.execution_id for fill in booked] == [fill["execution_id"] for fill in fills]


def test_a_strategy_of_ones_own_by_file_and_class(tmp_path: Path) -> None:
    write(tmp_path / "ABC.csv", bars(1, 30))
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "mine.yaml").write_text("after: 7\n")
    config = configured(tmp_path, strategy=None)
    ran = program(tmp_path, "--config", config, "--strategy", "mine.py:Once", "--strategy-params", "mine.yaml", "--output-fills", "f.csv")
    assert (ran.status, ran.out, ran.err) == (0, "wrote f.csv\n", "")
    (fill,) = table(tmp_path / "f.csv")
    assert (fill["quantity"], fill["timestamp"]) == ("4", f"{START + dt.timedelta(minutes=7):%Y-%m-%dT%H:%M:%S}.000000Z")  # the next open
    assert Decimal(fill["price"]) == Decimal(bars(1, 30)[7].split(",")[1])


def test_a_refusal_is_one_line_and_status_two_in_the_program_too(tmp_path: Path) -> None:
    write(tmp_path / "ABC.csv", [*bars(1, 3), *bars(1, 1)])
    ran = program(tmp_path, "--config", configured(tmp_path, data={"data_directory": "."}))
    assert ran.refusal.startswith("ABC.csv, row 5: ")


# -- what it is called with


def test_a_built_in_by_name_with_parameters_in_json(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "ABC.csv", bars(1, 30))
    (tmp_path / "hold.json").write_text('{"symbol": "ABC", "quantity": 7}')
    ran = run(configured(tmp_path), "--strategy", "buy_and_hold", "--strategy-params", tmp_path / "hold.json", "--output-fills", tmp_path / "f.csv")
    assert ran.status == 0
    assert [fill["quantity"] for fill in table(tmp_path / "f.csv")] == ["7"]


def test_an_unknown_benchmark_and_a_journal_that_is_there_are_refused(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "ABC.csv", bars(1, 30))
    config = configured(tmp_path)
    assert run(config, "--benchmark", "SPY").refusal == "--benchmark SPY: not a symbol of this run (ABC)"
    (tmp_path / "mine.db").write_text("precious")
    assert run(config, "--journal", tmp_path / "mine.db").refusal.startswith(f"{tmp_path / 'mine.db'}: ")
    assert (tmp_path / "mine.db").read_text() == "precious"


def test_the_journal_of_a_backtest_replays(run: Run, tmp_path: Path) -> None:
    config = config_of("paper.yaml", tmp_path, bus__clock="feed", bus__durability="process", gateway__feed__minutes=60)
    journal = tmp_path / "run.db"
    assert run(config, "--journal", journal).status == 0
    assert sum(isinstance(e.event, OrderFilled) for e in envelopes(journal)) > 1
    assert replay(journal, load(config)).identical


# -- bad data


def _changed(line: str, **cells: object) -> str:
    names = HEADER.split(",")
    return ",".join(str(cells.get(name, cell)) for name, cell in zip(names, line.split(","), strict=True))


GOOD: Final = tuple(bars(2, 3))
BAD: Final[dict[str, tuple[str, str]]] = {  # what stands in row 4, and a word of why it is refused
    "unsorted": (_changed(GOOD[2], timestamp="2024-01-03T14:00:00Z"), "before"),
    "duplicate": (_changed(GOOD[2], timestamp="2024-01-03T14:31:00Z"), "duplicate"),
    "missing timestamp": (_changed(GOOD[2], timestamp=""), "timestamp"),
    "no number": (_changed(GOOD[2], open="nan"), "open"),
    "negative": (_changed(GOOD[2], low="-1"), "low"),
    "high below low": (_changed(GOOD[2], high="1"), "high"),
    "another time zone": (_changed(GOOD[2], timestamp="2024-01-03T14:32:00+02:00"), "zone"),
    "a cell too few": (GOOD[2].rpartition(",")[0], "cells"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_data_is_one_line_with_file_row_and_reason(run: Run, tmp_path: Path, fault: str) -> None:
    row, why = BAD[fault]
    path = write(tmp_path / "ABC.csv", [*GOOD[:2], row])
    line = run(configured(tmp_path)).refusal
    assert line.startswith(f"{path}, row 4: ")
    assert why in line


@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_wrong_columns_are_refused_either_way(run: Run, tmp_path: Path, on_error: str) -> None:
    path = write(tmp_path / "ABC.csv", GOOD, HEADER.replace("close", "last"))
    line = run(configured(tmp_path, data={"data_directory": str(tmp_path), "on_error": on_error})).refusal
    assert line.startswith(f"{path}")
    assert "close" in line


def test_skipping_counts_and_says_so(run: Run, tmp_path: Path) -> None:
    good = bars(2, 40)
    bad = [row for row, _ in BAD.values()]
    path = write(tmp_path / "ABC.csv", [*good[:3], *bad, *good[3:]])
    out = tmp_path / "r.json"
    ran = run(configured(tmp_path, data={"data_directory": str(tmp_path), "on_error": "skip"}), "--output-json", out)
    assert ran.status == 0
    assert ran.err == f"{path.name}: {len(bad)} bad rows left out, 40 used\n"
    (data,) = json.loads(out.read_text())["data"]
    assert (data["rows"], data["skipped"]) == (40, len(bad))


# -- good data, in each form


def test_gzip_and_parquet_give_what_the_text_file_gives(run: Run, tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    lines = bars(3, 60)
    cells = [line.split(",") for line in lines]
    columns = {name: [float(row[i]) for row in cells] for i, name in enumerate(HEADER.split(",")) if i}
    found = {}
    for kind, pattern in (("csv", "{symbol}.csv"), ("gzip", "{symbol}.csv.gz"), ("parquet", "{symbol}.parquet")):
        path = tmp_path / pattern.format(symbol="ABC")
        if kind == "parquet":
            pq.write_table(pa.table({"timestamp": [START + dt.timedelta(minutes=i) for i in range(len(lines))], **columns}), path)
        else:
            write(path, lines)
        source = "parquet" if kind == "parquet" else "csv"
        config = configured(tmp_path, data_source=source, data={"data_directory": str(tmp_path), "file_pattern": pattern})
        assert run(config, "--output-fills", tmp_path / "f.csv").status == 0
        found[kind] = (tmp_path / "f.csv").read_text()
    assert len(found["csv"].splitlines()) > 5
    assert found["csv"] == found["gzip"] == found["parquet"]


def test_fifty_symbols_are_merged_in_time(run: Run, tmp_path: Path) -> None:
    symbols = [f"S{i:02}" for i in range(50)]
    for i, symbol in enumerate(symbols):
        lines = bars(i, 20)
        write(tmp_path / f"{symbol}.csv", lines[:: 1 + i % 3])  # gaps at different minutes
    config = configured(tmp_path, symbols=symbols, strategy={"name": "buy_and_hold", "params": {"symbol": "S49", "quantity": 1}})
    assert run(config, "--journal", tmp_path / "run.db").status == 0
    rows = [(e.ts_ns, e.event.symbol) for e in envelopes(tmp_path / "run.db") if isinstance(e.event, Bar)]
    assert len(rows) == sum(len(range(0, 20, 1 + i % 3)) for i in range(50))
    assert rows == sorted(rows)


def test_daily_bars_trade_at_the_next_open(run: Run, tmp_path: Path) -> None:
    days = ["2024-01-11", "2024-01-12", "2024-01-16", "2024-01-17"]  # over a weekend and a holiday
    lines = [f"{day},{100 + i},{101 + i},{99 + i},{100 + i},5000" for i, day in enumerate(days)]
    write(tmp_path / "ABC.csv", lines, HEADER.replace("timestamp", "Date"))
    out = tmp_path / "r.json"
    hold = {"name": "buy_and_hold", "params": {"symbol": "ABC", "quantity": 10}}
    assert run(configured(tmp_path, bar_type="1d", strategy=hold), "--output-json", out).status == 0
    report = json.loads(out.read_text())
    (order,), (fill,) = report["orders"], report["fills"]
    assert order["submitted"] == "2024-01-11T21:00:00.000000Z"
    assert (fill["timestamp"], fill["price"]) == ("2024-01-12T14:30:00.000000Z", 101)
    assert report["final_equity"] == 10_000 + 10 * (103 - 101)


# -- what a live session recorded


def test_the_journal_of_a_live_run_as_data_gives_that_runs_fills(run: Run, tmp_path: Path) -> None:
    config = config_of("paper.yaml", tmp_path / "live", bus__clock="feed", bus__durability="process", gateway__feed__minutes=45)
    tree = yaml.safe_load(config.read_text())
    for strategy in tree["live"]["strategies"]:
        strategy["warmup_bars"] = 0  # the market before the recording is not in it
    config.write_text(yaml.safe_dump(tree))
    with Stack(config, tmp_path / "live").start() as stack:
        stack.wait(stack.ended, "live run")
        stack.stop()
        live = [(e.ts_ns, e.event) for e in stack.events(OrderFilled)]
        quotes = sum(1 for _ in stack.events(Quote))
    assert len(live) > 3
    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump({**tree, "data_source": "journal", "journal": {"path": str(stack.journal)}}))
    assert run(again, "--output-json", tmp_path / "r.json", "--journal", tmp_path / "again.db").status == 0
    booked = [(e.ts_ns, e.event) for e in envelopes(tmp_path / "again.db") if isinstance(e.event, OrderFilled)]
    assert booked == live
    assert json.loads((tmp_path / "r.json").read_text())["counts"]["quotes"] == quotes
