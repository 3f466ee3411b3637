"""The auditor's core: one fold of everything, for queries, invariants and the audit files.

Promises: market data costs O(1); the same log gives the same answers; an alarm about an invariant is raised once. Never: emits anything
but alerts.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.domain.ledger import Ledger
from shared.domain.order_fold import OrderFold
from shared.events import Alert, Envelope, Event, FillCorrected, MarketEvent, OrderEvent, OrderFilled, OrdersRetired
from shared.runtime.actor import SnapshotIncompatible

from . import invariants, views
from .fold import fold
from .settings import AuditorSettings
from .state import AuditorState, Picture, Seen

VERSION: Final = 2

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(AuditorState).decode


class AuditorCore:
    """Implements `shared.runtime.actor.Core`; source `auditor`, topics `m.`, `t.` and `c.`."""

    def __init__(self, settings: AuditorSettings | None = None) -> None:
        self._settings = settings or AuditorSettings()
        self._restore(Picture(), Seen(), Ledger(self._settings.budgets), OrderFold())

    def decide(self, e: Envelope) -> Sequence[Event]:
        event = e.event
        if not isinstance(event, OrderEvent):
            return ()
        alarms = invariants.broken_by(self._seen, self._orders, event, e.ts_ns)
        if isinstance(event, OrderFilled | FillCorrected):
            alarms += self._conservation_before(event)
        return alarms

    def apply(self, e: Envelope) -> None:
        event, now = e.event, e.ts_ns
        fold(self._picture, event, now, self._settings)
        if isinstance(event, MarketEvent):
            return
        if type(event) is OrdersRetired:
            invariants.retire(self._seen, self._orders.retire(event.order_ids))
            return
        invariants.note(self._seen, self._ledger, event, now)
        self._orders.apply(event, now)
        self._ledger.apply(event)

    def snapshot(self) -> bytes:
        ledger, orders = self._ledger.to_state(), self._orders
        return _encode(AuditorState(VERSION, self._picture, self._seen, ledger, orders.orders, list(orders.denied)))

    def restore(self, state: bytes) -> None:
        try:
            s = _decode(state)
        except msgspec.MsgspecError as error:
            raise SnapshotIncompatible(str(error)) from None
        if s.version != VERSION:
            raise SnapshotIncompatible(f"layout {s.version}, this build has {VERSION}")
        self._restore(s.picture, s.seen, Ledger.from_state(s.ledger, self._settings.budgets), OrderFold(s.orders, s.denied))

    def next_timer(self) -> int:
        return 0

    def view(self, name: str) -> dict[str, Any]:
        """One of `views.NAMES`, ready for JSON. Raises KeyError for another."""
        return views.VIEWS[name](views.Facts(self._picture, self._orders, self._ledger))

    def net(self, symbol: str) -> Decimal:
        """The account's signed holding."""
        return self._ledger.net(symbol)

    def _conservation_before(self, event: OrderFilled | FillCorrected) -> list[Alert]:
        """What the fills up to this one came to: an error shows one fill later, and every fill is checked without copying a ledger."""
        return invariants.conservation(self._seen, self._ledger, event.symbol, self._settings.conservation_tolerance)

    def _restore(self, picture: Picture, seen: Seen, ledger: Ledger, orders: OrderFold) -> None:
        self._picture, self._seen, self._ledger, self._orders = picture, seen, ledger, orders
