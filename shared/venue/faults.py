"""Fault modes of a venue: how a broker misbehaves, chosen by tests, counted, and gone after the requests they were set for.

A plan says what to do with the next request or report; it does nothing itself. It is no part of the ledger: a restarted venue behaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from .reports import Report

REQUESTS: Final = frozenset({"submit", "cancel", "replace"})


class Mode(StrEnum):
    """delayed_answer: acts, answers `delay_ms` later. accept_then_timeout: acts, never answers. timeout_before_accept: neither acts nor
    answers. server_error: neither acts nor says what happened (`acts`: acts first). reject: a definite no with `code` and `text`.
    duplicate_fills: each execution is reported twice, under two report numbers. fill_before_ack: executions are reported before the order
    they belong to, and pushed before the answer. mute_stream: connected, requests answered, nothing pushed. dropped_stream: the stream
    ends once, with what was about to be pushed; listeners must ask again."""

    DELAYED_ANSWER = "delayed_answer"
    ACCEPT_THEN_TIMEOUT = "accept_then_timeout"
    TIMEOUT_BEFORE_ACCEPT = "timeout_before_accept"
    SERVER_ERROR = "server_error"
    REJECT = "reject"
    DUPLICATE_FILLS = "duplicate_fills"
    FILL_BEFORE_ACK = "fill_before_ack"
    MUTE_STREAM = "mute_stream"
    DROPPED_STREAM = "dropped_stream"


class FaultSpec(msgspec.Struct, frozen=True, array_like=True):
    """count: how many requests (or report batches, for what concerns reports) it lasts, 0: until cleared. requests: which of submit, cancel,
    replace it applies to."""

    mode: Mode
    count: int = 1
    requests: tuple[str, ...] = ("submit", "cancel", "replace")
    delay_ms: int = 0
    acts: bool = False
    code: str = "account_restricted"
    text: str = "new orders are rejected"

    def __post_init__(self) -> None:
        unknown = set(self.requests) - REQUESTS
        if unknown or self.count < 0 or self.delay_ms < 0:
            raise ValueError(f"bad fault: requests {sorted(unknown)}, count {self.count}, delay_ms {self.delay_ms}")


class FaultPlan:
    """The modes in force, each with what is left of its count."""

    def __init__(self) -> None:
        self._left: dict[Mode, tuple[FaultSpec, int]] = {}

    def set(self, spec: FaultSpec) -> None:
        """Put one in force, in the place of an earlier one of its mode."""
        self._left[spec.mode] = (spec, spec.count)

    def clear(self) -> None:
        self._left.clear()

    @property
    def any(self) -> bool:
        """Whether a mode is in force."""
        return bool(self._left)

    def active(self) -> tuple[str, ...]:
        return tuple(sorted(self._left))

    def for_request(self, mode: Mode, request: str) -> FaultSpec | None:
        """The spec when this mode applies to this request; counts it."""
        if not self._left:
            return None
        known = self._left.get(mode)
        if known is None or request not in known[0].requests:
            return None
        return self._spend(mode)

    def for_reports(self, mode: Mode) -> FaultSpec | None:
        """The spec when this mode applies to reports about to be told; counts it."""
        return self._spend(mode) if mode in self._left else None

    def _spend(self, mode: Mode) -> FaultSpec:
        spec, left = self._left[mode]
        if left == 1:
            del self._left[mode]
        elif left > 1:
            self._left[mode] = (spec, left - 1)
        return spec


def fills_first(reports: Sequence[Report]) -> tuple[Report, ...]:
    """The same facts under the same numbers, executions before order rows."""
    moved = sorted(reports, key=lambda r: r.execution is None)
    return tuple(Report(r.n, m.ns, m.order, m.execution, m.cash, m.action) for r, m in zip(reports, moved, strict=True))


def repeats(reports: Sequence[Report], first: int) -> tuple[Report, ...]:
    """Each execution once more, under numbers from `first`."""
    again = [r for r in reports if r.execution is not None]
    return tuple(Report(first + i, r.ns, execution=r.execution) for i, r in enumerate(again))


def executions_in(reports: Sequence[Report]) -> int:
    return sum(r.execution is not None for r in reports)
