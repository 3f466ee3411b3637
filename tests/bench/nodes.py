"""The bare processes that ours are compared with: ZeroMQ and nothing else. `python -m tests.bench.nodes forwarder IN OUT` and so on.

Options are the bus's own (`shared/bus/options.py`), so that what differs is the work between two sockets and not the sockets.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq

from shared.bus import options

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def node(kind: str, *arguments: str) -> Iterator[None]:
    """One of these in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.nodes", kind, *arguments], cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def forwarder(inward: str, outward: str) -> None:
    """PULL -> PUB: the least that can be called a bus."""
    context = zmq.Context.instance()
    pull = context.socket(zmq.PULL)
    pull.set_hwm(1_000)
    pull.bind(inward)
    pub = options.publisher(context, outward)
    while True:
        pub.send_multipart([b"lane", pull.recv()])


def exchange(inward: str, outward: str) -> None:
    """ROUTER -> PUB: a frame (destination, body) of anyone goes to whoever subscribed to the destination, as an event goes through the bus."""
    context = zmq.Context.instance()
    router = options.router(context, inward)
    pub = options.publisher(context, outward)
    while True:
        _, destination, body = router.recv_multipart()
        pub.send_multipart([destination, body])


def relay(inward: str, outward: str, mine: str, following: str) -> None:
    """SUB -> DEALER: what comes to me goes on to the next."""
    context = zmq.Context.instance()
    sub = options.subscriber(context, outward, mine)
    dealer = options.dealer(context, inward)
    while True:
        _, body = sub.recv_multipart()
        dealer.send_multipart([following.encode(), body])


def listener(outward: str, mine: str) -> None:
    """SUB: receives and does nothing, as the services of a stack that an event does not concern."""
    sub = options.subscriber(zmq.Context.instance(), outward, mine)
    while True:
        sub.recv_multipart()


if __name__ == "__main__":
    {"forwarder": forwarder, "exchange": exchange, "relay": relay, "listener": listener}[sys.argv[1]](*sys.argv[2:])
