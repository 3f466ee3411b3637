"""The order router's core: approvals in, write-ahead and bookings out. No socket, no clock; the session beside it talks to the broker.

Promises: an order is sent at most once, only as approved, only in time and in its halt epoch; outcomes and fills are booked once, in
whatever order and however often they are told; an outcome that is not proven is looked up, never guessed; only the broker's word ends an
order; a halt cancels working orders of its scope even with risk dead; brackets and OCO pairs are held together (`groups`); what finds no room
under the broker's limits waits, cancels first, and is neither lost nor doubled; what ended long ago is kept no more (`retirement`). Never: resend, invent a fill, take silence for an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from shared.events import (
    AccountOpened,
    BrokerActionReported,
    BrokerCashReported,
    BrokerExecutionReported,
    BrokerOrderNotFound,
    BrokerOrderReported,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    BrokerStateReported,
    CancelApproved,
    ClockTicked,
    DayEnded,
    Envelope,
    Event,
    ExitsReduced,
    HaltRequested,
    LeaseGranted,
    OrderApproved,
    ReplaceApproved,
    RunStarted,
    StrategyBlocked,
    StrategyFailed,
    TradingStateChanged,
)
from shared.runtime.actor import SnapshotIncompatible

from . import bookings, cancels, evidence, groups, late, lookups, outside, parents, replaces, submissions, throttle_queue
from .fold import FOLDED, fold
from .orders import Draft, FoldedDraft, Orders
from .settings import RouterSettings
from .state import RouterState

VERSION: Final = 2

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(RouterState).decode


def _wishes_only(_draft: Draft, _e: Event) -> None:
    """What these events want gone is folded; `decide` pursues the wishes of every order touched."""


_DECISIONS: Final[dict[type[Event], Callable[[Draft, Any], None]]] = {
    OrderApproved: submissions.approved,
    CancelApproved: cancels.approved,
    ReplaceApproved: replaces.approved,
    BrokerOrderReported: evidence.order_reported,
    BrokerExecutionReported: evidence.execution_reported,
    BrokerCashReported: outside.cash,
    BrokerActionReported: outside.action_reported,
    AccountOpened: outside.opened,
    BrokerStateReported: evidence.state_reported,
    BrokerRequestRefused: submissions.refused,
    BrokerRequestAmbiguous: submissions.ambiguous,
    BrokerRequestNotSent: submissions.not_sent,
    BrokerOrderNotFound: lookups.not_found,
    ClockTicked: lookups.clock_ticked,
    DayEnded: late.day_ended,
    LeaseGranted: lookups.successor,
    RunStarted: lookups.successor,
    HaltRequested: _wishes_only,
    TradingStateChanged: _wishes_only,
    StrategyFailed: _wishes_only,
    StrategyBlocked: _wishes_only,
    ExitsReduced: _wishes_only,
}


def _decided(draft: Draft, event: Event, handler: Callable[[Draft, Any], None]) -> Sequence[Event]:
    draft.fold(event)
    handler(draft, event)
    touched = draft.touched_orders()
    for order in touched:
        bookings.settle(draft, order)
        cancels.pursue(draft, order)
    if draft.settings.routing is not None or draft.was_routed:
        parents.settle_all(draft)
    groups.pursue(draft, touched)
    return draft.outputs


class RouterCore:
    """Implements `shared.runtime.actor.Core`; source `order_router`, topics `t.` and `c.`. kinds: events of any other type change nothing."""

    kinds: Final = frozenset(_DECISIONS) | FOLDED

    def __init__(self, settings: RouterSettings | None = None) -> None:
        self._settings = settings or RouterSettings()
        self._restore(RouterState(VERSION))

    def decide(self, e: Envelope) -> Sequence[Event]:
        event = e.event
        handler = _DECISIONS.get(type(event))
        if handler is None or (type(event) is ClockTicked and not 0 < self._next <= e.ts_ns):
            return ()
        return _decided(Draft(self._state, self._settings, e.ts_ns, fold), event, handler)

    def apply(self, e: Envelope) -> None:
        if fold(self._orders, e.event, e.ts_ns, e.epoch):
            self._next = self._next_timer()

    def at_once(self, e: Envelope) -> Sequence[Event]:
        """`decide`, then `apply` of the event and of each output, for a driver that would do nothing else in between."""
        event = e.event
        handler = _DECISIONS.get(type(event))
        if handler is None or (type(event) is ClockTicked and not 0 < self._next <= e.ts_ns):
            self.apply(e)
            return ()
        outputs = _decided(FoldedDraft(self._state, self._settings, e.ts_ns, fold), event, handler)
        self._next = self._next_timer()
        return outputs

    def snapshot(self) -> bytes:
        return _encode(self._state)

    def restore(self, state: bytes) -> None:
        try:
            restored = _decode(state)
        except msgspec.MsgspecError as error:
            raise SnapshotIncompatible(str(error)) from None
        if restored.version != VERSION:
            raise SnapshotIncompatible(f"layout {restored.version}, this build has {VERSION}")
        self._restore(restored)

    def next_timer(self) -> int:
        return self._next

    def _restore(self, state: RouterState) -> None:
        self._state = state
        self._orders = Orders(state, self._settings)
        self._next = self._next_timer()

    def _next_timer(self) -> int:
        state = self._state
        at = min(state.due.values()) if state.due else 0
        if not state.held and not state.held_cancels:
            return at
        room_at = throttle_queue.next_at(state, self._settings)
        return min(at, room_at) if at and room_at else at or room_at
