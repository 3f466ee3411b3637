"""The JSON report: RegimeFlow's keys, exact money, nothing that is not JSON, whole or absent."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from services.backtest.report import benchmark_symbol, write_json
from services.backtest.report.json_report import SCHEMA
from services.backtest.report.output import replacing
from shared.metrics.record import RunRecord
from shared.metrics.summary import Summary, summary
from tests.support import run_records

RECORDS = {
    f.__name__: f for f in (run_records.usual, run_records.intraday, run_records.empty, run_records.flat, run_records.one_fill, run_records.ruined)
}
REGIMEFLOW = {"total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "var_95", "cvar_95", "best_return", "worst_return"}
OURS = {
    "schema", "equity_curve", "trades", "orders", "fills", "by_strategy", "by_symbol", "costs", "monthly_returns", "config_hash", "data_hash", "data",
    "counts", "denials", "performance", "performance_summary", "max_drawdown",
}  # fmt: skip


def figures(record: RunRecord) -> Summary:
    return summary(record, record.prices.get(benchmark_symbol(record)))


def never(text: str) -> float:
    raise AssertionError(f"{text} is not JSON")


@pytest.mark.parametrize("name", RECORDS)
def test_every_run_gives_a_document_with_all_keys(name: str, tmp_path: Path) -> None:
    record = RECORDS[name]()
    write_json(tmp_path / "r.json", record, figures(record))
    report = json.loads((tmp_path / "r.json").read_text(), parse_constant=never)
    assert report["schema"] == SCHEMA
    assert set(report) >= OURS
    assert set(report["performance"]) == REGIMEFLOW
    assert {"sharpe_ratio", "win_rate", "open_trades_unrealized_pnl"} <= set(report["performance_summary"])
    assert len(report["fills"]) == len(record.fills)
    assert len(report["equity_curve"]) == report["equity_points"] == len(record.curve)


def test_money_reads_back_to_the_last_digit(tmp_path: Path) -> None:
    record = run_records.usual()
    odd = Decimal("84154.123456789012345678901234567890123")
    record = run_records.replace(record, final_equity=odd, fees=Decimal("1E+3"))
    write_json(tmp_path / "r.json", record, figures(record))
    report = json.loads((tmp_path / "r.json").read_text(), parse_float=Decimal)
    assert report["final_equity"] == odd
    assert report["fees"] == 1000
    assert [f["price"] for f in report["fills"]] == [f.price for f in record.fills]
    assert isinstance(orjson.loads((tmp_path / "r.json").read_bytes())["final_equity"], float)


def test_times_are_utc_with_microseconds_and_absent_ones_null(tmp_path: Path) -> None:
    record = run_records.one_fill()
    write_json(tmp_path / "r.json", record, figures(record))
    report = orjson.loads((tmp_path / "r.json").read_bytes())
    assert report["start"] == "2018-01-02T21:00:00.000000Z"
    assert report["fills"][0]["timestamp"].endswith("Z")
    assert report["trades"][0]["exit_time"] is None
    assert report["performance_summary"]["win_rate"] is None


def test_a_long_curve_is_thinned_as_said_and_keeps_its_extremes(tmp_path: Path) -> None:
    record = run_records.intraday()
    record.curve.equity[1234] = 12.5
    write_json(tmp_path / "r.json", record, figures(record), equity_points_max=100)
    report = orjson.loads((tmp_path / "r.json").read_bytes())
    assert (report["equity_points_max"], report["equity_points"]) == (100, 3900)
    assert len(report["equity_curve"]) <= 100
    kept = [row["equity"] for row in report["equity_curve"]]
    assert min(kept) == 12.5
    assert (kept[0], kept[-1]) == (record.curve.equity[0], record.curve.equity[-1])


def test_a_failed_write_leaves_the_old_report(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(path) as out:
        out.write(b"half a rep")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
