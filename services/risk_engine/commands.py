"""What operators, starts and failures decide: trading states, cancels on command, flatten. `beginning` has what our own run begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from shared.domain.instrument import signed
from shared.events import (
    Alert,
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
    LimitChanged,
    OrderApproved,
    OrderType,
    Reason,
    ReconcileCompleted,
    ReconcileFailed,
    ReduceRequested,
    ResumeRequested,
    Scope,
    ServiceAnnounced,
    SessionPhase,
    Severity,
    StrategyBlocked,
    StrategyChanged,
    StrategyFailed,
    TradingState,
)

from . import claims, strategies
from .desk import Desk
from .flatten import OWNER
from .gates import BLIND
from .overrides import answer, ended
from .prices import MILLISECOND
from .reservations import Line
from .states import agrees

SOURCE: Final = "risk_engine"
READINGS_FAILED_MAX: Final = 3  # in a row: nobody can say any more that the books agree

_STOPS: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


def on_start(_: Envelope, desk: Desk) -> Sequence[Event]:
    return _some(desk.states.start(desk.settings.arm, desk.settings.arm_requires_reconcile, desk.clock.why_not_arm()))


def on_reconciled(e: Envelope, desk: Desk) -> Sequence[Event]:
    event: ReconcileCompleted = e.event  # type: ignore[assignment]
    if event.breaks and desk.settings.break_reduces and desk.presence.wall:
        first = event.breaks[0]
        text = f"{len(event.breaks)} differences with the broker, the first: {first.kind} {first.subject}: ours {first.ours}, theirs {first.theirs}"
        return _some(desk.states.unwatch(Reason.RECONCILE_BREAK, text[:200]))
    if desk.presence.wall and not desk.line.proven_by(event.query):
        return ()
    closings = closing_orders(desk.flattened(), e, desk, desk.states.halt_epoch) if agrees(event) else ()
    return (*_some(desk.states.arm(event, desk.why_not_arm())), *closings)


def on_reading_failed(e: Envelope, desk: Desk) -> Sequence[Event]:
    event: ReconcileFailed = e.event  # type: ignore[assignment]
    keeps_failing = desk.presence.readings_failed + 1 >= READINGS_FAILED_MAX
    if not (keeps_failing and desk.settings.break_reduces and desk.presence.wall):
        return ()
    return _some(desk.states.unwatch(Reason.RECONCILE_BREAK, f"readings of the broker keep failing: {event.text}"[:200]))


def on_announced(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Whoever runs something else disarms trading before it does anything: this is the first it says."""
    mismatch = desk.presence.mismatch(e.event)  # type: ignore[arg-type]
    return _some(desk.states.differ(mismatch)) if mismatch else ()


def on_halt(e: Envelope, desk: Desk) -> Sequence[Event]:
    """The router cancels on the command itself; here it is latched."""
    return (desk.states.operator_halt(e.event),)  # type: ignore[arg-type]


def on_reduce(e: Envelope, desk: Desk) -> Sequence[Event]:
    return _some(desk.states.operator_reduce(e.event))  # type: ignore[arg-type]


def on_resume(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Not while a loss limit stands: raise the limit, or wait for its day to end; the answer names it."""
    command: ResumeRequested = e.event  # type: ignore[assignment]
    if refused := strategies.refused_resume(command, desk):
        return refused
    watch = desk.watches.account if command.scope is Scope.GLOBAL else desk.watches.strategies.get(command.key)
    if watch is not None and command.scope is not Scope.SYMBOL:
        standing = watch.standing(watch.value.equity())
        if standing:
            return standing
    return _some(desk.states.operator_resume(command, desk.why_not_arm(), missing=desk.missing()))


def on_failed(e: Envelope, desk: Desk) -> Sequence[Event]:
    """A strategy that raised or blocked is halted, alone or as wide as `halt_scope` says, until an operator resumes it."""
    event: StrategyFailed | StrategyBlocked = e.event  # type: ignore[assignment]
    blocked = isinstance(event, StrategyBlocked)
    text = f"{event.callback} blocked for {event.blocked_ms} ms" if isinstance(event, StrategyBlocked) else f"{event.callback}: {event.text}"
    reason = Reason.STRATEGY_BLOCKED if blocked else Reason.STRATEGY_ERROR
    return desk.restrict_strategy(event.strategy, TradingState.HALTED, reason, text[:200])


def on_cancel_requested(e: Envelope, desk: Desk) -> Sequence[Event]:
    return cancelled(e.event, desk)  # type: ignore[arg-type]  # dispatched by type


def on_flatten(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Cancel what works, but our own closing orders, and close what nothing else may close."""
    command: FlattenRequested = e.event  # type: ignore[assignment]
    lines = [desk.value.line(symbol) for symbol in desk.flattening.targets(command)]
    return (*cancelled(command, desk), *closing_orders(lines, e, desk, desk.states.halt_epoch))


def cancelled(e: CancelRequested | FlattenRequested, desk: Desk) -> tuple[CancelApproved, ...]:
    """One order, or all that may still fill, oldest first; of a symbol to flatten all but our own closing orders. An id nobody knows has nothing
    to cancel."""
    orders = desk.reservations.orders
    if isinstance(e, FlattenRequested):
        found = [order for symbol in desk.flattening.targets(e) for order in desk.reservations.in_symbol(symbol) if order.strategy != OWNER]
    elif e.order_id:
        found = [orders[e.order_id]] if e.order_id in orders else []
    else:
        found = list(orders.values())
    return tuple(CancelApproved(order.order_id, order.strategy, Reason.OPERATOR) for order in found)


def closing_orders(lines: Sequence[Line], e: Envelope, desk: Desk, halt_epoch: int) -> Iterator[OrderApproved]:
    """Approvals of what closes these lines: in every trading state, with the newest price where there is one."""
    for order_id, terms in desk.flattening.closing(lines):
        reference = desk.prices.reference(terms.symbol, terms.side)
        price, ns = reference if reference is not None else (0.0, 0)
        yield OrderApproved(order_id, OWNER, terms, e.ts_ns + desk.settings.deadline_ms * MILLISECOND, halt_epoch, price, ns)


def on_clock(e: Envelope, desk: Desk) -> Sequence[Event]:
    outputs: Sequence[Event] = (desk.marking.mark(),) if desk.marking.is_due(e.ts_ns) else ()
    if 0 < desk.overrides.next_end() <= e.ts_ns:
        outputs = (*outputs, *ended(e.ts_ns, desk.config, desk.overrides))
    if desk.presence.reconciler_missed(e.ts_ns, desk.settings.missed_ms_max * MILLISECOND):
        missing = "the reconciler is missing: nobody compares with the broker"
        outputs = (*outputs, *_some(desk.states.unwatch(Reason.RECONCILER_MISSING, missing)))
    if desk.gates.aging and desk.settings.stale_cancel_ms is not None and desk.presence.wall:
        outputs = (*outputs, *_blind(e.ts_ns, desk, desk.settings.stale_cancel_ms))
    return outputs


def on_limit_changed(e: Envelope, desk: Desk) -> Sequence[Event]:
    return (answer(e.event, e.ts_ns, desk.config, desk.overrides),)  # type: ignore[arg-type]


def _blind(now: int, desk: Desk, after_ms: int) -> Iterator[Event]:
    """Nobody watches the prices of what rests in these symbols: it goes, but for stops against a holding, which are there for such moments."""
    for symbol, last in sorted(desk.gates.aging.items()):
        instrument = desk.gates.instruments.get(symbol)
        if now - last < after_ms * MILLISECOND or instrument is None or desk.gates.phase(instrument) is not SessionPhase.OPEN:
            continue
        held = desk.reservations.account.position(symbol)
        gone = [o for o in desk.reservations.in_symbol(symbol) if not (o.terms.type in _STOPS and signed(o.side, held) < 0)]
        yield from (CancelApproved(o.order_id, o.strategy, Reason.STALE_DATA) for o in gone)
        text = f"no data of {symbol} for {after_ms / 1e3:g} s while its market is open: {len(gone)} working orders are cancelled"
        yield Alert(Severity.WARNING, f"{BLIND}{symbol}", text)


def on_day_ended(e: Envelope, desk: Desk) -> Sequence[Event]:
    event: DayEnded = e.event  # type: ignore[assignment]
    return (desk.marking.mark(),) if desk.marking.ends_day(event) else ()


def _some(event: Event | None) -> Sequence[Event]:
    return () if event is None else (event,)


ON: Final[Mapping[type[Event], Callable[[Envelope, Desk], Sequence[Event]]]] = {
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
    LimitChanged: on_limit_changed,
    StrategyChanged: strategies.on_strategy_changed,
    ClockTicked: on_clock,
    DayEnded: on_day_ended,
    ServiceAnnounced: on_announced,
    ReconcileFailed: on_reading_failed,
}
