"""Damage to the files of a dead journal, one place at a time, and the judgement of what `journal verify` makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.bus.head import head_path
from shared.bus.journal_schema import wal_path
from shared.bus.verify import verify
from tests.unit.bus.journal_builders import content, crash_copy, fast_directory, small_pages, written

BATCHES = ("ql", "oq")


class DeadJournal:
    """A small journal of 512-byte pages whose writer is gone: killed before any checkpoint, or closed in order."""

    def __init__(self, directory: Path, *, closed: bool) -> None:
        live = directory / "live" / "journal.db"
        live.parent.mkdir()
        small_pages(live)
        writer = written(live, BATCHES)
        if closed:
            writer.close()
        self.path = crash_copy(live, directory / "dead")
        writer.close()
        self._said = content(self.path)
        self.found = self.harmless = 0
        self.judge("nothing was damaged yet")
        assert self.found == 0

    def files(self) -> list[Path]:
        return [f for f in (self.path, wal_path(self.path), head_path(self.path)) if f.exists() and f.stat().st_size > 0]

    def judge(self, damage: str) -> None:
        """What verify calls clean must say what the journal said, to the byte."""
        self._forget_index()
        if not verify(self.path).clean:
            self.found += 1
            return
        assert content(self.path) == self._said, f"unnoticed: {damage}"
        self.harmless += 1

    def flip_each(self, file: Path, mask: int = 0xFF) -> None:
        whole = file.read_bytes()
        fd = os.open(file, os.O_RDWR)
        for i, byte in enumerate(whole):
            os.pwrite(fd, bytes([byte ^ mask]), i)
            self.judge(f"byte {i} of {file.name} flipped")
            os.pwrite(fd, bytes([byte]), i)
        os.close(fd)
        assert file.read_bytes() == whole, "verify changed what it verified"

    def cut_each(self, file: Path) -> None:
        whole = file.read_bytes()
        for length in range(len(whole)):
            file.write_bytes(whole[:length])
            self.judge(f"{file.name} cut to {length} of {len(whole)} bytes")
            assert file.stat().st_size == length, "verify changed what it verified"
        file.write_bytes(whole)

    def _forget_index(self) -> None:
        """The index of the write-ahead log dies with its last user; while it is there SQLite believes it instead of the log."""
        self.path.with_name(self.path.name + "-shm").unlink(missing_ok=True)


@contextmanager
def dead_journal(*, closed: bool) -> Iterator[DeadJournal]:
    with fast_directory() as directory:
        yield DeadJournal(directory, closed=closed)
