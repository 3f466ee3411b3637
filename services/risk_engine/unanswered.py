"""What was asked of the risk engine and nobody has decided: intents of strategies, commands of operators, failures that stop a strategy.

Before a run begins, at a first start or between two settings, the log is only folded, so nothing answers what comes then; a strategy or an operator
would wait for ever. Whatever asks is kept, as it was said, until its answer is in the log; what is left as a run begins is answered then
(`beginning`), commands in order of arrival, each as if it came at that moment:

| asked | answer as a run begins | it is answered by |
|---|---|---|
| halt, reduce; a strategy failed or blocked | in force | that state of its scope, or a stricter one; a later resume of its scope |
| resume | lifts, unless its scope was halted after it; never arms by itself: trading waits for a reading, and for consent since the start where `arm: manual` | a state of its scope by an operator; its refusal; a later halt of its scope |
| a cancel, an order an operator cancels or flattens | approved, as cancels always are | its approval |
| another limit, a strategy added, removed or set, a claim | as ever (`overrides`, `revisions`, `claims`) | `LimitOverridden`; `StrategyRevised`; `HoldingAssigned`, or the alert that refuses it |
| a new order, a replace | denied: trading is not armed then, and they are old | its approval or denial |
| the alert of a closing order that failed | told | itself |

The closing orders of a flatten are no answer: it is done when the symbol is flat (`flatten`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

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
    LimitBreached,
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

from .arguments import both, event_only
from .states import UNWATCHED

_DENIAL: Final = (Reason.DISARMED, "state.global", "", TradingState.DISARMED.value)


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """An event as the journal has it."""

    tag: int
    body: bytes


class Unanswered:
    """By what the answer will name, in order of arrival. state: of a snapshot."""

    def __init__(self, state: Mapping[str, Asked]) -> None:
        self._open: dict[str, Event] = {name: decode_body(asked.tag, asked.body) for name, asked in state.items()}

    def to_state(self) -> dict[str, Asked]:
        return {name: Asked(event.TAG, encode_body(event)) for name, event in self._open.items()}

    # folding

    def ask(self, event: Event) -> None:
        """The newest comes last. A halt ends the resumes of its scope that came before it, a resume what restricted its scope; a restriction
        beside a halt is not kept instead of it."""
        name = _ASKED[type(event)](event)
        if isinstance(event, ReduceRequested) and isinstance(self._open.get(name), _HALTS):
            return
        if isinstance(event, _HALTS):
            self._forget_resumes(name)
        elif isinstance(event, ResumeRequested):
            self._open.pop(_scope(event), None)
        self._open.pop(name, None)
        self._open[name] = event

    def noting(self, folds: Mapping[type[Event], Callable[[Envelope], None]]) -> dict[type[Event], Callable[[Envelope], None]]:
        """The folds of events that ask or answer, with what that is here before them; which intents are new, their own fold knows."""
        notes: dict[type[Event], Callable[[Any], None]] = {TradingStateChanged: self._changed, LimitBreached: self._breached}
        notes.update(dict.fromkeys(_ASKED.keys() - _INTENTS - _ANSWERED.keys(), self.ask))
        notes.update(dict.fromkeys(_ANSWERED, self.answered))
        return {kind: both(event_only(note), folds.get(kind)) for kind, note in notes.items()}

    def answered(self, event: Event) -> None:
        """Its answer is in the log."""
        if self._open:
            self._open.pop(_ANSWERED[type(event)](event), None)

    def _changed(self, e: TradingStateChanged) -> None:
        """An operator's act says what becomes of all that was asked of its scope before."""
        if not self._open:
            return
        name = _scope(e)
        event, acted = self._open.get(name), e.reason in _ACTS
        if acted:
            self._forget_resumes(name)
        if event is not None and (acted or e.state in {_state(event), TradingState.HALTED}):
            del self._open[name]

    def _breached(self, _: LimitBreached) -> None:
        """How a resume is refused while a loss limit stands. It names no command; between two runs nothing else says it."""
        if self._open:
            self._forget_resumes()

    def _forget_resumes(self, scope: str = "") -> None:
        self._open = {n: q for n, q in self._open.items() if not isinstance(q, ResumeRequested) or (scope and _scope(q) != scope)}

    # what is owed, as a run begins

    @property
    def owes(self) -> bool:
        return bool(self._open)

    def commands(self) -> list[Event]:
        """What an operator asked for, and failures, in order of arrival."""
        return [event for event in self._open.values() if isinstance(event, _COMMANDS)]

    def others(self) -> Iterator[Event]:
        """The answers that need no judgement."""
        for q in self._open.values():
            if isinstance(q, OrderIntent):
                yield OrderDenied(q.order_id, q.strategy, *_DENIAL)
            elif isinstance(q, ReplaceIntent):
                yield ReplaceDenied(q.order_id, q.strategy, q.replace_no, *_DENIAL)
            elif isinstance(q, CancelIntent):
                yield CancelApproved(q.order_id, q.strategy, q.reason)
            elif isinstance(q, Alert):
                yield q


def _state(event: Event) -> TradingState:
    """What a restriction asks for."""
    return TradingState.REDUCING if isinstance(event, ReduceRequested) else TradingState.HALTED


def _scope(e: HaltRequested | ReduceRequested | ResumeRequested | TradingStateChanged) -> str:
    return f"{e.scope.value}:{e.key}"


def _resume(e: ResumeRequested) -> str:
    return f"resume:{e.command}"


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
    """A refused claim or resume is an alert of that key."""
    return e.key


_INTENTS: Final = frozenset({OrderIntent, ReplaceIntent, CancelIntent})
_HALTS: Final = (HaltRequested, StrategyFailed, StrategyBlocked)
_COMMANDS: Final = (*_HALTS, ReduceRequested, ResumeRequested, LimitChanged, StrategyChanged, ClaimRequested)
_ACTS: Final = frozenset({Reason.OPERATOR, *UNWATCHED})  # of an operator's halt, resume; of a resume while nobody can say that the books agree
_ASKED: Final[dict[type[Event], Callable[[Any], str]]] = {
    OrderIntent: _order,
    ReplaceIntent: _replace,
    CancelIntent: _cancel,
    HaltRequested: _scope,
    ReduceRequested: _scope,
    ResumeRequested: _resume,
    StrategyFailed: _stopped,
    StrategyBlocked: _stopped,
    LimitChanged: _limit,
    StrategyChanged: _change,
    ClaimRequested: _claim,
    Alert: _told,
}
_ANSWERED: Final[dict[type[Event], Callable[[Any], str]]] = {
    OrderApproved: _order,
    OrderDenied: _order,
    ReplaceApproved: _replace,
    ReplaceDenied: _replace,
    CancelApproved: _cancel,
    LimitOverridden: _limit,
    StrategyRevised: _change,
    HoldingAssigned: _claim,
    Alert: _told,
}
