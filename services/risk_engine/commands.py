"""What operators, starts and failures decide: trading states, cancels on command, flatten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from shared.events import (
    BusStarted,
    CancelApproved,
    CancelRequested,
    ClaimRequested,
    ClockTicked,
    DayEnded,
    Envelope,
    Event,
    FlattenRequested,
    HaltRequested,
    OrderApproved,
    Reason,
    ReconcileCompleted,
    ReduceRequested,
    ResumeRequested,
    RunStarted,
    Scope,
    StrategyBlocked,
    StrategyFailed,
    TradingState,
)

from . import claims
from .desk import Desk
from .flatten import OWNER
from .prices import MILLISECOND
from .reservations import Line

SOURCE: Final = "risk_engine"


def on_run(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Our own run begins: trading waits for a reconcile, whatever it was before, and what nobody was there to decide is answered."""
    run: RunStarted = e.event  # type: ignore[assignment]  # dispatched by type
    return (*on_start(e, desk), *desk.unanswered.answers()) if run.name == SOURCE else ()


def on_start(_: Envelope, desk: Desk) -> Sequence[Event]:
    return _some(desk.states.start(desk.settings.arm, desk.settings.arm_requires_reconcile))


def on_reconciled(e: Envelope, desk: Desk) -> Sequence[Event]:
    return _some(desk.states.arm(e.event))  # type: ignore[arg-type]


def on_halt(e: Envelope, desk: Desk) -> Sequence[Event]:
    """The router cancels on the command itself; here it is latched."""
    return (desk.states.operator_halt(e.event),)  # type: ignore[arg-type]


def on_reduce(e: Envelope, desk: Desk) -> Sequence[Event]:
    return _some(desk.states.operator_reduce(e.event))  # type: ignore[arg-type]


def on_resume(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Not while a loss limit stands: raise the limit, or wait for its day to end; the answer names it."""
    command: ResumeRequested = e.event  # type: ignore[assignment]
    watch = desk.watches.account if command.scope is Scope.GLOBAL else desk.watches.strategies.get(command.key)
    if watch is not None and command.scope is not Scope.SYMBOL:
        standing = watch.standing(watch.value.equity())
        if standing:
            return standing
    return _some(desk.states.operator_resume(command))


def on_failed(e: Envelope, desk: Desk) -> Sequence[Event]:
    """A strategy that raised or blocked is halted alone, until an operator resumes it."""
    event: StrategyFailed | StrategyBlocked = e.event  # type: ignore[assignment]
    blocked = isinstance(event, StrategyBlocked)
    text = f"{event.callback} blocked for {event.blocked_ms} ms" if isinstance(event, StrategyBlocked) else f"{event.callback}: {event.text}"
    reason = Reason.STRATEGY_BLOCKED if blocked else Reason.STRATEGY_ERROR
    return _some(desk.states.restrict(Scope.STRATEGY, event.strategy, TradingState.HALTED, reason, text[:200]))


def on_cancel_requested(e: Envelope, desk: Desk) -> Sequence[Event]:
    """One order, or all that may still fill, oldest first. An id nobody knows has nothing to cancel."""
    command: CancelRequested = e.event  # type: ignore[assignment]
    orders = desk.reservations.orders
    if not command.order_id:
        return tuple(CancelApproved(o.order_id, o.strategy, Reason.OPERATOR) for o in orders.values())
    order = orders.get(command.order_id)
    return () if order is None else (CancelApproved(order.order_id, order.strategy, Reason.OPERATOR),)


def on_flatten(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Cancel what works, but our own closing orders, and close what nothing else may close."""
    command: FlattenRequested = e.event  # type: ignore[assignment]
    symbols = desk.flattening.targets(command)
    working = [order for symbol in symbols for order in desk.reservations.in_symbol(symbol) if order.strategy != OWNER]
    cancels = [CancelApproved(order.order_id, order.strategy, Reason.OPERATOR) for order in working]
    return (*cancels, *closing_orders([desk.value.line(symbol) for symbol in symbols], e, desk, desk.states.halt_epoch))


def closing_orders(lines: Sequence[Line], e: Envelope, desk: Desk, halt_epoch: int) -> Iterator[OrderApproved]:
    """Approvals of what closes these lines: in every trading state, with the newest price where there is one."""
    for order_id, terms in desk.flattening.closing(lines):
        reference = desk.prices.reference(terms.symbol, terms.side)
        price, ns = reference if reference is not None else (0.0, 0)
        yield OrderApproved(order_id, OWNER, terms, e.ts_ns + desk.settings.deadline_ms * MILLISECOND, halt_epoch, price, ns)


def on_clock(e: Envelope, desk: Desk) -> Sequence[Event]:
    return (desk.marking.mark(),) if desk.marking.is_due(e.ts_ns) else ()


def on_day_ended(e: Envelope, desk: Desk) -> Sequence[Event]:
    event: DayEnded = e.event  # type: ignore[assignment]
    return (desk.marking.mark(),) if desk.marking.ends_day(event) else ()


def _some(event: Event | None) -> Sequence[Event]:
    return () if event is None else (event,)


ON: Final[Mapping[type[Event], Callable[[Envelope, Desk], Sequence[Event]]]] = {
    RunStarted: on_run,
    BusStarted: on_start,
    ReconcileCompleted: on_reconciled,
    HaltRequested: on_halt,
    ReduceRequested: on_reduce,
    ResumeRequested: on_resume,
    StrategyFailed: on_failed,
    StrategyBlocked: on_failed,
    CancelRequested: on_cancel_requested,
    FlattenRequested: on_flatten,
    ClaimRequested: claims.on_claim,
    ClockTicked: on_clock,
    DayEnded: on_day_ended,
}
