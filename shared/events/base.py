"""What every event is: an immutable, typed, tagged, versioned value.

Promises: an event holds only scalars, enums, Decimals, and tuples or structs of them, so it encodes to the same msgpack bytes on every
machine and needs no garbage-collector tracking. It never holds its own sequence number, time or author: those are facts about the log
and live in the `Envelope`.

Shape measured before it was settled (`make bench`, codec section): creating a frozen slotted dataclass costs ten times a
`msgspec.Struct`, encoding and decoding with plain msgpack three times; the wire format is msgpack either way, as an array of fields.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

TOPIC_CONTROL = "c."  # clock, leases, control, instruments, sessions: every lane includes it
TOPIC_STRATEGIES = "c.s."  # which strategies there are; within control, so every lane has it, and one that has nothing else is quickly read
TOPIC_ACCOUNT = "t.a."  # trading state, equity, reconciliation, cash
TOPIC_BROKER = "t.b."  # evidence: what a broker session saw


def topic_market(symbol: str) -> str:
    """Topic of market data of one symbol. The trailing dot matters: `m.F.` is no prefix of `m.FB.`; so a dot within a symbol is written `~`,
    or `BRK` would take the data of `BRK.B`."""
    return f"m.{symbol.replace('.', '~')}." if "." in symbol else f"m.{symbol}."


def topic_orders(strategy: str) -> str:
    """Topic of the order path of one strategy; the prefix `t.` takes every strategy, account and broker event."""
    return f"t.o.{strategy}."


def topic_warmup(strategy: str, run: int) -> str:
    """Topic of warm-up bars of one strategy run; never mixed with live ones."""
    return f"w.{strategy}.{run}."


class Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A part of an event: immutable, encoded as an array of its fields in order. New fields go last, with a default."""


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A fact in the past tense, an intent or a command. `TAG` is never re-used; `VERSION` grows when a field is added."""

    TAG: ClassVar[int] = 0
    VERSION: ClassVar[int] = 1
    PRUNABLE: ClassVar[bool] = False  # market data and clock: may leave the journal after `journal.market_retention`

    @property
    def topic(self) -> str:
        """Where it is published; control unless the family says otherwise."""
        return TOPIC_CONTROL


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """An event's place in the log.

    seq: dense from 1 over the log. ts_ns: the log's time, ns since the Unix epoch UTC; `now` for whoever folds it. source, run, n: the
    dense name of the event (`n` from 1 in a run). cause: seq of the event it follows from (0: an outside fact). epoch: the author's
    lease epoch (0: outside facts).
    """

    seq: int
    ts_ns: int
    topic: str
    source: str
    run: int
    n: int
    cause: int
    epoch: int
    event: Event
