"""`regimeflow audit verify`: the audit log and the reconciliation journal, line by line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import AnyConfig, Json, find_stack
from .output import print_json

FILES = ("audit.log", "reconciliation_journal.tsv")

AuditFile = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="One file itself, in place of --config.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="The audit log.", no_args_is_help=True, epilog="Example: regimeflow audit verify --config live.yaml")
    group.callback()(_group)
    group.command(epilog="Example: regimeflow audit verify --file logs/audit.log")(verify)
    app.add_typer(group, name="audit")


def _group() -> None:
    """Keeps `verify` a sub-command while it is the only one."""


def verify(config: AnyConfig = None, file: AuditFile = None, as_json: Json = False) -> None:
    """Was a line changed, removed, added or moved?

    A cut at the very end shows only beside the journal: every line names its event's seq. Exit status 0 clean, 1 tampered with or corrupt,
    2 it cannot be read.
    """
    from services.auditor.audit_log import verify as check

    paths = [file] if file is not None else _files(config)
    status = 0
    reports = []
    for path in paths:
        found = check(path)
        status = max(status, found.exit_status)
        reports.append({"file": str(path), "clean": not found.problem, "lines": found.lines, "last_seq": found.last_seq, "problem": found.problem})
        if not as_json and found.problem:
            print(f"{path}: {found.problem}", file=sys.stderr)
        elif not as_json:
            print(f"{path}: clean; {found.lines} lines up to seq {found.last_seq}")
    if as_json:
        print_json({"clean": not status, "files": reports})
    raise typer.Exit(status)


def _files(config: Path | None) -> list[Path]:
    """The audit log, and the other where there is one."""
    logs = find_stack(config).places.logs
    return [logs / name for name in FILES if name == FILES[0] or (logs / name).exists()]
