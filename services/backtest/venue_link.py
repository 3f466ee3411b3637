"""The way to the paper venue within one process: its service answers the same requests as over the link, without one.

Requests and answers are the protocol's own, as values and not as bytes: a bad one is refused as it is there, and an outcome has the class it has there. The feed's
rows go to the exchange core itself (`Venue.handler`): the judgement of rows is the feed's, and most rows concern no order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from services.paper_venue.books import MemoryBooks
from services.paper_venue.service import VenueService
from shared.brokers.contract import NotSent, Outcome, Permit, ReadFailed, Refused, StreamItem, StreamUp, always
from shared.brokers.paper.client import outcome_of
from shared.brokers.paper.sessions import PaperOrders, PaperReadings
from shared.brokers.paper.stream import item_of
from shared.events import Bar, ErrorClass, Event, Quote, Trade
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

    @property
    def awaits_settlement(self) -> bool:
        """Whether part of the account's cash may be spent once a date begins."""
        return bool(self.core.account().unsettled)

    def close(self) -> None:
        """Nothing is held open."""


class InProcess:
    """Requests to the venue's service as values: an `Asking` of `shared.brokers.paper.sessions`."""

    def __init__(self, service: VenueService) -> None:
        self._service = service

    def change(self, method: str, message: p.Message, permit: Permit = always) -> Outcome:
        if why := permit():
            return NotSent(why)
        outcome = self._service.ask(method, message)
        answer = outcome.said
        if not isinstance(answer, p.OrderAnswer):
            return Refused(ErrorClass.SCHEMA, outcome.code, outcome.text)
        return outcome_of(answer)

    def read(self, query: str, message: p.Message, kind: type[M], timeout_s: float | None = None) -> M:  # noqa: ARG002 - it is there
        outcome = self._service.ask(query, message)
        if not isinstance(outcome.said, kind):
            raise ReadFailed(query, ErrorClass.SCHEMA, f"{outcome.code}: {outcome.text}")
        return outcome.said


class VenueLine(PaperOrders, PaperReadings):
    """One line to the venue: `ExecutionSession` and `AccountSession` of `shared.brokers.contract`."""

    def __init__(self, venue: Venue) -> None:
        super().__init__(InProcess(venue.service))
        self._venue = venue
        self._known = 0
        self._up = False

    def resume(self, report: int) -> None:
        self._known = report

    def stream(self, timeout_s: float) -> Sequence[StreamItem]:  # noqa: ARG002 - it never waits
        """What the venue reported since the last call; first, that it can be heard."""
        items: list[StreamItem] = []
        if not self._up:
            self._up = True
            items.append(StreamUp(f"venue at report {self._venue.head()}"))
        head = self._venue.head()
        if self._known < head:
            reports = self._venue.books.reports(self._known, head)
            self._known = reports[-1].n
            items += map(item_of, reports)
        return items

    def close(self) -> None:
        """Nothing is held open."""
