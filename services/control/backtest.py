"""`regimeflow backtest`: the live actors on recorded or made data, and the reports of the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import CliError
from .options import ConfigFile

if TYPE_CHECKING:
    from shared.config import Loaded
    from shared.metrics.record import RunRecord


def _output(flag: str, what: str) -> Any:
    return typer.Option(flag, metavar="PATH", help=what, show_default=False)


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Example: regimeflow backtest --config configs/backtest.yaml --output-html report.html")(backtest)


def backtest(
    config: ConfigFile,
    strategy: Annotated[
        str,
        typer.Option(
            metavar="NAME|module:Class|file.py:Class", help="In place of the file's strategies, with `strategy_params`.", show_default=False
        ),
    ] = "",
    strategy_params: Annotated[Path | None, typer.Option(metavar="FILE", help="Parameters of --strategy, YAML or JSON.", show_default=False)] = None,
    output_json: Annotated[Path | None, _output("--output-json", "The whole report as JSON.")] = None,
    output_csv: Annotated[Path | None, _output("--output-csv", "The summary as one CSV table.")] = None,
    output_equity: Annotated[Path | None, _output("--output-equity", "The equity curve as CSV.")] = None,
    output_trades: Annotated[Path | None, _output("--output-trades", "The round trips as CSV.")] = None,
    output_fills: Annotated[Path | None, _output("--output-fills", "Every execution as CSV.")] = None,
    output_html: Annotated[Path | None, _output("--output-html", "The report as one page that opens offline.")] = None,
    benchmark: Annotated[
        str, typer.Option(metavar="SYMBOL", help="The symbol the run is compared with. Default: its first.", show_default=False)
    ] = "",
    journal: Annotated[Path | None, _output("--journal", "Every event of the run as a journal, for `journal` and `replay`; a new file.")] = None,
    print_summary: Annotated[bool, typer.Option("--print-summary", help="Print the summary; done anyway where no file is written.")] = False,
) -> None:
    """Run a configuration on its data, with the same actors as live, and report.

    Exit status 0 after a finished run, 2 when the configuration, the strategy or the data are refused.
    """
    from services.backtest.build import notes_of
    from services.backtest.journaling import journal_at
    from services.backtest.main import run_backtest
    from services.gateway.feeds.port import FeedError
    from shared.config import load

    loaded = load(config)
    for note in notes_of(loaded):
        print(note, file=sys.stderr)
    _check_benchmark(loaded, benchmark)
    try:
        with nullcontext() if journal is None else journal_at(journal) as sink, _progress() as progress:
            record = run_backtest(loaded, strategy, _params(strategy_params), progress, sink)
    except FeedError as error:
        raise CliError(str(error)) from None
    except (ValueError, TypeError) as error:
        if type(error) not in (ValueError, TypeError):
            raise
        raise CliError(f"{config}: {error}") from None
    for file in record.data:
        if file.skipped:
            print(f"{file.name}: {file.skipped:,} bad rows left out, {file.rows:,} used", file=sys.stderr)
    outputs = {
        "json": output_json,
        "csv": output_csv,
        "equity": output_equity,
        "trades": output_trades,
        "fills": output_fills,
        "html": output_html,
    }
    reports = {kind: path for kind, path in outputs.items() if path is not None}
    _write(record, reports, benchmark, show=print_summary or not reports)
    for path in [*reports.values(), *([] if journal is None else [journal])]:
        print(f"wrote {path}")


def _check_benchmark(loaded: Loaded, symbol: str) -> None:
    """Before the run, which may take long. Raises CliError."""
    known = loaded.config.backtest_symbols
    if symbol and symbol not in known:
        raise CliError(f"--benchmark {symbol}: not a symbol of this run ({', '.join(known)})")


def _write(record: RunRecord, outputs: dict[str, Path], benchmark: str, *, show: bool) -> None:
    from functools import partial

    from services.backtest import report
    from shared.metrics.summary import summary

    symbol = report.benchmark_symbol(record, benchmark)
    if benchmark and not symbol:
        print(f"--benchmark {benchmark}: the data hold no price of it; the report compares with nothing", file=sys.stderr)
    result = summary(record, record.prices.get(symbol))
    writers: dict[str, Callable[[Path, Any, Any], None]] = {
        "json": report.write_json,
        "csv": report.write_csv,
        "equity": report.write_equity,
        "trades": report.write_trades,
        "fills": report.write_fills,
        "html": partial(report.write_html, benchmark=benchmark),
    }
    for kind, path in outputs.items():
        writers[kind](path, record, result)
    if show:
        from rich.console import Console

        report.print_summary(record, result, Console())


def _params(file: Path | None) -> dict[str, Any] | None:
    """Raises CliError."""
    if file is None:
        return None
    import yaml

    try:
        found = yaml.safe_load(file.read_text())  # JSON is YAML
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CliError(f"{file}: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise CliError(f"{file}: must hold names and values")
    return found


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A line on a terminal, nothing elsewhere: how many rows are done and which day the data have reached."""
    if not sys.stderr.isatty():
        yield lambda _rows, _ns: None
        return
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.fields[day]}"), TextColumn("{task.completed:,.0f} rows"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("backtest", total=None, day="reading")

        def tell(rows: int, ns: int) -> None:
            bar.update(task, completed=rows, day=f"{datetime.fromtimestamp(ns / 1e9, UTC):%Y-%m-%d}")

        yield tell
