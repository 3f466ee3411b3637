"""The session of a broker's live stream: connects, subscribes, shows the venue what came, hands it to the log. It judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event as Signal
from typing import Final

from services.gateway import warmup
from services.gateway.feeds.port import FeedError, History
from services.gateway.venue_port import VenuePort, reported, told
from shared.brokers.contract import MarketDataSession, ReadFailed
from shared.events import Envelope, FeedStateChanged, FeedStatus, WarmupRequested
from shared.events.market import MarketEvent
from shared.runtime.session import Evidence, Performed, Permit

CONNECT_S: Final = 10.0
RETRY_S: Final = 1.0


class StreamSession:
    """Implements `shared.runtime.session.Session` over a broker's market data. Facts have no numbers of their own: a restart goes on with what is
    live then, and the core declares the gap. history: the broker's archive; None where it has none. `poll` and the rest may run in two threads."""

    names: Final = ()

    def __init__(
        self, feed: str, stream: MarketDataSession, symbols: Sequence[str], history: History | None = None, venue: VenuePort | None = None
    ) -> None:
        self._feed: Final = feed
        self._stream: Final = stream
        self._symbols: Final = tuple(symbols)
        self._history: Final = history
        self._closed: Final = Signal()
        self._venue: Final = venue
        self._connected = False
        self._trouble = ""

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
        """What the stream brought, shown to the venue first. Connects where it is not connected; a reason for not being so is said once."""
        if not self._connected:
            said, self._trouble = self._trouble, self._connect()
            if self._trouble:
                return () if self._trouble == said else (Evidence(FeedStateChanged(self._feed, FeedStatus.DOWN, self._trouble)),)
        events = self._stream.events(timeout_s)
        if self._venue is not None:
            for event in events:
                if isinstance(event, MarketEvent):
                    self._venue.advance(0, event)
        return [Evidence(event) for event in events]

    def close(self) -> None:
        """Disconnect."""
        self._closed.set()
        if self._venue is not None:
            self._venue.close()
        self._stream.close()

    def _connect(self) -> str:
        """Try once. Empty when connected; else why not."""
        if self._closed.is_set():
            return "closed"
        try:
            self._stream.connect(CONNECT_S)
        except ReadFailed as error:
            self._closed.wait(RETRY_S)
            return str(error)
        self._stream.subscribe(self._symbols)
        self._connected = True
        return ""
