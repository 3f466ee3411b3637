"""The way in: `regimeflow`, and the names RegimeFlow gives some of its commands. Nothing heavy is imported until a command needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

import typer

from . import audit, backtest, claim, commands, config, journal, limits, live, parity, queries, reconcile, replay, service, strategies, strategy
from .errors import explain

app: Final = typer.Typer(
    name="regimeflow",
    help="Live trading engine: one strategy, unchanged, from backtest to broker.",
    epilog="Example: regimeflow live --config configs/paper.yaml --run-for 60s",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (live, backtest, replay, parity, service, queries, commands, reconcile, limits, strategies, claim, journal, audit, config, strategy):
    part.add_to(app)

_UsageProblem: Final = typer.BadParameter.__mro__[2]  # `ClickException`, whether typer brings its own click or uses the package


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    return run(app, "regimeflow", arguments)


def live_main(arguments: Sequence[str] | None = None) -> int:
    """`regimeflow_live --config PATH`: RegimeFlow's name of `regimeflow live`."""
    return _alone("regimeflow_live", live, arguments)


def replay_main(arguments: Sequence[str] | None = None) -> int:
    """`regimeflow_replay_journal --input F`: RegimeFlow's name of `regimeflow replay`."""
    return _alone("regimeflow_replay_journal", replay, arguments)


def parity_main(arguments: Sequence[str] | None = None) -> int:
    """`regimeflow_parity_check --backtest-config A --live-config B`: RegimeFlow's name of `regimeflow parity`."""
    return _alone("regimeflow_parity_check", parity, arguments)


def _alone(name: str, part: Any, arguments: Sequence[str] | None) -> int:
    program = typer.Typer(name=name, add_completion=False, pretty_exceptions_enable=False)
    part.add_to(program)
    return run(program, name, arguments)


def run(program: typer.Typer, name: str, arguments: Sequence[str] | None) -> int:
    """Errors become lines on stderr and a status; see `errors`."""
    command: Any = typer.main.get_command(program)
    try:
        result = command.main(list(sys.argv[1:] if arguments is None else arguments), prog_name=name, standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the program's edge: whatever it is becomes lines and a status
        from shared.runtime.printable import printable

        lines, status = _of_usage(error) if isinstance(error, _UsageProblem) else explain(error)
        for line in lines:
            print(f"{name}: {printable(line)}", file=sys.stderr)
        return status
    return result if isinstance(result, int) else 0


def _of_usage(problem: Any) -> tuple[tuple[str, ...], int]:
    """Called wrongly: what its parser says; nothing where it has printed the help instead."""
    text = problem.format_message()
    return ((text,) if text else ()), int(problem.exit_code)


if __name__ == "__main__":
    sys.exit(main())
