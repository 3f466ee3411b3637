"""The invariants that are cheap to watch online (RISK_AND_FAULTS.md 3.2): I3, I4, I5, I6. Each alarm is raised once.

Checked before the event is folded, against what is known so far; conservation is checked after a fill on the fill's symbol and on the money of
each currency, against an account counted a second way (`counted`).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from shared.domain.exact import ZERO, add, magnitude, subtract
from shared.domain.ledger import Ledger
from shared.domain.order_fold import OrderFold, OrderRecord, advance
from shared.domain.order_ids import is_external, parse_client_id
from shared.domain.order_machine import Verdict
from shared.events import (
    Alert,
    Event,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderEvent,
    OrderFilled,
    OrderReplaced,
    OrderRouted,
    OrderSending,
    ReplaceSending,
    Severity,
)

from .counted import count
from .state import Seen

PREFIX = "invariant:"
RELEASED = 1 << 62  # deadline of an order its group holds back: its time runs from its release, which may be of a part of it


def broken_by(seen: Seen, orders: OrderFold, event: Event, now: int) -> list[Alert]:
    """What this event breaks."""
    if not isinstance(event, OrderEvent):
        return []
    alarms = [*_ids(seen, orders, event), *_permission(seen, orders, event), *_machine(seen, orders, event, now)]
    return [a for a in alarms if a.key not in seen.raised]


def conservation(seen: Seen, ledger: Ledger, symbol: str, tolerance: Decimal = ZERO) -> list[Alert]:
    """I6: the books' sum is the ledger's account, and both are what executions alone come to, but for the tolerance: units of the symbol, and the
    money of every currency by itself."""
    books, counted = ZERO, seen.counted.units.get(symbol, ZERO)
    for book in ledger.books.values():
        books = add(books, book.quantity(symbol))
    alarms = []
    net = ledger.net(symbol)
    if subtract(max(books, net, counted), min(books, net, counted)) > tolerance:
        text = f"{symbol}: books sum to {books}, the account holds {ledger.net(symbol)}, executions come to {counted}"
        alarms.append(_alarm("I6", symbol, text))
    held = {"": ledger.cash, **ledger.balances()}
    for currency in sorted(held.keys() | seen.counted.money.keys()):
        ours, theirs = held.get(currency, ZERO), seen.counted.money.get(currency, ZERO)
        if magnitude(subtract(ours, theirs)) > tolerance:
            subject = f"cash:{currency}" if currency else "cash"
            alarms.append(_alarm("I6", subject, f"books hold {ours} in {currency or 'cash'}, executions come to {theirs}"))
    return [a for a in alarms if a.key not in seen.raised]


def note(seen: Seen, event: Event, now: int) -> None:
    """Fold one event into what the invariants need."""
    count(seen.counted, event)
    match event:
        case OrderApproved():
            seen.deadlines[event.order_id] = RELEASED if event.group_size and event.group != event.order_id else event.deadline_ns
        case OrderRouted():
            deadline = seen.deadlines.pop(event.order_id, now)
            seen.deadlines.update(dict.fromkeys((child.order_id for child in event.children), deadline))
        case OrderAbandoned():
            seen.deadlines.pop(event.order_id, None)
            seen.late.pop(event.order_id, None)
        case OrderSending():
            if now > seen.deadlines.pop(event.order_id, now):
                seen.late[event.order_id] = True
        case OrderAccepted() | OrderReplaced() if event.broker_order_id:
            seen.by_broker.setdefault(event.broker_order_id, event.order_id)
        case OrderFilled():
            seen.executions.setdefault(event.broker_order_id, {})[event.execution_id] = True
        case Alert() if event.key.startswith(PREFIX):
            seen.raised[event.key] = True
        case _:
            pass


def retire(seen: Seen, records: Iterable[OrderRecord]) -> None:
    """These orders are kept no more."""
    for record in records:
        seen.deadlines.pop(record.order_id, None)
        seen.late.pop(record.order_id, None)
        for name in (record.broker_order_id, *record.superseded_ids):
            seen.by_broker.pop(name, None)
            seen.executions.pop(name, None)


def _ids(seen: Seen, orders: OrderFold, e: OrderEvent) -> list[Alert]:
    """I3: one broker order a client id, which names the order and the replace it is of; one of our orders a broker order."""
    if isinstance(e, OrderSending | ReplaceSending):
        return _names(orders, e)
    if isinstance(e, OrderAccepted | OrderReplaced) and e.broker_order_id:
        owner = seen.by_broker.get(e.broker_order_id, e.order_id)
        if owner != e.order_id:
            return [_alarm("I3", e.broker_order_id, f"broker order {e.broker_order_id} is booked for {owner} and for {e.order_id}")]
    return []


def _names(orders: OrderFold, e: OrderSending | ReplaceSending) -> list[Alert]:
    named, record = parse_client_id(e.client_order_id), orders.orders.get(e.order_id)
    replace_no = e.replace_no if isinstance(e, ReplaceSending) else 0
    if named is None or (named.order_id, named.replace_no) != (e.order_id, replace_no):
        return [_alarm("I3", e.client_order_id, f"{e.order_id} is sent as {e.client_order_id}, which is the name of another")]
    if record is not None and e.client_order_id in {record.client_order_id, *record.superseded}:
        return [_alarm("I3", e.client_order_id, f"{e.client_order_id} is sent a second time, for {e.order_id}")]
    return []


def _permission(seen: Seen, orders: OrderFold, e: OrderEvent) -> list[Alert]:
    """I4: what is sent was approved, with the same terms, and in time. A write-ahead after the deadline sends nothing (a router that was away
    decides by its cause's time, and its session is then refused the permit); that the broker has the order proves that it was sent."""
    if isinstance(e, OrderAccepted | OrderFilled) and e.order_id in seen.late:
        return [_alarm("I4", e.order_id, f"{e.order_id} was sent after its deadline")]
    if isinstance(e, OrderRouted):
        return _routed(orders, e)
    if not isinstance(e, OrderSending):
        return []
    record, deadline = orders.orders.get(e.order_id), seen.deadlines.get(e.order_id)
    if record is None or deadline is None:
        return [_alarm("I4", e.order_id, f"{e.order_id} is sent without an approval")]
    part = deadline == RELEASED and 0 < e.terms.quantity <= record.terms.quantity
    if record.terms != (msgspec.structs.replace(e.terms, quantity=record.terms.quantity) if part else e.terms):
        return [_alarm("I4", e.order_id, f"{e.order_id} is sent with other terms than were approved")]
    return []


def _routed(orders: OrderFold, e: OrderRouted) -> list[Alert]:
    """The parts of an order are together no more than it."""
    record, total = orders.orders.get(e.order_id), ZERO
    for child in e.children:
        total = add(total, child.terms.quantity)
    if record is not None and total <= record.terms.quantity:
        return []
    return [_alarm("I4", e.order_id, f"{e.order_id} is routed as {total} of {record.terms.quantity if record is not None else 'nothing'}")]


def _machine(seen: Seen, orders: OrderFold, e: OrderEvent, now: int) -> list[Alert]:
    """I5: legal steps, fills that add up, executions booked once."""
    record = orders.orders.get(e.order_id)
    if record is None:
        return [_alarm("I5", e.order_id, f"{e.order_id} filled and nobody ordered it")] if isinstance(e, OrderFilled) else []
    alarms = []
    after: OrderRecord = msgspec.structs.replace(record)
    if advance(after, e, now).verdict is Verdict.ILLEGAL:
        alarms.append(_alarm("I5", f"{e.order_id}:{type(e).__name__}", f"{type(e).__name__} may not follow {record.status} of {e.order_id}"))
    if isinstance(e, OrderFilled):
        if e.execution_id in seen.executions.get(e.broker_order_id, {}):
            alarms.append(_alarm("I5", _execution(e), f"execution {e.execution_id} of {e.order_id} is booked twice"))
        if e.cumulative != after.filled:
            alarms.append(_alarm("I5", f"{e.order_id}:sum", f"fills of {e.order_id} sum to {after.filled}, booked as {e.cumulative}"))
        if after.filled > after.terms.quantity and not is_external(e.order_id):
            alarms.append(_alarm("I5", f"{e.order_id}:over", f"{e.order_id} is filled {after.filled} of {after.terms.quantity}"))
    return alarms


def _execution(e: OrderFilled) -> str:
    return f"{e.broker_order_id}/{e.execution_id}"


def _alarm(invariant: str, subject: str, text: str) -> Alert:
    return Alert(Severity.CRITICAL, f"{PREFIX}{invariant}:{subject}", f"{text}. Halt with `halt --reason {invariant}` and report it: this is a bug")
