"""What is made of news of orders nobody keeps any more (`OrdersRetired`): is it certainly news, or can nobody tell?

An execution that is not known may be a late one, or the repeat of one booked long ago whose order is retired. Whatever was executed well after
the retired orders ended is news; of anything older, and of a correction, nobody here can tell. Router and reconciler judge by this one rule.
"""

from __future__ import annotations

from typing import Final

from shared.events import ExecutionRow

from .order_fold import OrderRecord
from .order_ids import is_external

CERTAIN_NS: Final = 86_400 * 1_000_000_000  # far more than the broker's clock may run ahead of the log's


def beyond_recall(row: ExecutionRow, record: OrderRecord | None, retired_ns: int) -> bool:
    """Whether an execution that is not known, or the correction of one that is not, may be of a retired order and booked long ago. record: the
    order it is of, where one is kept: a retired one that was adopted anew, which is days after, knows only what came since. retired_ns: log
    time by which every retired order had ended, 0: none is."""
    old = retired_ns + CERTAIN_NS
    if not retired_ns or (record is not None and (not is_external(record.order_id) or record.opened_ns <= old)):
        return False
    return bool(row.previous_id) or row.broker_ns <= old
