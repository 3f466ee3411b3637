"""What operators do to strategies while the stack runs: add, remove, set. The answer, and what it means for orders and trading states.

A removed strategy is halted, latched: nothing it says is approved, what was approved and not yet sent is not sent, its working orders are cancelled.
`resume` does not bring it back; adding it does, which also lifts that halt. Orders of the earlier life stay that: a process that has not heard yet says
nothing that is approved, and what they still trade is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shared.config.revised import ADDED, REMOVED
from shared.domain.ledger import UNASSIGNED
from shared.events import (
    Alert,
    CancelApproved,
    Envelope,
    Event,
    Reason,
    ResumeRequested,
    Scope,
    Severity,
    StrategyChanged,
    StrategyRevised,
    TradingState,
)

from .revisions import Account, answer

if TYPE_CHECKING:
    from .desk import Desk


def on_strategy_changed(e: Envelope, desk: Desk) -> Sequence[Event]:
    command: StrategyChanged = e.event  # type: ignore[assignment]  # dispatched by type
    exits = (desk.flattening.state.run, desk.flattening.state.orders)
    account = Account(desk.gates.instruments, desk.ledger.books[UNASSIGNED].cash, exits, wall=desk.presence.wall)
    revised = answer(command, e.seq, desk.config, desk.revisions, account)
    if revised.outcome == REMOVED:
        return (revised, *_ended(revised, desk))
    if revised.outcome == ADDED and desk.states.of(Scope.STRATEGY, revised.strategy) is not TradingState.ACTIVE:
        return (revised, desk.states.lift(revised.strategy, Reason.OPERATOR, f"{revised.text}: added"[:200]))
    return (revised,)


def refused_resume(command: ResumeRequested, desk: Desk) -> Sequence[Event]:
    """What is said of a resume of a strategy that was removed; nothing of any other."""
    if command.scope is not Scope.STRATEGY or not desk.revisions.removed(command.key):
        return ()
    text = f"resume of {command.key} refused: it is removed; `regimeflow strategy add` brings it back"
    return (Alert(Severity.WARNING, f"resume:{command.command}", text),)


def _ended(revised: StrategyRevised, desk: Desk) -> Iterator[Event]:
    yield desk.states.halt(Scope.STRATEGY, revised.strategy, Reason.OPERATOR, f"{revised.text}: removed"[:200])
    for order in desk.reservations.orders.values():
        if order.strategy == revised.strategy:
            yield CancelApproved(order.order_id, order.strategy, Reason.OPERATOR)
