"""CSV files: names, full numbers, whole curves."""

from __future__ import annotations

import csv
from array import array
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from services.backtest.report import benchmark_symbol, write_csv, write_equity, write_fills, write_trades
from services.backtest.report.rows import CHUNK_ROWS
from shared.metrics.record import Curve, RunRecord
from shared.metrics.summary import Summary, summary
from tests.support import run_records


def figures(record: RunRecord) -> Summary:
    return summary(record, record.prices.get(benchmark_symbol(record)))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_summary_has_regimeflows_names(tmp_path: Path) -> None:
    record = run_records.usual()
    found = figures(record)
    write_csv(tmp_path / "s.csv", record, found)
    metrics = {row["metric"]: row["value"] for row in read(tmp_path / "s.csv")}
    assert float(metrics["sharpe"]) == found.performance.sharpe
    assert float(metrics["summary_sharpe_ratio"]) == found.performance_summary.sharpe_ratio
    assert metrics["summary_total_trades"] == str(found.trades.closed)
    assert metrics["summary_best_day_date"] == found.performance_summary.best_day_date


def test_what_does_not_exist_is_an_empty_cell(tmp_path: Path) -> None:
    record = run_records.empty()
    write_csv(tmp_path / "s.csv", record, figures(record))
    metrics = {row["metric"]: row["value"] for row in read(tmp_path / "s.csv")}
    assert metrics["sharpe"] == ""
    assert metrics["summary_total_trades"] == "0"


def test_the_curve_is_whole_and_reads_back(tmp_path: Path) -> None:
    size = CHUNK_ROWS + 7  # across a chunk's edge
    base = run_records.flat()
    times = array("q", (base.started_ns + n * 60_000_000_123 for n in range(size)))
    values = array("d", (100_000.0 + n / 3 for n in range(size)))
    record = replace(base, curve=Curve(times, values, values, array("d", bytes(8 * size)), array("d", bytes(8 * size))))
    write_equity(tmp_path / "e.csv", record, figures(base))
    rows = read(tmp_path / "e.csv")
    assert list(rows[0]) == ["timestamp", "equity", "cash", "gross", "net", "drawdown"]
    assert [float(row["equity"]) for row in rows] == values.tolist()
    assert rows[1]["timestamp"] == "2018-01-02T21:01:00.000000Z"
    assert {row["drawdown"] for row in rows} == {"0.0"}


def test_a_curve_without_growth_has_no_drawdown(tmp_path: Path) -> None:
    record = replace(run_records.flat(), initial_capital=Decimal(0))
    write_equity(tmp_path / "e.csv", record, figures(record))
    assert {row["drawdown"] for row in read(tmp_path / "e.csv")} == {""}


def test_an_empty_run_has_headers(tmp_path: Path) -> None:
    record = run_records.empty()
    for write, first in ((write_equity, "timestamp"), (write_trades, "strategy"), (write_fills, "timestamp")):
        write(tmp_path / "f.csv", record, figures(record))
        assert (tmp_path / "f.csv").read_text().startswith(first)
        assert read(tmp_path / "f.csv") == []


def test_trades_and_fills_are_lines_with_exact_money(tmp_path: Path) -> None:
    record = run_records.usual()
    found = figures(record)
    write_trades(tmp_path / "t.csv", record, found)
    write_fills(tmp_path / "f.csv", record, found)
    trades, fills = read(tmp_path / "t.csv"), read(tmp_path / "f.csv")
    assert sum((Decimal(row["net"]) for row in trades), Decimal(0)) == sum((t.net for t in found.round_trips), Decimal(0))
    assert [row["exit_time"] == "" for row in trades] == [t.exit_ns is None for t in found.round_trips]
    assert [Decimal(row["price"]) for row in fills] == [f.price for f in record.fills]
    assert {row["side"] for row in fills} == {"buy", "sell"}
