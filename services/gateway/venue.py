"""The way to the paper venue: it is shown each datum before the log is."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event as Signal
from typing import Final

import structlog

from services.gateway.standing import Standing
from shared.brokers.contract import ReadFailed
from shared.brokers.paper import PaperFeed
from shared.events import ErrorClass, Event

RETRY_S: Final = 0.1

log = structlog.get_logger()


class LockStepVenue:
    """Under the feed clock: waits until the venue has acted, for as long as it takes; a venue that is away pauses the feed, and so does one that
    refuses (of another version, until it is replaced), which is said."""

    def __init__(self, endpoint: str) -> None:
        self._feed = PaperFeed(endpoint)
        self._closed = Signal()

    def advance(self, row: int, event: Event) -> int:
        """Newest report of the venue after this row; a row said again changes nothing."""
        return self._until_answered(lambda: self._feed.advance(row, event), f"row {row}, {type(event).__name__}")

    def head(self) -> int:
        """The venue's newest report."""
        return self._until_answered(self._feed.head, "its newest report")

    def _until_answered(self, ask: Callable[[], int], about: str) -> int:
        said = ""
        while not self._closed.is_set():
            try:
                return ask()
            except ReadFailed as failed:
                if failed.error is ErrorClass.SCHEMA and failed.text != said:
                    said = failed.text
                    log.critical("the venue refuses, the feed stands still", service="gateway", about=about, error=said)
                self._closed.wait(RETRY_S)
        return 0

    def close(self) -> None:
        self._closed.set()


class WallVenue:
    """Under the wall clock: told without waiting; a venue that is away misses the datum, as a real one's data line would, and hears later what it
    cannot trade without."""

    def __init__(self, endpoint: str) -> None:
        self._feed = PaperFeed(endpoint)
        self._standing = Standing()

    def advance(self, row: int, event: Event) -> int:  # noqa: ARG002 - live data bears no number
        for each in self._standing.told(event, time.monotonic()):
            self._feed.tell(each)
        return 0

    def head(self) -> int:
        return 0

    def close(self) -> None:
        self._feed.close()
