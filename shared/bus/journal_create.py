"""A new journal, or the proof that what lies at its path is not the remains of one.

Creation survives being killed at any point: database under a side name, then the head, then the rename. So a head at seq 0 without a
database is a creation cut short, and is made again; any other remainder belonged to a journal, and an empty log in its place would forget it.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from .chain import ORIGIN, Identity, Link, identify
from .head import create_head, head_path, newest, read_slots, sync_directory
from .journal_errors import JournalDamaged, JournalMissing
from .journal_schema import SCHEMA, create_database, database_fault, wal_path


def create_or_find(path: Path, log_id: str | None, *, must_exist: bool) -> None:
    """Leave a database and its head at path. Raises JournalDamaged for remains, JournalMissing when must_exist and there is nothing."""
    fault = database_fault(path)
    if not fault:
        return
    head = newest(read_slots(head_path(path)))
    remains = [p.name for p in (path, head_path(path), wal_path(path)) if p.exists()]
    cut_short = head is not None and head.link.seq == 0 and remains == [head_path(path).name]
    if remains and not cut_short:
        raise JournalDamaged(f"{fault}, and {', '.join(remains)} is what is left of a journal")
    if must_exist:
        raise JournalMissing(
            f"{path}: there is no journal, and none may be created here. If its volume was lost, restore a backup (`regimeflow journal restore`),"
            " or start a new log on purpose: it has another log_id, so the lost one's orders are external to it (docs/journal.md)"
        )
    create_log(path, Identity(1, 0, log_id or secrets.token_hex(8), SCHEMA, time.time_ns(), "created"))


def create_log(path: Path, identity: Identity, page_size: int = 4096) -> Link:
    """An empty journal of this identity, durable on return; gives where its chain begins."""
    link = identify(ORIGIN, identity)
    fresh = path.with_name(path.name + ".new")
    create_database(fresh, identity, page_size)
    create_head(head_path(path), identity.log_id, link)
    fresh.replace(path)
    sync_directory(path.parent)
    return link
