"""Rows of the journal: how a record is written, and how it is read back only if it is the one that was written."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from .journal_errors import SQLITE_ERRORS, JournalDamaged, classify
from .record import Record, digest_of, encode_record

Row = Record
record_digest: Final[Callable[[Record], bytes]] = digest_of

INSERT_EVENT: Final = (
    "INSERT INTO events(seq, ts_ns, tag, version, topic, source, run, n, cause, epoch, body, prunable, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SELECT_EVENT: Final = "SELECT seq, ts_ns, tag, version, topic, source, run, n, cause, epoch, body, prunable, crc FROM events"


def with_crc(row: Record, encoded: bytes) -> tuple[Any, ...]:
    """The parameters of INSERT_EVENT."""
    return (*row, zlib.crc32(encoded))


def whole(values: Sequence[Any]) -> tuple[Record, bytes] | None:
    """A selected row and its canonical bytes; None when it is not what was written."""
    row = Record._make(values[:-1])
    encoded = encode_record(row)
    return (row, encoded) if zlib.crc32(encoded) == values[-1] else None


def checked(values: Sequence[Any]) -> Record:
    """As `whole`. Raises JournalDamaged."""
    found = whole(values)
    if found is None:
        raise JournalDamaged(f"the event at seq {values[0]} fails its checksum; run `journal verify`, then restore")
    return found[0]


def select(db: sqlite3.Connection, where: str, parameters: Iterable[Any] = ()) -> Iterator[Record]:
    """Checked rows. where: what follows FROM events. Raises JournalDamaged, JournalFailed."""
    try:
        for values in db.execute(f"{SELECT_EVENT} {where}", tuple(parameters)):
            yield checked(values)
    except SQLITE_ERRORS as error:
        raise classify(error, "reading the journal") from error
