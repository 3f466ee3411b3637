"""Messages between an actor's connection and the bus. One msgpack frame each; anything else is refused with `CodecError`.

Requests carry an `id` where an answer is awaited; appends are pipelined and answered by `Ack` with the newest n committed.
Items are (tag, version, body) so that the bus sees the bytes that will stand in the journal.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.events import CodecError, decode_body, encode_body
from shared.events.base import Event

from .record import Record
from .sequencer import Item

APPEND_BYTES_MAX: Final = 256 * 1024
PAGE_ROWS_MAX: Final = 1_000
PAGE_BYTES_MAX: Final = 4 * 1024 * 1024
SNAPSHOT_PART_BYTES: Final = 128 * 1024

WireItem = tuple[int, int, bytes]
WireNames = tuple[tuple[str, int, int], ...]


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of the two unions below; tagged by its place."""


class Hello(Message, frozen=True, tag=1):
    id: int
    source: str
    role: str
    fingerprint: str
    topics: tuple[str, ...]
    rank: int
    holder: str
    feed: bool


class Append(Message, frozen=True, tag=2):
    source: str
    epoch: int
    run: int
    cause: int
    first_n: int
    items: tuple[WireItem, ...]
    timer: int
    requires: WireNames


class OutsideFact(Message, frozen=True, tag=3):
    author: str
    epoch: int
    source: str
    run: int
    n: int
    item: WireItem
    ts_ns: int
    requires: WireNames


class FeedNext(Message, frozen=True, tag=4):
    """turn: counts the asker's turns; the grant names it, so that a repeated grant cannot pass for the next one."""

    author: str
    epoch: int
    turn: int
    ts_ns: int
    requires: WireNames


class Beat(Message, frozen=True, tag=5):
    """The holder lives; topics: its lane, for a bus that was restarted. sent_ns: by the sender's monotonic clock, as the answer says it again."""

    source: str
    epoch: int
    topics: tuple[str, ...]
    sent_ns: int = 0


class LastOutside(Message, frozen=True, tag=6):
    id: int
    source: str
    run: int


class Release(Message, frozen=True, tag=7):
    id: int
    source: str
    epoch: int


class PageRequest(Message, frozen=True, tag=20):
    """After a cursor (seq, digest), rows of these topics, not past upto."""

    id: int
    after: int
    digest: bytes
    topics: tuple[str, ...]
    upto: int


class OutputsRequest(Message, frozen=True, tag=21):
    id: int
    source: str
    cause_after: int
    after: int


class SnapshotPut(Message, frozen=True, tag=22):
    """One part of a snapshot; the store takes it whole when the last part is there and `digest` (of the state) agrees."""

    id: int
    source: str
    run: int
    n: int
    seq: int
    cursor_digest: bytes
    part: int
    parts: int
    data: bytes
    digest: bytes


class SnapshotList(Message, frozen=True, tag=23):
    id: int
    source: str


class SnapshotGet(Message, frozen=True, tag=24):
    id: int
    source: str
    seq: int
    part: int


class Welcomed(Message, frozen=True, tag=1):
    id: int
    instance: int
    log_id: str
    clock: str
    epoch: int
    run: int
    run_seq: int
    last_n: int
    head: int
    done: int
    lane: str
    lease_ns: int


class Refusal(Message, frozen=True, tag=2):
    """id 0: of a pipelined append. code: held | fenced | role | lease | gap | determinism | codec | cursor | unavailable. expected: the n that
    is missing, with gap. source, run: whose names."""

    id: int
    code: str
    text: str
    source: str = ""
    run: int = 0
    expected: int = 0


class Ack(Message, frozen=True, tag=3):
    """Everything of this name up to n is in the journal."""

    source: str
    run: int
    n: int


class Turn(Message, frozen=True, tag=4):
    turn: int
    head: int


class BeatReply(Message, frozen=True, tag=5):
    """The lease holds, counted from when this beat was sent: a process that slept finds answers to beats from before."""

    instance: int
    sent_ns: int = 0


class Number(Message, frozen=True, tag=6):
    id: int
    value: int


class PageReply(Message, frozen=True, tag=20):
    """Records of the request in order; complete to upto (the end of the reading when upto is not past it)."""

    id: int
    upto: int
    upto_digest: bytes
    records: tuple[msgspec.Raw, ...]


class SnapshotMeta(msgspec.Struct, frozen=True, array_like=True, gc=False):
    run: int
    n: int
    seq: int
    cursor_digest: bytes
    parts: int


class SnapshotsReply(Message, frozen=True, tag=21):
    id: int
    snapshots: tuple[SnapshotMeta, ...]


class SnapshotPart(Message, frozen=True, tag=22):
    id: int
    data: bytes


class Page(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is published on a lane: prev, the lane's seq before these records; no records: the lane's head while idle."""

    instance: int
    prev: int
    records: tuple[Record, ...]


class RawPage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    instance: int
    prev: int
    records: list[msgspec.Raw]


Request = Hello | Append | OutsideFact | FeedNext | Beat | LastOutside | Release
ReadRequest = PageRequest | OutputsRequest | SnapshotPut | SnapshotList | SnapshotGet
Reply = Welcomed | Refusal | Ack | Turn | BeatReply | Number | PageReply | SnapshotsReply | SnapshotPart

_encode = msgspec.msgpack.Encoder().encode
_request: Final[Any] = msgspec.msgpack.Decoder(Request)
_read: Final[Any] = msgspec.msgpack.Decoder(ReadRequest)
_reply: Final[Any] = msgspec.msgpack.Decoder(Reply)
_page: Final[Any] = msgspec.msgpack.Decoder(Page)


def encode(message: Message | RawPage) -> bytes:
    return _encode(message)


def _decode(decoder: Any, raw: bytes, limit: int) -> Any:
    if len(raw) > limit:
        raise CodecError("oversized", f"frame of {len(raw)} bytes, at most {limit}")
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise CodecError("malformed", str(error)) from None


def decode_request(raw: bytes) -> Request:
    """Raises CodecError."""
    message: Request = _decode(_request, raw, APPEND_BYTES_MAX)
    return message


def decode_read(raw: bytes) -> ReadRequest:
    """Raises CodecError."""
    message: ReadRequest = _decode(_read, raw, APPEND_BYTES_MAX)
    return message


def decode_reply(raw: bytes) -> Reply:
    """Raises CodecError."""
    message: Reply = _decode(_reply, raw, PAGE_BYTES_MAX)
    return message


def decode_page(raw: bytes) -> Page:
    """Raises CodecError."""
    message: Page = _decode(_page, raw, PAGE_BYTES_MAX)
    return message


def wire_item(event: Event) -> WireItem:
    return (event.TAG, event.VERSION, encode_body(event))


def item_of(wire: WireItem) -> Item:
    """Raises CodecError: the body must be of its tag before it may enter the log."""
    tag, _, body = wire
    return Item(decode_body(tag, body), body)
