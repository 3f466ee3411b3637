"""`regimeflow journal`: integrity, export, backup and restore of the log."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from .errors import NO, USAGE, CliError
from .options import AnyConfig, Json, find_stack
from .output import print_json


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


JournalFile = Annotated[
    Path | None, typer.Option("--journal", metavar="FILE", help="The journal file itself, in place of --config.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    journal = typer.Typer(help="The log on disk: verify, export, backup, restore.", no_args_is_help=True, epilog="Example: regimeflow journal verify")
    journal.command(epilog="Example: regimeflow journal verify --config live.yaml")(verify)
    journal.command(epilog="Example: regimeflow journal export --format csv --type OrderFilled --out fills.csv")(export)
    journal.command(epilog="Example: regimeflow journal backup --config live.yaml /backups/2024-01-02")(backup)
    journal.command(epilog="Example: regimeflow journal restore --config live.yaml /backups/2024-01-02")(restore)
    app.add_typer(journal, name="journal")


def verify(config: AnyConfig = None, journal: JournalFile = None, as_json: Json = False) -> None:
    """Does the journal still say what was written into it? It may be in use meanwhile.

    Exit status 0 clean, 1 tampered with or corrupt, 2 it cannot be read.
    """
    from shared.bus.verify import verify as check

    path = _journal(config, journal)
    report = check(path)
    if as_json:
        findings = [{"kind": f.kind, "seq": f.seq, "text": f.text} for f in report.findings]
        fields = {name: getattr(report, name) for name in ("log_id", "head_seq", "rows", "batches", "readable", "clean", "notes")}
        print_json({"journal": str(path), **fields, "findings": findings})
    elif report.clean:
        print(f"{path}: clean; log {report.log_id}, {report.rows} events in {report.batches} batches up to seq {report.head_seq}")
        for note in report.notes:
            print(note)
    else:
        for finding in report.findings:
            print(finding, file=sys.stderr)
    raise typer.Exit(0 if report.clean else NO if report.readable else USAGE)


def export(
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.JSONL,  # noqa: A002 - the option's name
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; standard output when left out.", show_default=False)] = None,
    first: Annotated[int, typer.Option("--from", min=1, metavar="SEQ", help="First event.")] = 1,
    until: Annotated[int | None, typer.Option(min=1, metavar="SEQ", help="Last event.", show_default=False)] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", metavar="NAME", help="Only this event, such as OrderFilled; several times.", show_default=False)
    ] = None,
    config: AnyConfig = None,
    journal: JournalFile = None,
) -> None:
    """Write the events of the journal, one row each, in order. It may be in use meanwhile.

    Columns: seq, time, ts_ns, type, topic, source, run, n, cause, epoch, data. `data` holds the event's own fields (JSON text in csv and
    parquet); exact numbers are text.
    """
    from .export import rows, write

    if format is Format.PARQUET and out is None:
        raise CliError("parquet needs --out FILE")
    path = _journal(config, journal)
    found = rows(path, first, until, frozenset(types or ()))
    if out is None:
        write(found, format, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    with _fresh(out) as file:
        count = write(found, format, file)
    print(f"{out}: {count} events", file=sys.stderr)


def backup(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory, best on another volume.")],
    config: AnyConfig = None,
    as_json: Json = False,
) -> None:
    """Copy the journal, its head and the snapshots while the stack runs. The copy is verified before it gets its name."""
    from shared.bus.backup import backup as copy

    directory = directory.absolute()
    places = find_stack(config).places
    manifest = copy(places.journal, directory, places.snapshots)
    if as_json:
        print_json({"backup": str(directory), "log_id": manifest.log_id, "head_seq": manifest.head_seq, "snapshots": manifest.snapshots})
    else:
        print(f"{directory}: log {manifest.log_id} up to seq {manifest.head_seq}, verified")


def restore(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `backup` made.")],
    accept_loss: Annotated[bool, typer.Option("--accept-loss", help="Go on although events after the backup are forgotten.")] = False,
    config: AnyConfig = None,
    as_json: Json = False,
) -> None:
    """Put a backup in place of the journal. The stack must be stopped; what lay there is moved aside, not deleted.

    Where acknowledged events would be forgotten it refuses and says how many. With --accept-loss the log then goes on under a new log_id:
    look at the broker's orders and positions first.
    """
    from shared.bus.restore import restore as put

    directory = directory.absolute()
    places = find_stack(config).places
    done = put(directory, places.journal, places.snapshots, accept_loss=accept_loss)
    if as_json:
        replaced = str(done.replaced) if done.replaced is not None else None
        print_json({"log_id": done.log_id, "head_seq": done.head_seq, "lost": done.lost, "replaced": replaced})
        return
    lost = "what was lost is not known" if done.lost is None else f"{done.lost} events lost" if done.lost else "nothing lost"
    print(
        f"{places.journal}: log {done.log_id} up to seq {done.head_seq}; {lost}{f'; the old files are in {done.replaced}' if done.replaced else ''}"
    )


def _journal(config: Path | None, journal: Path | None) -> Path:
    return journal.absolute() if journal is not None else find_stack(config).places.journal


def _fresh(path: Path) -> BinaryIO:
    """A file that does not exist yet: an export does not write over another."""
    try:
        return path.open("xb")
    except FileExistsError:
        raise CliError(f"{path} exists") from None
