"""What a market-data feed that can be read again is, whoever provides it. (A broker's live stream, which happens once, is
`shared.brokers.contract.MarketDataSession`.)

A source's rows are numbered densely from 1 in one order: time, then quotes before trades before bars, then the symbols as configured. The
number is the row's name in the log, so it is the same at every reading: on any machine, after any restart.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from shared.events import Bar, Event
from shared.metrics.record import DataFile


class FeedError(Exception):
    """The feed cannot serve; the text is one line for a person."""


class BadData(FeedError):
    """A row that is no market data. Its text: file, row (line of a text file, from 1) and reason."""

    def __init__(self, path: Path, row: int, reason: str) -> None:
        super().__init__(f"{path}, row {row}: {reason}")
        self.row = row
        self.reason = reason


class MissingExtra(FeedError):
    """A file needs a package that is not installed; the text names the extra that brings it."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows: `events[i]` is row `first + i` and may be known from `times[i]` (ns UTC, never decreasing)."""

    first: int
    times: list[int]
    events: list[Event]


class End(NamedTuple):
    """Where a finite source ended: how many rows it has in all, and the time of the newest (0 without rows)."""

    rows: int
    time: int


class History(Protocol):
    """Bars of the past. Used by one thread, which may be another than the one that reads the feed."""

    def history(self, symbols: Sequence[str], bars: int, until: int) -> Sequence[Bar]:
        """The newest `bars` bars of each symbol that end by `until` (ns), in time; fewer where there are fewer. Raises FeedError."""


class Source(History, Protocol):
    """Rows that can be read again from any row on."""

    @property
    def name(self) -> str: ...

    def blocks(self, skip: int) -> Generator[Block, None, End]:
        """The rows after row `skip`, in order; returns the end of a finite source. Raises FeedError at the block that holds a bad row."""

    def notes(self) -> str:
        """What a person should know of the reading so far, such as rows left out; empty when nothing."""

    def digests(self) -> Sequence[DataFile]:
        """What the newest reading was made of: a digest of each file or of the settings that generate the rows, the rows used of it and those
        left out as bad. Raises FeedError when a file is no longer the one that was read."""
