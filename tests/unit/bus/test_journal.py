"""The journal as its writer and its readers see it."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.bus.journal import Journal
from shared.bus.journal_errors import JournalDamaged, JournalFailed, JournalLocked, JournalMissing
from shared.bus.journal_reader import JournalReader
from shared.bus.journal_rows import record_digest
from shared.bus.journal_schema import wal_path
from shared.bus.port import Durability
from shared.bus.verify import verify
from shared.events import BusStarted, LeaseGranted, StrategyLogged
from tests.unit.bus.journal_builders import BUS, FEED, LOG_ID, STRATEGY, Author, order, quote, row, tamper, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_what_was_appended_is_there_after_a_reopen(path: Path) -> None:
    journal = Journal.open(path, Durability.PROCESS, log_id=LOG_ID)
    author = Author()
    rows = author.batch("lqqo")
    journal.append(rows)
    journal.close()
    again = Journal.open(path, Durability.DISK)
    assert (again.log_id, again.head_seq, again.last_ts_ns) == (LOG_ID, 4, rows[-1].ts_ns)
    assert again.tail(0) == rows
    assert again.last_n() == {(BUS, 1): 1, (FEED, 1): 2, (STRATEGY, 1): 1}
    again.close()
    assert verify(path).clean


def test_the_names_survive_a_crash_that_left_them_unwritten(path: Path) -> None:
    journal = written(path, ["lq", "oq"])
    journal.idle()
    names = journal.last_n()
    journal.close()
    tamper(path, "DELETE FROM names")
    again = Journal.open(path, Durability.PROCESS)
    assert again.last_n() == names
    again.close()


def test_an_event_is_found_by_its_name_if_it_is_kept(path: Path) -> None:
    journal = written(path, ["lqo", "qo"])
    found = journal.find(STRATEGY, 1, 2)
    assert found is not None
    assert found.seq == 5
    assert journal.find(STRATEGY, 1, 3) is None
    assert journal.find(FEED, 1, 1) is None, "market data is not indexed by name"
    journal.close()


def test_a_kept_name_is_journaled_once(path: Path) -> None:
    journal = written(path, ["lo"])
    with pytest.raises(JournalFailed, match="UNIQUE"):
        journal.append([order(3, 1)])
    with pytest.raises(JournalFailed):
        journal.append([order(3, 2)])
    journal.close()
    again = Journal.open(path, Durability.PROCESS)
    assert again.head_seq == 2
    again.close()


def test_system_events_come_in_one_order(path: Path) -> None:
    journal = Journal.open(path, Durability.PROCESS)
    started = [row(s, BusStarted(s, 0), BUS, s) for s in (1, 3)]
    granted = [row(s, LeaseGranted("a", "b", s), BUS, s) for s in (2, 4)]
    journal.append(sorted(started + granted))
    assert [r.seq for r in journal.system_rows((LeaseGranted.TAG, BusStarted.TAG))] == [1, 2, 3, 4]
    assert list(journal.rows_of_tag(BusStarted.TAG)) == started
    journal.close()


def test_settled_is_before_the_newest_outside_fact_or_at_the_newest_cause(path: Path) -> None:
    journal = Journal.open(path, Durability.PROCESS)
    assert journal.settled() == 0
    journal.append([quote(1, 1), row(2, LeaseGranted("a", "b", 1), BUS, 1)])
    assert journal.settled() == 0
    journal.append([quote(3, 2)])
    assert journal.settled() == 2
    journal.append([order(4, 1, cause=3)])
    assert journal.settled() == 3
    journal.close()


@pytest.mark.parametrize("seqs", [(2,), (1, 3), (1, 1), ()])
def test_a_batch_follows_on_without_a_gap(path: Path, seqs: tuple[int, ...]) -> None:
    journal = Journal.open(path, Durability.PROCESS)
    with pytest.raises(AssertionError):
        journal.append([quote(s, i + 1) for i, s in enumerate(seqs)])
    journal.append([quote(1, 1)])
    journal.close()


def test_one_writer(path: Path) -> None:
    journal = written(path, ["q"])
    with pytest.raises(JournalLocked):
        Journal.open(path, Durability.PROCESS)
    journal.close()
    Journal.open(path, Durability.PROCESS).close()


def test_another_log_id_is_refused(path: Path) -> None:
    Journal.open(path, Durability.PROCESS, log_id=LOG_ID).close()
    with pytest.raises(ValueError, match=LOG_ID):
        Journal.open(path, Durability.PROCESS, log_id="f" * 16)
    with pytest.raises(ValueError, match="hex"):
        Journal.open(path, Durability.PROCESS, log_id="mine")
    Journal.open(path, Durability.PROCESS).close()


def test_where_a_journal_must_be_none_is_made(path: Path) -> None:
    with pytest.raises(JournalMissing, match="restore"):
        Journal.open(path, Durability.PROCESS, must_exist=True)
    assert not path.exists()
    with pytest.raises(JournalMissing):
        JournalReader(path)


def test_a_closed_journal_refuses(path: Path) -> None:
    journal = written(path, ["q"])
    journal.close()
    journal.close()
    with pytest.raises(JournalFailed, match="closed"):
        journal.append([quote(2, 2)])
    with pytest.raises(JournalFailed):
        journal.find(STRATEGY, 1, 1)


def test_a_reader_follows_a_live_journal_over_checkpoints(path: Path) -> None:
    journal = written(path, ["lqb"])
    reader = JournalReader(path)
    assert (reader.log_id, reader.head()) == (journal.log_id, 3)
    author = Author()
    author.batch("lqb")
    for _ in range(200):
        journal.append(author.batch("qqo"))
        journal.idle()
    assert reader.head() == 603
    seen, after = [], 0
    while after < reader.head():
        rows, after = reader.page(after, ("t.", "c."), 100)
        seen += [r.seq for r in rows]
    assert seen == [1, *range(6, 604, 3)]
    reader.close()
    journal.close()


def test_topics_are_prefixes_with_their_dot(path: Path) -> None:
    journal = Journal.open(path, Durability.PROCESS)
    journal.append([quote(1, 1, "F"), quote(2, 2, "FB"), quote(3, 3, "F")])
    reader = JournalReader(path)
    assert [r.seq for r in reader.page(0, ("m.F.",), 10)[0]] == [1, 3]
    assert [r.seq for r in reader.page(0, ("m.",), 10)[0]] == [1, 2, 3]
    assert reader.page(0, ("t.",), 10) == ([], 3)
    assert reader.page(0, ("m.",), 2) == (reader.page(0, ("m.",), 10)[0][:2], 2)
    assert reader.page(0, ("m.",), 10, upto=1)[1] == 1
    assert reader.page(3, ("m.",), 10) == ([], 3)
    reader.close()
    journal.close()


def test_a_page_does_bounded_work(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.bus.journal_reader.PAGE_SCAN_ROWS", 10)
    journal = written(path, ["q" * 25 + "o"])
    reader = JournalReader(path)
    assert reader.page(0, ("t.",), 5) == ([], 10)
    assert reader.page(10, ("t.",), 5) == ([], 20)
    rows, upto = reader.page(20, ("t.",), 5)
    assert ([r.seq for r in rows], upto) == ([26], 26)
    assert [r.seq for r in reader.outputs(STRATEGY, 0, 0, 5)] == [26], "outputs are looked for to the end"
    reader.close()
    journal.close()


def test_own_outputs_after_a_cause(path: Path) -> None:
    journal = Journal.open(path, Durability.PROCESS)
    journal.append([quote(1, 1), order(2, 1, cause=1), quote(3, 2), order(4, 2, cause=3), order(5, 3, cause=3)])
    reader = JournalReader(path)
    assert [r.seq for r in reader.outputs(STRATEGY, 1, 0, 10)] == [4, 5]
    assert [r.seq for r in reader.outputs(STRATEGY, 1, 4, 10)] == [5]
    assert [r.seq for r in reader.outputs(STRATEGY, 0, 0, 1)] == [2]
    assert reader.outputs("risk_engine", 0, 0, 10) == []
    reader.close()
    journal.close()


def test_a_damaged_event_is_never_handed_out(path: Path) -> None:
    written(path, ["lqo", "qqo"]).close()
    tamper(path, "UPDATE events SET epoch = 7 WHERE seq = 3")
    reader = JournalReader(path)
    assert reader.row(2) is not None
    with pytest.raises(JournalDamaged, match="seq 3"):
        reader.row(3)
    with pytest.raises(JournalDamaged, match="verify"):
        reader.page(0, ("t.",), 10)
    reader.close()


def test_a_cursor_digest_tells_events_apart() -> None:
    event = order(3, 1)
    assert record_digest(event) == record_digest(order(3, 1))
    assert len(record_digest(event)) == 16
    others = {event._replace(seq=4), event._replace(ts_ns=0), event._replace(n=2), event._replace(run=2), event._replace(body=b"")}
    assert len({record_digest(r) for r in others | {event}}) == 6


@pytest.mark.parametrize("bound", ["WAL_SOFT_BYTES", "WAL_HARD_BYTES"])
def test_the_write_ahead_log_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    """In idle time past the soft bound, without any idle time past the hard one."""
    monkeypatch.setattr(f"shared.bus.journal.{bound}", 400_000)
    author = Author()
    with closing(Journal.open(path, Durability.PROCESS)) as journal:
        for _ in range(400):
            journal.append(author.batch("qqqqo"))
            if bound == "WAL_SOFT_BYTES":
                journal.idle()
        assert wal_path(path).stat().st_size < 1_500_000
        assert journal.tail(1_995) == Author().batch("qqqqo" * 400)[-5:]


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(st.text("qbolt", min_size=1, max_size=8), min_size=1, max_size=12),
    reopen_after=st.sets(st.integers(0, 11)),
    durability=st.sampled_from(list(Durability)),
    limit=st.integers(1, 7),
)
def test_a_journal_says_what_was_appended(batches: list[str], reopen_after: set[int], durability: Durability, limit: int) -> None:
    """Any batches, reopened at any points: the log, its names and every lane's pages are those of the rows appended."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.db"
        journal = Journal.open(path, durability)
        author, model = Author(), []
        for i, kinds in enumerate(batches):
            rows = author.batch(kinds)
            journal.append(rows)
            model += rows
            if i in reopen_after:
                journal.close()
                journal = Journal.open(path, durability)
        assert journal.tail(0) == model
        assert journal.last_n() == {(r.source, r.run): r.n for r in model}
        assert all(journal.find(r.source, r.run, r.n) == r for r in model if not r.prunable)
        assert list(journal.rows_of_tag(StrategyLogged.TAG)) == [r for r in model if r.tag == StrategyLogged.TAG]
        reader = JournalReader(path)
        for prefixes in (("m.F.",), ("t.", "c."), ("m.B.", "t.o.s1."), ("x.",)):
            seen, after = [], 0
            while after < len(model):
                rows, after = reader.page(after, prefixes, limit)
                seen += rows
            assert seen == [r for r in model if r.topic.startswith(prefixes)]
        reader.close()
        journal.close()
        assert verify(path).clean
