"""What was asked of the risk engine and nobody has decided: intents of strategies, commands of operators, failures that stop a strategy.

Before a run begins, at a first start or between two settings, the log is only folded, so nothing answers what comes then; a strategy or an operator
would wait for ever. Whatever asks is kept, as it was said, until its answer is in the log; what is left as a run begins is answered then:

| asked | answer as a run begins | it is answered by |
|---|---|---|
| halt, reduce; a strategy failed or blocked | in force, before anything else | that state of its scope, or a stricter one; a resume of its scope |
| a new order, a replace | denied: trading is not armed then, and they are old | its approval or denial |
| a cancel | approved, as cancels always are | its approval |
| another limit | as ever (`overrides`) | `LimitOverridden` |
| a strategy added, removed or set | as ever, one after the other (`revisions`) | `StrategyRevised` |
| a claim | as ever, one after the other (`claims`) | `HoldingAssigned`, or the alert that refuses it |

What a flatten asks is no answer: it is done when the symbol is flat (`flatten`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from shared.events import (
    Alert,
    CancelApproved,
    CancelIntent,
    ClaimRequested,
    Envelope,
    Event,
    HaltRequested,
    HoldingAssigned,
    LimitChanged,
    LimitOverridden,
    OrderApproved,
    OrderDenied,
    OrderIntent,
    Reason,
    ReduceRequested,
    ReplaceApproved,
    ReplaceDenied,
    ReplaceIntent,
    ResumeRequested,
    Scope,
    StrategyBlocked,
    StrategyChanged,
    StrategyFailed,
    StrategyRevised,
    TradingState,
    TradingStateChanged,
    decode_body,
    encode_body,
)

_DENIAL: Final = (Reason.DISARMED, "state.global", "", TradingState.DISARMED.value)


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """An event as the journal has it."""

    tag: int
    body: bytes


class Restriction(NamedTuple):
    """A trading state that somebody wants in force."""

    scope: Scope
    key: str
    state: TradingState
    reason: Reason
    text: str


class Unanswered:
    """By what the answer will name, in order of arrival. state: of a snapshot."""

    def __init__(self, state: Mapping[str, Asked]) -> None:
        self._open: dict[str, Event] = {name: decode_body(asked.tag, asked.body) for name, asked in state.items()}

    def to_state(self) -> dict[str, Asked]:
        return {name: Asked(event.TAG, encode_body(event)) for name, event in self._open.items()}

    # folding

    def ask(self, event: Event) -> None:
        """A restriction that is asked beside a halt of its scope is not kept instead of it."""
        name = _ASKED[type(event)](event)
        known = self._open.get(name)
        if known is None or not isinstance(event, ReduceRequested) or not isinstance(known, _HALTS):
            self._open[name] = event

    def noting(self, folds: Mapping[type[Event], Callable[[Envelope], None]]) -> dict[type[Event], Callable[[Envelope], None]]:
        """The folds of events that ask or answer, with what that is here before them; which intents are new, their own fold knows."""
        notes: dict[type[Event], Callable[[Any], None]] = {TradingStateChanged: self._changed}
        notes.update(dict.fromkeys(_ASKED.keys() - _INTENTS, self.ask))
        notes.update(dict.fromkeys(_ANSWERED, self.answered))
        return {kind: _before(note, folds.get(kind)) for kind, note in notes.items()}

    def answered(self, event: Event) -> None:
        """Its answer is in the log."""
        if self._open:
            self._open.pop(_ANSWERED[type(event)](event), None)

    def _changed(self, e: TradingStateChanged) -> None:
        name = _scope(e)
        event = self._open.get(name)
        if event is not None and e.state in {_restriction(event).state, TradingState.HALTED}:
            del self._open[name]

    # what is owed, as a run begins

    def restrictions(self) -> Iterator[Restriction]:
        return (_restriction(event) for event in self._open.values() if isinstance(event, _RESTRICTING))

    def intents(self) -> Iterator[Event]:
        for q in self._open.values():
            if isinstance(q, OrderIntent):
                yield OrderDenied(q.order_id, q.strategy, *_DENIAL)
            elif isinstance(q, ReplaceIntent):
                yield ReplaceDenied(q.order_id, q.strategy, q.replace_no, *_DENIAL)
            elif isinstance(q, CancelIntent):
                yield CancelApproved(q.order_id, q.strategy, q.reason)

    def limits(self) -> list[LimitChanged]:
        return [event for event in self._open.values() if isinstance(event, LimitChanged)]

    def claims(self) -> list[ClaimRequested]:
        return [event for event in self._open.values() if isinstance(event, ClaimRequested)]

    def changes(self) -> list[StrategyChanged]:
        return [event for event in self._open.values() if isinstance(event, StrategyChanged)]


def _before(note: Callable[[Any], None], fold: Callable[[Envelope], None] | None) -> Callable[[Envelope], None]:
    def folded(e: Envelope) -> None:
        note(e.event)
        if fold is not None:
            fold(e)

    return folded


def _restriction(event: Event) -> Restriction:
    if isinstance(event, HaltRequested | ReduceRequested):
        state = TradingState.HALTED if isinstance(event, HaltRequested) else TradingState.REDUCING
        return Restriction(event.scope, event.key, state, Reason.OPERATOR, f"{event.operator}: {event.reason}")
    assert isinstance(event, StrategyFailed | StrategyBlocked)
    reason = Reason.STRATEGY_BLOCKED if isinstance(event, StrategyBlocked) else Reason.STRATEGY_ERROR
    return Restriction(Scope.STRATEGY, event.strategy, TradingState.HALTED, reason, f"{event.callback}: the strategy ended")


def _scope(e: HaltRequested | ReduceRequested | ResumeRequested | TradingStateChanged) -> str:
    return f"{e.scope.value}:{e.key}"


def _stopped(e: StrategyFailed | StrategyBlocked) -> str:
    return f"{Scope.STRATEGY.value}:{e.strategy}"


def _order(e: OrderIntent | OrderApproved | OrderDenied) -> str:
    return e.order_id


def _replace(e: ReplaceIntent | ReplaceApproved | ReplaceDenied) -> str:
    return f"{e.order_id}/{e.replace_no}"


def _cancel(e: CancelIntent | CancelApproved) -> str:
    return f"{e.order_id}/cancel"


def _limit(e: LimitChanged | LimitOverridden) -> str:
    return f"limit:{e.command}"


def _change(e: StrategyChanged | StrategyRevised) -> str:
    return f"change:{e.command}"


def _claim(e: ClaimRequested | HoldingAssigned) -> str:
    return f"claim:{e.command}"


def _told(e: Alert) -> str:
    """A refused claim is an alert of that key."""
    return e.key


_INTENTS: Final = frozenset({OrderIntent, ReplaceIntent, CancelIntent})
_HALTS: Final = (HaltRequested, StrategyFailed, StrategyBlocked)
_RESTRICTING: Final = (*_HALTS, ReduceRequested)
_ASKED: Final[dict[type[Event], Callable[[Any], str]]] = {
    OrderIntent: _order,
    ReplaceIntent: _replace,
    CancelIntent: _cancel,
    HaltRequested: _scope,
    ReduceRequested: _scope,
    StrategyFailed: _stopped,
    StrategyBlocked: _stopped,
    LimitChanged: _limit,
    StrategyChanged: _change,
    ClaimRequested: _claim,
}
_ANSWERED: Final[dict[type[Event], Callable[[Any], str]]] = {
    OrderApproved: _order,
    OrderDenied: _order,
    ReplaceApproved: _replace,
    ReplaceDenied: _replace,
    CancelApproved: _cancel,
    ResumeRequested: _scope,
    LimitOverridden: _limit,
    StrategyRevised: _change,
    HoldingAssigned: _claim,
    Alert: _told,
}
