"""Control family (tags 400-449), on `c.`: what an operator commands. Each carries who and why; `command` is unique an operator act."""

from __future__ import annotations

from typing import ClassVar

from .base import Event
from .enums import Scope


class Command(Event, frozen=True):
    """command: unique id of the act; operator: who; reason: why; both shown in the audit log."""

    command: str
    operator: str
    reason: str


class HaltRequested(Command, frozen=True):
    """Block new orders of the scope and cancel its working ones; latched."""

    TAG: ClassVar[int] = 400
    scope: Scope
    key: str


class ResumeRequested(Command, frozen=True):
    """Clear a halt, a reduce-only state or a lock of the scope; arms where arming is manual."""

    TAG: ClassVar[int] = 401
    scope: Scope
    key: str


class ReduceRequested(Command, frozen=True):
    """Only exposure-reducing orders from now on."""

    TAG: ClassVar[int] = 402
    scope: Scope
    key: str


class FlattenRequested(Command, frozen=True):
    """Close positions of a symbol (empty: all); allowed while halted."""

    TAG: ClassVar[int] = 403
    symbol: str


class CancelRequested(Command, frozen=True):
    """Cancel one order (empty order_id: all)."""

    TAG: ClassVar[int] = 404
    order_id: str


class LimitChanged(Command, frozen=True):
    """A risk limit from this sequence number on, until expires_at (ns of the log's time; 0: until cleared). key: config path below
    `live.risk`; value: JSON (null switches it off; empty: the configuration's again). scope_key: strategy or symbol, empty for the account."""

    TAG: ClassVar[int] = 405
    key: str
    value: str
    expires_at: int = 0
    scope: Scope = Scope.GLOBAL
    scope_key: str = ""


class StrategyChanged(Command, frozen=True):
    """A strategy added, removed or given new parameters while running. action: add | set | remove. definition: JSON, of its whole entry to add
    it, of the parameters that change (`{"params": {...}}`) to set them."""

    TAG: ClassVar[int] = 406
    strategy: str
    action: str
    definition: str


class ReconcileNow(Command, frozen=True):
    """Reconcile on demand."""

    TAG: ClassVar[int] = 407


class ClaimRequested(Command, frozen=True):
    """Give unassigned holdings of a symbol to a strategy. quantity: units as text; empty: all there are; negative: units given back."""

    TAG: ClassVar[int] = 408
    symbol: str
    strategy: str
    quantity: str
