"""The bus process against a forwarder: events a second journaled, sequenced and delivered, one event a frame and many.

Both get the same bodies from a producer that only sends frames made beforehand, and are read by a consumer that only counts, so that on few
cores the process in the middle is what is measured. The last row is the same through real connections at both ends.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Final

import msgspec
import zmq

from shared.bus import options, wire
from shared.bus.lanes import lane_id
from shared.bus.port import Cursor, Delivered, Registration, Role
from shared.bus.zmq_client import ZmqBus
from shared.events import Quote
from tests.support.bus import RunningBus

from .nodes import node
from .table import AT_LEAST, Row, Size, Target, interleaved

BATCH: Final = 100
TOPICS: Final = ("c.", "m.")
LANE: Final = lane_id(TOPICS)
QUIET_S: Final = 5.0
ONE: Final = Target(AT_LEAST, 0.25, ">= 25 % of a forwarder, one event a frame")
MANY: Final = Target(AT_LEAST, 0.60, ">= 60 % of a forwarder, batched frames")
_page: Final = msgspec.msgpack.Decoder(wire.RawPage).decode


def quote(k: int) -> Quote:
    return Quote("SPY", 1_700_000_000_000_000_000 + k, 421.36, 421.37, 300.0, float(k))


class Counter(Thread):
    """Counts events on a SUB socket of its own until `last` have come or nothing comes. events: how many are in a frame."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, lane: str, last: int, events: Callable[[bytes], int]) -> None:
        super().__init__(daemon=True)
        self._socket = options.subscriber(context, endpoint, lane)
        self._socket.setsockopt(zmq.RCVTIMEO, int(QUIET_S * 1_000))
        self._last, self._events = last, events
        self.counted = 0
        self.joined = Signal()
        self.ended = 0.0

    def run(self) -> None:
        while self.counted < self._last:
            try:
                body = self._socket.recv_multipart()[-1]
            except zmq.Again:
                break
            found = self._events(body)
            self.joined.set()
            self.counted += found
            if found:
                self.ended = time.perf_counter()
        self._socket.close(0)


def through_forwarder(directory: Path, count: int, batch: int) -> float:
    """Events a second."""
    inward, outward = f"ipc://{directory}/in", f"ipc://{directory}/out"
    bodies = [wire.encode_body(quote(k)) for k in range(batch)]
    frame = bodies[0] if batch == 1 else msgspec.msgpack.encode(bodies)
    with node("forwarder", inward, outward), zmq.Context() as context:
        counter = Counter(context, outward, "lane", count, lambda body: batch if body else 0)
        counter.start()
        push = context.socket(zmq.PUSH)
        push.set_hwm(1_000)
        push.linger = 0
        push.connect(inward)
        while not counter.joined.wait(0.01):
            push.send(b"")  # until the subscriber is there
        begun = time.perf_counter()
        for _ in range(count // batch):
            push.send(frame)
        counter.join()
        push.close()
        return counter.counted / (counter.ended - begun)


def through_bus(directory: Path, count: int, batch: int) -> float:
    """Events a second, of frames made beforehand."""
    with RunningBus(directory, lease_ttl_ms=60_000) as running, zmq.Context() as context:
        client = ZmqBus(running.endpoints)
        w = client.connect(Registration("gateway", Role.GATEWAY, "f", TOPICS, 0, "bench")).welcome
        frames = [_append(w.epoch, w.run, first, batch) for first in range(1, count + 1, batch)]
        counter = Counter(context, running.endpoints.events, LANE, count, lambda body: len(_page(body).records))
        counter.start()
        counter.joined.wait(QUIET_S)  # the lane's head is told five times a second
        dealer = options.dealer(context, running.endpoints.append)
        begun = time.perf_counter()
        for sent, frame in enumerate(frames):
            dealer.send(frame)
            if sent % 50 == 0:
                _drain(dealer)
        while counter.is_alive():
            _drain(dealer)
            counter.join(0.01)
        dealer.close(0)
        client.close()
        return counter.counted / (counter.ended - begun)


def through_connections(directory: Path, count: int, batch: int) -> float:
    """Events a second from an actor's append to an actor's envelope, both in this process."""
    with RunningBus(directory, lease_ttl_ms=60_000) as running:
        client = ZmqBus(running.endpoints)
        author = client.connect(Registration("gateway", Role.GATEWAY, "f", ("c.",), 0, "bench"))
        reader = client.connect(Registration("auditor", Role.AUDITOR, "f", ("m.",), 1, "bench"))
        reader.follow(Cursor())
        got, sent = 0, 0
        begun = time.perf_counter()
        while got < count:
            while sent < count and not author.full:
                for k in range(batch):
                    author.append_outside("gateway.feed", 1, sent + k + 1, quote(k))
                sent += batch
                author.poll(0.0)
            author.poll(0.0)
            got += sum(isinstance(notice, Delivered) for notice in reader.poll(0.001))
        took = time.perf_counter() - begun
        client.close()
        return got / took


def _append(epoch: int, run: int, first: int, batch: int) -> bytes:
    items = tuple(wire.wire_item(quote(first + k)) for k in range(batch))
    return wire.encode(wire.Append("gateway", epoch, run, 0, first, items, 0, ()))


def _drain(dealer: zmq.Socket[bytes]) -> None:
    while dealer.poll(0):
        dealer.recv()


def run(size: Size) -> list[Row]:
    rounds = size.of(3, 1)

    def fresh(measure: Callable[[Path, int, int], float], count: int, batch: int) -> Callable[[], float]:
        def act() -> float:
            with tempfile.TemporaryDirectory() as directory:
                return measure(Path(directory), count, batch)

        return act

    n, many = size.of(60_000, 10), size.of(200_000, 10 * BATCH)
    bare, unopened, one, batched, whole = interleaved(
        rounds,
        fresh(through_forwarder, size.of(300_000, 10), 1),
        fresh(through_forwarder, 5 * many, BATCH),
        fresh(through_bus, n, 1),
        fresh(through_bus, many, BATCH),
        fresh(through_connections, size.of(30_000, 100), 1),
    )
    forwarder = f"PUSH -> PUB, one a frame: {bare:,.0f} events/s"
    return [
        Row("bus, one event a frame", f"{one:,.0f} events/s", forwarder, one / bare, ONE),
        Row(f"bus, frames of {BATCH}", f"{batched:,.0f} events/s", forwarder, batched / bare, MANY),
        Row("    against frames passed on unopened", f"{batched:,.0f} events/s", f"{unopened:,.0f} events/s", batched / unopened),
        Row("bus, from an actor's append to an actor's envelope", f"{whole:,.0f} events/s", forwarder, whole / bare),
    ]
