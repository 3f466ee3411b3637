"""Request/reply and push between two processes that are not on the log: the paper venue, the auditor's query endpoint.

DEALER to ROUTER with correlation ids, never REQ/REP. A message is two frames: a header (kind, id, method or code, expiry) and a payload
this module never reads.

Promises
* `LinkDown`: provably nothing was sent. `LinkRefused`: the server's definite no. `LinkTimeout`: sent, outcome unknown. Nothing else.
* A request that waited in a queue past its caller's deadline is refused unseen by the server: an outage cannot deliver old commands.
* A reply that comes after its request timed out is dropped and counted.
* Malformed frames are counted, refused where their sender can be told, and never raise out of `poll`.
* Pushes reach a subscribed peer in order; one that missed some finds out by the numbers inside the payloads. A subscription is renewed
  every second, so it survives a restarted server and ends by itself when its peer is gone.

Sockets belong to one thread: a server or a client is used by the thread that made it. On ipc a second bind would steal the endpoint
silently, so a lock file beside it is held.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec
import zmq

from . import options

REQUEST, REPLY, FAIL, PUSH, SUBSCRIBE, TELL = range(1, 7)
HEADER_BYTES_MAX: Final = 512
METHOD_CHARS_MAX: Final = 64
TEXT_CHARS_MAX: Final = 300
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
BATCH_MAX: Final = 256
PUSHES_KEPT_MAX: Final = 10_000
RENEW_S: Final = 1.0
RENEW_RETRY_S: Final = 0.05
SUBSCRIBER_S_MAX: Final = 5.0
IPC_PATH_CHARS_MAX: Final = 107


class LinkError(Exception):
    """Base of what a request raises."""


class LinkDown(LinkError):
    """No connection, or the permit was withdrawn: provably nothing was sent."""


class LinkTimeout(LinkError):
    """Sent and not answered in time: the outcome is unknown."""


class LinkRefused(LinkError):
    """The server's definite no. code is stable, text is for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class Header(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """name: method of a request, code of a refusal. expires_ns: wall clock past which a request must not be acted on (0: never)."""

    kind: int
    id: int
    name: str = ""
    expires_ns: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What a peer wants. id 0: it wants no answer."""

    peer: bytes
    id: int
    method: str
    payload: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode_header = msgspec.msgpack.Decoder(Header).decode


def _header_of(raw: bytes) -> Header | None:
    if len(raw) > HEADER_BYTES_MAX:
        return None
    try:
        header = _decode_header(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return header if header.id >= 0 and len(header.name) <= METHOD_CHARS_MAX else None


class LinkServer:
    """The answering end. counts: malformed, expired, lost (answers and pushes whose peer was gone or full)."""

    def __init__(self, endpoint: str) -> None:
        """Bind. Raises OSError when it cannot, for example because somebody else serves the endpoint."""
        self._lock = _lock_ipc(endpoint)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._socket = options.router(self._context, endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            if self._lock is not None:
                self._lock.close()
            raise OSError(error.errno, f"{endpoint}: {error.strerror}") from None
        self._subscribers: dict[bytes, float] = {}
        self.counts: Counter[str] = Counter()

    def poll(self, timeout_s: float) -> list[Request]:
        """Requests that have arrived, at most BATCH_MAX, waiting up to timeout_s when there are none."""
        requests: list[Request] = []
        if not self._socket.poll(max(0, round(timeout_s * 1_000)), zmq.POLLIN):
            return requests
        for _ in range(BATCH_MAX):
            try:
                frames = self._socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            request = self._read(frames)
            if request is not None:
                requests.append(request)
        return requests

    def reply(self, request: Request, payload: bytes) -> None:
        """Answer. A payload past ANSWER_BYTES_MAX is refused in its stead, so that the caller does not wait for nothing."""
        if len(payload) > ANSWER_BYTES_MAX:
            self.fail(request, "answer_too_large", f"{len(payload)} bytes, at most {ANSWER_BYTES_MAX}")
        elif request.id:
            self._send(request.peer, Header(REPLY, request.id), payload)

    def fail(self, request: Request, code: str, text: str) -> None:
        """Answer with a definite no."""
        if request.id:
            self._send(request.peer, Header(FAIL, request.id, code[:METHOD_CHARS_MAX], text=text[:TEXT_CHARS_MAX]), b"")

    def push(self, payload: bytes) -> int:
        """Send to every subscribed peer. How many it went to."""
        oldest = time.monotonic() - SUBSCRIBER_S_MAX
        for peer, renewed in tuple(self._subscribers.items()):
            if renewed < oldest or not self._send(peer, Header(PUSH, 0), payload):
                self._subscribers.pop(peer, None)
        return len(self._subscribers)

    def drop_subscribers(self) -> None:
        """Forget them: they hear nothing until they renew. What a broker's broken stream looks like."""
        self._subscribers.clear()

    def close(self, linger_ms: int = 500) -> None:
        """Answers under way get linger_ms to leave."""
        self._socket.close(linger=linger_ms)
        self._context.term()
        if self._lock is not None:
            self._lock.close()

    def _read(self, frames: list[bytes]) -> Request | None:
        peer = frames[0]
        header = _header_of(frames[1]) if len(frames) == 3 else None
        if header is None or header.kind not in {REQUEST, TELL, SUBSCRIBE} or (header.kind == REQUEST and not header.id):
            self.counts["malformed"] += 1
            self._send(peer, Header(FAIL, 0, "malformed", text="not a message of this link"), b"")
            return None
        if header.kind == SUBSCRIBE:
            self._subscribers[peer] = time.monotonic()
            return None
        request = Request(peer, header.id if header.kind == REQUEST else 0, header.name, frames[2])
        if header.expires_ns and time.time_ns() > header.expires_ns:
            self.counts["expired"] += 1
            self.fail(request, "expired", "it arrived after its caller's deadline; nothing was done")
            return None
        return request

    def _send(self, peer: bytes, header: Header, payload: bytes) -> bool:
        try:
            self._socket.send_multipart((peer, _encode(header), payload), zmq.DONTWAIT)
        except zmq.ZMQError:  # EHOSTUNREACH: it is gone; EAGAIN: it does not read. Either way it must ask again.
            self.counts["lost"] += 1
            return False
        return True


class LinkClient:
    """The asking end. counts: late (replies nobody waits for any more), malformed, refused (with no request to tell), overflow."""

    def __init__(self, endpoint: str, *, subscribe: bool = False) -> None:
        """Connect in the background. subscribe: ask for pushes."""
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = options.dealer(self._context, endpoint)
        self._subscribe = subscribe
        self._renew_at = 0.0
        self._last_id = 0
        self._pushes: deque[bytes] = deque()
        self.counts: Counter[str] = Counter()

    def request(self, method: str, payload: bytes, timeout_s: float, permit: Callable[[], str] | None = None) -> bytes:
        """Ask and wait. permit is asked right before the message leaves; a reason it gives means nothing is sent.

        Raises LinkDown, LinkTimeout, LinkRefused.
        """
        deadline = time.monotonic() + timeout_s
        self._last_id += 1
        sought = self._last_id
        if not self._socket.poll(max(0, round(timeout_s * 1_000)), zmq.POLLOUT):
            raise LinkDown("no connection")
        self._renew()
        reason = permit() if permit is not None else ""
        if reason:
            raise LinkDown(reason)
        left = max(0.0, deadline - time.monotonic())
        if not self._send(Header(REQUEST, sought, method, time.time_ns() + round(left * 1e9)), payload):
            raise LinkDown("no connection")
        while (left := deadline - time.monotonic()) > 0:
            if self._socket.poll(max(1, round(min(left, RENEW_S) * 1_000)), zmq.POLLIN):
                answer = self._take(sought)
                if answer is not None:
                    return answer
            self._renew()
        raise LinkTimeout(f"no answer to {method} in {timeout_s} s")

    def tell(self, method: str, payload: bytes) -> bool:
        """Send without wanting an answer, at once or not at all. False: nothing was sent."""
        return self._send(Header(TELL, 0, method), payload)

    def pushes(self, timeout_s: float) -> list[bytes]:
        """Pushes that have arrived, in order, waiting up to timeout_s when there are none."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._renew()
            left = deadline - time.monotonic()
            wait = 0.0 if self._pushes else max(0.0, min(left, self._renew_at - time.monotonic() if self._subscribe else left))
            if self._socket.poll(round(wait * 1_000), zmq.POLLIN):
                self._take(0)
            if self._pushes or deadline - time.monotonic() <= 0:
                out = list(self._pushes)
                self._pushes.clear()
                return out

    def close(self) -> None:
        self._socket.close(linger=0)
        self._context.term()

    def _take(self, sought: int) -> bytes | None:
        """Read what is there. The payload when the answer to `sought` is among it; raises LinkRefused when that is a no."""
        answer: bytes | None = None
        refusal: Header | None = None
        for _ in range(BATCH_MAX):
            try:
                frames = self._socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            header = _header_of(frames[0]) if len(frames) == 2 else None
            if header is None:
                self.counts["malformed"] += 1
            elif header.kind == PUSH:
                self._keep_push(frames[1])
            elif header.id == 0 or header.id != sought:
                self.counts["late" if header.id else "refused"] += 1
            elif header.kind == REPLY:
                answer = frames[1]
            elif header.kind == FAIL:
                refusal = header
        if refusal is not None:
            raise LinkRefused(refusal.name, refusal.text)
        return answer

    def _keep_push(self, payload: bytes) -> None:
        if len(self._pushes) >= PUSHES_KEPT_MAX:
            self.counts["overflow"] += 1  # the hole shows in the payloads' numbers
            return
        self._pushes.append(payload)

    def _renew(self) -> None:
        now = time.monotonic()
        if self._subscribe and now >= self._renew_at:
            self._renew_at = now + (RENEW_S if self._send(Header(SUBSCRIBE, 0), b"") else RENEW_RETRY_S)

    def _send(self, header: Header, payload: bytes) -> bool:
        try:
            self._socket.send_multipart((_encode(header), payload), zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True


def _lock_ipc(endpoint: str) -> IO[bytes] | None:
    """Hold `<path>.lock` for an ipc endpoint. Raises BlockingIOError when it is served, ValueError when the path is too long."""
    if not endpoint.startswith("ipc://"):
        return None
    path = endpoint.removeprefix("ipc://")
    if len(path.encode()) > IPC_PATH_CHARS_MAX:
        raise ValueError(f"ipc path of {len(path.encode())} bytes, at most {IPC_PATH_CHARS_MAX}: {path}")
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(Path(path + ".lock").open("wb"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stack.pop_all()
    return lock
