"""The promise taken literally: `journal verify` finds every flipped byte of content, in the database, the write-ahead log and the head.

Exhaustive: each byte of each file of a small journal is flipped in turn.
"""

from __future__ import annotations

from pathlib import Path

from shared.bus.head import head_path
from tests.unit.bus.journal_builders import content
from tests.unit.bus.journal_damage import dead_journal


def test_every_byte_of_a_journal_whose_writer_was_killed() -> None:
    """All of it in the write-ahead log still; the head's bytes are taken in the other test, they do not depend on this."""
    with dead_journal(closed=False) as journal:
        database, log = [f for f in journal.files() if f != head_path(journal.path)]
        journal.flip_each(database)
        found = journal.found
        journal.flip_each(log)
        assert journal.found - found > log.stat().st_size * 0.9, "nearly all of a write-ahead log is content"


def test_every_byte_of_a_journal_that_was_closed() -> None:
    with dead_journal(closed=True) as journal:
        database, head = journal.files()
        journal.flip_each(database)
        assert journal.found > stored_bytes(journal.path), "what is left are free bytes between the cells of pages"
        journal.found = 0
        journal.flip_each(head)
        assert journal.found == head.stat().st_size, "there is no byte of the head that may change"


def stored_bytes(path: Path) -> int:
    """Bytes of texts and blobs in the tables, numbers left aside."""
    *tables, _ = content(path)
    return sum(len(value) for table in tables for row in table for value in row if isinstance(value, (str, bytes)))
