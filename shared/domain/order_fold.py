"""What is known of each order, folded from order events through the order machine.

One fold for whoever needs it (router, reconciler, auditor), so that all of them agree on every order's status, terms and fills. It judges
nothing and raises nothing: a step that was late or illegal is returned, and the caller decides whether a person should know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Final, cast

import msgspec

from shared.events import (
    CancelRejected,
    CancelSending,
    Event,
    ExternalOrderSeen,
    FillCorrected,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderSending,
    OrderStatus,
    OrderTerms,
    OrderUnknown,
    ReplaceRejected,
    ReplaceSending,
)

from .exact import ZERO, add, multiply, subtract
from .order_machine import DONE, Happening, Step, Verdict, fill_happening, step, working_status

HAPPENINGS: Final[dict[type[Event], Happening]] = {
    OrderApproved: Happening.APPROVED,
    OrderDenied: Happening.DENIED,
    OrderSending: Happening.SENDING,
    OrderAccepted: Happening.ACCEPTED,
    OrderRejected: Happening.REJECTED,
    OrderUnknown: Happening.UNKNOWN,
    CancelSending: Happening.CANCEL_SENDING,
    CancelRejected: Happening.CANCEL_REJECTED,
    OrderCanceled: Happening.CANCELED,
    OrderExpired: Happening.EXPIRED,
    ReplaceSending: Happening.REPLACE_SENDING,
    OrderReplaced: Happening.REPLACED,
    ReplaceRejected: Happening.REPLACE_REJECTED,
    OrderAbandoned: Happening.ABANDONED,
}
FOLDED: Final[frozenset[type[Event]]] = frozenset({OrderIntent, ExternalOrderSeen, OrderRouted, OrderFilled, FillCorrected, *HAPPENINGS})

DENIED_MAX: Final = 1_000  # denied orders remembered, for what is still said of them
NO_PART: Final = "no_part"  # code of the router's own word on an order whose parts were all refused

_OPENING: Final = (OrderIntent, OrderApproved, OrderSending)
_FINE: Final = Verdict.OK
_LATE: Final = Verdict.LATE
_NAMING: Final = frozenset({OrderSending, OrderAccepted, OrderFilled, OrderReplaced})  # types that bring a name the broker calls the order by


class OrderRecord(msgspec.Struct, omit_defaults=True):
    """One order. filled: booked; notional: sum of quantity x price of what is booked (no multiplier); opened_ns, changed_ns: log time
    of its first and newest step; replacing: number of the replace in flight, 0 without one; superseded: client ids it had before,
    superseded_ids: the broker's; children: the parts it is worked in, which have the broker's names, not it."""

    order_id: str
    strategy: str
    terms: OrderTerms
    opened_ns: int
    changed_ns: int
    status: OrderStatus = OrderStatus.PENDING_NEW
    client_order_id: str = ""
    broker_order_id: str = ""
    filled: Decimal = ZERO
    notional: Decimal = ZERO
    commission: Decimal = ZERO
    replacing: int = 0
    superseded: tuple[str, ...] = ()
    text: str = ""
    children: tuple[str, ...] = ()
    superseded_ids: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        return self.status in DONE

    @property
    def leaves(self) -> Decimal:
        """Quantity not yet filled, never negative."""
        return max(subtract(self.terms.quantity, self.filled), ZERO)


def open_record(event: Event, now: int) -> OrderRecord | None:
    """A fresh record for an event that may begin an order (intent, approval, an external order), else None."""
    if isinstance(event, _OPENING):
        return OrderRecord(event.order_id, event.strategy, event.terms, now, now)
    if isinstance(event, ExternalOrderSeen):
        status = working_status(event.filled, event.terms.quantity)
        if not event.working and status is not OrderStatus.FILLED:
            status = OrderStatus.CANCELLED
        return OrderRecord(event.order_id, event.strategy, event.terms, now, now, status, broker_order_id=event.broker_order_id, filled=event.filled)
    return None


def advance(record: OrderRecord, event: OrderEvent, now: int) -> Step:
    """Fold one event of the order into its record and return the machine's step."""
    kind = type(event)
    happening = HAPPENINGS.get(kind)
    if happening is None:
        execution = _EXECUTIONS.get(kind)
        if execution is None:
            return Step(record.status, _FINE)
        happening = execution(record, event)
    elif kind is ReplaceRejected and event.replace_no != record.replacing:  # type: ignore[attr-defined]
        return Step(record.status, _FINE)  # another replace was refused before it was sent; the one in flight stands
    quantity = event.terms.quantity if kind is OrderReplaced else record.terms.quantity  # type: ignore[attr-defined]
    made = step(record.status, happening, record.filled, quantity)
    verdict = made.verdict
    if verdict is _FINE or verdict is _LATE:
        record.status = made.status
        record.changed_ns = now
        note = _NOTES.get(kind)
        if note is not None:
            note(record, event)
    return made


def _fill(record: OrderRecord, e: OrderFilled) -> Happening:
    record.filled = add(record.filled, e.quantity)
    record.notional = add(record.notional, multiply(e.quantity, e.price))
    record.commission = add(record.commission, e.commission)
    if not record.broker_order_id and not record.children:
        record.broker_order_id = e.broker_order_id
    return fill_happening(record.filled, record.terms.quantity)


def _correct(record: OrderRecord, e: FillCorrected) -> Happening:
    record.filled = add(record.filled, subtract(e.quantity, e.previous_quantity))
    record.notional = add(record.notional, subtract(multiply(e.quantity, e.price), multiply(e.previous_quantity, e.previous_price)))
    record.commission = add(record.commission, subtract(e.commission, e.previous_commission))
    return fill_happening(record.filled, record.terms.quantity, correction=True)


def _note_sending(record: OrderRecord, e: OrderSending) -> None:
    record.client_order_id = e.client_order_id
    record.terms = e.terms  # an order of a group may be sent for less than was approved


def _note_accepted(record: OrderRecord, e: OrderAccepted) -> None:
    record.broker_order_id, record.text = e.broker_order_id, ""


def _note_replace_sending(record: OrderRecord, e: ReplaceSending) -> None:
    record.replacing = e.replace_no


def _note_replaced(record: OrderRecord, e: OrderReplaced) -> None:
    if e.client_order_id != record.client_order_id:
        record.superseded = (*record.superseded, record.client_order_id)
    if record.broker_order_id not in {"", e.broker_order_id}:
        record.superseded_ids = (*record.superseded_ids, record.broker_order_id)
    record.terms, record.client_order_id, record.broker_order_id = e.terms, e.client_order_id, e.broker_order_id
    record.replacing, record.text = 0, ""


def _note_replace_rejected(record: OrderRecord, e: ReplaceRejected) -> None:
    record.replacing = 0
    record.text = e.text


def _note_text(record: OrderRecord, e: OrderRejected | OrderUnknown | OrderAbandoned | CancelRejected | OrderCanceled) -> None:
    record.text = e.text


_EXECUTIONS: Final[dict[type[Event], Callable[[OrderRecord, Any], Happening]]] = {OrderFilled: _fill, FillCorrected: _correct}
_NOTES: Final[dict[type[Event], Callable[[OrderRecord, Any], None]]] = {  # facts beside the status
    OrderSending: _note_sending,
    OrderAccepted: _note_accepted,
    ReplaceSending: _note_replace_sending,
    OrderReplaced: _note_replaced,
    ReplaceRejected: _note_replace_rejected,
    **dict.fromkeys((OrderRejected, OrderUnknown, OrderAbandoned, CancelRejected, OrderCanceled), _note_text),
}


class OrderFold:
    """Orders of the log by id, and those not done; but for what the router retired (`OrdersRetired`), and of denied ones the newest.

    denied: ids of denied orders, oldest first."""

    def __init__(self, records: dict[str, OrderRecord] | None = None, denied: Iterable[str] = ()) -> None:
        self.orders: dict[str, OrderRecord] = records or {}
        self.denied: dict[str, None] = dict.fromkeys(denied)
        self._open: dict[str, None] = {key: None for key, record in self.orders.items() if not record.done}
        self._by_client: dict[str, str] = {}
        self._by_broker: dict[str, str] = {}
        for record in self.orders.values():
            self._index(record)

    def apply(self, event: Event, now: int) -> Step | None:
        """Fold one event; None when it is no order event or of an order never met."""
        kind = type(event)
        if kind not in FOLDED:
            return None
        assert isinstance(event, OrderEvent)
        record = self.orders.get(event.order_id)
        if kind is OrderRouted:
            return self._routed(record, event, now)
        if part := getattr(event, "child", ""):
            self._apply_part(part, event, now)
        if record is None:
            record = open_record(event, now)
            if record is None:
                return None
            self.orders[event.order_id] = record
            made = advance(record, event, now)
            self._index(record)
        elif kind is ExternalOrderSeen and record.done and event.working:  # type: ignore[attr-defined]  # of that kind
            record = self.orders[event.order_id] = cast("OrderRecord", open_record(event, now))
            made = advance(record, event, now)
        elif kind is OrderIntent or kind is ExternalOrderSeen:
            return Step(record.status, Verdict.ILLEGAL)
        else:
            made = advance(record, event, now)
            if kind in _NAMING:
                self._index(record)
        if kind is OrderDenied:
            self._denied(record)
        if record.done:
            self._open.pop(record.order_id, None)
        else:
            self._open[record.order_id] = None
        return made

    def _routed(self, parent: OrderRecord | None, e: Any, now: int) -> Step | None:
        """The parts of an order begin as it did."""
        if parent is None:
            return None
        parent.children = tuple(child.order_id for child in e.children)
        for child in e.children:
            self.orders[child.order_id] = OrderRecord(child.order_id, e.strategy, child.terms, now, now)
            self._open[child.order_id] = None
        return Step(parent.status, _FINE)

    def _apply_part(self, part: str, event: OrderEvent, now: int) -> None:
        """An execution of an order in parts is one of the part's too."""
        record = self.orders.get(part)
        if record is not None:
            advance(record, event, now)
            self._index(record)
            if record.done:
                self._open.pop(part, None)
            else:
                self._open[part] = None

    def retire(self, order_ids: Iterable[str]) -> list[OrderRecord]:
        """Keep these no more; what was known of them."""
        retired = [record for name in order_ids if (record := self.orders.pop(name, None)) is not None]
        for record in retired:
            self._open.pop(record.order_id, None)
            for name in (record.client_order_id, *record.superseded):
                self._by_client.pop(name, None)
            for name in (record.broker_order_id, *record.superseded_ids):
                self._by_broker.pop(name, None)
        return retired

    def _denied(self, record: OrderRecord) -> None:
        self.denied[record.order_id] = None
        if len(self.denied) > DENIED_MAX:
            oldest = next(iter(self.denied))
            del self.denied[oldest]
            self.retire((oldest,))

    def open(self) -> Iterator[OrderRecord]:
        """Orders not done, in the order of ids."""
        return (self.orders[key] for key in sorted(self._open))

    def open_count(self) -> int:
        return len(self._open)

    def find(self, client_order_id: str, broker_order_id: str) -> OrderRecord | None:
        """The order the broker calls so, by any client id it has or had, else by its broker id."""
        key = self._by_client.get(client_order_id) or self._by_broker.get(broker_order_id)
        return self.orders.get(key) if key else None

    def _index(self, record: OrderRecord) -> None:
        for name in (record.client_order_id, *record.superseded):
            if name:
                self._by_client[name] = record.order_id
        for name in (record.broker_order_id, *record.superseded_ids):
            if name:
                self._by_broker[name] = record.order_id
