"""The bus process's sockets: a ROUTER for appends, a PUB for lanes. Decides nothing."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

import zmq

from . import options
from .frame_server import FrameServer, Passed
from .server import BusServer, Flushed

BATCH_FRAMES_MAX: Final = 512
POLL_MS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Endpoints:
    """append: ROUTER; events: PUB; catchup: ROUTER of the reader process."""

    append: str
    events: str
    catchup: str


class ZmqBusServer:
    """Owns the sockets of one bus process. Used by one thread. passed: the kill points of `FrameServer`."""

    def __init__(self, server: BusServer, endpoints: Endpoints, passed: Passed | None = None) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = options.router(self._context, endpoints.append)
        self._pub = options.publisher(self._context, endpoints.events)
        self._frames = FrameServer(server, self, passed)
        self._poller = zmq.Poller()
        self._poller.register(self._router, zmq.POLLIN)

    @property
    def counts(self) -> Counter[str]:
        """Frames by kind, refusals by code."""
        return self._frames.counts

    def run_once(self) -> int:
        """One batch: whatever is there, up to a bound. Frames handled."""
        handled = self.receive() if self._poller.poll(POLL_MS_MAX) else 0
        self._frames.turn(time.time_ns(), time.monotonic_ns())
        return handled

    def receive(self) -> int:
        """Take what has arrived, up to a bound, without waiting. Frames handled."""
        handled, now = 0, time.monotonic_ns()
        router = self._router
        while handled < BATCH_FRAMES_MAX and options.readable(router):
            frames = router.recv_multipart(zmq.NOBLOCK)
            handled += 1
            if len(frames) == 2:
                self._frames.receive(frames[0], frames[1], now)
            else:
                self.counts["shape"] += 1
        return handled

    def after(self, flushed: Flushed) -> None:
        """For whoever flushes the server itself (`--topology single`): publish and acknowledge."""
        self._frames.after(flushed, time.monotonic_ns())

    def wait(self, timeout_s: float) -> None:
        """Until a frame is there or a watched descriptor is readable."""
        self._poller.poll(int(timeout_s * 1000))

    def watch(self, fd: int) -> None:
        self._poller.register(fd, zmq.POLLIN)

    def unwatch(self, fd: int) -> None:
        self._poller.unregister(fd)

    def reply(self, peer: bytes, frame: bytes) -> None:
        """A peer that is gone or stuck stops nobody."""
        try:
            self._router.send_multipart([peer, frame], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            self.counts[f"unsent_{error.errno}"] += 1

    def publish(self, lane: str, frame: bytes) -> None:
        """PUB never blocks: for a slow subscriber it drops, who then finds out by `prev`."""
        self._pub.send(lane.encode(), zmq.NOBLOCK | zmq.SNDMORE)
        self._pub.send(frame, zmq.NOBLOCK)

    def close(self) -> None:
        self._router.close(0)
        self._pub.close(0)
        self._context.term()
