"""Backup of a live journal, restore, and going on after a loss: nothing acknowledged is forgotten in silence."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from shared.bus.backup import backup, read_manifest
from shared.bus.head import head_path
from shared.bus.journal import Journal
from shared.bus.journal_errors import JournalDamaged, JournalLocked, JournalMissing, RestoreRefused
from shared.bus.journal_schema import wal_path
from shared.bus.port import Durability
from shared.bus.quarantine import quarantine_reason
from shared.bus.restore import accept, restore
from shared.bus.snapshots import SnapshotStore, state_digest
from shared.bus.verify import verify
from tests.unit.bus.journal_builders import Author, all_rows, crash_copy, tamper, written

ROOT = Path(__file__).resolve().parents[3]
BATCHES = ["lqo", "qoq"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "live" / "journal.db"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "one"


def snapshot_at(store: SnapshotStore, log_id: str, *seqs: int) -> None:
    for seq in seqs:
        store.save(log_id, "risk_engine", 1, seq, seq, b"d" * 16, b"state", state_digest(b"state"))


def more(journal: Journal) -> None:
    author = Author()
    author.batch("".join(BATCHES))
    journal.append(author.batch("qo"))


def test_a_live_journal_is_backed_up_and_restored_elsewhere(path: Path, copy: Path, tmp_path: Path) -> None:
    with closing(written(path, BATCHES)) as journal:
        manifest = backup(path, copy)
        more(journal)
        assert (manifest.log_id, manifest.head_seq) == (journal.log_id, 6)
    assert read_manifest(copy) == manifest
    assert verify(copy / "journal.db").clean
    assert [r.seq for r in all_rows(copy / "journal.db")] == list(range(1, 7))


def test_a_backup_while_a_real_process_writes(path: Path, tmp_path: Path) -> None:
    """Backups taken one after another under load verify, and each holds all that was acknowledged when it was asked for."""
    arguments = [sys.executable, "-m", "tests.unit.bus.journal_writer", str(path), "process"]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    try:
        for number in range(3):
            said = [child.stdout.readline().strip() for _ in range(60)]
            manifest = backup(path, tmp_path / f"backup-{number}")
            assert manifest.head_seq >= int(said[-1])
            assert verify(tmp_path / f"backup-{number}" / "journal.db").clean
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


def test_moving_a_closed_journal_keeps_its_identity(path: Path, copy: Path) -> None:
    """The backup ends exactly where the head at the place says the log ended: nothing is lost, nothing changes."""
    written(path, BATCHES).close()
    log_id = backup(path, copy).log_id
    path.unlink()
    restored = restore(copy, path)
    assert (restored.log_id, restored.head_seq, restored.lost) == (log_id, 6, 0)
    with closing(Journal.open(path, Durability.DISK)) as journal:
        more(journal)
    assert verify(path).clean


def test_a_restore_that_would_forget_events_is_refused_until_accepted(path: Path, copy: Path) -> None:
    journal = written(path, BATCHES)
    old = journal.log_id
    backup(path, copy)
    more(journal)
    journal.close()
    with pytest.raises(RestoreRefused, match="acknowledged 2 events after it"):
        restore(copy, path)
    assert verify(path).head_seq == 8, "a refused restore changes nothing"
    restored = restore(copy, path, accept_loss=True)
    assert (restored.head_seq, restored.lost) == (6, 2)
    assert restored.log_id != old, "no client_order_id of the forgotten part can be used again"
    assert restored.replaced is not None
    assert verify(restored.replaced / "journal.db").head_seq == 8, "what was there is kept"
    assert verify(path).clean
    with closing(Journal.open(path, Durability.PROCESS)) as again:
        assert again.log_id == restored.log_id
        more(again)
    report = verify(path)
    assert report.clean
    assert report.log_id == restored.log_id
    tamper(path, "DELETE FROM meta WHERE id = 2")
    assert not verify(path).clean, "the change of identity is part of the chain"


def test_after_losing_the_volume_nobody_knows_what_was_lost(path: Path, copy: Path) -> None:
    written(path, BATCHES).close()
    old = backup(path, copy).log_id
    shutil.rmtree(path.parent)
    with pytest.raises(JournalMissing, match="restore"):
        Journal.open(path, Durability.ORDERS, must_exist=True)
    with pytest.raises(RestoreRefused, match="nothing here says where the log ended"):
        restore(copy, path)
    restored = restore(copy, path, accept_loss=True)
    assert restored.lost is None
    assert restored.log_id != old
    Journal.open(path, Durability.ORDERS, must_exist=True).close()


def test_snapshots_come_with_the_journal(path: Path, copy: Path, tmp_path: Path) -> None:
    snapshots = path.parent / "snapshots.db"
    journal = written(path, BATCHES)
    with closing(SnapshotStore(snapshots)) as store:
        snapshot_at(store, journal.log_id, 2, 4)
        assert backup(path, copy, snapshots).snapshots
        snapshot_at(store, journal.log_id, 8)
    more(journal)
    journal.close()
    restored = restore(copy, path, snapshots, accept_loss=True)
    with closing(SnapshotStore(snapshots)) as store:
        assert [s.cursor_seq for s in store.newest(restored.log_id, "risk_engine")] == [4, 2]


def test_a_running_bus_is_not_restored_over(path: Path, copy: Path) -> None:
    with closing(written(path, BATCHES)):
        backup(path, copy)
        with pytest.raises(JournalLocked):
            restore(copy, path, accept_loss=True)


def test_a_damaged_backup_is_refused(path: Path, copy: Path) -> None:
    written(path, BATCHES).close()
    backup(path, copy)
    tamper(copy / "journal.db", "UPDATE events SET run = 2 WHERE seq = 2")
    with pytest.raises(JournalDamaged, match="does not verify"):
        restore(copy, path, accept_loss=True)
    assert verify(path).clean
    (copy / "manifest.json").write_text("{}")
    with pytest.raises(JournalDamaged, match="manifest"):
        restore(copy, path)
    with pytest.raises(JournalMissing):
        restore(copy.parent, path)


def test_a_damaged_journal_is_not_backed_up(path: Path, copy: Path) -> None:
    written(path, BATCHES).close()
    tamper(path, "UPDATE events SET run = 2 WHERE seq = 2")
    with pytest.raises(JournalDamaged, match="no backup was made"):
        backup(path, copy)
    assert list(copy.parent.iterdir()) == []


def test_a_backup_is_a_new_directory_of_an_existing_journal(path: Path, copy: Path) -> None:
    with pytest.raises(JournalMissing):
        backup(path, copy)
    written(path, BATCHES).close()
    copy.mkdir(parents=True)
    with pytest.raises(FileExistsError):
        backup(path, copy)


def test_a_restore_cut_short_leaves_the_journal_quarantined(path: Path, copy: Path) -> None:
    """Given a disk that fills up half-way (here: a process that may not write files of that size), nothing trades on the result."""
    written(path, BATCHES).close()
    backup(path, copy)
    code = (
        "import resource, sys; from pathlib import Path; from shared.bus.restore import restore;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)); restore(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    child = subprocess.run([sys.executable, "-c", code, str(copy), str(path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "JournalFailed" in child.stderr
    with pytest.raises(JournalDamaged, match="not finished"):
        Journal.open(path, Durability.PROCESS)
    restore(copy, path, accept_loss=True)
    assert quarantine_reason(path) is None
    assert verify(path).clean


# -- without a backup


def test_what_is_left_after_a_lost_tail_is_accepted_under_a_new_id(tmp_path: Path) -> None:
    live = tmp_path / "live" / "journal.db"
    journal = written(live, [*BATCHES, "qo"])
    dead = crash_copy(live, tmp_path / "dead")
    old = journal.log_id
    journal.close()
    snapshots = dead.parent / "snapshots.db"
    with closing(SnapshotStore(snapshots)) as store:
        snapshot_at(store, old, 2, 8)
    with wal_path(dead).open("r+b") as file:
        file.truncate(wal_path(dead).stat().st_size - 1)
    with pytest.raises(JournalDamaged, match="8 was acknowledged"):
        Journal.open(dead, Durability.PROCESS)
    accepted = accept(dead, snapshots)
    assert (accepted.head_seq, accepted.lost) == (6, 2)
    assert accepted.log_id != old
    with closing(Journal.open(dead, Durability.PROCESS)) as again:
        assert (again.log_id, again.head_seq) == (accepted.log_id, 6)
    with closing(SnapshotStore(snapshots)) as store:
        assert [s.cursor_seq for s in store.newest(accepted.log_id, "risk_engine")] == [2]
    assert verify(dead).clean


def test_a_lost_head_is_made_again_under_a_new_id(path: Path) -> None:
    written(path, BATCHES).close()
    head_path(path).unlink()
    accepted = accept(path)
    assert (accepted.head_seq, accepted.lost) == (6, None)
    assert verify(path).clean


def test_damage_inside_is_not_accepted(path: Path) -> None:
    written(path, BATCHES).close()
    tamper(path, "UPDATE events SET run = 2 WHERE seq = 2")
    with pytest.raises(RestoreRefused, match="restore a backup"):
        accept(path)


def test_a_journal_may_be_restored_twice(path: Path, copy: Path, tmp_path: Path) -> None:
    """Each loss gives another identity; all of them are in the chain, and the newest counts."""
    written(path, BATCHES).close()
    backup(path, copy)
    shutil.rmtree(path.parent)
    first = restore(copy, path, accept_loss=True)
    second_copy = tmp_path / "backups" / "two"
    backup(path, second_copy)
    shutil.rmtree(path.parent)
    second = restore(second_copy, path, accept_loss=True)
    with closing(sqlite3.connect(path)) as db:
        ids = [r[0] for r in db.execute("SELECT log_id FROM meta ORDER BY id")]
    assert ids[1:] == [first.log_id, second.log_id]
    assert verify(path).clean
