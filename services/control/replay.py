"""`regimeflow replay`: a journal through the same actors offline, and whether they say the same again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperCommand

from .errors import BUG, NO, CliError, explain
from .options import ENVIRONMENT, Json
from .output import cell, print_json

if TYPE_CHECKING:
    from services.backtest.replay_run import ReplayReport

DONE: Final = 0
DIVERGED: Final = 2
HASH_SEED: Final = "0"  # what the supervisor gives strategy workers

JournalFile = Annotated[
    Path | None,
    typer.Option("--journal", "--input", metavar="PATH", help="The journal file. Default: the configuration's own.", show_default=False),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar=ENVIRONMENT, metavar="PATH", help="The configuration the journal was written under.", show_default=False),
]


class ReplayCommand(TyperCommand):
    """A wrong call ends with 1 here: 2 says that something differs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if getattr(error, "exit_code", 0):
                error.exit_code = NO  # type: ignore[attr-defined]
            raise


def add_to(app: typer.Typer) -> None:
    app.command(cls=ReplayCommand, epilog="Example: regimeflow replay --journal var/paper/journal.db --config configs/paper.yaml")(replay)


def replay(
    journal: JournalFile = None,
    config: ConfigFile = None,
    until: Annotated[int | None, typer.Option(min=1, metavar="SEQ", help="As if the journal ended there.", show_default=False)] = None,
    summary_only: Annotated[bool, typer.Option("--summary-only", help="Print only what the session came to.")] = False,
    as_json: Json = False,
) -> None:
    """Decide a session again, offline, and compare every output with the journal.

    The first divergence is printed with both sides and the inputs that led to it. Exit status 0 identical, 1 the journal or the configuration
    cannot be read or used, 2 divergence.
    """
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        raise typer.Exit(_again(journal, config, until, summary_only=summary_only, as_json=as_json))
    raise typer.Exit(_replay(journal, config, until, summary_only=summary_only, as_json=as_json))


def _again(journal: Path | None, config: Path | None, until: int | None, *, summary_only: bool, as_json: bool) -> int:
    """In a process with the hash seed of the workers: a strategy that walks a set walks it as it did live."""
    named = {"--journal": journal, "--config": config, "--until": until}
    command = [sys.executable, "-m", "services.control.main", "replay"]
    command += [str(part) for option, value in named.items() if value is not None for part in (option, value)]
    command += [option for option, on in (("--summary-only", summary_only), ("--json", as_json)) if on]
    environment = {**os.environ, "PYTHONHASHSEED": HASH_SEED, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - ourselves, no shell


def _replay(journal: Path | None, config: Path | None, until: int | None, *, summary_only: bool, as_json: bool) -> int:
    from services.backtest import replay_text as text

    begun = time.monotonic()
    report = _made(journal, config, until)
    if as_json:
        print_json(_plain(report))
    elif summary_only:
        _print_summary(report)
    else:
        print("\n".join(text.outcome(report)))
        _print_summary(report)
    if report.divergence is not None and not as_json:
        print("\n".join(text.divergence(report.divergence)), file=sys.stderr if summary_only else sys.stdout)
    took = max(time.monotonic() - begun, 1e-9)
    print(f"{report.upto} events in {took:.1f} s, {report.upto / took:,.0f} a second", file=sys.stderr)
    return DONE if report.identical else DIVERGED


def _made(journal: Path | None, config: Path | None, until: int | None) -> ReplayReport:
    """Raises CliError with status 1 for all that keeps a journal from being replayed; our own bugs come through."""
    from services.backtest.replay_journal import CannotReplay
    from services.backtest.replay_run import replay as run
    from shared.brokers.registry import UnknownBroker
    from shared.config import load
    from shared.events import CodecError

    if config is None:
        raise CliError(f"name the configuration the journal was written under: --config PATH or {ENVIRONMENT} (the journal holds only its hash)", NO)
    try:
        loaded = load(config, offline=True)
        path = journal if journal is not None else loaded.config.journal_path
        with _progress() as told:
            return run(path.absolute(), loaded, until, told)
    except (CannotReplay, CodecError, UnknownBroker, ImportError) as error:
        raise CliError(str(error), NO) from None
    except Exception as error:
        lines, status = explain(error)
        if status == BUG:
            raise
        raise CliError(lines, NO) from None


def _print_summary(report: ReplayReport) -> None:
    for name, value in report.summary.items():
        print(f"{name}: {cell(value)}")


def _plain(report: ReplayReport) -> dict[str, Any]:
    from services.backtest import replay_text as text

    runs = [
        {"source": r.source, "run": r.run, "compared": r.decided, "not_in_the_log": r.owed, "other_code_or_settings": r.mark_differs}
        for r in report.runs
    ]
    return {
        "identical": report.identical,
        "log_id": report.log_id,
        "upto": report.upto,
        "divergence": None if report.divergence is None else text.plain(report.divergence),
        "runs": runs,
        "not_replayed": [{"source": left.source, "run": left.run, "why": left.why} for left in report.left_out],
        "summary": dict(report.summary),
    }


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replay", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
