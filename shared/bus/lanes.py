"""Lanes: a fixed topic set agreed at subscription; consumers with the same set share one.

Each published page of a lane names `prev`, the lane's previous seq, so a filtered subscriber sees a gap in what it asked for before it
folds anything after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def lane_id(topics: Iterable[str], patient: bool = False) -> str:
    """Name of the lane of a topic set, the same everywhere; a fixed length, so that no lane is another's prefix. patient: its consumers gladly
    take what came in a while at once."""
    text = "\n".join((*sorted(set(topics)), *(["patient"] if patient else [])))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class Lanes:
    """Which lanes an event is on, and each lane's newest seq. A lane made at head h starts with prev h: who stands before it catches up."""

    def __init__(self) -> None:
        self._prefixes: dict[str, tuple[str, ...]] = {}
        self._last: dict[str, int] = {}
        self._match: dict[str, tuple[str, ...]] = {}
        self.patient: set[str] = set()

    def add(self, topics: Iterable[str], head: int, patient: bool = False) -> str:
        """Make or find the lane; head: newest published seq."""
        prefixes = tuple(sorted(set(topics)))
        name = lane_id(prefixes, patient)
        if patient:
            self.patient.add(name)
        if name not in self._prefixes:
            self._prefixes[name] = prefixes
            self._last[name] = head
            self._match.clear()
        return name

    def of(self, topic: str) -> tuple[str, ...]:
        """Lanes an event of this topic is on."""
        found = self._match.get(topic)
        if found is None:
            found = tuple(name for name, prefixes in self._prefixes.items() if topic.startswith(prefixes))
            self._match[topic] = found
        return found

    def advance(self, lane: str, seq: int) -> int:
        """Record seq as the lane's newest; the one before it."""
        prev = self._last[lane]
        self._last[lane] = seq
        return prev

    def heads(self) -> dict[str, int]:
        return dict(self._last)
