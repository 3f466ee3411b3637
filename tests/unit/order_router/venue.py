"""A real paper venue in a thread of the test: its service, its ledger, its link."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.paper_venue.ledger import Ledger
from services.paper_venue.main import serve
from services.paper_venue.service import VenueService
from shared.brokers.paper import PaperAccount, PaperExecution, PaperFeed, PaperOperator
from shared.bus.link import LinkServer
from shared.events import Quote
from shared.venue import VenueSettings
from tests.unit.order_router.world import ACCOUNT, T0


class Venue:
    """Where it is served, and what a test does at its counter."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.row = 0

    def execution(self) -> PaperExecution:
        return PaperExecution(self.endpoint, timeout_s=0.5)

    def account(self) -> PaperAccount:
        return PaperAccount(self.endpoint, timeout_s=0.5)

    def quote(self, bid: float, ask: float, after_s: float = 1.0) -> None:
        self.row += 1
        feed = PaperFeed(self.endpoint)
        feed.advance(self.row, Quote("AAPL", T0 + round(self.row * after_s * 1e9), bid, ask, 1_000.0, 1_000.0))
        feed.close()

    def operator(self) -> PaperOperator:
        return PaperOperator(self.endpoint)


@contextmanager
def running_venue(directory: Path, **settings: object) -> Iterator[Venue]:
    endpoint = f"ipc://{directory}/venue"
    stop = threading.Event()
    ready = threading.Event()

    def run() -> None:
        ledger = Ledger(directory / "ledger.db", durability="process")
        core = ledger.restore(VenueSettings(account=ACCOUNT, **settings))
        server = LinkServer(endpoint)
        ready.set()
        serve(server, VenueService(core, ledger, lambda: 0), wall=False, stopped=stop.is_set)
        server.close()
        ledger.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield Venue(endpoint)
    finally:
        stop.set()
        thread.join(5)
