"""What the stack is doing, asked of the auditor: `status`, `orders`, `positions`, `fills`, `health`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from .options import AnyConfig, Json, find_stack
from .output import print_json

if TYPE_CHECKING:
    from services.live.asking import Auditor

ANSWER_S: Final = 5.0
WATCH_S: Final = 1.0

Watch = Annotated[bool, typer.Option("--watch", help="Again every second, until Ctrl-C.")]


def add_to(app: typer.Typer) -> None:
    for name, help_text in (
        ("status", "May it trade, what is open, what needs a person: the whole in one look."),
        ("orders", "Orders that are not done, oldest first."),
        ("positions", "Holdings of the account and whose they are, and each book's cash."),
        ("fills", "The newest executions, newest first."),
        ("health", "Each service, lease and connection: state, epoch, cursor, lag."),
    ):
        app.command(name, help=f"{help_text}\n\n`--json` prints the auditor's answer as it is.", epilog=f"Example: regimeflow {name} --json")(
            _query(name)
        )


def _query(name: str) -> Callable[..., None]:
    def query(config: AnyConfig = None, as_json: Json = False, watch: Watch = False) -> None:
        from services.live.asking import Auditor

        auditor = Auditor(find_stack(config).places)
        try:
            if watch:
                _watch(auditor, name, as_json=as_json)
            else:
                _show(auditor.ask(name, ANSWER_S), name, as_json=as_json)
        finally:
            auditor.close()

    return query


def _show(answer: Any, name: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    from .tables import render

    print(render(name, answer), flush=True)


def _watch(auditor: Auditor, name: str, *, as_json: bool) -> None:
    """Until Ctrl-C, which is how it is meant to end. On a terminal each answer takes the place of the last."""
    clear = sys.stdout.isatty() and not as_json
    try:
        while True:
            answer = auditor.ask(name, ANSWER_S)
            if clear:
                print("\033[H\033[2J", end="")
            _show(answer, name, as_json=as_json)
            time.sleep(WATCH_S)
    except KeyboardInterrupt:
        return
