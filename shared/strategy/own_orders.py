"""A strategy's own orders: what it asked for and what became of it.

Status, terms and fills are the domain's fold of the order path, the same the router and the auditor see; here is added what the strategy
has asked for and nobody has answered, its groups, and the words it is told. Ended orders are kept for a while, so that late fills and
corrections still find theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.domain.exact import share
from shared.domain.order_fold import FOLDED, OrderRecord, advance, open_record
from shared.domain.order_machine import Verdict
from shared.events import (
    CATALOGUE,
    CancelApproved,
    CancelIntent,
    CancelRejected,
    Event,
    ExternalOrderSeen,
    OrderAbandoned,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderEvent,
    OrderIntent,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderStatus,
    OrderUnknown,
    ReplaceApproved,
    ReplaceDenied,
    ReplaceIntent,
    ReplaceRejected,
)

from .orders import Order

DONE_KEPT_MAX: Final = 1_000
_BEYOND_THE_FOLD: Final[tuple[type[Event], ...]] = (CancelApproved, ReplaceApproved, ReplaceDenied)
UPDATES: Final[tuple[type[Event], ...]] = (
    *(t for t in CATALOGUE.values() if t in FOLDED - {OrderIntent, ExternalOrderSeen, OrderRouted}),
    *_BEYOND_THE_FOLD,
)
"""What `on_order_update` tells of."""
_NEWS: Final = (Verdict.OK, Verdict.LATE)


class OwnOrder(msgspec.Struct):
    """asked: the status the strategy's unanswered cancel or replace gives it. replace_no: replaces asked for so far. reference: price it
    was approved at (0.0: not yet). event, text: newest event and, where it was a refusal, why."""

    record: OrderRecord
    group: str = ""
    group_role: str = ""
    reduce_only: bool = False
    asked: OrderStatus | None = None
    replace_no: int = 0
    reference: float = 0.0
    event: str = ""
    text: str = ""

    @property
    def id(self) -> str:
        return self.record.order_id

    @property
    def done(self) -> bool:
        return self.record.done

    @property
    def status(self) -> OrderStatus:
        return self.record.status if self.asked is None or self.record.done else self.asked

    def view(self) -> Order:
        """A copy for the strategy, in floats."""
        record, t = self.record, self.record.terms
        return Order(
            t.symbol,
            t.side,
            t.type,
            float(t.quantity),
            _float(t.limit_price),
            _float(t.stop_price),
            t.tif,
            t.expire_at or None,
            trail_price=_float(t.trail_price),
            trail_percent=_float(t.trail_percent),
            reduce_only=self.reduce_only,
            id=self.id,
            status=self.status,
            filled_quantity=float(record.filled),
            avg_fill_price=float(share(record.notional, Decimal(1), record.filled)) if record.filled else 0.0,
            event=self.event,
            text=self.text,
            group=self.group,
        )


class OwnOrdersState(msgspec.Struct, frozen=True, array_like=True):
    """In order of submission; done: ids in the order they ended."""

    orders: tuple[OwnOrder, ...]
    done: tuple[str, ...]


class OwnOrders:
    def __init__(self) -> None:
        self._orders: dict[str, OwnOrder] = {}
        self._done: dict[str, None] = {}

    def get(self, order_id: str) -> OwnOrder | None:
        return self._orders.get(order_id)

    def open(self, symbol: str | None = None) -> Iterator[OwnOrder]:
        """Not yet ended, oldest first."""
        return (o for o in self._orders.values() if not o.done and symbol in (None, o.record.terms.symbol))

    def has_open(self, symbol: str) -> bool:
        if len(self._orders) == len(self._done):  # the common case of a strategy between orders, at the price of two lengths
            return False
        return any(True for _ in self.open(symbol))

    def fold(self, event: OrderEvent, now: int) -> OwnOrder | None:
        """The order where the event changed something of it; None for an order not known here or news older than what is known."""
        order = self._orders.get(event.order_id)
        if order is None:
            if not isinstance(event, OrderIntent) or (record := open_record(event, now)) is None:
                return None
            order = self._orders[event.order_id] = OwnOrder(record, event.group, event.group_role, event.reduce_only)
        known = advance(order.record, event, now).verdict
        note = _NOTES.get(type(event))
        if note is not None:
            note(order, event)
        order.event = type(event).__name__
        self._file(order)
        return order if known in _NEWS else None

    def forget(self, order_id: str) -> None:
        self._orders.pop(order_id, None)
        self._done.pop(order_id, None)

    def to_state(self) -> OwnOrdersState:
        return OwnOrdersState(tuple(_copy(o) for o in self._orders.values()), tuple(self._done))

    @classmethod
    def from_state(cls, state: OwnOrdersState) -> OwnOrders:
        own = cls()
        own._orders = {o.id: _copy(o) for o in state.orders}
        own._done = dict.fromkeys(state.done)
        return own

    def _file(self, order: OwnOrder) -> None:
        if not order.record.done:
            self._done.pop(order.id, None)  # a fill or an acceptance showed that it lives after all
            return
        self._done.setdefault(order.id)
        if len(self._done) > DONE_KEPT_MAX:
            self.forget(next(iter(self._done)))


def _copy(order: OwnOrder) -> OwnOrder:
    return msgspec.structs.replace(order, record=msgspec.structs.replace(order.record))


def _float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


# What the domain's fold does not keep: requests under way, and reasons in words.


def _cancel_asked(order: OwnOrder, _e: CancelIntent | CancelApproved) -> None:
    order.asked = OrderStatus.PENDING_CANCEL


def _cancel_rejected(order: OwnOrder, e: CancelRejected) -> None:
    order.asked = None
    order.text = f"{e.code}: {e.text}"


def _replace_asked(order: OwnOrder, e: ReplaceIntent) -> None:
    order.replace_no = e.replace_no
    order.asked = OrderStatus.PENDING_REPLACE


def _replace_over(order: OwnOrder, e: OrderReplaced | ReplaceDenied | ReplaceRejected) -> None:
    if order.asked is OrderStatus.PENDING_REPLACE:
        order.asked = None
    if isinstance(e, ReplaceDenied):
        _denied(order, e)
    elif isinstance(e, ReplaceRejected):
        _rejected(order, e)


def _approved(order: OwnOrder, e: OrderApproved) -> None:
    order.reference = e.reference


def _denied(order: OwnOrder, e: OrderDenied | ReplaceDenied) -> None:
    order.text = f"{e.reason.name}: {e.key} is {e.limit}, met by {e.value}"


def _rejected(order: OwnOrder, e: OrderRejected | ReplaceRejected) -> None:
    order.text = f"{e.code}: {e.text}"


def _told(order: OwnOrder, e: OrderUnknown | OrderCanceled | OrderAbandoned) -> None:
    order.text = e.text


_NOTES: Final[dict[type[Event], Callable[[OwnOrder, Any], None]]] = {
    CancelIntent: _cancel_asked,
    CancelApproved: _cancel_asked,
    CancelRejected: _cancel_rejected,
    ReplaceIntent: _replace_asked,
    OrderReplaced: _replace_over,
    ReplaceDenied: _replace_over,
    ReplaceRejected: _replace_over,
    OrderApproved: _approved,
    OrderDenied: _denied,
    OrderRejected: _rejected,
    OrderUnknown: _told,
    OrderCanceled: _told,
    OrderAbandoned: _told,
}
