"""A record: an event of the log as bytes with everything the bus knows of it; the row of the journal and the unit on the wire."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import msgspec

from shared.events import CATALOGUE, CodecError, Envelope, decode_body, encode_body


class Record(NamedTuple):
    """Columns of the journal, in order. prunable: market data or clock (1) or kept (0)."""

    seq: int
    ts_ns: int
    tag: int
    version: int
    topic: str
    source: str
    run: int
    n: int
    cause: int
    epoch: int
    body: bytes
    prunable: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def record_of(e: Envelope, body: bytes | None = None) -> Record:
    """body: the encoded event when the caller has it."""
    event = e.event
    return Record(
        e.seq,
        e.ts_ns,
        event.TAG,
        event.VERSION,
        e.topic,
        e.source,
        e.run,
        e.n,
        e.cause,
        e.epoch,
        encode_body(event) if body is None else body,
        int(event.PRUNABLE),
    )


def envelope_of(r: Record) -> Envelope:
    """Raises CodecError when the body is not of its tag."""
    return Envelope(r.seq, r.ts_ns, r.topic, r.source, r.run, r.n, r.cause, r.epoch, decode_body(r.tag, r.body))


def encode_record(r: Record) -> bytes:
    return _encode(r)


def decode_record(raw: bytes) -> Record:
    """Raises CodecError(malformed)."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise CodecError("malformed", f"record: {error}") from None


def digest_of(r: Record) -> bytes:
    """16 bytes over every column: what a cursor carries to prove it is of this log."""
    return hashlib.blake2b(_encode(r), digest_size=16).digest()


def is_prunable(tag: int) -> bool:
    found: Any = CATALOGUE.get(tag)
    return bool(found is not None and found.PRUNABLE)
