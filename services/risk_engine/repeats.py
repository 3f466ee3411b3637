"""A strategy that executes, or is rejected, again and again without anybody looking: halted alone, until an operator resumes it.

RTS 6 article 15(3). Counted by log time over a sliding window, kept over restarts; an operator's resume of the strategy begins the count
anew. The state it leads to is a trading state like any other, latched with its reason.
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared.events import Event, OrderEvent, OrderFilled, OrderRejected, Reason, Scope, TradingState, TradingStateChanged

from .settings import RiskSettings
from .states import TradingStates

SECOND: Final = 1_000_000_000

Times = dict[str, list[int]]


class RepeatState(msgspec.Struct):
    """By strategy, ns of the newest fills and of the newest rejections by the broker, oldest first; no more than their limits."""

    fills: Times = msgspec.field(default_factory=dict)
    rejections: Times = msgspec.field(default_factory=dict)


class Repeats:
    def __init__(self, settings: RiskSettings, states: TradingStates, state: RepeatState) -> None:
        s = self._settings = settings
        self._states = states
        self._state = state
        self._counted: dict[type[Event], tuple[Times, int | None, int, Reason, str]] = {
            OrderFilled: (state.fills, s.repeat_executions_max, s.repeat_window_s, Reason.REPEATED_EXECUTION, "repeat_executions_max"),
            OrderRejected: (state.rejections, s.rejections_max, s.rejection_window_s, Reason.REPEATED_REJECTION, "rejections_max"),
        }
        self._strategies = frozenset(entry.id for entry in s.strategies)

    def judge(self, e: OrderEvent, now: int) -> tuple[TradingStateChanged, ...]:
        """What one more leads to, before it is folded."""
        times, most, window, reason, key = self._counted[type(e)]
        if most is None or e.strategy not in self._strategies:
            return ()
        known = times.get(e.strategy, ())
        if len(known) < most or known[-most] <= now - window * SECOND:
            return ()
        text = f"{key} of {most} in {window} s is exceeded by {e.order_id}"
        changed = self._states.restrict(Scope.STRATEGY, e.strategy, TradingState.HALTED, reason, text)
        return () if changed is None else (changed,)

    def fold(self, e: OrderEvent, now: int) -> None:
        times, most, *_ = self._counted[type(e)]
        if most is not None and e.strategy in self._strategies:
            known = times.setdefault(e.strategy, [])
            known.append(now)
            del known[:-most]

    def clear(self, strategy: str) -> None:
        """An operator resumed it."""
        self._state.fills.pop(strategy, None)
        self._state.rejections.pop(strategy, None)
