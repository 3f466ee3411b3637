"""The actor contract: a core folds events in sequence order and answers with new ones.

A core has no socket, clock, thread, file, randomness, environment or logging. Same state and same envelopes give the same outputs and
the same `state_hash` on any machine of the same build. Drivers (process, single, simulated) run cores; cores know none of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from shared.events import Envelope, Event


@runtime_checkable
class Core(Protocol):
    """decide: what follows from e given the state; changes nothing. apply: fold e, own outputs too; decides nothing.

    An own output is folded right after its cause, with seq 0, the cause's ts_ns and the epoch it is journaled under. `next_timer` is
    the ns at which the core wants a `ClockTicked` (0: none); it is honoured exactly under the feed clock and within one tick under wall.
    `restore` raises `SnapshotIncompatible` when the bytes are of another layout; the driver then replays from an older point.
    """

    def decide(self, e: Envelope) -> Sequence[Event]: ...
    def apply(self, e: Envelope) -> None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...
    def next_timer(self) -> int: ...


@runtime_checkable
class FoldingCore(Protocol):
    """An actor whose decide and apply are one: a user strategy, which changes its own state while it answers."""

    def step(self, e: Envelope) -> Sequence[Event]: ...
    def apply(self, e: Envelope) -> None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...
    def next_timer(self) -> int: ...


class SnapshotIncompatible(Exception):
    """The snapshot is of another build's layout; older snapshots or the whole log serve instead."""


class SnapshotFailed(Exception):
    """The state cannot be saved (a strategy's `save` raised); the actor goes on, and recovers from an older snapshot."""


class InvariantError(AssertionError):
    """Our bug: the process logs it and stops; it comes back through recovery. Never caught inside a service."""


def state_hash(core: Core | FoldingCore) -> str:
    """32 hex digits over the canonical snapshot."""
    return hashlib.blake2b(core.snapshot(), digest_size=16).hexdigest()
