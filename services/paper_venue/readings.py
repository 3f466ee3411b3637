"""Requests that change nothing: each one reading of core and ledger between two changes, so it is consistent in itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.venue import MatchingCore
from shared.venue import protocol as p

from .books import Books


class Readings:
    """now: the venue's time, ns."""

    def __init__(self, core: MatchingCore, ledger: Books, now: Callable[[], int]) -> None:
        self._core = core
        self._ledger = ledger
        self._now = now
        self.methods: Final[dict[str, Callable[[bytes], p.Message]]] = {
            "order": self._order,
            "open_orders": self._open_orders,
            "executions": lambda raw: self._executions(p.decode(p.Since, raw)),
            "positions": self._positions,
            "account": self._account,
            "state": self._state,
            "reports": self._reports,
        }

    def _order(self, raw: bytes) -> p.OrderAnswer:
        client_order_id = p.decode(p.OrderQuery, raw).client_order_id
        row = self._core.order(client_order_id)
        if row is None:
            return p.OrderAnswer(None, self._core.report_number, "unknown_order", f"no order {client_order_id} was ever known")
        return p.OrderAnswer(row, self._core.report_number)

    def _open_orders(self, raw: bytes) -> p.OrdersAnswer:
        p.decode(p.Empty, raw)
        return p.OrdersAnswer(self._core.open_orders(), self._core.report_number)

    def _positions(self, raw: bytes) -> p.PositionsAnswer:
        p.decode(p.Empty, raw)
        return p.PositionsAnswer(self._core.positions(), self._core.report_number)

    def _account(self, raw: bytes) -> p.AccountAnswer:
        p.decode(p.Empty, raw)
        return p.AccountAnswer(self._core.settings.account, self._core.account(), self._core.report_number)

    def _state(self, raw: bytes) -> p.StateAnswer:
        core = self._core
        found = self._executions(p.decode(p.Since, raw))
        return p.StateAnswer(
            core.settings.account,
            core.open_orders(),
            found.rows,
            core.positions(),
            core.account(),
            core.report_number,
            found.next,
            found.more,
            self._now(),
        )

    def _reports(self, raw: bytes) -> p.ReportsAnswer:
        since = p.decode(p.Since, raw)
        return p.ReportsAnswer(tuple(self._ledger.reports(since.n, _page(since.limit))), self._core.report_number)

    def _executions(self, since: p.Since) -> p.ExecutionsAnswer:
        limit = _page(since.limit)
        found = self._ledger.executions(since.n, limit + 1)
        page, more = found[:limit], len(found) > limit
        # A reading to the end moves the cursor to the head, so that the next one does not search the same quiet stretch again.
        following = page[-1][0] if more else max(since.n, self._core.report_number)
        return p.ExecutionsAnswer(tuple(row for _, row in page), following, more)


def _page(limit: int) -> int:
    return max(1, min(limit, p.PAGE_ROWS_MAX))
