"""The session of a broker's live stream: connects, subscribes, shows the venue what came, hands it to the log. It judges nothing. A lost stream
comes back as `live.reconnect` says (`shared/brokers/reconnect.py`), each attempt told; one that was given up leaves data to age.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from threading import Event as Signal
from typing import Final

from services.gateway import warmup
from services.gateway.feeds.port import FeedError, History
from services.gateway.venue_port import VenuePort, reported, told
from shared.brokers.contract import MarketDataSession, ReadFailed
from shared.brokers.reconnect import Reconnect, Reconnecting
from shared.events import Alert, Envelope, FeedStateChanged, FeedStatus, Severity, WarmupRequested
from shared.events.market import MarketEvent
from shared.runtime.session import Evidence, Performed, Permit

CONNECT_S: Final = 10.0
JITTER: Final = random.SystemRandom().random


class StreamSession:
    """Implements `shared.runtime.session.Session` over a broker's market data. Facts have no numbers of their own: a restart goes on with what is
    live then, and the core declares the gap. stream: makes a session, unconnected. history: the broker's archive; None where it has none. clock,
    drawn: monotonic seconds; the jitter, 0 to 1. `poll` and the rest may run in two threads."""

    names: Final = ()

    def __init__(
        self,
        feed: str,
        stream: Callable[[], MarketDataSession],
        symbols: Sequence[str],
        history: History | None = None,
        venue: VenuePort | None = None,
        reconnect: Reconnect | None = None,
        clock: Callable[[], float] = time.monotonic,
        drawn: Callable[[], float] = JITTER,
    ) -> None:
        self._feed: Final = feed
        self._make: Final = stream
        self._stream: MarketDataSession | None = None
        self._symbols: Final = tuple(symbols)
        self._history: Final = history
        self._closed: Final = Signal()
        self._venue: Final = venue
        self._line: Final = Reconnecting(reconnect or Reconnect(), clock, drawn)

    def start(self, known: dict[tuple[str, int], int]) -> None:
        """Nothing: `poll` connects, so that a broker that is away does not keep the service from starting."""

    def wants(self, e: Envelope) -> bool:
        """Warm-up requests; and what the venue must be told."""
        return type(e.event) is WarmupRequested or told(self._venue, e)

    def perform(self, e: Envelope, permit: Permit) -> Performed:  # noqa: ARG002 - nothing here can be done twice to harm
        """The history a strategy run asked for (none, and an alert, when there is none); or the venue told."""
        if type(e.event) is not WarmupRequested:
            return Performed((), reported(self._venue.advance(0, e.event) if self._venue is not None else 0))
        request = e.event
        if self._history is None:
            return warmup.failed(request, FeedError(f"{self._feed} has no history of bars"))
        try:
            return warmup.performed(request, self._history.history(request.symbols, request.bars, request.until))
        except FeedError as error:
            return warmup.failed(request, error)

    def poll(self, timeout_s: float) -> Sequence[Evidence]:
        """What the stream brought, shown to the venue first. Without one it waits out its pause in slices of timeout_s and tries to connect again."""
        stream = self._stream
        if stream is None or not self._line.up:
            wait = self._line.wait_s()
            if wait > 0 or self._closed.is_set():
                self._closed.wait(min(wait, timeout_s))
                return ()
            return self._connect()
        events = stream.events(timeout_s)
        if self._venue is not None:
            for event in events:
                if isinstance(event, MarketEvent):
                    self._venue.advance(0, event)
        told = [Evidence(event) for event in events]
        if events and isinstance(events[-1], FeedStateChanged) and events[-1].status is FeedStatus.DOWN:
            self._line.lost()
            told[-1:] = self._down(events[-1].detail)
        return told

    def observed(self, e: Envelope) -> None:
        """For the driver's `observe`: a command may ask for what was given up."""
        self._line.observed(e)

    def close(self) -> None:
        """Disconnect."""
        self._closed.set()
        if self._venue is not None:
            self._venue.close()
        if self._stream is not None:
            self._stream.close()

    def _connect(self) -> Sequence[Evidence]:
        """Try once; what to tell when that fails."""
        if self._stream is not None:
            self._stream.close()
        self._stream = self._make()
        try:
            self._stream.connect(CONNECT_S)
        except ReadFailed as error:
            self._line.failed()
            return self._down(str(error))
        self._stream.subscribe(self._symbols)
        self._line.good()
        return ()

    def _down(self, text: str) -> list[Evidence]:
        line, said = self._line, self._line.told(text)
        told = [Evidence(FeedStateChanged(self._feed, FeedStatus.DOWN, said, line.attempts, line.given_up))]
        if line.given_up:
            told.append(Evidence(Alert(Severity.CRITICAL, f"reconnect:{self._feed}", f"the feed {self._feed} was {said}")))
        return told
