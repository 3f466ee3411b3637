"""The journal's SQLite file: its tables, how it is created, and the only ways to connect to it.

`body` stands last so that a scan by topic or source never walks a large body's overflow pages. `crc` is the record's checksum: a row
read alone (a catch-up page) is checked without its batch. `events_name` answers repeats of kept names; `events_tag` serves the rare system events
a restart folds, and costs the order path nothing. `names` is a digest-protected shortcut, rebuilt from events when lost.

A process must never open and close the database file by other means than SQLite while it has a connection: POSIX drops all its locks then.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from .chain import Identity
from .head import sync_directory
from .journal_errors import JournalDamaged, JournalFailed

SCHEMA: Final = 1
APPLICATION_ID: Final = 0x52464C4A  # "RFLJ"
SYSTEM_TAG_MIN: Final = 500  # from here on tags are the system family's; events_tag indexes those
BUSY_S: Final = 2.0

TABLES: Final = {
    "meta": "CREATE TABLE meta(id INTEGER PRIMARY KEY, since INTEGER NOT NULL, log_id TEXT NOT NULL, schema INTEGER NOT NULL,"
    " created_ns INTEGER NOT NULL, note TEXT NOT NULL)",
    "events": "CREATE TABLE events(seq INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, tag INTEGER NOT NULL, version INTEGER NOT NULL,"
    " topic TEXT NOT NULL, source TEXT NOT NULL, run INTEGER NOT NULL, n INTEGER NOT NULL, cause INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    " prunable INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL)",
    "batches": "CREATE TABLE batches(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, kept BLOB NOT NULL, market BLOB NOT NULL)",
    "names": "CREATE TABLE names(id INTEGER PRIMARY KEY, upto INTEGER NOT NULL, body BLOB NOT NULL, digest BLOB NOT NULL)",
    "events_name": "CREATE UNIQUE INDEX events_name ON events(source, run, n) WHERE prunable = 0",
    "events_tag": "CREATE INDEX events_tag ON events(tag) WHERE tag >= 500 AND prunable = 0",
}


def create_database(path: Path, identity: Identity, page_size: int = 4096) -> None:
    """A new, empty journal at path, durable on return; a half-made file of an earlier attempt is replaced."""
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute(f"PRAGMA page_size = {page_size:d}")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
        db.execute(f"PRAGMA user_version = {SCHEMA:d}")
        for sql in TABLES.values():
            db.execute(sql)
        add_identity(db, identity)
    finally:
        db.close()
    sync_file(path)
    sync_directory(path.parent)


def add_identity(db: sqlite3.Connection, identity: Identity) -> None:
    db.execute("INSERT INTO meta(id, since, log_id, schema, created_ns, note) VALUES (?, ?, ?, ?, ?, ?)", identity)


def sync_file(path: Path) -> None:
    """fsync a file nobody has a connection to."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one writer. Checkpoints are ours to time: SQLite's own would hide a failed fsync."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_S)
    try:
        mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("PRAGMA cell_size_check = ON")
    except BaseException:
        db.close()
        raise
    if mode != "wal":
        db.close()
        raise JournalFailed(f"{path}: this file system cannot hold a write-ahead log (journal_mode {mode})")
    return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """A reader of any process. It never writes the database, and its close never runs a checkpoint."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_S)
    db.execute("PRAGMA cell_size_check = ON")
    return db


def schema_faults(db: sqlite3.Connection) -> list[str]:
    """What differs from the schema above. Raises sqlite3.Error."""
    faults = []
    found = dict(db.execute("SELECT name, sql FROM sqlite_schema").fetchall())
    faults += [f"{name} is missing or altered" for name, sql in TABLES.items() if found.get(name) != sql]
    faults += [f"{name} does not belong here" for name in found if name not in TABLES]
    for pragma, expected in (("application_id", APPLICATION_ID), ("user_version", SCHEMA)):
        value = db.execute(f"PRAGMA {pragma}").fetchone()[0]
        if value != expected:
            faults.append(f"{pragma} is {value}, not {expected}")
    return faults


def read_identities(db: sqlite3.Connection) -> list[Identity]:
    """The log's identities, oldest first. Raises JournalDamaged when there is none of this schema, sqlite3.Error."""
    rows = db.execute("SELECT id, since, log_id, schema, created_ns, note FROM meta ORDER BY id").fetchall()
    identities = [Identity(*row) for row in rows]
    if not identities or any(i.schema != SCHEMA for i in identities):
        raise JournalDamaged(f"the journal has no identity of schema {SCHEMA}")
    return identities


def wal_path(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def database_fault(path: Path) -> str:
    """What forbids SQLite to touch the file at path, empty when nothing does: beside an empty database file SQLite deletes the
    write-ahead log, even for a reader."""
    if not path.exists():
        return f"there is no database {path.name}"
    if path.stat().st_size == 0:
        return f"the database {path.name} is empty"
    return ""
