"""CSV files of a run: the summary with RegimeFlow's names, the whole equity curve, round trips and fills. Times are UTC, numbers in full,
what does not exist is an empty cell. A file is whole or absent."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from shared.metrics.record import FillRecord, RunRecord
from shared.metrics.summary import Summary
from shared.metrics.trades import Trade

from . import rows
from .columns import names, values
from .output import replacing
from .series import columns


def write_csv(path: Path, _record: RunRecord, summary: Summary) -> None:
    """`metric,value`: `performance` under its own names, `performance_summary` with the prefix `summary_`, as RegimeFlow writes it.
    Raises OSError."""
    lines = [*asdict(summary.performance).items(), ("max_drawdown", summary.max_drawdown)]
    lines += [(f"summary_{key}", value) for key, value in asdict(summary.performance_summary).items()]
    with replacing(path) as out:
        rows.write_rows(out, ("metric", "value"), lines)


def write_equity(path: Path, record: RunRecord, _summary: Summary) -> None:
    """One line a mark: timestamp, equity, cash, gross and net market value, drawdown (fraction, at most 0). Never thinned. Raises OSError."""
    run = columns(record)
    numbers = {"equity": run.equity, "cash": run.cash, "gross": run.gross, "net": run.net, "drawdown": run.drawdown + 0.0}
    with replacing(path) as out:
        rows.write_columns(out, run.times, numbers)


def write_trades(path: Path, _record: RunRecord, summary: Summary) -> None:
    """One line a round trip, by entry; the exit of an open one is empty. Raises OSError."""
    with replacing(path) as out:
        rows.write_rows(out, names(Trade), (values(t) for t in summary.round_trips))


def write_fills(path: Path, record: RunRecord, _summary: Summary) -> None:
    """One line an execution, in the order they were booked. Raises OSError."""
    with replacing(path) as out:
        rows.write_rows(out, names(FillRecord), (values(f) for f in record.fills))
