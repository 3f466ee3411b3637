"""The kill path: a thread of the reconciler's process with a broker session, a socket and an outbox of its own. It works with bus, risk and
router away, and with the reconciler's own actor waiting for them.

Promises: a halt that was not journaled is in the outbox, durable, before its first cancel (with a full disk it is not, and is told so); what a sweep did is in the outbox when it is
answered; one sweep at a time. Never: send an order, or anything but cancels and readings.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.bus.link import LinkServer, Request
from shared.bus.port import Connection
from shared.events import Envelope, HaltRequested
from shared.runtime import killpath as protocol
from shared.runtime.session import Evidence

from .deadman import BusWatch
from .directly import DirectActs
from .outbox import SOURCE as OUTBOX
from .outbox import Outbox
from .sweep import BrokerLine, driven

TICK_S: Final = 0.05
BIND_RETRY_S: Final = 1.0
NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class KillPathSettings:
    """endpoint: its socket. bus_after_s: silence of the bus after which the dead man's switch falls, 0: never. spare_protective: that switch leaves
    protective stops; an operator's halt leaves none."""

    endpoint: str
    bus_after_s: float = 0.0
    spare_protective: bool = True


class KillPath:
    """Made and closed by the main thread; the driver calls `connected`, `observed`, the session `news`, `take` and `demand`."""

    def __init__(self, settings: KillPathSettings, line: BrokerLine, outbox: Outbox, log: Any) -> None:
        self._settings = settings
        self._line = line
        self._outbox = outbox
        self._log = log
        self._acts = DirectActs(line, outbox, log, spare_protective=settings.spare_protective)
        self._watch = BusWatch(settings.bus_after_s)
        self._connection: Connection | None = None
        self._demands: queue.SimpleQueue[HaltRequested] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guard, name="killpath", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)
        self._outbox.close()

    # for the driver and the session

    def connected(self, connection: Connection) -> None:
        self._outbox.opened(connection)
        self._connection = connection

    def observed(self, e: Envelope) -> None:
        if e.source == OUTBOX:
            self._outbox.delivered(e.n)

    def news(self, timeout_s: float) -> tuple[Evidence, ...]:
        """What the log lacks, waiting up to timeout_s for it. Raises what ended the thread: the process stops and comes back."""
        if self._error is not None:
            raise self._error
        self._outbox.wait(timeout_s)
        return self._outbox.take()

    def take(self) -> tuple[Evidence, ...]:
        """What the log lacks, at once: said before any reading, so that nothing arms on a reading a halt came before."""
        return self._outbox.take()

    def demand(self, halt: HaltRequested) -> None:
        """The core's own halt is durable: cancel."""
        self._demands.put(halt)

    # the thread

    def _guard(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 - handed to the driver, which stops the process
            self._log.critical("the kill path ended", error=repr(error))
            self._error = error

    def _run(self) -> None:
        server = self._served()
        try:
            while server is not None and not self._stop.is_set():
                for request in server.poll(TICK_S):
                    self._answer(server, request)
                if self._watch.step(time.monotonic(), self._silent_s()):
                    driven(self._acts.bus_lost(self._settings.bus_after_s))
                while not self._demands.empty():
                    driven(self._acts.router_lost(self._demands.get()))
        finally:
            if server is not None:
                server.close()
            self._line.close()

    def _served(self) -> LinkServer | None:
        """A predecessor may be frozen with the socket in its hand."""
        said = False
        while not self._stop.is_set():
            try:
                return LinkServer(self._settings.endpoint)
            except OSError as error:
                if not said:
                    self._log.warning("the kill path's socket is held", error=str(error))
                said = True
                self._stop.wait(BIND_RETRY_S)
        return None

    def _silent_s(self) -> float:
        connection = self._connection
        return float("inf") if connection is None else (connection.welcome.lease_ns - connection.lease_left_ns()) / NS

    def _answer(self, server: LinkServer, request: Request) -> None:
        if request.method == protocol.PING:
            server.reply(request, b"")
            return
        try:
            order = protocol.decode_order(request.payload) if request.method == protocol.HALT else None
        except msgspec.MsgspecError as error:
            server.fail(request, "malformed", str(error))
            return
        if order is None:
            server.fail(request, "unknown_method", f"known: {protocol.HALT}, {protocol.PING}")
        else:
            server.reply(request, protocol.encode(driven(self._acts.operator(order))))
