"""`regimeflow check-strategy`: is a strategy fit for the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from .errors import CliError
from .options import Json
from .output import print_json

if TYPE_CHECKING:
    from shared.events import Event

BARS: Final = 2_000
SEED: Final = 7

Symbols = Annotated[
    list[str] | None, typer.Option("--symbol", metavar="SYMBOL", help="What it trades; may be given several times.", show_default="ACME")
]


def add_to(app: typer.Typer) -> None:
    app.command("check-strategy", epilog="Example: regimeflow check-strategy my_strategies.py:Breakout --params breakout.yaml")(check)


def check(
    spec: Annotated[str, typer.Argument(metavar="NAME|module:Class|file.py:Class", help="The strategy.")],
    params: Annotated[Path | None, typer.Option(help="YAML or JSON file of its parameters.", show_default=False)] = None,
    symbols: Symbols = None,
    data: Annotated[Path | None, typer.Option(help="Directory of bar files in place of made-up bars.", show_default=False)] = None,
    pattern: Annotated[str, typer.Option(help="Their names.")] = "{symbol}.csv",
    bar_type: Annotated[str, typer.Option(help="Their length: 1m, 1h, 1d.")] = "1m",
    bars: Annotated[int, typer.Option(min=10, max=1_000_000, help="How many bars at most.")] = BARS,
    callback_ms_max: Annotated[int, typer.Option(min=1, help="A callback that takes longer counts as blocked.")] = 2_000,
    as_json: Json = False,
) -> None:
    """Run a strategy in processes of its own and compare what it does: across hash seeds, and cut and rebuilt at random points.

    Exit status 0 the same orders every time, 1 not fit (the first difference is named), 2 it could not be tried.
    """
    from services.strategy_runner.check import Verdict, check_strategy
    from shared.strategy.settings import StrategySettings

    names = tuple(symbols or ["ACME"])
    settings = StrategySettings("check", spec, names, _params(params))
    events = _synthetic(names, bars) if data is None else _from_files(names, data, pattern, bar_type, bars)
    report = check_strategy(settings, events, callback_ms_max=callback_ms_max)
    if as_json:
        findings = list(report.findings)
        print_json({"verdict": report.verdict.name.lower(), "orders": report.orders, "saves": report.saves, "findings": findings})
    elif report.verdict is Verdict.BROKEN:
        raise CliError(report.findings)
    else:
        print(report)
        if report.verdict is Verdict.FIT and not report.orders:
            print("it gave no order: more or other data would say more (--data, --bars)")
    raise typer.Exit(int(report.verdict))


def _params(path: Path | None) -> dict[str, Any]:
    import yaml

    if path is None:
        return {}
    try:
        found = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CliError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise CliError(f"{path}: not a mapping of parameters")
    return found


def _synthetic(symbols: tuple[str, ...], bars: int) -> list[tuple[int, Event]]:
    from services.strategy_runner.trial import synthetic_bars

    return synthetic_bars(symbols, bars, SEED)


def _from_files(symbols: tuple[str, ...], directory: Path, pattern: str, bar_type: str, bars: int) -> list[tuple[int, Event]]:
    """The oldest bars of the files, as the gateway reads them."""
    from decimal import Decimal

    from services.gateway.feeds import open_source
    from services.gateway.feeds.port import FeedError
    from services.gateway.settings import DataSettings, FeedKind, FeedSettings
    from shared.events import InstrumentDefined

    cent, one = Decimal("0.01"), Decimal(1)
    instruments = [InstrumentDefined(symbol, "equity", "USD", cent, one, one, "24x7") for symbol in symbols]
    rows: list[tuple[int, Event]] = []
    try:
        feed = FeedSettings(kind=FeedKind.FILES, data=DataSettings(data_directory=str(directory), file_pattern=pattern, bar_type=bar_type))
        for block in open_source(feed, instruments).blocks(0):
            rows += zip(block.times, block.events, strict=True)
            if len(rows) >= bars:
                break
    except (FeedError, ValueError) as error:
        raise CliError(str(error)) from None
    if not rows:
        raise CliError(f"{directory}: no bars")
    return rows[:bars]
