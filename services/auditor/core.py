"""The auditor's core: one fold of everything, for queries, invariants and the audit files.

Promises: market data costs O(1); the same log gives the same answers; an alarm about an invariant is raised once. Never: emits anything
but alerts.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.domain.cause_age import AgeState, CauseAges
from shared.domain.ledger import Ledger
from shared.domain.order_fold import OrderFold
from shared.events import (
    Alert,
    CurrencyRate,
    Envelope,
    Event,
    FillCorrected,
    LimitBreached,
    LogStarted,
    MarketEvent,
    OrderEvent,
    OrderFilled,
    OrdersRetired,
)
from shared.runtime.actor import SnapshotIncompatible

from . import alert_latency, invariants, views
from .fold import fold
from .settings import AuditorSettings
from .state import AuditorState, Picture, Seen

VERSION: Final = 3

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(AuditorState).decode


class AuditorCore:
    """Implements `shared.runtime.actor.Core`; source `auditor`, topics `m.`, `t.` and `c.`."""

    def __init__(self, settings: AuditorSettings | None = None) -> None:
        self._settings = settings or AuditorSettings()
        self._restore(Picture(), Seen(), Ledger(self._settings.budgets), OrderFold(), AgeState())

    def decide(self, e: Envelope) -> Sequence[Event]:
        event = e.event
        if isinstance(event, Alert | LimitBreached):
            return alert_latency.judged(e, self._ages, self._seen.slow, self._settings.alert_latency_ms_max)
        if not isinstance(event, OrderEvent):
            return ()
        alarms = invariants.broken_by(self._seen, self._orders, event, e.ts_ns)
        if isinstance(event, OrderFilled | FillCorrected):
            alarms += self._conservation_before(event)
        return alarms

    def apply(self, e: Envelope) -> None:
        event, now = e.event, e.ts_ns
        self._ages.passed(e)
        fold(self._picture, event, now, self._settings)
        if isinstance(event, MarketEvent):
            return
        if type(event) is OrdersRetired:
            invariants.retire(self._seen, self._orders.retire(event.order_ids))
            return
        alert_latency.note(e, self._seen.slow)
        if isinstance(event, LogStarted):
            self._ages.log_started(event.clock)
        invariants.note(self._seen, event, now)
        self._orders.apply(event, now)
        self._ledger.apply(event)

    def snapshot(self) -> bytes:
        ledger, orders = self._ledger.to_state(), self._orders
        return _encode(AuditorState(VERSION, self._picture, self._seen, ledger, orders.orders, list(orders.denied), self._ages.to_state()))

    def restore(self, state: bytes) -> None:
        try:
            s = _decode(state)
        except msgspec.MsgspecError as error:
            raise SnapshotIncompatible(str(error)) from None
        if s.version != VERSION:
            raise SnapshotIncompatible(f"layout {s.version}, this build has {VERSION}")
        self._restore(s.picture, s.seen, Ledger.from_state(s.ledger, self._settings.budgets), OrderFold(s.orders, s.denied), s.ages)

    def next_timer(self) -> int:
        return 0

    def view(self, name: str) -> dict[str, Any]:
        """One of `views.NAMES`, ready for JSON. Raises KeyError for another."""
        return views.VIEWS[name](views.Facts(self._picture, self._orders, self._ledger))

    def net(self, symbol: str) -> Decimal:
        """The account's signed holding."""
        return self._ledger.net(symbol)

    def rated(self, currency: str) -> CurrencyRate | None:
        """The newest rate of a currency; None before the first."""
        return self._picture.rates.get(currency)

    def _conservation_before(self, event: OrderFilled | FillCorrected) -> list[Alert]:
        """What the fills up to this one came to: an error shows one fill later, and every fill is checked without copying a ledger."""
        return invariants.conservation(self._seen, self._ledger, event.symbol, self._settings.conservation_tolerance)

    def _restore(self, picture: Picture, seen: Seen, ledger: Ledger, orders: OrderFold, ages: AgeState) -> None:
        self._ages = CauseAges(self._settings.alert_latency_ms_max, ages)
        self._picture, self._seen, self._ledger, self._orders = picture, seen, ledger, orders
