"""Bytes of events: bounded, typed, canonical.

Promises: equal events encode to equal bytes; a reader skips fields appended by a newer version and refuses unknown tags; malformed,
oversized, over-deep or wrongly typed input raises `CodecError` with a stable `code`, never anything else, in bounded time and memory.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from .base import Event
from .catalogue import CATALOGUE

BODY_BYTES_MAX: Final = 64 * 1024  # a BrokerStateReported of 500 orders is 60 KB


class CodecError(ValueError):
    """Input that is not one of our messages. code: oversized | unknown_tag | malformed."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


_encode = msgspec.msgpack.Encoder(decimal_format="string", enc_hook=None).encode
_decoders: Final[dict[int, Any]] = {tag: msgspec.msgpack.Decoder(t).decode for tag, t in CATALOGUE.items()}


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
