"""The venue's reports as a stream without holes: pushes where they come in order, the ledger's pages where they do not.

A hole in the numbers, or silence for `QUIET_S`, is answered by asking for what follows the last known report. So a mute, dropped or
overflowing stream costs time, never a report; a report that is told twice is passed on once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from shared.brokers.contract import ActionSeen, CashSeen, ExecutionSeen, OrderSeen, ReadFailed, StreamDown, StreamItem, StreamUp
from shared.events import ErrorClass
from shared.venue import Report
from shared.venue import protocol as p

from .client import VenueClient

QUIET_S: Final = 1.0
PAGE_S_MAX: Final = 1.0  # a page is asked for at most this long, so that a venue that is away holds nobody up
SILENCES_MAX: Final = 2  # pages without an answer, in a row: a venue that was busy for a moment is not away


class ReportStream:
    """clock: monotonic seconds."""

    def __init__(self, client: VenueClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._known = 0
        self._asked_at = 0.0
        self._up = False
        self._silences = 0

    def resume(self, report: int) -> None:
        """Go on after a report. Raises ReadFailed when the venue never made that many: its ledger is not the one the log knows."""
        self._page(p.Since(report, 1))
        self._known = report
        self._asked_at = 0.0

    def take(self, timeout_s: float) -> Sequence[StreamItem]:
        """What is new, in order; StreamDown where the venue cannot be asked, or is not the one it was."""
        items: list[StreamItem] = []
        pushes = self._client.link.pushes(timeout_s)
        if not self._up:
            self._catch_up(items)  # what was pushed meanwhile is in it
            return items
        hole = False
        for raw in pushes:
            try:
                hole = self._accept(p.decode(p.ReportsAnswer, raw).reports, items) or hole
            except p.ProtocolError:
                hole = True  # whatever it said, it is in the ledger
        if hole or self._clock() - self._asked_at >= QUIET_S:
            self._catch_up(items)
        return items

    def _accept(self, reports: Sequence[Report], items: list[StreamItem]) -> bool:
        """Pass on what follows the known; True when something is missing."""
        for report in reports:
            if report.n > self._known + 1:
                return True
            if report.n == self._known + 1:
                self._known = report.n
                items.append(item_of(report))
        return False

    def _catch_up(self, items: list[StreamItem]) -> None:
        try:
            while True:
                page = self._page(p.Since(self._known), PAGE_S_MAX)
                if not self._up:
                    self._up = True
                    items.append(StreamUp(f"venue at report {page.head}"))
                self._silences = 0
                self._accept(page.reports, items)
                if self._known >= page.head or not page.reports:
                    break
        except ReadFailed as failed:
            self._silences += 1
            if failed.error is not ErrorClass.TIMEOUT or not self._up or self._silences >= SILENCES_MAX:
                self._up = False
                items.append(StreamDown(failed.text))
        self._asked_at = self._clock()

    def _page(self, since: p.Since, timeout_s: float | None = None) -> p.ReportsAnswer:
        """Raises ReadFailed, also where the answer is of a ledger that is not the one we know: it would look as if nothing had happened."""
        page = self._client.read("reports", since, p.ReportsAnswer, timeout_s)
        if page.head < since.n:
            text = f"the venue's ledger ends at report {page.head}, the log has {since.n}: it is another or an older ledger"
            raise ReadFailed("reports", ErrorClass.SCHEMA, text)
        return page


def item_of(report: Report) -> StreamItem:
    """A report in the words of the broker contract."""
    if report.execution is not None:
        return ExecutionSeen(report.execution, report.n)
    if report.cash is not None:
        return CashSeen(report.cash, report.n)
    if report.action is not None:
        return ActionSeen(report.action, report.n)
    assert report.order is not None, report
    return OrderSeen(report.order, report.n)
