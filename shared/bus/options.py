"""Every ZeroMQ option we rely on, set before bind or connect. Measured pitfalls: docs/messages.md and the transport page of the design.

send() returning is not delivery: state-changing messages have an acknowledgement after commit. LINGER is 0 because the journal, not a
socket queue, is the truth; IMMEDIATE keeps commands from queueing for a peer that is away.
"""

from __future__ import annotations

from typing import Final, cast

import zmq

from .wire import APPEND_BYTES_MAX, PAGE_BYTES_MAX

RECONNECT_MS: Final = 100
RECONNECT_MAX_MS: Final = 2_000
EVENTS: Final = int(zmq.EVENTS)  # plain numbers: the enumerations behind these names cost more than the call
POLLIN: Final = int(zmq.POLLIN)


def _common(socket: zmq.Socket[bytes], beat_ms: int) -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 3_000)
    socket.setsockopt(zmq.HEARTBEAT_IVL, beat_ms)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3 * beat_ms)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 3 * beat_ms)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, 30)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, 5)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, 3)


def readable(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message is there. It costs a third of an attempt to receive that finds nothing."""
    return bool(cast("int", socket.getsockopt(EVENTS)) & POLLIN)


def publisher(context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> zmq.Socket[bytes]:
    """PUB of lanes: may drop for a slow subscriber, who finds out by `prev` and catches up."""
    socket = context.socket(zmq.PUB)
    _common(socket, 1_000)
    socket.setsockopt(zmq.SNDHWM, 10_000)
    socket.bind(endpoint)
    return socket


def subscriber(context: zmq.Context[zmq.Socket[bytes]], endpoint: str, lane: str) -> zmq.Socket[bytes]:
    socket = context.socket(zmq.SUB)
    _common(socket, 1_000)
    socket.setsockopt(zmq.RCVHWM, 10_000)
    socket.setsockopt(zmq.MAXMSGSIZE, PAGE_BYTES_MAX)
    socket.setsockopt(zmq.SUBSCRIBE, lane.encode())
    socket.connect(endpoint)
    return socket


def router(context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> zmq.Socket[bytes]:
    """The answering end of appends and of catch-up."""
    socket = context.socket(zmq.ROUTER)
    _common(socket, 500)
    socket.setsockopt(zmq.SNDHWM, 1_000)
    socket.setsockopt(zmq.RCVHWM, 1_000)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
    socket.setsockopt(zmq.MAXMSGSIZE, APPEND_BYTES_MAX)
    socket.bind(endpoint)
    return socket


def dealer(context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> zmq.Socket[bytes]:
    """The asking end of appends and of catch-up."""
    socket = context.socket(zmq.DEALER)
    _common(socket, 500)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.SNDHWM, 1_000)
    socket.setsockopt(zmq.RCVHWM, 1_000)
    socket.setsockopt(zmq.MAXMSGSIZE, PAGE_BYTES_MAX)
    socket.connect(endpoint)
    return socket
