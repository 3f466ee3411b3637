"""The ZeroMQ transport of a connection: a DEALER for appends, a DEALER for catch-up, a SUB for the lane."""

from __future__ import annotations

import time
from typing import Final

import zmq

from shared.events import Event

from . import options, wire
from .client import ASK_TIMEOUT_S, FrameConnection
from .port import Registration
from .zmq_server import Endpoints

DRAIN_FRAMES_MAX: Final = 256


class ZmqBus:
    """Connects the actors of one process. One context a process, made after the start, closed by `close`."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._poller = zmq.Poller()
        self._connections: list[FrameConnection] = []

    def connect(self, registration: Registration, timeout_s: float = ASK_TIMEOUT_S) -> FrameConnection:
        """Claim the lease. Raises LeaseHeld, BusUnavailable, Refused(role)."""
        transport = ZmqTransport(self._context, self._endpoints, self._poller)
        connection = FrameConnection(transport, registration, timeout_s, self._tend)
        self._connections.append(connection)
        return connection

    def _tend(self) -> None:
        """One of them waits for the bus, at a start over a long log: the others stay alive."""
        self._connections = [connection for connection in self._connections if not connection.closed]
        for connection in self._connections:
            connection.tend()

    def wait(self, timeout_s: float) -> None:
        """Until something is there for one of this process's connections, or a watched descriptor."""
        self._poller.poll(int(timeout_s * 1000))

    def close(self) -> None:
        self._context.destroy(linger=0)


class ZmqTransport:
    """shared: the process's poller, so that one wait covers all its connections."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints, shared: zmq.Poller) -> None:
        self._context = context
        self._endpoints = endpoints
        self._append = options.dealer(context, endpoints.append)
        self._reader = options.dealer(context, endpoints.catchup)
        self._sub: zmq.Socket[bytes] | None = None
        self._own = zmq.Poller()
        self._pollers = (self._own, shared)
        self._fds: list[int] = []
        self._register(self._append)
        self._register(self._reader)

    def send_append(self, frame: bytes) -> bool:
        return _send(self._append, frame)

    def send_read(self, frame: bytes) -> bool:
        return _send(self._reader, frame)

    def receive(self, timeout_s: float) -> tuple[list[bytes], list[bytes], list[bytes]]:
        if timeout_s > 0:
            self._own.poll(int(timeout_s * 1000))
        return _drain(self._append), _drain(self._reader), _drain(self._sub)

    def subscribe(self, lane: str) -> None:
        self._sub = options.subscriber(self._context, self._endpoints.events, lane)
        self._register(self._sub)

    def watch(self, fd: int) -> None:
        self._fds.append(fd)
        for poller in self._pollers:
            poller.register(fd, zmq.POLLIN)

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def close(self) -> None:
        for fd in self._fds:
            for poller in self._pollers:
                poller.unregister(fd)
        for socket in (self._append, self._reader, self._sub):
            if socket is not None:
                for poller in self._pollers:
                    poller.unregister(socket)
                socket.close(0)

    def _register(self, socket: zmq.Socket[bytes]) -> None:
        for poller in self._pollers:
            poller.register(socket, zmq.POLLIN)


def _send(socket: zmq.Socket[bytes], frame: bytes) -> bool:
    try:
        socket.send(frame, zmq.NOBLOCK)
    except zmq.Again:
        return False
    return True


def _drain(socket: zmq.Socket[bytes] | None) -> list[bytes]:
    """The last frame of each message that is there, up to a bound, so that one busy socket does not starve the others."""
    frames: list[bytes] = []
    if socket is None:
        return frames
    while len(frames) < DRAIN_FRAMES_MAX and options.readable(socket):
        frames.append(socket.recv_multipart(zmq.NOBLOCK)[-1])
    return frames


def append_aside(endpoints: Endpoints, author: str, epoch: int, name: tuple[str, int, int], event: Event, timeout_s: float) -> bool:
    """One outside fact over a socket of its own, from any thread: for a watchdog whose actor does not return. name: (source, run, n). Whether
    it is in the journal."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = options.dealer(context, endpoints.append)
    frame = wire.encode(wire.OutsideFact(author, epoch, *name, wire.wire_item(event), 0, ()))
    end = time.monotonic() + timeout_s
    done = False
    while not done and time.monotonic() < end:
        if socket.poll(int(timeout_s * 250), zmq.POLLOUT) and _send(socket, frame) and socket.poll(int(timeout_s * 250), zmq.POLLIN):
            done = isinstance(wire.decode_reply(socket.recv()), wire.Ack)
    context.destroy(linger=0)
    return done
