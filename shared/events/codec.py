"""Bytes of events, headers and envelopes: bounded, typed, canonical.

Promises: equal events encode to equal bytes; a reader skips fields appended by a newer version and refuses unknown tags; malformed,
oversized, over-deep or wrongly typed input raises `CodecError` with a stable `code`, never anything else, in bounded time and memory.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from .base import Envelope, Event
from .catalogue import CATALOGUE

BODY_BYTES_MAX: Final = 64 * 1024  # a BrokerStateReported of 500 orders is 60 KB
HEADER_BYTES_MAX: Final = 512
NAME_CHARS_MAX: Final = 64


class CodecError(ValueError):
    """Input that is not one of our messages. code: oversized | unknown_tag | malformed | bad_header."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class Header(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the bus knows of an event without reading its body; prev is the lane's previous seq (0 in the journal)."""

    seq: int
    ts_ns: int
    prev: int
    tag: int
    version: int
    source: str
    run: int
    n: int
    cause: int
    epoch: int


_encode = msgspec.msgpack.Encoder(decimal_format="string", enc_hook=None).encode
_decode_header = msgspec.msgpack.Decoder(Header).decode
_decoders: Final[dict[int, Any]] = {tag: msgspec.msgpack.Decoder(t).decode for tag, t in CATALOGUE.items()}
_SCALARS: Final = ("seq", "ts_ns", "prev", "run", "n", "cause", "epoch")


def encode_body(event: Event) -> bytes:
    """msgpack array of the event's fields in order. Raises CodecError(oversized) past BODY_BYTES_MAX."""
    body = _encode(event)
    if len(body) > BODY_BYTES_MAX:
        raise CodecError("oversized", f"{type(event).__name__} of {len(body)} bytes, at most {BODY_BYTES_MAX}")
    return body


def decode_body(tag: int, body: bytes) -> Event:
    """The event of a tag. Raises CodecError."""
    if len(body) > BODY_BYTES_MAX:
        raise CodecError("oversized", f"body of {len(body)} bytes, at most {BODY_BYTES_MAX}")
    decode = _decoders.get(tag)
    if decode is None:
        raise CodecError("unknown_tag", f"tag {tag}; this build knows {len(_decoders)} types")
    try:
        return cast("Event", decode(body))
    except (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError) as error:
        raise CodecError("malformed", f"{CATALOGUE[tag].__name__}: {error}") from None


def encode_header(header: Header) -> bytes:
    return _encode(header)


def decode_header(raw: bytes) -> Header:
    """Raises CodecError(bad_header) when it is no header or a number in it is negative or past 63 bits."""
    if len(raw) > HEADER_BYTES_MAX:
        raise CodecError("bad_header", f"{len(raw)} bytes, at most {HEADER_BYTES_MAX}")
    try:
        header = _decode_header(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise CodecError("bad_header", str(error)) from None
    if any(not 0 <= getattr(header, name) < 1 << 63 for name in _SCALARS) or len(header.source) > NAME_CHARS_MAX:
        raise CodecError("bad_header", "a number is out of range or the source is too long")
    return header


def header_of(envelope: Envelope, prev: int = 0) -> Header:
    e = envelope
    return Header(e.seq, e.ts_ns, prev, e.event.TAG, e.event.VERSION, e.source, e.run, e.n, e.cause, e.epoch)


def envelope_of(header: Header, topic: str, body: bytes) -> Envelope:
    """Raises CodecError when the body is not of the header's type."""
    h = header
    return Envelope(h.seq, h.ts_ns, topic, h.source, h.run, h.n, h.cause, h.epoch, decode_body(h.tag, body))
