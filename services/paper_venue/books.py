"""What the venue's service needs of a ledger, and the ledger in memory: for a backtest, whose broker's truth ends with the run.

`services.paper_venue.ledger.Ledger` is the one that survives. Same answers from both to the same calls.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from shared.events import ActionRow, ExecutionRow
from shared.venue import Newest, Report


class Answer(NamedTuple):
    """asked: what the request said, to tell a repeat from a re-used name."""

    asked: bytes
    body: bytes


class Write(msgspec.Struct, frozen=True):
    """What one request or market event changed. row: its number in a numbered feed (0: none). state: the core as it is now, None when only a
    newest price or rate changed. name, answer: the request's name and what is answered. restated: prices a corporate action changed."""

    row: int = 0
    newest: Newest | None = None
    reports: Sequence[Report] = ()
    state: bytes | None = None
    name: str = ""
    answer: Answer | None = None
    restated: Sequence[Newest] = ()


class Books(Protocol):
    """keeps_state: the core's state is written with what changed it. last_row: newest row of the numbered feed."""

    last_row: int

    @property
    def keeps_state(self) -> bool: ...
    def commit(self, write: Write) -> None: ...
    def answer(self, name: str) -> Answer | None: ...
    def head_at(self, row: int) -> int: ...
    def reports(self, since: int, limit: int) -> list[Report]: ...
    def executions(self, since: int, limit: int) -> list[tuple[int, ExecutionRow]]: ...
    def actions(self, since: int, upto: int) -> list[tuple[int, ActionRow]]: ...


class MemoryBooks:
    """Holds reports and answers as they are; no state and no prices, which nobody will ask for again."""

    def __init__(self) -> None:
        self.keeps_state: Final = False
        self.last_row = 0
        self._reports: list[Report] = []
        self._executions: list[tuple[int, ExecutionRow]] = []
        self._execution_reports: list[int] = []  # the report of each
        self._actions: list[tuple[int, ActionRow]] = []
        self._answers: dict[str, Answer] = {}
        self._rows: list[int] = []  # that caused reports, with the newest of them
        self._heads: list[int] = []

    def commit(self, write: Write) -> None:
        for report in write.reports:
            if report.execution is not None:
                self._executions.append((report.n, report.execution))
                self._execution_reports.append(report.n)
            elif report.action is not None:
                self._actions.append((report.n, report.action))
        self._reports += write.reports
        if write.row:
            self.last_row = write.row
            if write.reports:
                self._rows.append(write.row)
                self._heads.append(write.reports[-1].n)
        if write.answer is not None:
            self._answers[write.name] = write.answer

    def answer(self, name: str) -> Answer | None:
        return self._answers.get(name)

    def head_at(self, row: int) -> int:
        place = bisect_right(self._rows, row)
        return self._heads[place - 1] if place else 0

    def reports(self, since: int, limit: int) -> list[Report]:
        return self._reports[since : since + limit]

    def executions(self, since: int, limit: int) -> list[tuple[int, ExecutionRow]]:
        first = bisect_right(self._execution_reports, since)
        return self._executions[first : first + limit]

    def actions(self, since: int, upto: int) -> list[tuple[int, ActionRow]]:
        return [(n, row) for n, row in self._actions if since < n <= upto]
