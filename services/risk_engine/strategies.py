"""What operators do to strategies while the stack runs: add, remove, set. The answer, and what it means for orders and trading states.

A removed strategy is halted, latched: nothing it says is approved, what was approved and not yet sent is not sent, its working orders are cancelled.
`resume` does not bring it back; adding it does, which also lifts that halt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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

from .revisions import Account, answers

if TYPE_CHECKING:
    from .desk import Desk


def on_strategy_changed(e: Envelope, desk: Desk) -> Sequence[Event]:
    return tuple(_decided([e.event], e.seq, desk))  # type: ignore[list-item]  # dispatched by type


def overdue(e: Envelope, desk: Desk) -> Iterator[Event]:
    """What nobody was there to decide, as a run begins."""
    return _decided(desk.unanswered.changes(), e.seq, desk)


def refused_resume(command: ResumeRequested, desk: Desk) -> Sequence[Event]:
    """What is said of a resume of a strategy that was removed; nothing of any other."""
    if command.scope is not Scope.STRATEGY or not desk.revisions.removed(command.key):
        return ()
    text = f"resume of {command.key} refused: it is removed; `regimeflow strategy add` brings it back"
    return (Alert(Severity.WARNING, f"resume:{command.command}", text),)


def _decided(commands: Iterable[StrategyChanged], since: int, desk: Desk) -> Iterator[Event]:
    books = desk.ledger.books
    cash = {name: book.cash for name, book in books.items()}
    account = Account(desk.gates.instruments, cash, books[UNASSIGNED].cash, wall=desk.presence.wall)
    halted: list[str] = []  # by an answer before this one
    for answer in answers(commands, since, desk.file, desk.revisions, account):
        yield answer
        if answer.outcome == REMOVED:
            halted.append(answer.strategy)
            yield from _ended(answer, desk)
        elif answer.outcome == ADDED and (answer.strategy in halted or desk.states.of(Scope.STRATEGY, answer.strategy) is not TradingState.ACTIVE):
            yield desk.states.lift(answer.strategy, Reason.OPERATOR, f"{answer.text}: added"[:200])


def _ended(answer: StrategyRevised, desk: Desk) -> Iterator[Event]:
    yield desk.states.halt(Scope.STRATEGY, answer.strategy, Reason.OPERATOR, f"{answer.text}: removed"[:200])
    for order in desk.reservations.orders.values():
        if order.strategy == answer.strategy:
            yield CancelApproved(order.order_id, order.strategy, Reason.OPERATOR)
