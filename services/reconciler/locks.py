"""Why instruments are locked. A lock has causes; it begins with the first and ends with the last.

A break's cause goes when a later reading agrees, an unknown order's when its outcome is known; a mismatch or an overfill stays until an
operator resumes the symbol, because nothing the system sees can settle it. A resume also takes a break's cause, which comes back with the
next reading that still shows it.
"""

from __future__ import annotations

import msgspec

from shared.domain.exact import add
from shared.domain.order_fold import FOLDED, OrderFold, advance
from shared.domain.order_ids import is_external
from shared.events import (
    BrokerStateReported,
    ClockTicked,
    Event,
    FillCorrected,
    FillMismatch,
    InstrumentLocked,
    InstrumentUnlocked,
    OrderEvent,
    OrderFilled,
    OrderStatus,
    Reason,
    ResumeRequested,
    Scope,
)

from .judge import Judgement
from .settings import ReconcilerSettings
from .state import Watch

Locks = dict[str, dict[str, Reason]]

_BREAK = "break"
_UNKNOWN = "unknown:"
HARMLESS = FOLDED - {OrderFilled, FillCorrected}  # lock nothing, and where nothing is locked or unknown change nothing


def locks_after(watch: Watch, orders: OrderFold, event: Event, now: int, settings: ReconcilerSettings, judgement: Judgement | None) -> Locks:
    """The table of causes once `event` is folded, from the state before it. judgement: of a reading that was asked for."""
    locks = {symbol: dict(causes) for symbol, causes in watch.locks.items()}
    if isinstance(event, BrokerStateReported) and judgement is not None:
        _set_breaks(locks, judgement)
    elif isinstance(event, ClockTicked):
        _add_aged(locks, watch, orders, now, settings)
    elif isinstance(event, ResumeRequested) and event.scope is Scope.SYMBOL:
        kept = {cause: reason for cause, reason in locks.get(event.key, {}).items() if cause.startswith(_UNKNOWN)}
        locks[event.key] = kept
    elif isinstance(event, OrderEvent):
        _follow_order(locks, watch, orders, event, now, settings)
    return {symbol: causes for symbol, causes in locks.items() if causes}


def changes_nothing(watch: Watch, event: Event) -> bool:
    """As with nearly every event of an order: nothing is locked, no outcome is unknown, and this one locks nothing."""
    return not watch.locks and not watch.unknown_since and type(event) in HARMLESS


def lock_events(before: Locks, after: Locks) -> list[Event]:
    """What changed, as events."""
    events: list[Event] = []
    for symbol in sorted(before.keys() | after.keys()):
        if symbol in after and symbol not in before:
            causes = after[symbol]
            events.append(InstrumentLocked(symbol, next(iter(causes.values())), ", ".join(causes)))
        elif symbol in before and symbol not in after:
            events.append(InstrumentUnlocked(symbol, "what locked it is gone: " + ", ".join(before[symbol])))
    return events


def newly_aged(before: Locks, after: Locks) -> list[str]:
    """Orders that just became unknown for too long."""
    return [
        cause[len(_UNKNOWN) :]
        for symbol in sorted(after)
        for cause in after[symbol]
        if cause.startswith(_UNKNOWN) and cause not in before.get(symbol, {})
    ]


def named(event: OrderEvent) -> tuple[str, ...]:
    """The orders it is of: an execution of a part is the whole's too."""
    part: str = getattr(event, "child", "")
    return (event.order_id, part) if part else (event.order_id,)


def next_aging(watch: Watch, orders: OrderFold, settings: ReconcilerSettings) -> int:
    """ns at which the next unknown order comes of age, 0 for none."""
    times = [
        since + settings.unknown_age_ns
        for order_id, since in watch.unknown_since.items()
        if f"{_UNKNOWN}{order_id}" not in watch.locks.get(orders.orders[order_id].terms.symbol, {})
    ]
    return min(times, default=0)


def _set_breaks(locks: Locks, judgement: Judgement) -> None:
    for causes in locks.values():
        causes.pop(_BREAK, None)
    for difference in judgement.breaks:
        if difference.symbol:
            locks.setdefault(difference.symbol, {})[_BREAK] = Reason.RECONCILE_BREAK


def _add_aged(locks: Locks, watch: Watch, orders: OrderFold, now: int, settings: ReconcilerSettings) -> None:
    for order_id, since in watch.unknown_since.items():
        if now - since >= settings.unknown_age_ns:
            locks.setdefault(orders.orders[order_id].terms.symbol, {})[f"{_UNKNOWN}{order_id}"] = Reason.UNKNOWN_ORDER_AGE


def _follow_order(locks: Locks, watch: Watch, orders: OrderFold, event: OrderEvent, now: int, settings: ReconcilerSettings) -> None:
    for name in named(event):
        _follow_one(locks, watch, orders, event, now, settings, name)


def _follow_one(locks: Locks, watch: Watch, orders: OrderFold, event: OrderEvent, now: int, settings: ReconcilerSettings, name: str) -> None:
    record = orders.orders.get(name)
    if record is None:
        if isinstance(event, FillMismatch) and event.symbol:  # of an order that is kept no more
            locks.setdefault(event.symbol, {})[f"mismatch:{event.execution_id}"] = Reason.FILL_MISMATCH
        return
    symbol = record.terms.symbol
    if isinstance(event, OrderFilled) and settings.lock_on_external and is_external(name):
        locks.setdefault(symbol, {})[f"external:{name}"] = Reason.EXTERNAL_TRADE
    if isinstance(event, FillMismatch):
        locks.setdefault(symbol, {})[f"mismatch:{event.execution_id}"] = Reason.FILL_MISMATCH
    elif isinstance(event, OrderFilled) and not is_external(name) and add(record.filled, event.quantity) > record.terms.quantity:
        locks.setdefault(symbol, {})[f"overfill:{name}"] = Reason.FILL_MISMATCH
    if name in watch.unknown_since:
        after = msgspec.structs.replace(record)
        advance(after, event, now)
        if after.status is not OrderStatus.UNKNOWN:
            locks.get(symbol, {}).pop(f"{_UNKNOWN}{name}", None)
