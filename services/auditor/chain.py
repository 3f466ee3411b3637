"""Append-only text files whose every line carries the journal's sequence number and a running hash.

The hash of a line covers the hash of the line before it, so a changed, missing, inserted or re-ordered line breaks the chain from there on.
What a chain alone cannot show is a cut at the very end; the journal can, since every line names its sequence number.

A writer that starts again drops a torn last line and goes on exactly after the last whole one: what it is given again up to there is
skipped, by sequence number and, within one event, by count. Written lines are with the operating system at once: a killed process loses
none; `sync` makes them survive the machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

GENESIS: Final = "0" * 32
TAIL_BYTES: Final = 1 << 20  # far more than the lines of any one event

Record_contra = TypeVar("Record_contra", bound="Numbered", contravariant=True)


class Numbered(Protocol):
    """What is written: anything with its event's sequence number."""

    @property
    def seq(self) -> int: ...


class Opened(NamedTuple):
    """A line taken apart. body: what the hash covers beside the hash before it."""

    body: str
    seq: int
    digest: str


class Format(Protocol[Record_contra]):
    """One file's layout. header: first line, empty for none."""

    header: str

    def body(self, row: Record_contra) -> str:
        """The line without its hash."""

    def seal(self, body: str, digest: str) -> str:
        """The line as written, without its end."""

    def open(self, line: str) -> Opened:
        """The inverse of seal. Raises ValueError for anything `seal` does not make."""


class ChainBroken(Exception):
    """The file's end is not what this writer wrote."""


def link(before: str, body: str) -> str:
    """32 hex digits over the hash before and this line."""
    return blake2b(f"{before}\n{body}".encode(), digest_size=16).hexdigest()


class ChainedWriter(Generic[Record_contra]):
    """One file, one writer. Raises ChainBroken when what is there was changed, OSError when it cannot be written."""

    def __init__(self, path: Path, layout: Format[Record_contra]) -> None:
        self._layout = layout
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o640), "r+b")
        self._digest = GENESIS
        self.last_seq = 0
        self._written_of_last = 0
        self._skipped_seq = 0
        self._skipped = 0
        self._resume(path)

    def write(self, row: Record_contra) -> None:
        """Append, unless it is in the file already."""
        if row.seq < self.last_seq or (row.seq == self.last_seq and self._is_repeat(row.seq)):
            return
        body = self._layout.body(row)
        self._digest = link(self._digest, body)
        self._file.write(f"{self._layout.seal(body, self._digest)}\n".encode())
        self._file.flush()
        self._count(row.seq)

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def _is_repeat(self, seq: int) -> bool:
        """Lines of the newest event that were written before this writer started are given again in the same order."""
        if seq == self._skipped_seq and self._skipped:
            self._skipped -= 1
            return True
        return False

    def _count(self, seq: int) -> None:
        self._written_of_last = self._written_of_last + 1 if seq == self.last_seq else 1
        self.last_seq = seq

    def _resume(self, path: Path) -> None:
        size = self._file.seek(0, os.SEEK_END)
        start = max(0, size - TAIL_BYTES)
        self._file.seek(start)
        tail = self._file.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        self._file.truncate(start + len(whole))
        self._file.seek(0, os.SEEK_END)
        lines = whole.decode(errors="replace").split("\n")[:-1]
        if start:
            lines = lines[1:]
        elif lines and self._layout.header:
            if lines[0] != self._layout.header:
                raise ChainBroken(f"{path}: the first line is not its header")
            lines = lines[1:]
        elif self._layout.header:
            self._file.write(f"{self._layout.header}\n".encode())
            self._file.flush()
        self._take_up(path, lines, first=not start)

    def _take_up(self, path: Path, lines: list[str], *, first: bool) -> None:
        """The newest hash and number, after proving that the tail is chained."""
        before = GENESIS if first else ""
        for line in lines:
            try:
                opened = self._layout.open(line)
            except ValueError as error:
                raise ChainBroken(f"{path}: {error}") from None
            if before and link(before, opened.body) != opened.digest:
                raise ChainBroken(f"{path}: the chain breaks at seq {opened.seq}")
            before = self._digest = opened.digest
            self._count(opened.seq)
        self._skipped_seq, self._skipped = self.last_seq, self._written_of_last


@dataclass(frozen=True, slots=True)
class Verification:
    """lines: whole ones that hold; problem: empty when all do; unreadable: the file could not be read."""

    lines: int
    last_seq: int
    problem: str = ""
    unreadable: bool = False

    @property
    def exit_status(self) -> int:
        """0 clean, 1 tampered or corrupt, 2 cannot read."""
        return 2 if self.unreadable else 1 if self.problem else 0


def verify_chain(path: Path, layout: Format[Numbered]) -> Verification:
    """Every line from the first. Raises nothing."""
    digest, count, last = GENESIS, 0, 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                line = raw.decode(errors="replace").removesuffix("\n")
                if not raw.endswith(b"\n"):
                    return Verification(count, last, f"line {number}: torn, it has no end")
                if number == 1 and layout.header:
                    if line != layout.header:
                        return Verification(0, 0, "line 1: not the header")
                    continue
                try:
                    opened = layout.open(line)
                except ValueError as error:
                    return Verification(count, last, f"line {number}: {error}")
                if link(digest, opened.body) != opened.digest:
                    return Verification(count, last, f"line {number}: the chain breaks here: it or the line before was changed, removed or moved")
                if opened.seq < last:
                    return Verification(count, last, f"line {number}: seq {opened.seq} after {last}")
                digest, count, last = opened.digest, count + 1, opened.seq
    except OSError as error:
        return Verification(count, last, f"cannot read: {error.strerror or error}", unreadable=True)
    return Verification(count, last)
