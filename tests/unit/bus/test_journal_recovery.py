"""Opening what is there: everything acknowledged is in it, or the journal is quarantined and stays so."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from shared.bus.chain import Link
from shared.bus.head import SLOT_BYTES, Head, head_path, newest, pack, read_slots
from shared.bus.journal import Journal
from shared.bus.journal_errors import JournalDamaged
from shared.bus.journal_schema import wal_path
from shared.bus.port import Durability
from shared.bus.quarantine import marker_path, quarantine_reason
from shared.bus.verify import verify
from tests.unit.bus.journal_builders import Author, crash_copy, fast_directory, small_pages, tamper, written
from tests.unit.bus.journal_damage import dead_journal

OTHER_BOOT = bytes(range(16))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def killed(tmp_path: Path, batches: list[str], durability: Durability = Durability.PROCESS) -> Path:
    """The files of a writer that was killed after these batches."""
    live = tmp_path / "live" / "journal.db"
    live.parent.mkdir()
    small_pages(live)
    journal = written(live, batches, durability)
    dead = crash_copy(live, tmp_path / "dead")
    journal.close()
    return dead


def refused(path: Path, match: str) -> None:
    """Opening refuses, marks the journal, and refuses again for that reason alone."""
    before = {f.name: f.read_bytes() for f in path.parent.iterdir() if f.suffix in (".db", ".head") or f.name.endswith("-wal")}
    with pytest.raises(JournalDamaged, match=match):
        Journal.open(path, Durability.PROCESS)
    assert quarantine_reason(path)
    with pytest.raises(JournalDamaged, match="is quarantined.*" + match):
        Journal.open(path, Durability.PROCESS)
    assert not verify(path).clean
    after = {name: (path.parent / name).read_bytes() for name in before}
    assert after == before, "quarantine changes nothing"


def in_another_boot(path: Path, promised: int) -> None:
    """As if the machine had stopped since: the head was written in another boot, and all but `promised` was unsynced."""
    head = newest(read_slots(head_path(path)))
    assert head is not None
    write_slot(path, head._replace(boot=OTHER_BOOT, promised=promised))


def write_slot(path: Path, head: Head) -> None:
    with head_path(path).open("r+b") as file:
        file.seek(head.generation % 2 * SLOT_BYTES)
        file.write(pack(head))


def forget_tail(path: Path, keep: float) -> None:
    with wal_path(path).open("r+b") as file:
        file.truncate(int(wal_path(path).stat().st_size * keep))


def test_a_torn_tail_that_nobody_saw_acknowledged_is_dropped() -> None:
    """Given a batch that was committed and not yet in the head, when its frames are cut at any byte, then the journal opens without it."""
    with fast_directory() as directory:
        live = directory / "live" / "journal.db"
        live.parent.mkdir()
        small_pages(live)
        journal = written(live, ["ql", "oq"])
        acknowledged = wal_path(live).stat().st_size
        head = head_path(live).read_bytes()
        author = Author()
        author.batch("qloq")
        journal.append(author.batch("q"))
        dead = crash_copy(live, directory / "dead")
        journal.close()
        log, database = wal_path(dead).read_bytes(), dead.read_bytes()
        assert acknowledged < len(log)
        for length in range(acknowledged, len(log) + 1):
            dead.write_bytes(database)
            wal_path(dead).write_bytes(log[:length])
            head_path(dead).write_bytes(head)
            recovered = Journal.open(dead, Durability.PROCESS)
            assert recovered.head_seq == (5 if length == len(log) else 4), length
            recovered.close()


@pytest.mark.parametrize("keep", [0.99, 0.5, 0.1, 0.0])
def test_a_journal_that_ends_before_its_head_is_quarantined(tmp_path: Path, keep: float) -> None:
    dead = killed(tmp_path, ["ql", "oq", "qo"])
    forget_tail(dead, keep)
    refused(dead, "6 was acknowledged")


def test_a_lost_write_ahead_log_is_noticed(tmp_path: Path) -> None:
    dead = killed(tmp_path, ["ql"])
    wal_path(dead).unlink()
    refused(dead, "2 was acknowledged")


def test_a_tail_that_does_not_chain_is_quarantined(path: Path) -> None:
    written(path, ["ql", "oq"]).close()
    tamper(path, "UPDATE batches SET kept = zeroblob(32) WHERE first = 1")
    refused(path, "do not follow from its content")


def test_a_database_that_is_none_is_quarantined(path: Path) -> None:
    written(path, ["ql"]).close()
    path.write_bytes(b"not a database " * 400)
    refused(path, "not a database")


@pytest.mark.parametrize("gone", ["journal.db", "journal.head"])
def test_what_is_left_of_a_journal_is_not_taken_for_nothing(path: Path, gone: str) -> None:
    written(path, ["ql"]).close()
    (path.parent / gone).unlink()
    refused(path, "left of a journal" if gone == "journal.db" else "nothing says where the journal ended")


def test_an_empty_database_beside_a_log_is_never_shown_to_sqlite(tmp_path: Path) -> None:
    """SQLite would delete the write-ahead log, which holds everything."""
    dead = killed(tmp_path, ["ql"])
    dead.write_bytes(b"")
    refused(dead, "is empty")
    assert wal_path(dead).stat().st_size > 0


def test_the_head_of_another_log_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / name / "journal.db", ["ql"]).close()
    shutil.copyfile(tmp_path / "a" / "journal.head", tmp_path / "b" / "journal.head")
    refused(tmp_path / "b" / "journal.db", "head is of log")


def test_a_head_with_other_digests_is_refused(path: Path) -> None:
    written(path, ["ql"]).close()
    head = newest(read_slots(head_path(path)))
    assert head is not None
    write_slot(path, head._replace(link=Link(2, bytes(32), head.link.market)))
    refused(path, "digests of journal.head")


def test_one_damaged_head_slot_costs_a_whole_verification(path: Path) -> None:
    written(path, ["ql", "oq"]).close()
    raw = head_path(path).read_bytes()
    head_path(path).write_bytes(bytes(SLOT_BYTES) + raw[SLOT_BYTES:])
    with closing(Journal.open(path, Durability.PROCESS)) as journal:
        assert journal.head_seq == 4
        assert "whole journal was verified" in journal.notes[0]
    assert verify(path).clean


def test_creation_cut_short_is_made_again(path: Path) -> None:
    """Killed between the head and the database's rename: nothing was ever acknowledged."""
    Journal.open(path, Durability.PROCESS).close()
    path.rename(path.with_name("journal.db.new"))
    with closing(Journal.open(path, Durability.PROCESS)) as journal:
        assert journal.head_seq == 0
        journal.append(Author().batch("ql"))


# -- the machine stops


def test_after_a_reboot_unsynced_market_data_may_be_gone(tmp_path: Path) -> None:
    """durability `orders`: order events are promised, the market data after the last of them is not."""
    dead = killed(tmp_path, ["lo", "q", "q"], Durability.ORDERS)
    in_another_boot(dead, promised=2)
    forget_tail(dead, 0.7)
    with closing(Journal.open(dead, Durability.ORDERS)) as journal:
        assert 2 <= journal.head_seq < 4
        assert any("market data" in note for note in journal.notes)
        assert any("whole journal was verified" in note for note in journal.notes)
        journal.append([r._replace(seq=journal.head_seq + 1) for r in Author().batch("q")])
    assert verify(dead).clean


def test_the_head_says_what_is_synced(path: Path) -> None:
    journal = written(path, ["lo", "q", "q"], Durability.ORDERS)
    head = newest(read_slots(head_path(path)))
    assert head is not None
    assert (head.link.seq, head.promised, head.closed) == (4, 2, False)
    journal.close()
    head = newest(read_slots(head_path(path)))
    assert head is not None
    assert (head.promised, head.closed) == (4, True)


def test_after_a_reboot_order_events_may_not_be_gone(tmp_path: Path) -> None:
    dead = killed(tmp_path, ["lo", "q", "qo"], Durability.ORDERS)
    in_another_boot(dead, promised=5)
    forget_tail(dead, 0.7)
    refused(dead, "5 was acknowledged")


def test_under_process_any_loss_with_the_machine_is_damage(path: Path) -> None:
    written(path, ["lo", "q"])
    head = newest(read_slots(head_path(path)))
    assert head is not None
    assert head.promised == 3


def test_a_whole_journal_after_a_reboot_opens(tmp_path: Path) -> None:
    dead = killed(tmp_path, ["lo", "q"], Durability.DISK)
    in_another_boot(dead, promised=3)
    with closing(Journal.open(dead, Durability.DISK)) as journal:
        assert journal.head_seq == 3
        assert len(journal.notes) == 1


def test_damage_far_from_the_tail_is_found_after_a_reboot(path: Path) -> None:
    """The tail alone would pass: the machine's death is why the whole journal is walked."""
    written(path, ["lo", *["q"] * 100]).close()
    tamper(path, "UPDATE events SET body = zeroblob(3) WHERE seq = 2")
    Journal.open(path, Durability.DISK).close()
    head = newest(read_slots(head_path(path)))
    assert head is not None
    write_slot(path, head._replace(boot=OTHER_BOOT, closed=False))
    refused(path, "seq 2")


def test_the_marker_is_what_quarantines(path: Path) -> None:
    written(path, ["lo"]).close()
    marker_path(path).write_text("an operator said so\n")
    with pytest.raises(JournalDamaged, match="an operator said so"):
        Journal.open(path, Durability.PROCESS)


def test_whatever_byte_is_damaged_opening_refuses_or_opens() -> None:
    """Nothing but JournalDamaged comes out of it, and what opens ends where the head says."""
    with dead_journal(closed=True) as journal:
        whole = {file: file.read_bytes() for file in journal.files()}
        opened = refusals = 0
        for file, raw in whole.items():
            for i in range(0, len(raw), 11):
                for other, content in whole.items():
                    other.write_bytes(content)
                for leftover in (marker_path(journal.path), wal_path(journal.path), journal.path.with_name("journal.db-shm")):
                    leftover.unlink(missing_ok=True)
                file.write_bytes(raw[:i] + bytes([raw[i] ^ 0xFF]) + raw[i + 1 :])
                try:
                    with closing(Journal.open(journal.path, Durability.PROCESS)) as recovered:
                        assert recovered.head_seq == 4
                    opened += 1
                except JournalDamaged:
                    refusals += 1
        assert opened > 100
        assert refusals > 100
