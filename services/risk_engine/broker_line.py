"""The broker's line as trading sees it: while it is down, and until a reading of the account that was asked for after it came back agrees, nobody
knows what was filled meanwhile, and trading only reduces (I13). Under the wall clock only: a lock-step feed waits for the venue.

The line is the router's, over which fills are heard. The reconciler's own counts once it was given up: before, its readings fail, and that
reduces by itself; from then on until it is back, however often somebody has it tried again. Never: halts, cancels or closes anything; what is held
may be reduced the whole time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from shared.events import BrokerConnectionChanged, Envelope, Event, ReconcileCompleted, ReconcileRequested

from .arguments import both, event_only
from .states import agrees

if TYPE_CHECKING:
    from .desk import Desk

ROUTER_SESSION: Final = "router"
_SHOWN: Final = 200


class BrokerLine(msgspec.Struct):
    """down: since it was said and until it is up. asked: newest reading asked for; stale_upto: readings up to it were asked for before the line was back.
    unread: the reconciler's own was given up and is not back."""

    down: bool = False
    asked: int = 0
    stale_upto: int = 0
    unread: bool = False

    def requested(self, e: ReconcileRequested) -> None:
        self.asked = e.query

    def changed(self, e: BrokerConnectionChanged) -> None:
        if e.session != ROUTER_SESSION:
            self.unread = not e.connected and (self.unread or e.given_up)
            return
        if e.connected and self.down:
            self.stale_upto = self.asked
        self.down = not e.connected

    def proven_by(self, query: int) -> bool:
        """Whether that reading shows everything that happened while the line was away."""
        return not self.down and query > self.stale_upto

    @property
    def whole(self) -> bool:
        """Fills are heard, and none was missed that no reading has shown."""
        return not self.down and not self.stale_upto

    def reconciled(self, e: ReconcileCompleted) -> None:
        """After a reading that agrees and proves it nothing is left to wait for."""
        if agrees(e) and self.proven_by(e.query):
            self.stale_upto = 0

    def why_not(self) -> str:
        """Empty where fills are heard and nothing was missed."""
        if self.down:
            return "the line to the broker is down"
        if self.unread:
            return "the reconciler's line to the broker is down"
        return "the line to the broker is back, and no reading has shown yet what happened meanwhile" if self.stale_upto else ""


def on_connection(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Said as it goes down, and again when it is given up."""
    event: BrokerConnectionChanged = e.event  # type: ignore[assignment]  # dispatched by type
    of_router = event.session == ROUTER_SESSION
    if event.connected or not desk.presence.wall or not (event.given_up or (of_router and not desk.line.down)):
        return ()
    changed = desk.states.disconnected(f"the {event.session}'s line to the broker is down: {event.text}"[:_SHOWN])
    return () if changed is None else (changed,)


def following(on: dict[type[Event], Callable[[Envelope], None]], desk: Desk) -> None:
    """Fold the line with what else these events change."""
    line = desk.line
    on[BrokerConnectionChanged] = both(on[BrokerConnectionChanged], event_only(line.changed))
    on[ReconcileRequested] = event_only(line.requested)
    on[ReconcileCompleted] = both(on[ReconcileCompleted], event_only(line.reconciled))


ON: Final[Mapping[type[Event], Callable[[Envelope, Desk], Sequence[Event]]]] = {BrokerConnectionChanged: on_connection}
