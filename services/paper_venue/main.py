"""The paper venue's process: settings, ledger, link, one loop. Decides nothing.

`python -m services.paper_venue.main --endpoint tcp://127.0.0.1:5600 --ledger var/paper.db [--settings venue.json] [--clock wall|feed]`

SIGTERM and SIGINT end it after the request in hand; `kill -9` loses nothing that was answered. Exit status: 0 stopped, 2 it could not start
(settings, ledger or endpoint in use), 1 the ledger could not be written.
"""

from __future__ import annotations

import argparse
import heapq
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec
import structlog

from shared.bus.link import LinkServer, Request
from shared.config import Loaded
from shared.events import HealthState
from shared.runtime import killpoints
from shared.runtime.health import HealthFile, Sample
from shared.runtime.places import Places
from shared.runtime.service import heartbeat_ns
from shared.venue import Report, StateIncompatible, VenueSettings
from shared.venue import protocol as p

from .build import venue_settings
from .ledger import Ledger, LedgerIncompatible, LedgerInUse
from .outcome import Outcome
from .service import VenueService

POLL_S_MAX: Final = 0.05
PUSH_REPORTS_MAX: Final = 200

log = structlog.get_logger()


def serve(server: LinkServer, service: VenueService, *, wall: bool, stopped: Callable[[], bool], alive: Callable[[], None] = lambda: None) -> None:
    """Answer until stopped. Delayed answers wait here, by monotonic time, and hold up nobody. alive: called once a turn."""
    waiting: list[tuple[float, int, Request, Outcome]] = []
    handled = 0
    while not stopped():
        alive()
        until_next = waiting[0][0] - time.monotonic() if waiting else POLL_S_MAX
        for request in server.poll(max(0.0, min(POLL_S_MAX, until_next))):
            handled += 1
            _pass("venue_received", request)
            outcome = service.handle(request.method, request.payload)
            _pass("venue_committed", request)
            if outcome.push_first:
                _tell(server, outcome)
            if outcome.delay_ms:
                heapq.heappush(waiting, (time.monotonic() + outcome.delay_ms / 1_000, handled, request, outcome))
            else:
                _answer(server, request, outcome)
                _pass("venue_answered", request)
            if not outcome.push_first:
                _tell(server, outcome)
        if wall:
            _tell(server, service.tick())
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, request, outcome = heapq.heappop(waiting)
            _answer(server, request, outcome)


def _pass(step: str, request: Request) -> None:
    """A kill point, where a test has set one."""
    if killpoints.passed is not None:
        killpoints.passed(step, request.method)


def _answer(server: LinkServer, request: Request, outcome: Outcome) -> None:
    if outcome.code:
        server.fail(request, outcome.code, outcome.text)
    elif (answer := outcome.answer) is not None:
        server.reply(request, answer)


def _tell(server: LinkServer, outcome: Outcome) -> None:
    if outcome.drop_stream:
        server.drop_subscribers()
    reports: Sequence[Report] = outcome.push
    for first in range(0, len(reports), PUSH_REPORTS_MAX):
        page = tuple(reports[first : first + PUSH_REPORTS_MAX])
        server.push(p.encode(p.ReportsAnswer(page, reports[-1].n)))


def run(loaded: Loaded, instance: str) -> int:
    """`regimeflow service paper_venue`. Exit status as `serve_at`."""
    places = Places.of(loaded.config)
    places.make()
    log.info("starting", service="paper_venue", instance=instance)
    health = HealthFile(places.health, "paper_venue", heartbeat_ns(loaded.config))

    def alive(cursor: int) -> None:
        now = time.monotonic_ns()
        if health.due(now):
            health.state = HealthState.READY
            health.write(Sample(cursor=cursor), now)

    wall = loaded.config.bus.clock == "wall"
    durability = "disk" if loaded.config.bus.durability == "disk" else "process"
    try:
        return serve_at(places.endpoint("venue"), places.ledger, venue_settings(loaded.config), wall=wall, durability=durability, alive=alive)
    finally:
        health.gone()


def serve_at(
    endpoint: str,
    ledger_path: Path,
    settings: VenueSettings,
    *,
    wall: bool,
    durability: str = "process",
    alive: Callable[[int], None] = lambda _: None,
) -> int:
    """Serve until a signal comes. Exit status. alive: called with the newest report once a turn."""
    stop: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        stop.append(number)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    try:
        ledger = Ledger(ledger_path, durability=durability)
        core = ledger.restore(settings)
        server = LinkServer(endpoint)
    except (LedgerInUse, LedgerIncompatible, StateIncompatible, sqlite3.Error, OSError, ValueError) as error:
        log.critical("cannot start", service="paper_venue", error=f"{type(error).__name__}: {error}")
        return 2
    log.info("ready", service="paper_venue", endpoint=endpoint, ledger=str(ledger_path), report=core.report_number, row=ledger.last_row)
    try:
        serve(
            server,
            VenueService(core, ledger, time.time_ns if wall else lambda: 0),
            wall=wall,
            stopped=lambda: bool(stop),
            alive=lambda: alive(core.report_number),
        )
    except sqlite3.Error as error:
        log.critical("ledger cannot be written", service="paper_venue", error=str(error))
        server.close(linger_ms=0)
        return 1
    server.close()
    ledger.close()
    log.info("stopped", service="paper_venue", report=core.report_number)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="paper_venue", description="The embedded paper broker.")
    parser.add_argument("--endpoint", required=True, help="where to serve, for example tcp://127.0.0.1:5600")
    parser.add_argument("--ledger", required=True, type=Path, help="its ledger file")
    parser.add_argument("--settings", type=Path, help="JSON file of venue settings")
    parser.add_argument("--clock", choices=("wall", "feed"), default="wall", help="feed: time comes with requests and data alone")
    parser.add_argument("--durability", choices=("process", "disk"), default="process")
    arguments = parser.parse_args(argv)
    try:
        raw = arguments.settings.read_bytes() if arguments.settings else b"{}"
        settings = msgspec.json.decode(raw, type=VenueSettings)
    except (OSError, msgspec.MsgspecError) as error:
        print(f"paper_venue: {arguments.settings}: {error}", file=sys.stderr)
        return 2
    return serve_at(arguments.endpoint, arguments.ledger, settings, wall=arguments.clock == "wall", durability=arguments.durability)


if __name__ == "__main__":
    sys.exit(main())
