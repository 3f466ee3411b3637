"""The actor's snapshot: its desk, where it stands in its life, and what the strategy's own save() said."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.events import Bar
from shared.runtime.actor import SnapshotFailed, SnapshotIncompatible
from shared.strategy.desk import DeskState

LAYOUT: Final = 2
DEPTH_MAX: Final = 32


class SaveError(SnapshotFailed):
    """The strategy's save() raised or said something that is no plain value; the text names it. No snapshot can be taken."""


class Phase(StrEnum):
    """idle: no run yet. warming: set up, history is being told. running. stopped: cleanly. failed: raised or blocked; latched until an
    operator resumes it or another run begins. over: removed, or set to other parameters: only another run begins it again."""

    IDLE = "idle"
    WARMING = "warming"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    OVER = "over"


class ActorState(msgspec.Struct, frozen=True, array_like=True):
    """held_back: live bars that arrived during warm-up. strategy: None where none was alive or it has no save. revised: the sequence number
    from which the newest change of it by a command is in force. symbols: what it was told of."""

    layout: int
    phase: Phase
    desk: DeskState
    held_back: tuple[Bar, ...]
    strategy: bytes | None
    generators: bytes
    revised: int = 0
    symbols: tuple[str, ...] = ()


_encode: Final = msgspec.msgpack.Encoder(decimal_format="string").encode
_decode: Final = msgspec.msgpack.Decoder(ActorState).decode


def pack(state: ActorState) -> bytes:
    return _encode(state)


def unpack(raw: bytes) -> ActorState:
    """Raises SnapshotIncompatible for bytes of another layout."""
    try:
        state = _decode(raw)
    except msgspec.MsgspecError as error:
        raise SnapshotIncompatible(f"strategy snapshot: {error}") from None
    if state.layout != LAYOUT:
        raise SnapshotIncompatible(f"strategy snapshot of layout {state.layout}, this build writes {LAYOUT}")
    return state


def pack_plain(value: object) -> bytes:
    """What save() returned. Raises SaveError naming the place of the first thing that would not come back as it was."""
    return _encode(_plain(value, "save()", 0))


def unpack_plain(raw: bytes) -> Any:
    return msgspec.msgpack.decode(raw)


def _plain(value: object, place: str, depth: int) -> object:
    if depth > DEPTH_MAX:
        raise SaveError(f"{place}: nested deeper than {DEPTH_MAX}")
    if value is None or isinstance(value, bool | str | bytes):
        return value
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise SaveError(f"{place}: {value} does not fit 64 bits; save it as text")
        return int(value)
    if isinstance(value, float):
        return float(value)  # numpy's float64 is a float, but not to the encoder
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise SaveError(f"{place}: key {key!r} is neither text nor a whole number")
        return {key: _plain(item, f"{place}[{key!r}]", depth + 1) for key, item in value.items()}
    raise SaveError(f"{place}: a {type(value).__name__} is no plain value (None, bool, number, text, bytes, list, dict)")
