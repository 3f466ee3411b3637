"""The way to the paper venue within one process: its service answers the same requests as over the link, without one.

Requests and answers are the protocol's own, as values and not as bytes: a bad one is refused as it is there, and an outcome has the class it has there. The feed's
rows go to the exchange core itself (`Venue.handler`): the judgement of rows is the feed's, and most rows concern no order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from services.paper_venue.books import MemoryBooks
from services.paper_venue.service import VenueService
from shared.brokers.contract import (
    Accepted,
    Cancellation,
    Capabilities,
    Executions,
    NotSent,
    Outcome,
    Permit,
    ReadFailed,
    Refused,
    Replacement,
    StreamItem,
    StreamUp,
    Submission,
    WholeState,
    always,
)
from shared.brokers.paper import CAPABILITIES
from shared.brokers.paper.sessions import report_of
from shared.brokers.paper.stream import item_of
from shared.events import AccountRow, Bar, ErrorClass, Event, ExecutionRow, OrderRow, PositionRow, Quote, Trade
from shared.venue import MatchingCore, Report, VenueSettings
from shared.venue import protocol as p

M = TypeVar("M", bound=p.Message)


class Venue:
    """The exchange core, its service and its books, for the length of a run. Also a `services.gateway.venue_port.VenuePort`."""

    def __init__(self, settings: VenueSettings) -> None:
        self.core = MatchingCore(settings)
        self.books = MemoryBooks()
        self.service = VenueService(self.core, self.books, lambda: 0)
        self._handlers: dict[type[Event], Callable[[Any], Sequence[Report]]] = {
            Bar: self.core.on_bar,
            Quote: self.core.on_quote,
            Trade: self.core.on_trade,
        }

    def handler(self, kind: type[Event]) -> Callable[[Any], Sequence[Report]]:
        """What takes rows of this type."""
        return self._handlers.get(kind) or (lambda event: self.core.on_market(event, self.core.now_ns))

    def shown(self, row: int, time: int, reports: Sequence[Report]) -> None:
        """Reports that a row shown by `handler` caused."""
        self.service.reached(time)
        self.service.shown(row, reports)

    def reached(self, time: int) -> None:
        """Rows up to this moment were shown."""
        self.service.reached(time)

    def advance(self, row: int, event: Event) -> int:
        return self.service.advance(row, event)[0]

    def head(self) -> int:
        return self.core.report_number

    def close(self) -> None:
        """Nothing is held open."""


class VenueLine:
    """One line to the venue: `ExecutionSession` and `AccountSession` of `shared.brokers.contract`."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._known = 0
        self._up = False

    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def connect(self, timeout_s: float) -> str:  # noqa: ARG002 - it is there
        return self._read("account", p.Empty(), p.AccountAnswer).account

    # orders

    def submit(self, submission: Submission, permit: Permit = always) -> Outcome:
        s = submission
        return self._change("submit", p.Submit(s.client_order_id, s.terms, s.now_ns, s.group), permit)

    def cancel(self, cancellation: Cancellation, permit: Permit = always) -> Outcome:
        c = cancellation
        return self._change("cancel", p.Cancel(c.client_order_id, c.attempt, c.now_ns), permit)

    def replace(self, replacement: Replacement, permit: Permit = always) -> Outcome:
        r = replacement
        return self._change("replace", p.Replace(r.client_order_id, r.replaces, r.terms, r.now_ns), permit)

    def order_by_client_id(self, client_order_id: str) -> OrderRow | None:
        return self._read("order", p.OrderQuery(client_order_id), p.OrderAnswer).order

    def open_orders(self) -> Sequence[OrderRow]:
        return self._read("open_orders", p.Empty(), p.OrdersAnswer).rows

    def executions_since(self, cursor: str) -> Executions:
        page = self._read("executions", p.Since(report_of(cursor)), p.ExecutionsAnswer)
        return Executions(page.rows, str(page.next), page.more)

    def resume(self, report: int) -> None:
        self._known = report

    def stream(self, timeout_s: float) -> Sequence[StreamItem]:  # noqa: ARG002 - it never waits
        """What the venue reported since the last call; first, that it can be heard."""
        items: list[StreamItem] = []
        if not self._up:
            self._up = True
            items.append(StreamUp(f"venue at report {self._venue.head()}"))
        if self._known < self._venue.head():
            reports = self._venue.books.reports(self._known, self._venue.head())
            self._known = reports[-1].n
            items += map(item_of, reports)
        return items

    # readings

    def account(self) -> AccountRow:
        return self._read("account", p.Empty(), p.AccountAnswer).row

    def positions(self) -> Sequence[PositionRow]:
        return self._read("positions", p.Empty(), p.PositionsAnswer).rows

    def whole_state(self, cursor: str) -> WholeState:
        executions: list[ExecutionRow] = []
        since = report_of(cursor)
        while True:
            page = self._read("state", p.Since(since), p.StateAnswer)
            executions += page.executions
            since = page.next
            if not page.more:
                return WholeState(page.orders, tuple(executions), page.positions, page.totals, page.as_of, page.head, str(since))

    def close(self) -> None:
        """Nothing is held open."""

    def _change(self, method: str, message: p.Message, permit: Permit) -> Outcome:
        if why := permit():
            return NotSent(why)
        outcome = self._venue.service.ask(method, message)
        answer = outcome.said
        if not isinstance(answer, p.OrderAnswer):
            return Refused(ErrorClass.SCHEMA, outcome.code, outcome.text)
        if answer.code:
            return Refused(ErrorClass.REJECTION, answer.code, answer.text, answer.order, answer.head)
        return Accepted(answer.order, answer.head)

    def _read(self, query: str, message: p.Message, kind: type[M]) -> M:
        outcome = self._venue.service.ask(query, message)
        if not isinstance(outcome.said, kind):
            raise ReadFailed(query, ErrorClass.SCHEMA, f"{outcome.code}: {outcome.text}")
        return outcome.said
