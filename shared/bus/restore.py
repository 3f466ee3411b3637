"""Restore: a journal from a backup, or what is left of a damaged one, on an operator's word.

A restore may forget events: orders sent, names used. So it compares with the head that lies at the place, and where the log would go
back in time, or nobody can say, it refuses until told that the loss is accepted; then the log goes on under a **new log_id** from the seq it
resumes at. No client_order_id of the forgotten part can then be used twice, the broker's orders of that part are external ones, and the engine
stays disarmed until the reconciler's account of them is settled. Nothing is deleted: what lay at the place moves to `replaced-<k>/`.

A restore that is killed half-way leaves the quarantine marker, so nothing trades on it; it is repeated.
"""

from __future__ import annotations

import secrets
import shutil
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .backup import JOURNAL, SNAPSHOTS, Manifest, end_of, read_manifest
from .chain import Identity, Link, identify
from .head import Head, create_head, head_path, newest, read_slots, sync_directory
from .journal_errors import SQLITE_ERRORS, JournalDamaged, JournalFailed, RestoreRefused, classify
from .journal_schema import SCHEMA, add_identity, connect_writer, sync_file, wal_path
from .quarantine import marker_path, quarantine, release
from .snapshots import SnapshotStore
from .verify import verify
from .writer_lock import WriterLock


@dataclass(frozen=True, slots=True)
class Restored:
    """lost: acknowledged events that are gone, None when nobody can know. replaced: where the old files are, None when there were none."""

    log_id: str
    head_seq: int
    lost: int | None
    replaced: Path | None


def restore(source: Path, journal: Path, snapshots: Path | None = None, *, accept_loss: bool = False) -> Restored:
    """Put the backup in directory source at journal (and its snapshots at snapshots). Raises JournalLocked while a bus runs on it,
    JournalMissing or JournalDamaged for the backup, RestoreRefused where the log would go back in time and accept_loss is not given,
    JournalFailed for the device."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    lock = WriterLock(journal)
    try:
        manifest = _sound(source)
        here = newest(read_slots(head_path(journal)))
        exact = here is not None and (here.log_id, here.link) == _end(manifest)
        lost = _lost(here, manifest)
        if not exact and not accept_loss:
            raise RestoreRefused(_what_is_lost(here, manifest))
        quarantine(journal, f"a restore from {source} was begun and not finished; repeat it")
        replaced = _move_aside(journal, snapshots)
        log_id = _install(source, journal, manifest, exact=exact)
        if snapshots is not None and manifest.snapshots:
            _install_snapshots(source / SNAPSHOTS, snapshots, manifest, log_id)
        release(journal)
        return Restored(log_id, manifest.head_seq, 0 if exact else lost, replaced)
    except OSError as error:
        raise JournalFailed(f"restoring {journal}: {error}") from error
    finally:
        lock.release()


def accept(journal: Path, snapshots: Path | None = None) -> Restored:
    """Go on with what is left of a journal that ends before its head, or whose head is lost, and is otherwise sound: under a new log_id. Raises
    JournalLocked, RestoreRefused when more than its end or its head is damaged."""
    lock = WriterLock(journal)
    try:
        report = verify(journal)
        worse = [f for f in report.findings if f.kind not in ("head", "quarantine")]
        if worse or not report.readable:
            raise RestoreRefused(f"more than the end of {journal.name} is damaged, restore a backup: {'; '.join(map(str, worse[:5]))}")
        here = newest(read_slots(head_path(journal)))
        lost = max(here.link.seq - report.head_seq, 0) if here is not None else None
        quarantine(journal, "accepting what is left was begun and not finished; repeat it")
        log_id = _reidentify(journal, f"accepted up to seq {report.head_seq}")
        if snapshots is not None and snapshots.exists():
            with closing(SnapshotStore(snapshots)) as store:
                store.adopt(report.log_id, log_id, report.head_seq)
        release(journal)
        return Restored(log_id, report.head_seq, lost, None)
    except OSError as error:
        raise JournalFailed(f"accepting {journal}: {error}") from error
    finally:
        lock.release()


def _sound(source: Path) -> Manifest:
    manifest = read_manifest(source)
    report = verify(source / JOURNAL)
    if not report.clean or (report.log_id, report.head_seq) != (manifest.log_id, manifest.head_seq):
        raise JournalDamaged(f"the backup in {source} does not verify: {'; '.join(map(str, report.findings[:5])) or 'other than its manifest'}")
    return manifest


def _end(manifest: Manifest) -> tuple[str, Link]:
    return manifest.log_id, Link(manifest.head_seq, bytes.fromhex(manifest.kept), bytes.fromhex(manifest.market))


def _lost(here: Head | None, manifest: Manifest) -> int | None:
    return max(here.link.seq - manifest.head_seq, 0) if here is not None and here.log_id == manifest.log_id else None


def _what_is_lost(here: Head | None, manifest: Manifest) -> str:
    lost = _lost(here, manifest)
    what = (
        "nothing here says where the log ended, so orders may have been sent after it that the backup does not know"
        if lost is None
        else f"the log here acknowledged {lost} events after it, orders among them perhaps, which would be forgotten"
    )
    return (
        f"the backup ends at seq {manifest.head_seq}; {what}. Look at the broker's orders and positions, then restore with the loss accepted: the log"
        " goes on under a new log_id, and what the broker holds from the forgotten part is treated as external"
    )


def _move_aside(journal: Path, snapshots: Path | None) -> Path | None:
    files = [journal, head_path(journal), wal_path(journal), journal.with_name(journal.name + "-shm")]
    if snapshots is not None:
        files += [snapshots, wal_path(snapshots), snapshots.with_name(snapshots.name + "-shm")]
    found = [f for f in files if f.exists()]
    if not found:
        return None
    number = 1
    while (aside := journal.parent / f"replaced-{number}").exists():
        number += 1
    aside.mkdir()
    for file in found:
        file.rename(aside / file.name)
    shutil.copy2(marker_path(journal), aside)
    sync_directory(journal.parent)
    return aside


def _install(source: Path, journal: Path, manifest: Manifest, *, exact: bool) -> str:
    """Copy database and head; another identity unless the log goes on exactly where it ended."""
    fresh = journal.with_name(journal.name + ".new")
    shutil.copyfile(source / JOURNAL, fresh)
    sync_file(fresh)
    create_head(head_path(journal), *_end(manifest))
    fresh.rename(journal)
    sync_directory(journal.parent)
    return manifest.log_id if exact else _reidentify(journal, f"restored at seq {manifest.head_seq}")


def _reidentify(journal: Path, note: str) -> str:
    """The log goes on under a new log_id from where it ends."""
    try:
        with closing(connect_writer(journal)) as db:
            identity, link = end_of(db)
            new = Identity(identity.id + 1, link.seq, secrets.token_hex(8), SCHEMA, time.time_ns(), note)
            db.execute("PRAGMA synchronous = FULL")
            add_identity(db, new)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except SQLITE_ERRORS as error:
        raise classify(error, f"writing {journal}") from error
    create_head(head_path(journal), new.log_id, identify(link, new))
    return new.log_id


def _install_snapshots(source: Path, snapshots: Path, manifest: Manifest, log_id: str) -> None:
    snapshots.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, snapshots)
    with closing(SnapshotStore(snapshots)) as store:
        store.adopt(manifest.log_id, log_id, manifest.head_seq)
