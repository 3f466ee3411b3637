"""`regimeflow config`: is this configuration in order, and what may stand in one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .errors import USAGE
from .options import Json
from .output import print_json
from .standing import standing


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Check a configuration; the schema for editors.", no_args_is_help=True, epilog="Example: regimeflow config check live.yaml"
    )
    group.command(epilog="Example: regimeflow config check configs/paper.yaml")(check)
    group.command(epilog="Example: regimeflow config schema > regimeflow.schema.json")(schema)
    app.add_typer(group, name="config")


def check(path: Annotated[Path, typer.Argument(help="The configuration file.")], as_json: Json = False) -> None:
    """Say everything that is wrong with a configuration, one line a problem, and what in it has no effect or was changed while running.

    Nothing is connected and no secret is asked for. Exit status 0 it would start, 2 it would be refused.
    """
    from shared.bus.journal_errors import JournalError
    from shared.config import ConfigError, load

    try:
        loaded = load(path, offline=True)
    except ConfigError as error:
        if not as_json:
            raise
        problems = [{"file": p.file, "line": p.line, "path": p.path, "text": p.text} for p in error.problems]
        print_json({"ok": False, "problems": problems, "ignored": [], "not_in_force": [], "missing": []})
        raise typer.Exit(USAGE) from None
    try:
        changes, unread = list(standing(loaded.config).values()), ""
    except JournalError as error:
        changes, unread = [], f"what operators changed while running is not known: {error}"
    if as_json:
        notes = {
            name: [{"line": n.line, "path": n.path, "text": n.text} for n in found]
            for name, found in (("ignored", loaded.ignored), ("not_in_force", loaded.not_in_force), ("missing", loaded.missing))
        }
        changed = [{"strategy": e.strategy, "changed": e.outcome, "in_force_from": e.since} for e in changes]
        print_json({"ok": True, "problems": [], **notes, "changed": None if unread else changed, "unread": unread})
        return
    for note in (*loaded.ignored, *loaded.not_in_force):
        print(note)
    for problem in loaded.missing:
        print(f"a start asks for it: {problem}")
    if unread:
        print(unread)
    for e in changes:
        print(f"strategy {e.strategy}: {e.outcome} while running, in force from seq {e.since}, over this file; see `regimeflow strategy list`")
    print(f"{path}: in order")


def schema() -> None:
    """JSON Schema of the configuration."""
    from shared.config import schema as make

    print_json(make())
