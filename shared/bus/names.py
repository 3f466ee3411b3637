"""Newest n of every (source, run): what a restart needs to tell a repeat from something new.

It is a fold of the events, written down now and then so that a restart reads only what came after. The newest row of every name outlives
pruning (see retention.py), so the fold can always be made again from the events alone; a damaged shortcut is dropped, never believed.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from typing import Final

import msgspec

from .record import Record

Names = dict[tuple[str, int], tuple[int, int]]  # (source, run) -> (newest n, its seq)

_DIGEST_BYTES: Final = 16
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, int, int, int]]).decode


def learn(names: Names, rows: Iterable[Record]) -> None:
    """Fold rows in seq order."""
    for row in rows:
        names[(row.source, row.run)] = (row.n, row.seq)


def save_names(db: sqlite3.Connection, names: Names, upto: int) -> None:
    """Write the fold of events up to and including seq upto; inside the caller's transaction."""
    body = _encode(sorted((source, run, n, seq) for (source, run), (n, seq) in names.items()))
    db.execute("INSERT OR REPLACE INTO names(id, upto, body, digest) VALUES (1, ?, ?, ?)", (upto, body, _digest(upto, body)))


def stored_names(db: sqlite3.Connection) -> tuple[Names, int] | None:
    """The shortcut and the seq it is complete to; None when there is none or it is damaged. Raises sqlite3.Error."""
    row = db.execute("SELECT upto, body, digest FROM names WHERE id = 1").fetchone()
    if row is None:
        return None
    upto, body, digest = row
    if not isinstance(upto, int) or not isinstance(body, bytes) or upto < 0 or digest != _digest(upto, body):
        return None
    return {(source, run): (n, seq) for source, run, n, seq in _decode(body)}, upto


def load_names(db: sqlite3.Connection) -> Names:
    """The fold of the whole journal: the shortcut and what follows it. Raises sqlite3.Error."""
    names, upto = stored_names(db) or ({}, 0)
    # SQLite takes the bare columns n and seq from the row that has the max; n grows with seq within a run
    rest = db.execute("SELECT source, run, n, max(seq) FROM events WHERE seq > ? GROUP BY source, run", (upto,))
    names.update({(source, run): (n, seq) for source, run, n, seq in rest})
    return names


def _digest(upto: int, body: bytes) -> bytes:
    return hashlib.blake2b(upto.to_bytes(8, "big") + body, digest_size=_DIGEST_BYTES).digest()
