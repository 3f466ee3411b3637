"""The session of a replay: plays a source that can be read again (files, the synthetic market) into the log. It judges nothing.

Row k is the outside fact (`gateway.feed`, 1, k). Under the feed clock the bus gives one turn at a time; under the wall clock `poll` returns what
is due. Either way the paper venue, where there is one, is shown a datum before the log is: the venue acts first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event as Signal
from threading import Lock
from typing import Final

from services.gateway import warmup
from services.gateway.feeds.port import FeedError, Source
from services.gateway.feeds.replay import Row, rows
from services.gateway.pacing import Pacer
from services.gateway.venue_port import VenuePort, reported, told
from shared.bus.port import NEVER, Names
from shared.events import Envelope, Event, FeedStateChanged, FeedStatus, WarmupRequested
from shared.events.market import MarketEvent
from shared.runtime.session import Evidence, Performed, Permit, Turn

FEED_SOURCE: Final = "gateway.feed"
FEED_RUN: Final = 1
POLL_ROWS_MAX: Final = 512  # bounds what a driver must append before it can look at anything else


class ReplaySession:
    """Implements `shared.runtime.sessions.FeedSession`. pacer: None under the feed clock. `poll` and the rest may run in two threads."""

    names: Final = ((FEED_SOURCE, FEED_RUN),)

    def __init__(self, source: Source, venue: VenuePort | None = None, pacer: Pacer | None = None) -> None:
        self._source: Final = source
        self._closed: Final = Signal()
        self._venue: Final = venue
        self._pacer: Final = pacer
        self._lock: Final = Lock()  # over the rows and the pacer
        self._rows: Iterator[Row] = iter(())
        self._next: Row | None = None
        self._error: FeedError | None = None
        self._begin = 0  # time of the feed's first row
        self._newest = 0  # of the row last offered
        self._offered = False  # the newest look follows a turn, which said what to wait for

    def start(self, known: dict[tuple[str, int], int]) -> None:
        """Go to the row after the newest in the log."""
        try:
            self._begin = next(rows(self._source, 0)).time
        except FeedError:  # the reading below meets it again, and says so
            self._begin = 0
        self._rows = rows(self._source, known.get((FEED_SOURCE, FEED_RUN), 0))

    def wants(self, e: Envelope) -> bool:
        """Warm-up requests; and what the venue must be told."""
        return type(e.event) is WarmupRequested or told(self._venue, e)

    def perform(self, e: Envelope, permit: Permit) -> Performed:  # noqa: ARG002 - nothing here can be done twice to harm
        """The history a strategy run asked for (none, and an alert, when it cannot be read); or the venue told."""
        if type(e.event) is not WarmupRequested:
            return Performed((), reported(self._venue.advance(0, e.event) if self._venue is not None else 0))
        request = e.event
        pacer = self._pacer
        with self._lock:
            until = self._until(request.until)
            if pacer is not None and not pacer.played:  # nothing played yet ties the data's time to the wall's: from here on this moment does
                pacer.play(until, pacer.now())
        try:
            bars = self._source.history(request.symbols, request.bars, until)
        except FeedError as error:
            return warmup.failed(request, error)
        if pacer is not None:
            with self._lock:
                bars = [pacer.retimed(bar) for bar in bars]
        return warmup.performed(request, bars)

    def peek(self) -> tuple[int, Names]:
        """Time of the next row (NEVER: none is left) and what must be settled before it: at a new start, or before a bus that is new, every report
        the venue has made; after a turn, what the turn said."""
        report = self._venue.head() if self._venue is not None and not self._offered else 0
        self._offered = False
        row = self._peek()
        if row is None:
            return (NEVER if self._error is None else self._newest), reported(report)
        return row.time, reported(report)

    def turn(self) -> Turn | None:
        """The next row, shown to the venue, with the report that came of it. A feed that breaks says so once, unnamed, and has no more rows. None
        when closed or at the end."""
        row = self._peek()
        if row is None:
            return None if self._error is None else Turn(self._broken(), self._newest)
        report = self._venue.advance(row.number, row.event) if self._venue is not None and isinstance(row.event, MarketEvent) else 0
        if self._closed.is_set():  # the venue may not have acted; the next process shows it this row again
            return None
        self._next = None
        self._newest = row.time
        self._offered = True
        return Turn(_named(row, row.event), row.time, reported(report))

    def poll(self, timeout_s: float) -> Sequence[Evidence]:
        """Rows due by now, at most POLL_ROWS_MAX; waits for the first up to timeout_s. Under the feed clock there are none."""
        if self._pacer is None:
            self._closed.wait(timeout_s)
            return ()
        evidence, ahead_s = self._due(self._pacer)
        if not evidence and timeout_s > 0.0:
            self._closed.wait(min(timeout_s, ahead_s))
            evidence, _ = self._due(self._pacer)
        return evidence

    def close(self) -> None:
        """Stop waiting."""
        self._closed.set()
        if self._venue is not None:
            self._venue.close()

    def _due(self, pacer: Pacer) -> tuple[list[Evidence], float]:
        """What is due by now, and how many seconds the next row is ahead."""
        evidence: list[Evidence] = []
        with self._lock:
            while len(evidence) < POLL_ROWS_MAX and not self._closed.is_set():
                row = self._peek()
                if row is None:
                    if self._error is not None:
                        evidence.append(self._broken())
                    return evidence, float("inf")
                due = pacer.due(row.time)
                ahead_ns = due - pacer.now()
                if ahead_ns > 0:
                    return evidence, ahead_ns / 1e9
                self._next = None
                pacer.play(row.time, due)
                event = pacer.retimed(row.event)
                if self._venue is not None and isinstance(event, MarketEvent):
                    self._venue.advance(row.number, event)
                evidence.append(_named(row, event))
        return evidence, 0.0

    def _peek(self) -> Row | None:
        """The next row, not yet taken; None at the end, and where the feed broke: then `_error` says why."""
        if self._next is None:
            try:
                self._next = next(self._rows, None)
            except FeedError as error:
                self._error = error
        return self._next

    def _until(self, asked: int) -> int:
        """The data time that history ends at. Before the first row of the feed, its beginning. Under the wall clock what counts is not the log's
        time but how far the data have been played."""
        if self._pacer is None:
            return max(asked, self._begin)
        if self._pacer.played:
            return self._pacer.played
        following = self._peek()
        return self._begin if following is None else max(self._begin, following.time - 1)

    def _broken(self) -> Evidence:
        """What is said once of a feed that broke."""
        text, self._error = str(self._error), None
        return Evidence(FeedStateChanged(self._source.name, FeedStatus.DOWN, text))


def _named(row: Row, event: Event) -> Evidence:
    return Evidence(event, FEED_SOURCE, FEED_RUN, row.number)
