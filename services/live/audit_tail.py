"""The audit log as it grows, for the console: what became of each order, exactly once, in order.

The auditor writes a line the moment it folds the event; polling the queries alone would miss an order that came and went between two looks.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from .log_tail import LogTail

_HEAD_FIELDS: Final = 3


class Entry(NamedTuple):
    """One audit line: log time (ISO, UTC), type, details, metadata."""

    time: str
    type: str
    details: str
    metadata: Mapping[str, str]


class AuditTail:
    """From the file's end at the start on; both formats."""

    def __init__(self, path: Path) -> None:
        self._tail = LogTail(path)

    def entries(self) -> Iterator[Entry]:
        """New entries since the last call. A line that is none is left to `audit verify`."""
        for line in self._tail.lines():
            entry = _jsonl(line) if line.startswith("{") else _csv(line)
            if entry is not None:
                yield entry


def _csv(line: str) -> Entry | None:
    fields = next(csv.reader([line]), [])
    if len(fields) < _HEAD_FIELDS:
        return None
    pairs = (field.partition("=") for field in fields[_HEAD_FIELDS:])
    return Entry(fields[0], fields[1], fields[2], {key: value for key, _, value in pairs})


def _jsonl(line: str) -> Entry | None:
    try:
        record: dict[str, Any] = orjson.loads(line)
        return Entry(record["timestamp"], record["type"], record["details"], record["metadata"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
