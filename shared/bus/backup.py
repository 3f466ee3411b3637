"""Backup of a live journal, with its head and the actors' snapshots, into a directory that is whole or not there.

The bus goes on meanwhile: SQLite copies one state of the log through a reader. Snapshots are copied first, so that none is ahead of the
journal beside it. The copy is verified before it is given its name; a backup that exists is a backup that verified.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from .chain import ORIGIN, Identity, Link, identify_all
from .head import create_head, head_path, sync_directory
from .journal_errors import SQLITE_ERRORS, JournalDamaged, JournalFailed, JournalMissing, classify
from .journal_schema import connect_reader, database_fault, read_identities, sync_file
from .verify import verify

JOURNAL: Final = "journal.db"
SNAPSHOTS: Final = "snapshots.db"
MANIFEST: Final = "manifest.json"


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds: the log up to head_seq, with the chain's digests there (hex); created_ns: wall clock."""

    log_id: str
    head_seq: int
    kept: str
    market: str
    created_ns: int
    snapshots: bool


def backup(journal: Path, target: Path, snapshots: Path | None = None) -> Manifest:
    """Copy the journal (live or not) and its snapshots to the new directory target. Raises JournalMissing, JournalDamaged (the journal or the
    copy does not verify; nothing is left at target), JournalFailed, FileExistsError."""
    fault = database_fault(journal)
    if fault:
        raise JournalMissing(f"{journal}: {fault}")
    if target.exists():
        raise FileExistsError(f"{target} exists; a backup is a new directory")
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        manifest = _fill(partial, journal, snapshots)
        partial.rename(target)
        sync_directory(target.parent)
    except SQLITE_ERRORS as error:
        raise classify(error, f"copying {journal}") from error
    except OSError as error:
        raise JournalFailed(f"copying {journal}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """Raises JournalMissing, JournalDamaged."""
    try:
        return msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise JournalMissing(f"{directory} holds no backup: there is no {MANIFEST}") from None
    except msgspec.MsgspecError as error:
        raise JournalDamaged(f"{directory / MANIFEST}: {error}") from None


def end_of(db: sqlite3.Connection) -> tuple[Identity, Link]:
    """The log's present identity and the stored end of its chain. Raises JournalDamaged, sqlite3.Error."""
    identities = read_identities(db)
    row = db.execute("SELECT last, kept, market FROM batches ORDER BY first DESC LIMIT 1").fetchone()
    link = Link(*row) if row is not None else ORIGIN
    return identities[-1], identify_all(link, identities)


def copy_database(source: Path, target: Path) -> None:
    """One state of a live database into one self-contained file, durable on return. Raises sqlite3.Error, OSError."""
    with closing(connect_reader(source)) as reader, closing(sqlite3.connect(target, isolation_level=None)) as writer:
        reader.backup(writer, pages=-1)
        writer.execute("PRAGMA journal_mode = DELETE")  # no write-ahead log beside it: the file alone is the copy
    sync_file(target)


def _fill(directory: Path, journal: Path, snapshots: Path | None) -> Manifest:
    with_snapshots = snapshots is not None and not database_fault(snapshots)
    if snapshots is not None and with_snapshots:
        copy_database(snapshots, directory / SNAPSHOTS)
    copy = directory / JOURNAL
    copy_database(journal, copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        identity, link = end_of(db)
    create_head(head_path(copy), identity.log_id, link)
    report = verify(copy)
    if not report.clean:
        raise JournalDamaged(f"the journal does not verify, so no backup was made: {'; '.join(map(str, report.findings[:5]))}")
    manifest = Manifest(identity.log_id, link.seq, link.kept.hex(), link.market.hex(), time.time_ns(), with_snapshots)
    (directory / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    for file in directory.iterdir():
        sync_file(file)
    sync_directory(directory)
    return manifest
