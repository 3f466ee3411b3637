"""Requests that change nothing: each one reading of core and ledger between two changes, so it is consistent in itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final

from shared.events import ActionPlaced
from shared.venue import MatchingCore
from shared.venue import protocol as p

from .books import Books


class Readings:
    """now: the venue's time, ns; clock: its wall clock, 0 where it has none."""

    def __init__(self, core: MatchingCore, ledger: Books, now: Callable[[], int], clock: Callable[[], int]) -> None:
        self._core = core
        self._ledger = ledger
        self._now = now
        self._clock = clock
        self.methods: Final[dict[str, tuple[type[p.Message], Callable[[Any], p.Message]]]] = {
            "order": (p.OrderQuery, self._order),
            "open_orders": (p.Empty, lambda _: p.OrdersAnswer(core.open_orders(), core.report_number)),
            "executions": (p.Since, self._executions),
            "positions": (p.Empty, lambda _: p.PositionsAnswer(core.positions(), core.report_number)),
            "account": (p.Empty, lambda _: p.AccountAnswer(core.settings.account, core.account(), core.report_number)),
            "state": (p.Since, self._state),
            "reports": (p.Since, self._reports),
        }

    def _order(self, query: p.OrderQuery) -> p.OrderAnswer:
        row = self._core.order(query.client_order_id)
        if row is None:
            return p.OrderAnswer(None, self._core.report_number, "unknown_order", f"no order {query.client_order_id} was ever known")
        return p.OrderAnswer(row, self._core.report_number)

    def _state(self, since: p.Since) -> p.StateAnswer:
        core = self._core
        found, numbers = self._page(since)
        actions = tuple(ActionPlaced(row, bisect_left(numbers, n)) for n, row in self._ledger.actions(since.n, found.next))
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
            actions,
            self._clock(),
        )

    def _reports(self, since: p.Since) -> p.ReportsAnswer:
        return p.ReportsAnswer(tuple(self._ledger.reports(since.n, _page(since.limit))), self._core.report_number)

    def _executions(self, since: p.Since) -> p.ExecutionsAnswer:
        return self._page(since)[0]

    def _page(self, since: p.Since) -> tuple[p.ExecutionsAnswer, list[int]]:
        """A page and the report numbers of its rows."""
        limit = _page(since.limit)
        found = self._ledger.executions(since.n, limit + 1)
        page, more = found[:limit], len(found) > limit
        # A reading to the end moves the cursor to the head, so that the next one does not search the same quiet stretch again.
        following = page[-1][0] if more else max(since.n, self._core.report_number)
        return p.ExecutionsAnswer(tuple(row for _, row in page), following, more), [n for n, _ in page]


def _page(limit: int) -> int:
    return max(1, min(limit, p.PAGE_ROWS_MAX))
