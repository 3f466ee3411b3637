"""Snapshots: what loads is what was saved, whatever happened to the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.bus.snapshots import KEPT, STATE_BYTES_MAX, SnapshotStore, StoredSnapshot, state_digest
from tests.unit.bus.journal_builders import LOG_ID

OTHER_LOG = "f" * 16


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SnapshotStore]:
    with closing(SnapshotStore(tmp_path / "snapshots.db")) as opened:
        yield opened


def save(store: SnapshotStore, seq: int, source: str = "risk_engine", log_id: str = LOG_ID) -> StoredSnapshot:
    state = f"state of {source} at {seq}".encode() * 50
    store.save(log_id, source, 1, seq // 2, seq, bytes([seq % 256]) * 16, state, state_digest(state))
    return StoredSnapshot(1, seq // 2, seq, bytes([seq % 256]) * 16, state)


def damage(store: SnapshotStore, sql: str) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as db:
        assert db.execute(sql).rowcount == 1


def test_the_newest_few_of_each_source_are_kept(store: SnapshotStore) -> None:
    saved = [save(store, seq) for seq in (10, 20, 30, 40)]
    other = save(store, 15, "strategy.s1")
    assert store.newest(LOG_ID, "risk_engine") == saved[:0:-1]
    assert len(saved[1:]) == KEPT
    assert store.newest(LOG_ID, "strategy.s1") == [other]
    assert store.newest(LOG_ID, "nobody") == []


def test_a_reopened_store_has_them(tmp_path: Path) -> None:
    with closing(SnapshotStore(tmp_path / "s" / "snapshots.db")) as first:
        saved = save(first, 10)
    with closing(SnapshotStore(tmp_path / "s" / "snapshots.db")) as second:
        assert second.newest(LOG_ID, "risk_engine") == [saved]


def test_a_snapshot_of_another_log_is_none(store: SnapshotStore) -> None:
    save(store, 10, log_id=OTHER_LOG)
    assert store.newest(LOG_ID, "risk_engine") == []
    assert store.second_newest_cursors(LOG_ID) == {}


@pytest.mark.parametrize("column", ["state = zeroblob(5)", "cursor_seq = 29", "n = 1", "run = 2", "cursor_digest = zeroblob(16)", "digest = 'x'"])
def test_a_damaged_one_is_skipped_for_an_older_one(store: SnapshotStore, column: str) -> None:
    saved = [save(store, seq) for seq in (10, 20, 30)]
    damage(store, f"UPDATE snapshots SET {column} WHERE cursor_seq = 30")
    assert store.newest(LOG_ID, "risk_engine") == [saved[1], saved[0]]


def test_pruning_asks_for_the_second_newest_that_is_whole(store: SnapshotStore) -> None:
    for seq in (10, 20, 30):
        save(store, seq)
    save(store, 25, "strategy.s1")
    assert store.second_newest_cursors(LOG_ID) == {"risk_engine": 20, "strategy.s1": 0}
    damage(store, "UPDATE snapshots SET state = zeroblob(5) WHERE cursor_seq = 20")
    assert store.second_newest_cursors(LOG_ID)["risk_engine"] == 10


def test_a_state_that_arrived_changed_is_refused(store: SnapshotStore) -> None:
    with pytest.raises(ValueError, match="did not arrive"):
        store.save(LOG_ID, "risk_engine", 1, 1, 1, b"", b"state", state_digest(b"State"))
    huge = bytes(STATE_BYTES_MAX + 1)
    with pytest.raises(ValueError, match="at most"):
        store.save(LOG_ID, "risk_engine", 1, 1, 1, b"", huge, state_digest(huge))


def test_a_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.db"
    path.write_bytes(b"no database" * 1000)
    with closing(SnapshotStore(path)) as store:
        assert store.newest(LOG_ID, "risk_engine") == []
        saved = save(store, 10)
        assert store.newest(LOG_ID, "risk_engine") == [saved]
    assert (tmp_path / "snapshots.db.damaged-1").read_bytes().startswith(b"no database")


def test_any_damaged_byte_leaves_only_true_snapshots(tmp_path: Path) -> None:
    """Whatever byte is damaged, what still loads is exactly one of those saved, and the store can be written again."""
    path = tmp_path / "snapshots.db"
    with closing(SnapshotStore(path)) as store:
        saved = [save(store, seq) for seq in (10, 20, 30)]
    whole = path.read_bytes()
    for i in range(0, len(whole), 97):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :])
        with closing(SnapshotStore(path)) as store:
            loaded = store.newest(LOG_ID, "risk_engine")
            assert all(s in saved for s in loaded), i
            fresh = save(store, 40)
            assert store.newest(LOG_ID, "risk_engine")[0] == fresh
        for leftover in tmp_path.iterdir():
            leftover.unlink()


def test_after_a_restore_those_of_the_log_go_on_under_its_new_id(store: SnapshotStore) -> None:
    kept = save(store, 10)
    save(store, 20)
    save(store, 5, "strategy.s1", log_id=OTHER_LOG)
    store.adopt(LOG_ID, "a" * 16, upto=15)
    assert store.newest("a" * 16, "risk_engine") == [kept]
    assert store.newest(LOG_ID, "risk_engine") == []
    assert store.second_newest_cursors(OTHER_LOG) == {}
