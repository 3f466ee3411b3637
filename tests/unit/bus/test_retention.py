"""Pruning: old market data goes, everything else stays, and the chain still proves all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.bus.journal import Journal
from shared.bus.journal_reader import JournalReader
from shared.bus.port import Durability
from shared.bus.retention import Pruner
from shared.bus.verify import verify
from shared.events import MarketPruned
from tests.unit.bus.journal_builders import BUS, START_NS, Author, all_rows, fast_directory, row, tamper, written

BATCHES = ["lqq", "qoq", "bqq", "qqo", "qqq"]  # seqs 1..15; the newest quote is 15, the newest of the bus is 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(written(path, BATCHES)) as opened:
        yield opened


def announce(journal: Journal, pruner: Pruner, upto: int) -> None:
    """What the sequencer does with an announceable seq."""
    assert upto > 0
    n = journal.last_n()[(BUS, 1)] + 1
    journal.append([row(journal.head_seq + 1, MarketPruned(upto), BUS, n)])
    pruner.announced(upto)


def finish(pruner: Pruner) -> None:
    while pruner.step():
        pass


def test_old_market_data_goes_and_the_rest_stays(journal: Journal, path: Path) -> None:
    pruner = Pruner(journal)
    upto = pruner.announceable(START_NS + 11, cursor=15)
    assert upto == 9, "the newest batch that is wholly older"
    announce(journal, pruner, upto)
    finish(pruner)
    assert [r.seq for r in all_rows(path)] == [1, 5, *range(10, 17)]
    assert verify(path).clean


def test_nothing_goes_before_it_is_announced(journal: Journal, path: Path) -> None:
    pruner = Pruner(journal)
    assert pruner.announceable(START_NS + 11, cursor=15) > 0
    assert not pruner.step()
    assert len(all_rows(path)) == 15


def test_pruning_stays_before_a_cursor_and_its_event(journal: Journal) -> None:
    pruner = Pruner(journal)
    assert pruner.announceable(START_NS + 100, cursor=9) == 6, "seq 9 ends a batch, but a cursor that stands on it is recognised by it"
    assert pruner.announceable(START_NS + 100, cursor=10) == 9
    assert pruner.announceable(START_NS + 100, cursor=0) == 0
    assert pruner.announceable(START_NS, cursor=15) == 0


def test_what_is_announced_is_not_announced_again(journal: Journal) -> None:
    pruner = Pruner(journal)
    announce(journal, pruner, 9)
    assert pruner.announceable(START_NS + 11, cursor=15) == 0
    assert pruner.announceable(START_NS + 13, cursor=15) == 12


def test_a_restart_takes_up_what_was_announced(journal: Journal, path: Path) -> None:
    announce(journal, Pruner(journal), 9)
    finish(Pruner(journal))
    assert [r.seq for r in all_rows(path)] == [1, 5, *range(10, 17)]


def test_the_batch_with_the_newest_of_a_name_stays_until_there_is_a_newer_one(path: Path) -> None:
    """A name that fell silent must still be known, or its repeats would be taken for new."""
    author = Author()
    with closing(Journal.open(path, Durability.PROCESS)) as journal:
        silent = [r._replace(source="gateway.other", run=7) for r in author.batch("qq")]
        journal.append(silent)
        journal.append(author.batch("lq"))
        journal.append(author.batch("qo"))
        journal.append(author.batch("qq"))
        pruner = Pruner(journal)
        announce(journal, pruner, 6)
        finish(pruner)
        assert [r.seq for r in all_rows(path)] == [1, 2, 3, 6, 7, 8, 9]
        names = journal.last_n()
    tamper(path, "DELETE FROM names")
    with closing(Journal.open(path, Durability.PROCESS)) as again:
        assert again.last_n() == names
        assert names[("gateway.other", 7)] == 2
        again.append([silent[0]._replace(seq=10, n=3)])
        finish(Pruner(again))
    assert [r.seq for r in all_rows(path)] == [3, 6, 7, 8, 9, 10]
    assert verify(path).clean


def test_pruning_goes_in_small_steps(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.bus.retention.STEP_ROWS", 4)
    with closing(written(path, ["lo", *["qq"] * 20])) as journal:
        pruner = Pruner(journal)
        announce(journal, pruner, 38)
        sizes = [len(all_rows(path))]
        while pruner.step():
            sizes.append(len(all_rows(path)))
        sizes.append(len(all_rows(path)))
        assert len(sizes) > 5
        assert all(0 <= before - after <= 8 for before, after in pairwise(sizes))
        assert verify(path).clean
    assert [r.seq for r in all_rows(path)][:3] == [1, 2, 39]


def test_readers_page_over_what_was_pruned(journal: Journal, path: Path) -> None:
    pruner = Pruner(journal)
    announce(journal, pruner, 12)
    finish(pruner)
    with closing(JournalReader(path)) as reader:
        assert reader.pruned_upto() == 12
        assert reader.row(3) is None
        rows, upto = reader.page(0, ("m.", "t."), 100)
        assert ([r.seq for r in rows], upto) == ([5, 12, 13, 14, 15], 16)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM events WHERE seq = 11",  # not announced
        "DELETE FROM events WHERE seq = 5",  # announced, but kept for good
        "UPDATE batches SET market = kept WHERE first = 4",  # of a batch that cannot be recomputed any more
        "UPDATE batches SET kept = market WHERE first = 7",
        "UPDATE events SET body = (SELECT body FROM events WHERE seq = 1), crc = 1 WHERE seq = 16",  # the announcement itself
    ],
)
def test_pruning_hides_nothing_else(journal: Journal, path: Path, sql: str) -> None:
    pruner = Pruner(journal)
    announce(journal, pruner, 9)
    finish(pruner)
    journal.close()
    assert verify(path).clean
    tamper(path, sql)
    assert not verify(path).clean


def test_half_a_batch_cannot_be_pruned(journal: Journal, path: Path) -> None:
    announce(journal, Pruner(journal), 9)
    journal.close()
    tamper(path, "DELETE FROM events WHERE seq = 8")
    assert not verify(path).clean


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(st.text("qbolt", min_size=1, max_size=6), min_size=2, max_size=12),
    ages=st.lists(st.integers(0, 60), min_size=1, max_size=3),
    cursor=st.integers(0, 60),
)
def test_any_pruning_keeps_all_promises(batches: list[str], ages: list[int], cursor: int) -> None:
    with fast_directory() as directory:
        path = directory / "journal.db"
        with closing(written(path, ["l", *batches])) as journal:
            model = all_rows(path)
            names = journal.last_n()
            for age in ages:
                pruner = Pruner(journal)
                upto = pruner.announceable(START_NS + age, cursor)
                assert upto < max(cursor, 1)
                if upto:
                    assert all(r.ts_ns < START_NS + age for r in model if r.seq <= upto)
                    announce(journal, pruner, upto)
                    finish(pruner)
                left = all_rows(path)
                assert [r for r in left if not r.prunable and r.tag != MarketPruned.TAG] == [r for r in model if not r.prunable]
                assert [r for r in model if r.seq >= cursor > 0] == [r for r in left if cursor <= r.seq <= len(model) and cursor > 0]
        tamper(path, "DELETE FROM names")
        with closing(Journal.open(path, Durability.PROCESS)) as again:
            assert {name: n for name, n in again.last_n().items() if name != (BUS, 1)} == {k: n for k, n in names.items() if k != (BUS, 1)}
        assert verify(path).clean
