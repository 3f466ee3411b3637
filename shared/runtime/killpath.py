"""The kill path's protocol: how an operator's command reaches the reconciler's own broker session past bus, risk and router.

Served by the reconciler's process on a socket in the private directory (mode 0700) every socket of this user's stack is in; asked by
`regimeflow halt` after, or instead of, the bus. A halt asked for here is durable before the first cancel leaves, and becomes part of the
log when the bus is back.
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared.bus.link import LinkClient, LinkError
from shared.events import Scope

from .places import Places

SOCKET: Final = "killpath"
HALT: Final = "halt"
PING: Final = "ping"
PING_S: Final = 3.0
ANSWER_S: Final = 45.0  # longer than any sweep
IDS_TOLD_MAX: Final = 100


class HaltOrder(msgspec.Struct, frozen=True):
    """journaled: the bus has it already, so the router is given the first chance and nothing is latched here."""

    command: str
    operator: str
    reason: str
    scope: Scope
    key: str
    journaled: bool = False


class Swept(msgspec.Struct, frozen=True):
    """What came of a sweep. found: orders that worked at the first look; asked: cancels requested by this session; kept: client ids of protective
    stops left working; open: client ids that still worked at the last look, at most IDS_TOLD_MAX, open_count all; failed: why the broker
    could not be read at the last look, else empty: then `open` is what was known before. lost: why the halt
    could not be made durable: it is journaled only if the reconciler's process lives until the bus is back."""

    found: int = 0
    asked: int = 0
    kept: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    open_count: int = 0
    failed: str = ""
    took_ms: int = 0
    lost: str = ""


class KillPathAway(Exception):
    """Nobody serves it, or the answer did not come; in the second case what was asked may have been done."""


def is_served(places: Places) -> bool:
    """Whether somebody has ever served it here; he may be gone."""
    return (places.sockets / SOCKET).exists()


def encode(message: msgspec.Struct) -> bytes:
    return msgspec.msgpack.encode(message)


def decode_order(raw: bytes) -> HaltOrder:
    """Raises msgspec.MsgspecError."""
    return msgspec.msgpack.decode(raw, type=HaltOrder)


class KillPathClient:
    """The asking end. Used by one thread; `close` always."""

    def __init__(self, places: Places) -> None:
        """Raises KillPathAway when nobody answers at once."""
        self._link = LinkClient(places.endpoint(SOCKET))
        try:
            self._link.request(PING, b"", PING_S)
        except LinkError as error:
            self._link.close()
            raise KillPathAway(str(error)) from None

    def halt(self, order: HaltOrder) -> Swept:
        """Cancel what works in the scope, over the reconciler's own session; returns when nothing works any more or its patience is over.
        Raises KillPathAway."""
        try:
            return msgspec.msgpack.decode(self._link.request(HALT, encode(order), ANSWER_S), type=Swept)
        except (LinkError, msgspec.MsgspecError) as error:
            raise KillPathAway(str(error)) from None

    def close(self) -> None:
        self._link.close()
