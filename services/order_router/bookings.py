"""Booking what the broker said: executions once, endings when the fills they speak of are booked.

An execution is told apart by its id, or by (broker order, cumulative quantity) where two channels of a broker name it differently. A
second report that agrees is dropped; one that differs in price or quantity is a `FillMismatch` and books nothing; one that names what it
corrects is a `FillCorrected`.
"""

from __future__ import annotations

from typing import Final

from shared.domain.exact import ZERO, add, subtract
from shared.domain.order_ids import is_external
from shared.events import (
    ExecutionRow,
    FillCorrected,
    FillMismatch,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderStatus,
    Severity,
)

from . import externals, late, parents, replaces
from .asking import query
from .orders import Draft
from .state import Fact, RouterOrder

_UNKNOWN: Final = OrderStatus.UNKNOWN  # looked up once: asked for at every change of an order


def execution(draft: Draft, row: ExecutionRow, report: int = 0) -> None:
    """Book one execution, whichever channel told it. report: its number in a numbered stream, 0 elsewhere."""
    order = draft.find(row.client_order_id, row.broker_order_id) or externals.adopt_from_execution(draft, row, report)
    if order is None:
        return
    known = None if row.previous_id else _known(order, row)
    if known is None and row.previous_id not in order.executions and late.nobody_can_tell(draft, row, order.record):
        return
    if row.previous_id:
        _correct(draft, order, row)
    elif known is not None:
        _compare(draft, order, row, *known)
    elif row.quantity > 0 and not (is_external(order.record.order_id) and draft.standing.before_opening(row.broker_ns, report)):
        _book(draft, order, row)


def settle(draft: Draft, order: RouterOrder) -> None:
    """What follows from where an order stands: end it where the broker did and our fills have reached what it says was done (until then
    they are awaited); ask about it where its outcome is unknown and nobody asks yet."""
    _conclude(draft, order)
    if order.record.status is _UNKNOWN and not order.lookups:
        query(draft, order, order.record.client_order_id)


def _conclude(draft: Draft, order: RouterOrder) -> None:
    ending, record = order.ending, order.record
    if ending is None or record.done or record.filled < ending.filled:
        return
    if record.filled > ending.filled:
        draft.alert(
            Severity.CRITICAL,
            f"overbooked:{record.order_id}",
            f"{record.order_id} ended at the broker with {ending.filled} done, {record.filled} are booked; the reconciler locks it, compare with the broker",
        )
    if ending.status is OrderStatus.EXPIRED:
        draft.emit(OrderExpired(record.order_id, record.strategy, record.filled))
    elif ending.status is OrderStatus.REJECTED:
        draft.emit(OrderRejected(record.order_id, record.strategy, ending.code, ending.text))
    else:
        draft.emit(OrderCanceled(record.order_id, record.strategy, record.filled, ending.text))


def _known(order: RouterOrder, row: ExecutionRow) -> tuple[str, Fact] | None:
    fact = order.executions.get(_name(row))
    if fact is not None:
        return _name(row), fact
    if not row.cumulative:
        return None
    for name, booked in order.executions.items():
        if booked.broker_order_id == row.broker_order_id and booked.cumulative == row.cumulative:
            return name, booked
    return None


def _name(row: ExecutionRow) -> str:
    return row.execution_id or f"{row.broker_order_id}@{row.cumulative}"


def _book(draft: Draft, order: RouterOrder, row: ExecutionRow) -> None:
    """On the order; what a part did is the whole's too, in one event."""
    replaces.proven(draft, order, row)
    part = order.record
    parent = draft.get(order.parent) if order.parent else None
    whole = parent.record if parent is not None else part
    late, was = part.done and not is_external(part.order_id), part.status
    done, filled = add(part.filled, row.quantity), add(whole.filled, row.quantity)
    if parent is not None:
        parents.proven(draft, parent, filled)
    draft.emit(
        OrderFilled(
            order_id=whole.order_id,
            strategy=part.strategy,
            symbol=row.symbol,
            side=row.side,
            quantity=row.quantity,
            price=row.price,
            commission=row.commission,
            currency=row.currency,
            execution_id=_name(row),
            broker_order_id=row.broker_order_id,
            cumulative=filled,
            leaves=max(subtract(whole.terms.quantity, filled), ZERO),
            broker_ns=row.broker_ns,
            is_maker=row.is_maker,
            venue=row.venue,
            late=late,
            child=part.order_id if order.parent else "",
        )
    )
    if late:
        text = f"{row.quantity} {row.symbol} of {part.order_id} filled after it was {was}; it is booked. Check the position with `positions`"
        draft.alert(Severity.WARNING, f"late_fill:{_name(row)}", text)
    if done > part.terms.quantity and not is_external(part.order_id):  # of theirs only what was told so far is known
        text = f"{part.order_id} is filled {done} of {part.terms.quantity}; it is booked as reported. Compare with the broker, then `flatten`"
        draft.alert(Severity.CRITICAL, f"overfill:{part.order_id}", text)


def _compare(draft: Draft, order: RouterOrder, row: ExecutionRow, name: str, fact: Fact) -> None:
    """A repeated report. Commission often comes later than the execution: it alone is corrected; zero means not told."""
    if fact.void:
        return
    if (fact.quantity, fact.price) != (row.quantity, row.price):
        _dispute(draft, order, row, name, fact)
    elif row.commission not in {ZERO, fact.commission}:
        _emit_correction(draft, order, row, name, name, fact)


def _correct(draft: Draft, order: RouterOrder, row: ExecutionRow) -> None:
    """A correction or bust, perhaps before the execution it speaks of was ever told: then that one is void before it comes."""
    name = _name(row)
    booked, previous = order.executions.get(name), order.executions.get(row.previous_id)
    if booked is not None and (name != row.previous_id or (booked.quantity, booked.price) == (row.quantity, row.price)):
        return
    if previous is not None and previous.void:
        return
    _emit_correction(draft, order, row, name, row.previous_id, previous or Fact(ZERO, ZERO, ZERO, ZERO, row.broker_order_id))
    draft.alert(
        Severity.WARNING,
        f"corrected:{name}",
        f"the broker corrected execution {row.previous_id} of {order.record.order_id} to {row.quantity} @ {row.price}; it is booked",
    )


def _emit_correction(draft: Draft, order: RouterOrder, row: ExecutionRow, name: str, previous_id: str, previous: Fact) -> None:
    draft.emit(
        FillCorrected(
            order_id=order.parent or order.record.order_id,
            strategy=order.record.strategy,
            symbol=row.symbol,
            side=row.side,
            execution_id=name,
            previous_id=previous_id,
            quantity=row.quantity,
            price=row.price,
            commission=row.commission,
            previous_quantity=previous.quantity,
            previous_price=previous.price,
            previous_commission=previous.commission,
            child=order.record.order_id if order.parent else "",
            currency=row.currency if row.commission else previous.currency or row.currency,  # without a commission it tells no currency
        )
    )


def _dispute(draft: Draft, order: RouterOrder, row: ExecutionRow, name: str, fact: Fact) -> None:
    booked, reported = f"{fact.quantity} @ {fact.price}", f"{row.quantity} @ {row.price}"
    if order.disputed.get(name) == reported:
        return
    draft.emit(FillMismatch(order.record.order_id, order.record.strategy, name, booked, reported))
    draft.alert(
        Severity.CRITICAL,
        f"fill_mismatch:{name}",
        f"execution {name} of {order.record.order_id} is booked as {booked}, now reported as {reported}; {row.symbol} is locked. "
        f"Compare with the broker's statement, then `resume --symbol {row.symbol}`",
    )
