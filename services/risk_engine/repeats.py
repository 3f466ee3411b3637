"""A strategy that executes, or is rejected, again and again without anybody looking: halted, alone or as wide as `halt_scope` says, until an
operator resumes it.

RTS 6 article 15(3). Counted by log time over a sliding window, kept over restarts; an operator's resume of the strategy begins the count
anew. The state it leads to is a trading state like any other, latched with its reason.
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared.domain.order_fold import NO_PART
from shared.events import Event, LimitBreached, OrderEvent, OrderFilled, OrderRejected, Reason

from .settings import RiskSettings

SECOND: Final = 1_000_000_000

Times = dict[str, list[int]]


class RepeatState(msgspec.Struct):
    """By strategy, ns of the newest fills and of the newest rejections by the broker, oldest first; no more than their limits."""

    fills: Times = msgspec.field(default_factory=dict)
    rejections: Times = msgspec.field(default_factory=dict)


class Repeats:
    def __init__(self, settings: RiskSettings, state: RepeatState) -> None:
        s = self._settings = settings
        self._state = state
        self._counted: dict[type[Event], tuple[Times, int | None, int, Reason, str]] = {
            OrderFilled: (state.fills, s.repeat_executions_max, s.repeat_window_s, Reason.REPEATED_EXECUTION, "repeat_executions_max"),
            OrderRejected: (state.rejections, s.rejections_max, s.rejection_window_s, Reason.REPEATED_REJECTION, "rejections_max"),
        }
        self._strategies = frozenset(entry.id for entry in s.strategies)

    def judge(self, e: OrderEvent, now: int) -> tuple[Reason, str] | None:
        """Why one more, not folded yet, is one too many."""
        times, most, window, reason, key = self._counted[type(e)]
        if most is None or e.strategy not in self._strategies or _summary(e):
            return None
        known = times.get(e.strategy, ())
        if len(known) < most or known[-most] <= now - window * SECOND:
            return None
        return reason, f"{key} of {most} in {window} s is exceeded by {e.order_id}"

    def crossing(self, e: OrderEvent, now: int) -> tuple[LimitBreached, ...]:
        """That one more, not folded yet, is past the soft part of its limit, told by the one that passes it."""
        times, most, window, reason, key = self._counted[type(e)]
        if most is None or e.strategy not in self._strategies or _summary(e):
            return ()
        known, since, soft = times.get(e.strategy, ()), now - window * SECOND, int(self._settings.soft_fraction * most)
        are_soft = not soft or (len(known) >= soft and known[-soft] > since)  # so many in the window before this one
        are_more = len(known) > soft and known[-soft - 1] > since
        if soft == most or not are_soft or are_more:
            return ()
        return (LimitBreached(reason, f"strategies.{e.strategy}.{key}", str(most), str(soft + 1), hard=False),)

    def fold(self, e: OrderEvent, now: int) -> None:
        times, most, *_ = self._counted[type(e)]
        if most is not None and e.strategy in self._strategies and not _summary(e):
            known = times.setdefault(e.strategy, [])
            known.append(now)
            del known[:-most]

    def clear(self, strategy: str) -> None:
        """An operator resumed it."""
        self._state.fills.pop(strategy, None)
        self._state.rejections.pop(strategy, None)


def _summary(e: OrderEvent) -> bool:
    """Of an order in parts: what the broker rejected are its parts, and they are counted."""
    return isinstance(e, OrderRejected) and e.code == NO_PART
