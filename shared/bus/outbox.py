"""The appender's end: what is not yet acknowledged is kept and repeated, in order. Sans-I/O.

A full outbox pauses its actor (`full`); nothing is ever dropped. Repeats are harmless: the bus knows each name once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

OUTBOX_MAX: Final = 1_000
RETRY_NS: Final = 1_000_000_000


@dataclass(slots=True)
class Entry:
    source: str
    run: int
    last: int
    frame: bytes


class Outbox:
    """Entries leave when the name they end in is acknowledged."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._done: dict[tuple[str, int], int] = {}
        self._sent = 0
        self._quiet_since = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def full(self) -> bool:
        return len(self._entries) >= OUTBOX_MAX

    def add(self, source: str, run: int, last: int, frame: bytes) -> None:
        """A message whose items end in n = last."""
        self._entries.append(Entry(source, run, last, frame))

    def due(self, now_ns: int) -> list[bytes]:
        """Frames to send now: the new ones, or all again when the bus has been silent about them for RETRY_NS."""
        if self._sent and now_ns - self._quiet_since > RETRY_NS:
            self._sent = 0
        if self._sent == len(self._entries):
            return []
        if self._sent == 0:
            self._quiet_since = now_ns
        return [self._entries[i].frame for i in range(self._sent, len(self._entries))]

    def sent(self, count: int) -> None:
        """The first `count` of the last `due` left."""
        self._sent += count

    def acknowledged(self, source: str, run: int, n: int, now_ns: int) -> None:
        """Everything of the name up to n is in the journal. An entry leaves when those before it have; repeats do no harm."""
        name = (source, run)
        self._done[name] = max(n, self._done.get(name, 0))
        while self._entries and self._entries[0].last <= self._done.get((self._entries[0].source, self._entries[0].run), 0):
            self._entries.popleft()
            self._sent = max(self._sent - 1, 0)
        self._quiet_since = now_ns

    def again(self) -> None:
        """Send everything anew: the bus misses some, or is another one."""
        self._sent = 0
