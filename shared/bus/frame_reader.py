"""Catch-up over frames: pages of history, own outputs, snapshots. Sans-I/O but for the files it reads; runs in a process of its own beside
the sequencer, so that a page of history never costs the order path.

It also keeps the snapshots, in their own file. A cursor is (seq, digest) and is refused when it is not in the log's history: an actor
that followed another log, or a tail that was lost, must not go on as if nothing had happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from shared.events import CodecError

from . import wire
from .port import NEVER, Refused
from .record import Record, digest_of, encode_record
from .snapshots import StoredSnapshot

UPLOADS_MAX: Final = 64
FETCHED_MAX: Final = 4
PAGE_BYTES: Final = 1024 * 1024


class History(Protocol):
    """What catch-up needs of a journal."""

    @property
    def log_id(self) -> str: ...
    def head(self) -> int: ...
    def row(self, seq: int) -> Record | None: ...
    def page(self, after: int, prefixes: tuple[str, ...], limit: int, upto: int = NEVER) -> tuple[list[Record], int]: ...
    def outputs(self, source: str, cause_after: int, after_seq: int, limit: int) -> list[Record]: ...


class Shelf(Protocol):
    """What catch-up needs of a snapshot store."""

    def save(self, log_id: str, source: str, run: int, n: int, cursor_seq: int, cursor_digest: bytes, state: bytes, digest: bytes) -> None: ...
    def newest(self, log_id: str, source: str) -> Sequence[StoredSnapshot]: ...


class FrameReader:
    """Answers requests of one log. Used by one thread."""

    def __init__(self, journal: History, snapshots: Shelf) -> None:
        self._journal = journal
        self._store = snapshots
        self._uploads: dict[tuple[str, int], list[bytes]] = {}
        self._fetched: dict[tuple[str, int], bytes] = {}  # states being read part by part: a look into the store judges every byte
        self.counts: Counter[str] = Counter()

    def answer(self, raw: bytes) -> bytes:
        """The answering frame of a request frame."""
        try:
            request = wire.decode_read(raw)
        except CodecError as error:
            self.counts[error.code] += 1
            return wire.encode(wire.Refusal(0, "codec", str(error)))
        self.counts[type(request).__name__] += 1
        try:
            return wire.encode(self._answer(request))
        except Refused as error:
            self.counts[error.code] += 1
            return wire.encode(wire.Refusal(request.id, error.code, str(error)))

    def _answer(self, request: wire.ReadRequest) -> wire.Message:
        match request:
            case wire.PageRequest():
                return self._page(request)
            case wire.OutputsRequest(id_, source, cause_after, after):
                rows = self._journal.outputs(source, cause_after, after, wire.PAGE_ROWS_MAX)
                return _reply(id_, rows, rows[-1].seq if rows else after, None)
            case wire.SnapshotPut():
                return self._put(request)
            case wire.SnapshotList(id_, source):
                return wire.SnapshotsReply(id_, tuple(_meta(s) for s in self._store.newest(self._journal.log_id, source)))
            case wire.SnapshotGet(id_, source, seq, part):
                return wire.SnapshotPart(id_, self._part(source, seq, part))

    def _part(self, source: str, seq: int, part: int) -> bytes:
        """Empty past the end, and of a snapshot that is gone. A state is kept from its first part to its last, FETCHED_MAX of them at most."""
        key, begin = (source, seq), part * wire.SNAPSHOT_PART_BYTES
        state = self._fetched.get(key)
        if state is None:
            state = next((s.state for s in self._store.newest(self._journal.log_id, source) if s.cursor_seq == seq), b"")
            if len(self._fetched) >= FETCHED_MAX:
                self._fetched.pop(next(iter(self._fetched)))
            self._fetched[key] = state
        end = begin + wire.SNAPSHOT_PART_BYTES
        if end >= len(state):
            del self._fetched[key]
        return state[begin:end]

    def _page(self, request: wire.PageRequest) -> wire.PageReply:
        self._check_cursor(request.after, request.digest)
        rows, upto = self._journal.page(request.after, request.topics, wire.PAGE_ROWS_MAX, request.upto)
        return _reply(request.id, rows, upto, self._journal.row)

    def _check_cursor(self, seq: int, digest: bytes) -> None:
        """Raises Refused(cursor). A cursor without a digest stands on a row that was pruned when it was given."""
        if seq == 0:
            return
        head = self._journal.head()
        if seq > head:
            raise Refused("cursor", f"seq {seq} is after this log's end {head}: another log, or its tail was lost")
        row = self._journal.row(seq)
        if row is not None and digest and digest_of(row) != digest:
            raise Refused("cursor", f"the event at seq {seq} is not the one this cursor names: another log")

    def _put(self, put: wire.SnapshotPut) -> wire.Message:
        key = (put.source, put.seq)
        if put.part == 0:
            if len(self._uploads) >= UPLOADS_MAX:
                self._uploads.pop(next(iter(self._uploads)))
            self._uploads[key] = []
        parts = self._uploads.get(key)
        if parts is None or not 0 <= put.part <= len(parts):
            raise Refused("unavailable", f"snapshot part {put.part} of {put.source} came without those before it")
        if put.part == len(parts):
            parts.append(put.data)
        if len(parts) == put.parts:
            del self._uploads[key]
            try:
                self._store.save(self._journal.log_id, put.source, put.run, put.n, put.seq, put.cursor_digest, b"".join(parts), put.digest)
            except ValueError as error:
                raise Refused("unavailable", str(error)) from None
        return wire.Number(put.id, len(parts))


def _reply(id_: int, rows: Sequence[Record], upto: int, row: Callable[[int], Record | None] | None) -> wire.PageReply:
    """As many of the rows as fit a page; row: to name the event the page is complete to."""
    records: list[msgspec.Raw] = []
    size = 0
    for record in rows:
        raw = encode_record(record)
        size += len(raw)
        if size > PAGE_BYTES and records:
            upto = rows[len(records) - 1].seq
            break
        records.append(msgspec.Raw(raw))
    last = row(upto) if row is not None else None
    return wire.PageReply(id_, upto, digest_of(last) if last is not None else b"", tuple(records))


def _meta(s: StoredSnapshot) -> wire.SnapshotMeta:
    return wire.SnapshotMeta(s.run, s.n, s.cursor_seq, s.cursor_digest, max(1, -(-len(s.state) // wire.SNAPSHOT_PART_BYTES)))
