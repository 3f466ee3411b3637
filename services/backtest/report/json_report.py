"""The report as JSON, schema `regimeflow.backtest.v1`: RegimeFlow's keys with its spelling and meaning, then ours.

Promises: the file is whole or absent; money and quantities are JSON numbers with every digit they have, so that a reader that keeps decimals
gets them exactly and any other the nearest float; statistics are floats in the shortest form that reads back; what does not exist is null;
times are UTC with microseconds. `equity_curve` has at most `equity_points_max` of `equity_points` marks, extremes kept; the CSV has all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from shared.domain import exact
from shared.metrics.record import RunRecord
from shared.metrics.summary import Summary

from . import thinning
from .columns import named
from .moments import iso, iso_column
from .output import replacing
from .series import Columns, columns

SCHEMA: Final = "regimeflow.backtest.v1"
EQUITY_POINTS_MAX: Final = 20_000


def write_json(path: Path, record: RunRecord, summary: Summary, equity_points_max: int = EQUITY_POINTS_MAX) -> None:
    """Raises OSError."""
    report = document(record, summary, equity_points_max)
    with replacing(path) as out:
        out.write(orjson.dumps(report, default=_plain, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2))


def document(record: RunRecord, summary: Summary, equity_points_max: int = EQUITY_POINTS_MAX) -> dict[str, Any]:
    """What is written, Decimals as they are."""
    run = columns(record)
    return {
        "schema": SCHEMA,
        "performance": asdict(summary.performance),
        "performance_summary": asdict(summary.performance_summary),
        "max_drawdown": summary.max_drawdown,
        **_run(record),
        "return_interval": summary.return_interval,
        "periods_per_year": summary.periods_per_year,
        "observations": summary.observations,
        "calendar": summary.calendar,
        "years": summary.years,
        "costs": asdict(summary.costs),
        "exposure": asdict(summary.exposure),
        "trade_statistics": asdict(summary.trades),
        "benchmark": _benchmark(summary),
        "by_strategy": {row.name: asdict(row) for row in summary.strategies},
        "by_symbol": {row.name: asdict(row) for row in summary.symbols},
        "monthly_returns": [{"year": m.year, "month": m.month, "return": m.value} for m in summary.monthly],
        "yearly_returns": [{"year": y.year, "return": y.value} for y in summary.yearly],
        "drawdowns": [named(d) for d in summary.drawdowns],
        "trades": [named(t) for t in summary.round_trips],
        "orders": [named(o) for o in record.orders],
        "fills": [named(f) for f in record.fills],
        "cash_flows": [named(f) for f in record.cash_flows],
        "equity_points": len(run),
        "equity_points_max": equity_points_max,
        "equity_curve": _equity(run, equity_points_max),
    }


def _run(record: RunRecord) -> dict[str, Any]:
    """What was run and what its ledger says."""
    return {
        "name": record.name,
        "currency": record.currency,
        "start": iso(record.started_ns),
        "end": iso(record.ended_ns),
        "interval_ns": record.interval_ns,
        "symbols": list(record.symbols),
        "calendars": dict(record.calendars),
        "strategies": {identity: dict(about) for identity, about in record.strategies.items()},
        "config_hash": record.config_hash,
        "data_hash": record.data_hash,
        "data": [asdict(d) for d in record.data],
        "wall_s": record.wall_s,
        "initial_capital": record.initial_capital,
        "final_cash": record.final_cash,
        "final_equity": record.final_equity,
        "realised": record.realised,
        "fees": record.fees,
        **_exchange(record),
        "counts": dict(record.counts),
        "denials": dict(record.denials),
    }


def _exchange(record: RunRecord) -> dict[str, Any]:
    """`fx_result` and what it is of; no key of a run of one currency."""
    found = record.exchange
    if found is None:
        return {}
    return {
        "fx_result": found.result,
        "fx_by_strategy": dict(found.by_strategy),
        "final_balances": dict(found.balances),
        "final_balances_worth": found.worth,
        "final_rates": dict(found.rates),
    }


def _benchmark(summary: Summary) -> dict[str, Any] | None:
    """Its figures; its curve follows from the data."""
    if summary.benchmark is None:
        return None
    return {key: value for key, value in named(summary.benchmark).items() if key not in {"times", "values"}}


def _equity(run: Columns, points_max: int) -> list[dict[str, Any]]:
    """Marks as rows, which is what RegimeFlow's dashboards and data frames take."""
    kept = thinning.keep([run.equity], points_max)
    numbers: Sequence[list[float]] = [c[kept].tolist() for c in (run.equity, run.cash, run.gross, run.net, run.drawdown + 0.0)]
    keys = ("timestamp", "equity", "cash", "gross", "net", "drawdown")
    return [dict(zip(keys, row, strict=True)) for row in zip(iso_column(run.times[kept]), *numbers, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(exact.text(value))
    if isinstance(value, np.generic):
        return value.item()
    return str(value)  # parameters are the user's own: a path, a date
