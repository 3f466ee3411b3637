"""Intents nobody has decided: those that came while no run of the risk engine was there, at a first start or between two settings.

Before a run begins the log is only folded, so nothing answers them; without an answer a strategy would wait for ever. As a run begins, each
new order and replace is denied - trading is not armed then, and they are old - and each cancel is approved, as cancels always are.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from shared.events import CancelApproved, CancelIntent, Event, OrderDenied, OrderIntent, Reason, ReplaceDenied, ReplaceIntent, TradingState


class Question(msgspec.Struct, frozen=True, array_like=True):
    """A strategy's intent. replace_no: 0 unless a replace; reason: of a cancel that has one."""

    order_id: str
    strategy: str
    replace_no: int = 0
    cancel: bool = False
    reason: Reason | None = None


class Unanswered:
    """state: by what the answer will name, in order of arrival."""

    def __init__(self, state: dict[str, Question]) -> None:
        self._open = state

    def ordered(self, e: OrderIntent) -> None:
        self._open[e.order_id] = Question(e.order_id, e.strategy)

    def replaced(self, e: ReplaceIntent) -> None:
        self._open[_replace(e.order_id, e.replace_no)] = Question(e.order_id, e.strategy, e.replace_no)

    def canceled(self, e: CancelIntent) -> None:
        self._open[_cancel(e.order_id)] = Question(e.order_id, e.strategy, cancel=True, reason=e.reason)

    def order_answered(self, order_id: str) -> None:
        self._open.pop(order_id, None)

    def replace_answered(self, order_id: str, replace_no: int) -> None:
        self._open.pop(_replace(order_id, replace_no), None)

    def cancel_answered(self, order_id: str) -> None:
        self._open.pop(_cancel(order_id), None)

    def answers(self) -> Iterator[Event]:
        """What is owed, as a run begins."""
        denial = (Reason.DISARMED, "state.global", "", TradingState.DISARMED.value)
        for q in self._open.values():
            if q.cancel:
                yield CancelApproved(q.order_id, q.strategy, q.reason)
            elif q.replace_no:
                yield ReplaceDenied(q.order_id, q.strategy, q.replace_no, *denial)
            else:
                yield OrderDenied(q.order_id, q.strategy, *denial)


def _replace(order_id: str, replace_no: int) -> str:
    return f"{order_id}/{replace_no}"


def _cancel(order_id: str) -> str:
    return f"{order_id}/cancel"
