"""Codec: create, encode and decode an event of each family, against a frozen slotted dataclass on plain msgpack.

The twin is what one writes without measuring: the same fields, the same array on the wire, the same types after decoding.
"""

from __future__ import annotations

import dataclasses
import enum
import operator
import time
import typing
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgpack
import msgspec

from shared import events as ev
from shared.events import Event, decode_body, encode_body

from .table import AT_MOST, Row, Size, Target, interleaved

_TERMS: Final = ev.OrderTerms("SPY", ev.OrderSide.BUY, ev.OrderType.LIMIT, Decimal(100), Decimal("421.37"))
SAMPLES: Final[tuple[Event, ...]] = (
    ev.Quote("SPY", 1_700_000_000_000_000_000, 421.36, 421.37, 300.0, 500.0),
    ev.Bar("SPY", 1_700_000_000_000_000_000, 1_700_000_060_000_000_000, 421.3, 421.9, 421.1, 421.37, 12_345.0),
    ev.OrderIntent("cross:1:17", "cross", _TERMS),
    ev.BrokerRequestRefused("paper", "router", "submit", "a1b2c3-cross-1-17", ev.ErrorClass.REJECTION, "not_open", "gone"),
    ev.EquityMarked(Decimal("100123.45"), Decimal("57986.45"), Decimal("12.10"), Decimal("100200.00"), 0.0008, Decimal(42137), Decimal(42137)),
    ev.CancelRequested("9f3c", "anna", "too many", "cross:1:17"),
    ev.HealthReported("gateway", ev.HealthState.READY, 123_456, 0, 0, 3.1, 45.2, 0.8),
)
MARKET_NS: Final = Target(AT_MOST, 1_500.0, "encode + decode of market data <= 1.5 us")


class Twin:
    """The dataclass of one event type, made from the same annotations. encode and decode restore enums, Decimals and nested values."""

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        hints = typing.get_type_hints(kind)
        self.names = kind.__struct_fields__
        self.cls: Any = dataclasses.make_dataclass(kind.__name__, [(name, Any) for name in self.names], frozen=True, slots=True)
        self.fields: Callable[[Any], Any] = operator.attrgetter(*self.names)
        self.restore = [_restorer(hints[name]) for name in self.names]
        self.plain = not any(self.restore)

    def of(self, value: Any) -> Any:
        return self.cls(*(Twin(type(v)).of(v) if isinstance(v, msgspec.Struct) else v for v in self.fields(value)))

    def encode(self, value: Any) -> bytes:
        packed: bytes = msgpack.packb(self.fields(value), default=_pack_other)
        return packed

    def decode(self, raw: bytes) -> Any:
        return self.build(msgpack.unpackb(raw))

    def build(self, values: Any) -> Any:
        if self.plain:
            return self.cls(*values)
        return self.cls(*(v if f is None or v is None else f(v) for f, v in zip(self.restore, values, strict=True)))


def _restorer(hint: Any) -> Callable[[Any], Any] | None:
    for kind in (hint, *typing.get_args(hint)):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return Twin(kind).build
        if isinstance(kind, type) and issubclass(kind, Decimal | enum.Enum):
            return kind
    return None


def _pack_other(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else [getattr(value, f.name) for f in dataclasses.fields(value)]


def _timed(act: Callable[[], object], count: int) -> Callable[[], float]:
    """ns a call."""

    def measure() -> float:
        begun = time.perf_counter_ns()
        for _ in range(count):
            act()
        return (time.perf_counter_ns() - begun) / count

    return measure


def run(size: Size) -> list[Row]:
    count, rounds = size.of(20_000, 200), size.of(7, 2)
    rows = []
    for event in SAMPLES:
        kind, twin = type(event), Twin(type(event))
        other, values, raw, tag = twin.of(event), twin.fields(event), encode_body(event), event.TAG
        theirs = twin.encode(other)
        acts = (
            ("create", lambda k=kind, v=values: k(*v), lambda t=twin, v=values: t.cls(*v)),
            ("encode", lambda e=event: encode_body(e), lambda t=twin, o=other: t.encode(o)),
            ("decode", lambda g=tag, r=raw: decode_body(g, r), lambda t=twin, r=theirs: t.decode(r)),
        )
        measured = [interleaved(rounds, _timed(ours, count), _timed(plain, count)) for _, ours, plain in acts]
        both = measured[1][0] + measured[2][0]
        told = ", ".join(f"{name} {ours:.0f}" for (name, _, _), (ours, _) in zip(acts, measured, strict=True))
        against = ", ".join(f"{plain:.0f}" for _, plain in measured)
        ratio = sum(plain for _, plain in measured) / sum(ours for ours, _ in measured)
        target = MARKET_NS if isinstance(event, ev.Quote | ev.Bar) else None
        rows.append(Row(f"codec {kind.__name__}", f"{told} ns", f"dataclass, msgpack: {against} ns", ratio, target, both))
    return rows
