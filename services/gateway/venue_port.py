"""What the sessions need of a venue that trades against the market they bring (`venue.py` has the two kinds there are)."""

from __future__ import annotations

from typing import Final, Protocol

from shared.events import CurrencyRate, DayEnded, Envelope, Event, InstrumentDefined, SessionChanged

VENUE_SOURCE: Final = "venue.paper"
VENUE_RUN: Final = 1
TOLD: Final = frozenset({InstrumentDefined, CurrencyRate, SessionChanged, DayEnded})  # facts of our own core that a venue trades by


class VenuePort(Protocol):
    """Used by one thread; `close` by any."""

    def advance(self, row: int, event: Event) -> int:
        """Show it an event. row: its number in the feed, growing; a row shown before changes nothing, row 0 has no number. Under the feed clock it
        waits, however long, and returns the newest report that came of it (0: none), which the feed waits for; under the wall clock it
        does neither and returns 0. Closed meanwhile: 0."""

    def head(self) -> int:
        """Its newest report; 0 where nobody waits for reports."""

    def close(self) -> None:
        """Stop waiting."""


def told(venue: VenuePort | None, e: Envelope) -> bool:
    """Whether an own, durable event is for the venue."""
    return venue is not None and type(e.event) in TOLD


def reported(report: int) -> tuple[tuple[str, int, int], ...]:
    """A venue's report as a name that must be in the log; none for 0."""
    return ((VENUE_SOURCE, VENUE_RUN, report),) if report else ()
