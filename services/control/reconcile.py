"""`reconcile`: compare with the broker now. The command is journaled; the reconciler reads the account, and what came of it is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import typer

from .answers import Answer, awaited
from .commands import ACKNOWLEDGE_S, Reason
from .errors import AWAY, NO, CliError
from .options import AnyConfig, Json, find_stack
from .output import print_json

ANSWER_S: Final = 30.0


def add_to(app: typer.Typer) -> None:
    app.command(epilog='Example: regimeflow reconcile --reason "after the call with the broker"')(reconcile)


def reconcile(reason: Reason, config: AnyConfig = None, as_json: Json = False) -> None:
    """Compare orders, executions, positions and cash with the broker now, and say what came of it.

    Exit status 0 they agree, or differ by what is still on its way; 1 they do not, or the broker could not be read; 5 nobody did it in time.
    """
    from services.live.operator import new_command, operator, tell
    from shared.events import ReconcileNow

    stack = find_stack(config)
    command, who = new_command(), operator()
    seq = tell(stack.places, command, [ReconcileNow(command, who, reason)], ACKNOWLEDGE_S)
    found = awaited(stack.places, "status", _reading_after(command), ANSWER_S)
    if as_json:
        print_json({"event": "ReconcileNow", "command": command, "operator": who, "reason": reason, "seq": seq or None, "outcome": found})
    if found is None:
        raise CliError(f"journaled, command {command}; no reading since within {ANSWER_S:g} s: `regimeflow health` shows who is missing", AWAY)
    if found["failure"]:
        raise CliError(f"the broker could not be read: {found['failure']}", NO)
    if found["breaks"]:
        raise CliError([f"{b['kind']} {b['subject']}: ours {b['ours']}, theirs {b['theirs']}; {b['what_to_do']}" for b in found["breaks"]], NO)
    if not as_json:
        rest = f"{found['pending']} differences are inside their grace" if found["pending"] else "log and broker agree"
        print(f"reconciled at {found['last']}: {rest}, command {command} by {who}")


def _reading_after(command: str) -> Callable[[Answer], Answer | None]:
    """A reading that was asked for after the command."""
    return lambda status: found if command in (found := status["reconciliation"]).get("commands", ()) else None
