"""`regimeflow parity`: what in two configurations could make live differ from the backtest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .errors import NO, USAGE, CliError
from .options import Json
from .output import cell, columns, print_json

if TYPE_CHECKING:
    from shared.config import Loaded
    from shared.config.parity import Parity, Row

EXIT: Final = {"pass": 0, "warn": 0, "fail": 2}
HEADERS: Final = ("verdict", "topic", "key", "backtest", "live", "why")
_COLOURS: Final = {"pass": "green", "warn": "yellow", "fail": "red"}

Backtest = Annotated[Path | None, typer.Option("--backtest-config", metavar="PATH", help="The configuration of the backtest.", show_default=False)]
Live = Annotated[
    Path | None, typer.Option("--live-config", metavar="PATH", help="That of the live session. Default: the same file.", show_default=False)
]
Rows = Annotated[bool, typer.Option("--all", help="Show what agrees, too.")]


def add_to(app: typer.Typer) -> None:
    app.command("parity", epilog="Example: regimeflow parity --backtest-config backtest.yaml --live-config live.yaml")(parity)


def parity(backtest_config: Backtest = None, live_config: Live = None, every: Rows = False, as_json: Json = False) -> None:
    """Compare a backtest's configuration with a live one: strategy and parameters, symbols, data, costs, fills, risk, account, instruments.

    One file may be both. Nothing is connected and no secret is asked for. Exit status 0 they agree (pass, or warn: differences a backtest
    cannot know), 1 called wrongly or a file is refused, 2 fail: live would trade otherwise.
    """
    from shared.config import ConfigError
    from shared.config.parity import compare

    first, second = backtest_config or live_config, live_config or backtest_config
    if first is None or second is None:
        raise CliError("name the files with --backtest-config and --live-config, or one file that is both", NO)
    try:
        a = _load(first)
        b = a if second == first else _load(second)
        found = compare(a.config, b.config, a.not_in_force, b.not_in_force)
    except ConfigError as error:
        raise CliError([str(problem) for problem in error.problems], NO) from None
    except ValueError as error:
        raise CliError(f"{first} and {second}: {error}" if first != second else f"{first}: {error}", NO) from None
    if as_json:
        _print_json(found, first, second)
    else:
        _print(found, every=every)
    raise typer.Exit(USAGE if EXIT[found.verdict] else 0)


def _load(path: Path) -> Loaded:
    from shared.config import load

    return load(path, offline=True)


def _print_json(found: Parity, first: Path, second: Path) -> None:
    rows = [
        {
            "verdict": row.verdict.value,
            "topic": row.topic,
            "backtest_key": row.backtest_key,
            "live_key": row.live_key,
            "backtest": row.backtest,
            "live": row.live,
            "why": row.why,
        }
        for row in found.rows
    ]
    counts = {name: sum(row.verdict == name for row in found.rows) for name in EXIT}
    print_json({"status": found.verdict.value, "backtest_config": str(first), "live_config": str(second), "counts": counts, "rows": rows})


def _print(found: Parity, *, every: bool) -> None:
    rows = [row for row in found.rows if every or row.verdict != "pass"]
    rows.sort(key=lambda row: (-list(EXIT).index(row.verdict), row.topic))  # what fails comes first
    cells = [(row.verdict.value, row.topic, _key(row), cell(row.backtest), cell(row.live), row.why) for row in rows]
    if cells and sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*HEADERS)
        for line in cells:
            table.add_row(*line, style=_COLOURS[line[0]])
        Console().print(table)
    elif cells:
        print(columns(HEADERS, cells))
    counts = {name: sum(row.verdict == name for row in found.rows) for name in EXIT}
    print(f"{found.verdict.value}: {counts['fail']} fail, {counts['warn']} warn, {counts['pass']} agree")


def _key(row: Row) -> str:
    return row.backtest_key if row.backtest_key == row.live_key else f"{row.backtest_key} / {row.live_key}"
