"""The codec: equal events make equal bytes; newer fields are skipped; garbage is refused with a typed error, whatever it is."""

from __future__ import annotations

import enum
import random
import types
import typing
from decimal import Decimal

import msgpack
import msgspec
import pytest

from shared.bus import wire
from shared.bus.record import decode_record, encode_record, envelope_of, record_of
from shared.events import CATALOGUE, Bar, CodecError, Envelope, Event, OrderIntent, decode_body, encode_body
from shared.events.codec import BODY_BYTES_MAX


def sample(annotation: object) -> object:
    """A value of a field's type."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return sample(arguments[0])
    if origin is tuple:
        return (sample(arguments[0]),) if arguments[-1] is Ellipsis else tuple(sample(a) for a in arguments)
    assert isinstance(annotation, type), annotation
    if issubclass(annotation, enum.Enum):
        return next(iter(annotation))
    if issubclass(annotation, msgspec.Struct):
        return annotation(**{f.name: sample(f.type) for f in msgspec.structs.fields(annotation)})
    return {int: 7, str: "s", float: 1.5, bool: True, Decimal: Decimal("1.50")}[annotation]


EVENTS: list[Event] = [typing.cast("Event", sample(t)) for t in CATALOGUE.values()]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_every_event_comes_back_equal_and_hashes(event: Event) -> None:
    body = encode_body(event)
    again = decode_body(event.TAG, body)
    assert again == event
    assert type(again) is type(event)
    assert encode_body(again) == body
    assert hash(again) == hash(event)
    assert event.topic.endswith(".")


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_another_msgpack_reader_sees_the_fields_in_order(event: Event) -> None:
    fields = msgpack.unpackb(encode_body(event))
    assert len(fields) == len(msgspec.structs.fields(event))


def test_fields_of_a_newer_version_are_skipped() -> None:
    bar = EVENTS[list(CATALOGUE).index(Bar.TAG)]
    newer = msgpack.packb([*msgpack.unpackb(encode_body(bar)), {"deep": [[[1]]]}, 5])
    assert decode_body(Bar.TAG, newer) == bar


def test_decimals_keep_their_digits() -> None:
    intent = EVENTS[list(CATALOGUE).index(OrderIntent.TAG)]
    assert isinstance(intent, OrderIntent)
    assert str(typing.cast("OrderIntent", decode_body(OrderIntent.TAG, encode_body(intent))).terms.quantity) == "1.50"


@pytest.mark.parametrize(
    ("tag", "body", "code"),
    [
        (9_999, b"\x90", "unknown_tag"),
        (-1, b"\x90", "unknown_tag"),
        (Bar.TAG, b"", "malformed"),
        (Bar.TAG, b"\xc1", "malformed"),
        (Bar.TAG, b"\x90", "malformed"),
        (Bar.TAG, b"\x91" * 50_000, "malformed"),
        (Bar.TAG, b"\xdd\xff\xff\xff\xff", "malformed"),
        (Bar.TAG, b"\xdf\xff\xff\xff\xff", "malformed"),
        (Bar.TAG, b"\xc4" + b"\x00" * 10, "malformed"),
        (Bar.TAG, b"\x00" * (BODY_BYTES_MAX + 1), "oversized"),
        (Bar.TAG, msgpack.packb(["SPY", "no", 1, 1.0, 1.0, 1.0, 1.0, 1.0]), "malformed"),
        (Bar.TAG, msgpack.packb(["SPY", 2**70 % 2**64, 1, None, 1.0, 1.0, 1.0, 1.0]), "malformed"),
        (Bar.TAG, msgpack.packb(msgpack.ExtType(5, b"xx")), "malformed"),
    ],
)
def test_what_is_not_an_event_is_refused_by_its_kind(tag: int, body: bytes, code: str) -> None:
    with pytest.raises(CodecError) as refused:
        decode_body(tag, body)
    assert refused.value.code == code


def mutated(rng: random.Random, raw: bytes) -> bytes:
    """Garbage that looks almost right."""
    data = bytearray(raw)
    for _ in range(rng.randrange(1, 6)):
        kind = rng.randrange(4)
        at = rng.randrange(len(data) + 1)
        if kind == 0 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = bytes([rng.choice((0x80, 0x90, 0xC1, 0xDD, 0xDF, 0xFF, 0xCF, 0xD9))])
        elif kind == 2:
            del data[at : at + rng.randrange(1, 9)]
        else:
            data[at:at] = data[: rng.randrange(20)]
    return bytes(data)


def test_garbage_raises_nothing_but_codec_errors() -> None:
    rng = random.Random(20131004)
    refused = 0
    for i in range(60_000):
        event = EVENTS[i % len(EVENTS)]
        try:
            decode_body(event.TAG, mutated(rng, encode_body(event)))
        except CodecError:
            refused += 1
    assert refused > 20_000


def test_garbage_frames_raise_nothing_but_codec_errors() -> None:
    rng = random.Random(20131005)
    e = Envelope(5, 6, "m.SPY.", "gateway.feed", 1, 5, 0, 0, EVENTS[0])
    frames = [
        wire.encode(wire.Hello(1, "auditor", "auditor", "f", ("c.",), 0, "h", feed=False)),
        wire.encode(wire.Append("auditor", 1, 1, 4, 1, (wire.wire_item(EVENTS[3]),), 0, (("venue.paper", 1, 3),))),
        wire.encode(wire.PageRequest(4, 5, b"d", ("m.",), 9)),
        encode_record(record_of(e)),
    ]
    assert envelope_of(decode_record(frames[-1])) == e
    for i in range(40_000):
        raw = mutated(rng, frames[i % len(frames)])
        for decode in (wire.decode_request, wire.decode_read, wire.decode_reply, wire.decode_page, decode_record):
            try:
                decode(raw)
            except CodecError:
                continue
