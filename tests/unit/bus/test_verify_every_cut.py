"""The promise taken literally: `journal verify` finds every truncation, the tail of the write-ahead log included.

Exhaustive: each file of a small journal is cut to each length in turn.
"""

from __future__ import annotations

from shared.bus.head import head_path
from tests.unit.bus.journal_damage import dead_journal


def test_every_length_of_a_journal_whose_writer_was_killed() -> None:
    with dead_journal(closed=False) as journal:
        database, log = [f for f in journal.files() if f != head_path(journal.path)]
        journal.cut_each(log)
        assert journal.found == log.stat().st_size, "the last frame holds an acknowledged commit: no cut is harmless"
        journal.cut_each(database)


def test_every_length_of_a_journal_that_was_closed() -> None:
    with dead_journal(closed=True) as journal:
        for file in journal.files():
            journal.found = 0
            journal.cut_each(file)
            assert journal.found > file.stat().st_size * 0.9, file.name
