"""`journal verify` names what was done to a journal, and finds nothing where nothing was done."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from shared.bus.head import head_path, read_slots
from shared.bus.journal_schema import TABLES
from shared.bus.quarantine import quarantine
from shared.bus.record import encode_record
from shared.bus.verify import Report, verify
from tests.unit.bus.journal_builders import Author, all_rows, crash_copy, order, quote, tamper, written

BATCHES = ["lqo", "qq", "oq", "qqb"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed journal of ten events in four batches."""
    path = tmp_path / "journal.db"
    written(path, BATCHES).close()
    return path


def kinds(report: Report) -> set[str]:
    assert not report.clean
    return {f.kind for f in report.findings}


def test_a_sound_journal_is_clean(path: Path) -> None:
    report = verify(path)
    assert report.clean
    assert (report.head_seq, report.rows, report.batches) == (10, 10, 4)


def test_a_live_journal_is_clean(tmp_path: Path) -> None:
    with closing(written(tmp_path / "journal.db", BATCHES)) as journal:
        assert verify(tmp_path / "journal.db").clean
        author = Author()
        author.batch("".join(BATCHES))
        journal.append(author.batch("qo"))
        assert verify(tmp_path / "journal.db").head_seq == 12


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("UPDATE events SET ts_ns = ts_ns + 1 WHERE seq = 2", "row"),
        ("UPDATE events SET body = CAST(body AS TEXT) WHERE seq = 2", "row"),
        ("UPDATE events SET prunable = 1 WHERE seq = 3", "row"),
        ("UPDATE events SET crc = 0 WHERE seq = 3", "row"),
        ("DELETE FROM events WHERE seq = 2", "order"),
        ("DELETE FROM events WHERE seq = 3", "chain"),
        ("DELETE FROM events WHERE seq = 10", "order"),
        ("DELETE FROM batches WHERE first = 4", "order"),
        ("DELETE FROM batches WHERE first = 8", "order"),
        ("UPDATE batches SET last = 4 WHERE first = 4", "order"),
        ("UPDATE batches SET market = kept WHERE first = 4", "chain"),
        ("UPDATE batches SET kept = market WHERE first = 8", "chain"),
        ("UPDATE batches SET last = 'x' WHERE first = 4", "sqlite"),
        ("UPDATE meta SET log_id = '0123456789abcdef'", "chain"),
        ("UPDATE meta SET created_ns = 0", "chain"),
        ("INSERT INTO meta VALUES (2, 10, 'ffffffffffffffff', 1, 0, 'x')", "head"),
        ("INSERT INTO meta VALUES (2, 99, 'ffffffffffffffff', 1, 0, 'x')", "meta"),
        ("UPDATE names SET upto = 3", "names"),
        ("INSERT INTO names SELECT 2, upto, body, digest FROM names", "names"),
    ],
)
def test_tampering_is_found(path: Path, sql: str, kind: str) -> None:
    tamper(path, sql)
    assert kind in kinds(verify(path))


def test_an_event_added_behind_the_end_is_found(path: Path) -> None:
    insert(path, quote(11, 8))
    assert "order" in kinds(verify(path))


def test_a_forged_event_with_a_right_checksum_is_found(path: Path) -> None:
    tamper(path, "DELETE FROM events WHERE seq = 6")
    insert(path, order(6, 2, cause=1))
    assert kinds(verify(path)) == {"chain"}


def test_two_events_that_changed_places_are_found(path: Path) -> None:
    second, fourth = (next(r for r in all_rows(path) if r.seq == s) for s in (2, 4))
    tamper(path, "DELETE FROM events WHERE seq IN (2, 4)")
    insert(path, second._replace(seq=4))
    insert(path, fourth._replace(seq=2))
    assert "chain" in kinds(verify(path))


def test_a_body_that_this_build_cannot_read_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(written(path, ["lq"])) as journal:
        journal.append([order(3, 1)._replace(tag=99)])
    assert [str(f) for f in verify(path).findings] == ["body at seq 3: unknown_tag: tag 99; this build knows " + known() + " types"]


def test_batches_from_another_journal_do_not_fit(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other" / "journal.db"
    written(other, BATCHES).close()
    shutil.copyfile(other, path)
    assert "head" in kinds(verify(path))


def test_an_older_copy_of_the_head_is_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(written(path, BATCHES[:2])) as journal:
        old = head_path(path).read_bytes()
        author = Author()
        author.batch("".join(BATCHES[:2]))
        journal.append(author.batch("o"))
        journal.append(author.batch("q"))
    head_path(path).write_bytes(old)
    assert kinds(verify(path)) == {"head"}


def test_a_writer_killed_between_commit_and_head_is_noted_and_clean(tmp_path: Path) -> None:
    live = tmp_path / "live" / "journal.db"
    with closing(written(live, BATCHES)) as journal:
        old = head_path(live).read_bytes()
        author = Author()
        author.batch("".join(BATCHES))
        journal.append(author.batch("o"))
        dead = crash_copy(live, tmp_path / "dead")
    head_path(dead).write_bytes(old)
    report = verify(dead)
    assert report.clean
    assert "not yet in the head" in report.notes[0]


def test_a_missing_head_is_a_finding(path: Path) -> None:
    head_path(path).unlink()
    assert read_slots(head_path(path)) == []
    assert kinds(verify(path)) == {"head"}


def test_a_schema_that_was_changed_is_a_finding(path: Path) -> None:
    written_sql = set(TABLES)
    assert "events_name" in written_sql
    with pytest.raises(AssertionError):
        tamper(path, "DROP INDEX events_name")
    assert "sqlite" in kinds(verify(path))


def test_a_quarantined_journal_is_not_clean(path: Path) -> None:
    quarantine(path, "because")
    assert kinds(verify(path)) == {"quarantine"}


def test_nothing_there_is_not_readable(tmp_path: Path) -> None:
    report = verify(tmp_path / "journal.db")
    assert not report.readable
    assert not report.clean


@pytest.mark.parametrize("junk", [b"\0" * 8192, b"SQLite format 3\0" * 700, b"x"])
def test_junk_gives_findings_and_no_traceback(path: Path, junk: bytes) -> None:
    path.write_bytes(junk)
    assert verify(path).findings


def insert(path: Path, row: tuple[object, ...]) -> None:
    """A row with the checksum its writer would have given it."""
    import zlib

    columns = "seq, ts_ns, tag, version, topic, source, run, n, cause, epoch, body, prunable, crc"
    tamper(path, f"INSERT INTO events({columns}) VALUES ({', '.join('?' * 13)})", (*row, zlib.crc32(encode_record(row))))  # type: ignore[arg-type]


def known() -> str:
    from shared.events import CATALOGUE

    return str(len(CATALOGUE))
