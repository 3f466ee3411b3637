"""Orders at the broker that this log did not send: seen once, counted, booked like any fact, owned by no strategy.

An order whose client id bears this log's prefix but which the log does not know (a journal restored from a backup) is attributed to the
strategy its id names; so is one that is kept no more (`late`). What was executed before the account was opened is in the opening holdings and is never booked.
"""

from __future__ import annotations

from decimal import Decimal

from shared.domain.exact import ZERO
from shared.domain.order_ids import EXTERNAL_STRATEGY, LOG_PREFIX_CHARS, external_order_id, is_external, parse_client_id
from shared.events import ExecutionRow, ExternalOrderSeen, OrderRow, OrderStatus, OrderTerms, OrderType, Severity

from . import late
from .orders import Draft
from .state import RouterOrder

_OVER = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.REPLACED, OrderStatus.ERROR})


def adopt(draft: Draft, row: OrderRow, report: int, *, whole_reading: bool) -> RouterOrder | None:
    """The external order of a row. None when it is over without a fill, when the account is not open yet and this is no whole reading: then its
    fills cannot be told from opening holdings; or when it was so before the opening, whose whole reading had it if it worked then."""
    opened, working = draft.standing.opened, row.status not in _OVER
    if opened and not whole_reading and draft.standing.before_opening(row.broker_ns, report):
        return None
    if not row.broker_order_id or not (working or (opened and row.filled)) or not (opened or whole_reading):
        return None
    if not working and late.is_old_news(draft, row):
        return None
    return _seen(draft, row.client_order_id, row.broker_order_id, row.terms, ZERO if opened else row.filled, working=working)


def adopt_from_execution(draft: Draft, row: ExecutionRow, report: int) -> RouterOrder | None:
    """The external order of an execution nobody showed an order for; None for what the opening holdings contain, and what may be booked."""
    if draft.standing.before_opening(row.broker_ns, report) or not row.broker_order_id or late.nobody_can_tell(draft, row):
        return None
    quantity = max(row.cumulative, row.quantity)
    terms = OrderTerms(row.symbol, row.side, OrderType.MARKET, quantity)
    return _seen(draft, row.client_order_id, row.broker_order_id, terms, ZERO, working=False)


def completed(draft: Draft, order: RouterOrder, row: OrderRow) -> None:
    """One known by its executions alone was taken for over with what they did; the broker shows what it really is, and that it works."""
    record = order.record
    if record.done and row.terms != record.terms and row.status not in _OVER and record.filled < row.terms.quantity:
        _seen(draft, row.client_order_id, row.broker_order_id, row.terms, record.filled, working=True)


def _seen(draft: Draft, client_id: str, broker_id: str, terms: OrderTerms, filled: Decimal, *, working: bool) -> RouterOrder | None:
    order_id = external_order_id(broker_id)
    draft.emit(ExternalOrderSeen(order_id, _owner(draft, client_id), broker_id, terms, filled, working))
    side, quantity, retired = terms.side, terms.quantity, late.retired_name(draft, client_id)
    why = f"is of {retired}, which ended too long ago to be kept" if retired else "was not sent by this log"
    draft.alert(
        Severity.WARNING,
        f"external_order:{broker_id}",
        f"{side} {quantity} {terms.symbol} at the broker {why}; it is counted in exposure. Cancel it there or with `cancel {order_id}`",
    )
    return draft.get(order_id)


def _owner(draft: Draft, client_id: str) -> str:
    parsed = parse_client_id(client_id)
    if parsed is not None and parsed.log_prefix == draft.standing.log_id[:LOG_PREFIX_CHARS]:
        return parsed.strategy
    return EXTERNAL_STRATEGY


def gone_from_reading(order: RouterOrder) -> bool:
    """Whether absence from a whole reading ends it: an external order has no name of ours to be looked up by."""
    return is_external(order.record.order_id)
