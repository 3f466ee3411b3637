"""Frames between simulated actors and the simulated bus: delayed, lost and repeated as the world's faults say, never reordered on a channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.bus.client import FrameConnection
from shared.bus.port import Registration

if TYPE_CHECKING:
    from .simulated import Life, World

MS = 1_000_000


class Killed(Exception):
    """The process ended here, as by SIGKILL."""


class Network:
    """The frame server's `Out`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._arrivals: dict[tuple[bytes, str], int] = {}
        self._lanes: dict[str, list[Transport]] = {}
        self._peers: dict[bytes, Transport] = {}

    def send(self, channel: tuple[bytes, str], deliver: Callable[[], None]) -> None:
        """A frame on its way; a channel keeps its order, as TCP does, but may lose and repeat, as a cut line with a retry does."""
        world = self.world
        faults, rng = world.faults, world.rng
        if faults.lose and world.happens(faults.lose, "lose"):
            return
        times = 2 if faults.repeat and world.happens(faults.repeat, "repeat") else 1
        for _ in range(times):
            at = world.now + int(rng.random() * faults.delay_ms * MS)
            known = self._arrivals.get(channel, 0)
            at = max(at, known)
            self._arrivals[channel] = at
            world.at(at, deliver)

    def reply(self, peer: bytes, frame: bytes) -> None:
        transport = self._peers.get(peer)
        if transport is not None:
            self.send((peer, "answer"), lambda: transport.take(transport.answers, frame))

    def publish(self, lane: str, frame: bytes) -> None:
        for transport in self._lanes.get(lane, ()):
            self.send((transport.peer, "page"), lambda t=transport: t.take(t.pages, frame))  # type: ignore[misc]

    def known(self, transport: Transport) -> None:
        self._peers[transport.peer] = transport

    def join(self, lane: str, transport: Transport) -> None:
        self._lanes.setdefault(lane, []).append(transport)

    def part_from(self, transport: Transport) -> None:
        self._peers.pop(transport.peer, None)
        for members in self._lanes.values():
            if transport in members:
                members.remove(transport)


class Transport:
    """`client.Transport` over the simulated network, of one process life."""

    def __init__(self, net: Network, life: Life, peer: bytes) -> None:
        self._net = net
        self._world = net.world
        self._life = life
        self.peer = peer
        self.answers: list[bytes] = []
        self.readings: list[bytes] = []
        self.pages: list[bytes] = []
        self._closed = False
        net.known(self)

    def send_append(self, frame: bytes) -> bool:
        self._net.send((self.peer, "append"), lambda: self._world.to_server(self.peer, frame))
        return True

    def send_read(self, frame: bytes) -> bool:
        self._net.send((self.peer, "read"), lambda: self._answer_read(frame))
        return True

    def _answer_read(self, frame: bytes) -> None:
        answer = self._world.read(frame)
        self._net.send((self.peer, "reading"), lambda: self.take(self.readings, answer))

    def take(self, where: list[bytes], frame: bytes) -> None:
        """A frame arrived: its actor runs soon."""
        if self._closed:
            return
        where.append(frame)
        world, life = self._world, self._life
        if life.transport is self:
            world.plan(life, world.now + int(world.rng.random() * MS))

    def receive(self, timeout_s: float) -> tuple[list[bytes], list[bytes], list[bytes]]:
        if timeout_s > 0 and not self._there():
            self._world.wait(self._there, int(timeout_s * 1e9))
            if self._closed:
                raise Killed("while it started")
        got = (self.answers, self.readings, self.pages)
        self.answers, self.readings, self.pages = [], [], []
        return got

    def _there(self) -> bool:
        return bool(self.answers or self.readings or self.pages or self._closed)

    def subscribe(self, lane: str) -> None:
        self._net.join(lane, self)

    def watch(self, fd: int) -> None:
        """Nothing is waited for here."""

    def mono_ns(self) -> int:
        return self._world.now

    def close(self) -> None:
        self._closed = True
        self._net.part_from(self)


class SimulatedBus:
    """`port.Bus` of one process life."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def connect(self, registration: Registration, timeout_s: float = 600.0) -> FrameConnection:
        return FrameConnection(self.transport, registration, timeout_s)

    def wait(self, timeout_s: float) -> None:
        """Nobody waits here: the world says who runs."""

    def close(self) -> None:
        self.transport.close()
