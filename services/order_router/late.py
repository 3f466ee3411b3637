"""News of orders that are kept no more (`retirement`), decided by what can be known without them.

An execution well after they ended is news: its order is adopted and it is booked, for the strategy its client order id names. Of an older one,
or a correction, nobody can tell whether it was booked: it is not, its instrument is locked and a person decides; the positions of the
reconciler's next reading say which it was. That one of them ended is no news; that one works is an order at the broker like any other.
"""

from __future__ import annotations

from typing import Final

from shared.domain.order_fold import OrderRecord
from shared.domain.order_ids import EXTERNAL_STRATEGY, LOG_PREFIX_CHARS, external_order_id, parse_client_id
from shared.domain.retirement import CERTAIN_NS, beyond_recall
from shared.events import DayEnded, ExecutionRow, FillMismatch, OrderRow, OrdersRetired, Severity

from .orders import Draft, Orders
from .retirement import is_retired

_BATCH: Final = 256  # ids an event
_BEYOND_MAX: Final = 1_000  # executions remembered that nobody can tell, so that each is told to a person once


def day_ended(draft: Draft, _e: DayEnded) -> None:
    """Retire what is due."""
    orders = draft.retirable()
    for first in range(0, len(orders), _BATCH):
        batch = orders[first : first + _BATCH]
        draft.emit(OrdersRetired(batch[-1][1], tuple(order_id for order_id, _ in batch)))


def retired_name(draft: Draft, client_order_id: str) -> str:
    """The order id of a retired order of this log, by its name at the broker; empty for anything else."""
    parsed = parse_client_id(client_order_id)
    ours = parsed is not None and parsed.log_prefix == draft.standing.log_id[:LOG_PREFIX_CHARS]
    return parsed.order_id if parsed is not None and ours and is_retired(draft.standing, parsed.order_id) else ""


def is_old_news(draft: Draft, row: OrderRow) -> bool:
    """Of a row of no order that is kept, and that is over: whether it was over when the orders before it were retired."""
    at = draft.standing.retired_ns
    return bool(at) and (row.broker_ns <= at + CERTAIN_NS or bool(retired_name(draft, row.client_order_id)))


def nobody_can_tell(draft: Draft, row: ExecutionRow, record: OrderRecord | None = None) -> bool:
    """Of an execution that is not known: whether it may have been booked. Then nothing is booked, and a person is told, once. record: of its
    order, where one is kept."""
    standing = draft.standing
    if not beyond_recall(row, record, standing.retired_ns):
        return False
    name = row.execution_id or f"{row.broker_order_id}@{row.cumulative}"
    if name in standing.beyond:
        return True
    parsed = parse_client_id(row.client_order_id) if retired_name(draft, row.client_order_id) else None
    order_id, strategy = (parsed.order_id, parsed.strategy) if parsed is not None else (external_order_id(row.broker_order_id), EXTERNAL_STRATEGY)
    reported, what = f"{row.quantity} @ {row.price}", f"a correction of {row.previous_id}" if row.previous_id else "an execution"
    draft.emit(FillMismatch(order_id, strategy, name, "", reported, row.symbol))
    draft.alert(
        Severity.CRITICAL,
        f"beyond_recall:{name}",
        f"{what}, {row.side} {reported} {row.symbol} of {order_id}, is of an order that ended too long ago to be kept: it is not booked, {row.symbol} is "
        f"locked. `regimeflow journal export` says whether it was; compare with the broker's statement, then `resume --symbol {row.symbol}`",
    )
    return True


# How they are folded.


def fold_retired(orders: Orders, e: OrdersRetired, _now: int, _epoch: int) -> None:
    orders.retire(e)


def fold_told(orders: Orders, e: FillMismatch) -> None:
    """Of no order that is kept."""
    standing = orders.change_standing()
    standing.beyond[e.execution_id] = True
    while len(standing.beyond) > _BEYOND_MAX:
        del standing.beyond[next(iter(standing.beyond))]
