"""One actor's end of the bus over any transport of frames: lane in order without gaps, pipelined appends until acknowledged, catch-up,
snapshots, lease. Sans-I/O but for the transport it is given; the ZeroMQ transport and the simulated one run this code.

A connection belongs to one thread. What is blocking here (connect, last_outside, outputs_since, snapshots) is for start-up; `poll` never
blocks longer than asked and `append` never blocks at all.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from shared.events import CodecError, Envelope, Event

from . import wire
from .inbox import Inbox
from .outbox import Outbox
from .port import (
    Acked,
    BusRestarted,
    BusUnavailable,
    ClockMode,
    Cursor,
    Delivered,
    FeedTurn,
    Fenced,
    LeaseHeld,
    Names,
    Notice,
    Refused,
    Registration,
    Snapshot,
    Welcome,
)
from .record import Record, decode_record, digest_of, envelope_of

BEAT_NS: Final = 300_000_000
ASK_TIMEOUT_S: Final = 30.0
PAGE_RETRY_NS: Final = 2_000_000_000
GAP_QUIET_NS: Final = 50_000_000
STRAY_MAX: Final = 10_000
ASK_RETRY_NS: Final = 500_000_000
ASK_POLL_S: Final = 0.05


class Transport(Protocol):
    """Frames to and from one bus. Sends are best effort (False: not now); what arrives comes in order a channel."""

    def send_append(self, frame: bytes) -> bool: ...
    def send_read(self, frame: bytes) -> bool: ...
    def receive(self, timeout_s: float) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """(answers to appends, answers of the reader, pages of the lane), waiting up to timeout_s when there is nothing."""

    def subscribe(self, lane: str) -> None: ...
    def watch(self, fd: int) -> None: ...
    def mono_ns(self) -> int: ...
    def close(self) -> None: ...


def raise_refusal(refusal: wire.Refusal) -> None:
    """The refusal as the port's error."""
    if refusal.code == "held":
        raise LeaseHeld(refusal.text)
    if refusal.code == "fenced":
        raise Fenced(refusal.text)
    raise Refused(refusal.code, refusal.text.removeprefix(f"{refusal.code}: "), refusal.expected)


class FrameConnection:
    """See `port.Connection`. tend: called while an answer is waited for, so that others of this thread keep their leases meanwhile."""

    def __init__(self, transport: Transport, reg: Registration, timeout_s: float, tend: Callable[[], None] = lambda: None) -> None:
        self._reg = reg
        self._tend = tend
        self.closed = False
        self._topics = tuple(sorted(set(reg.topics)))
        self._transport = transport
        self._ids = 0
        self._stray: deque[wire.Reply] = deque(maxlen=STRAY_MAX)
        self._inbox = Inbox(0, b"")
        self._outbox = Outbox()
        self._following = False
        self._report: tuple[int, bytes] | None = None
        self._feed: tuple[int, bytes] | None = None
        self._turns = 0
        self._page: tuple[int, int, int] | None = None  # id, after, asked at
        self._next_beat = 0
        self._moved = False
        self._gap_until = 0
        self._notices: list[Notice] = []
        self._welcomed = False
        self._leased_from = transport.mono_ns()
        try:
            w = self._hello(timeout_s)
        except BaseException:
            transport.close()
            raise
        self._instance, self._lane = w.instance, w.lane
        self._welcome = Welcome(w.log_id, ClockMode(w.clock), w.epoch, w.run, w.run_seq, w.last_n, w.head, w.done, w.lease_ns)
        self._welcomed = True
        self._lockstep = self._welcome.clock is ClockMode.FEED
        self._reported = w.done

    @property
    def welcome(self) -> Welcome:
        return self._welcome

    # -- lane

    def follow(self, cursor: Cursor) -> None:
        self._notices = [n for n in self._notices if not isinstance(n, Delivered)]  # they come again, after this cursor
        self._inbox = Inbox(cursor.seq, cursor.digest)
        self._inbox.head(self._welcome.head)
        self._reported = max(self._welcome.done, cursor.seq)  # what a snapshot holds was done, with every output acknowledged
        if not self._following:
            self._following = True
            self._transport.subscribe(self._lane)

    def cursor(self) -> Cursor:
        last = self._inbox.last
        return Cursor(self._inbox.cursor, last if isinstance(last, bytes) else digest_of(last))

    def poll(self, timeout_s: float) -> Sequence[Notice]:
        self._send_due(self._transport.mono_ns())
        answers, readings, pages = self._transport.receive(0.0 if self._stray or self._notices else timeout_s)
        now = self._transport.mono_ns()
        while self._stray:
            self._on_reply(self._stray.popleft(), now)
        for raw in answers:
            self._on_reply(wire.decode_reply(raw), now)
        for raw in readings:
            self._on_read(wire.decode_reply(raw))
        for raw in pages:
            self._on_page(raw)
        if self._inbox.behind and self._following:
            self._catch_up(now)
        notices, self._notices = self._notices, []
        return notices

    def _on_page(self, raw: bytes) -> None:
        page = wire.decode_page(raw)
        self._heard_instance(page.instance)
        if not page.records:
            self._inbox.head(page.prev)
            if self._lockstep:
                self._repeat_report([page.prev])  # nothing moves: it may be our report that is missing
            return
        before = self._inbox.duplicates
        self._deliver(self._inbox.offer(page.prev, page.records))
        if self._lockstep and self._inbox.duplicates > before:
            self._repeat_report([r.seq for r in page.records])

    def _deliver(self, records: Iterator[Record]) -> None:
        for record in records:
            self._moved = True
            self._notices.append(Delivered(envelope_of(record)))

    # -- catch-up

    def _catch_up(self, now: int) -> None:
        if self._page is not None and now - self._page[2] < PAGE_RETRY_NS:
            return
        id_, c = self._next_id(), self.cursor()
        request = wire.PageRequest(id_, c.seq, c.digest, self._topics, self._inbox.behind)
        if self._transport.send_read(wire.encode(request)):
            self._page = (id_, c.seq, now)

    def _on_read(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Refusal) and self._page is not None and reply.id == self._page[0]:
            self._page = None
            if reply.code != "unavailable":
                raise_refusal(reply)
        elif isinstance(reply, wire.PageReply) and self._page is not None and reply.id == self._page[0]:
            after = self._page[1]
            self._page = None
            self._deliver(self._inbox.page(after, [decode_record(bytes(r)) for r in reply.records], reply.upto, reply.upto_digest))

    # -- appends

    def append(self, cause: Envelope, events: Sequence[Event], first_n: int, next_timer: int = 0, requires: Names = ()) -> None:
        if not events and not self._lockstep:
            return
        w = self._welcome
        items = tuple(wire.wire_item(e) for e in events)
        frame = wire.encode(wire.Append(self._reg.source, w.epoch, w.run, cause.seq, first_n, items, next_timer, tuple(requires)))
        if len(frame) > wire.APPEND_BYTES_MAX:
            raise CodecError("oversized", f"{len(events)} outputs of one cause make {len(frame)} bytes, at most {wire.APPEND_BYTES_MAX}")
        if self._lockstep:
            self._report = (cause.seq, frame)
            self._reported = cause.seq
        if events:
            self._outbox.add(self._reg.source, w.run, first_n + len(events) - 1, frame)
            self._send_due(self._transport.mono_ns())
        else:
            self._transport.send_append(frame)

    def append_outside(self, source: str, run: int, n: int, event: Event, ts_ns: int = 0, requires: Names = ()) -> None:
        w = self._welcome
        fact = wire.OutsideFact(self._reg.source, w.epoch, source, run, n, wire.wire_item(event), ts_ns, tuple(requires))
        self._outbox.add(source, run, n, wire.encode(fact))
        self._send_due(self._transport.mono_ns())

    def feed_next(self, ts_ns: int, requires: Names = ()) -> None:
        self._turns += 1
        frame = wire.encode(wire.FeedNext(self._reg.source, self._welcome.epoch, self._turns, ts_ns, tuple(requires)))
        self._feed = (self._turns, frame)
        self._transport.send_append(frame)

    def watch(self, fd: int) -> None:
        self._transport.watch(fd)

    @property
    def behind(self) -> int:
        return self._inbox.behind

    @property
    def gaps(self) -> int:
        """Times the lane came with something missing before it, which was then read from the journal."""
        return self._inbox.gaps

    def lease_left_ns(self) -> int:
        return self._welcome.lease_ns - (self._transport.mono_ns() - self._leased_from)

    def unacked(self) -> int:
        return len(self._outbox)

    @property
    def full(self) -> bool:
        """The actor must pause: as much as it may keep waits for the bus."""
        return self._outbox.full

    def _send_due(self, now: int) -> None:
        sent = 0
        for frame in self._outbox.due(now):
            if not self._transport.send_append(frame):
                break
            sent += 1
        self._outbox.sent(sent)
        self._beat_due(now)

    def tend(self) -> None:
        """A sign of life, where one is due."""
        if not self.closed:
            self._beat_due(self._transport.mono_ns())

    def _beat_due(self, now: int) -> None:
        if now >= self._next_beat:
            self._next_beat = now + BEAT_NS
            self._transport.send_append(wire.encode(wire.Beat(self._reg.source, self._welcome.epoch, self._topics, now)))
            if self._feed is not None and not self._moved:
                self._transport.send_append(self._feed[1])  # our claim of the turn may have been lost with a bus
            self._moved = False

    def _repeat_report(self, seqs: list[int]) -> None:
        """The bus delivers again what we have done (it was restarted): report again; older events had no outputs, or it would know."""
        for seq in seqs:
            if self._report is not None and self._report[0] == seq:
                self._transport.send_append(self._report[1])
            elif 0 < seq <= self._reported:
                w = self._welcome
                first_n = 1  # no items: any first_n is in order
                self._transport.send_append(wire.encode(wire.Append(self._reg.source, w.epoch, w.run, seq, first_n, (), 0, ())))

    def _on_reply(self, reply: wire.Reply, now: int) -> None:
        match reply:
            case wire.Ack(source, run, n):
                self._outbox.acknowledged(source, run, n, now)
                if source == self._reg.source:
                    self._notices.append(Acked(n))
            case wire.BeatReply(instance, sent_ns):
                self._leased_from = max(self._leased_from, sent_ns)
                self._heard_instance(instance)
            case wire.Turn(turn, head):
                if self._feed is not None and self._feed[0] == turn:
                    self._feed = None
                    self._notices.append(FeedTurn(head))
            case wire.Refusal(code="gap"):
                if now >= self._gap_until:
                    self._gap_until = now + GAP_QUIET_NS
                    self._outbox.again()
            case wire.Refusal():
                raise_refusal(reply)

    def _heard_instance(self, instance: int) -> None:
        if instance != self._instance:
            self._instance = instance
            self._feed = None
            self._outbox.again()
            self._next_beat = 0
            self._notices.append(BusRestarted(instance))

    # -- start-up and snapshots

    def _hello(self, timeout_s: float) -> wire.Welcomed:
        r = self._reg
        id_ = self._next_id()
        hello = wire.Hello(id_, r.source, r.role, r.fingerprint, self._topics, r.rank, r.holder, r.feed)
        reply = self._ask(hello, id_, timeout_s)
        if not isinstance(reply, wire.Welcomed):
            raise Refused("codec", f"odd answer to hello: {type(reply).__name__}")
        return reply

    def last_outside(self, source: str, run: int) -> int:
        id_ = self._next_id()
        reply = self._ask(wire.LastOutside(id_, source, run), id_, ASK_TIMEOUT_S)
        return reply.value if isinstance(reply, wire.Number) else 0

    def outputs_since(self, cause_after: int) -> Iterator[Envelope]:
        return self._of_source(self._reg.source, cause_after)

    def facts_of(self, source: str) -> Iterator[Envelope]:
        return self._of_source(source, -1)

    def _of_source(self, source: str, cause_after: int) -> Iterator[Envelope]:
        after = 0
        while True:
            id_ = self._next_id()
            reply = self._ask_reader(wire.OutputsRequest(id_, source, cause_after, after), id_, ASK_TIMEOUT_S)
            if not isinstance(reply, wire.PageReply) or not reply.records:
                return
            after = reply.upto
            for raw in reply.records:
                yield envelope_of(decode_record(bytes(raw)))

    def save_snapshot(self, snapshot: Snapshot) -> None:
        state = snapshot.state
        digest = hashlib.blake2b(state, digest_size=16).digest()
        parts = max(1, -(-len(state) // wire.SNAPSHOT_PART_BYTES))
        c = snapshot.cursor
        for part in range(parts):
            data = state[part * wire.SNAPSHOT_PART_BYTES : (part + 1) * wire.SNAPSHOT_PART_BYTES]
            id_ = self._next_id()
            put = wire.SnapshotPut(id_, self._reg.source, snapshot.run, snapshot.n, c.seq, c.digest, part, parts, data, digest)
            if not self._transport.send_read(wire.encode(put)):
                return  # the reader is away: the next snapshot will do

    def snapshots(self) -> Iterator[Snapshot]:
        id_ = self._next_id()
        reply = self._ask_reader(wire.SnapshotList(id_, self._reg.source), id_, ASK_TIMEOUT_S)
        if not isinstance(reply, wire.SnapshotsReply):
            return
        for m in reply.snapshots:
            yield Snapshot(Cursor(m.seq, m.cursor_digest), m.run, m.n, self._snapshot_state(m))

    def _snapshot_state(self, meta: wire.SnapshotMeta) -> bytes:
        parts = []
        for part in range(meta.parts):
            id_ = self._next_id()
            reply = self._ask_reader(wire.SnapshotGet(id_, self._reg.source, meta.seq, part), id_, ASK_TIMEOUT_S)
            if isinstance(reply, wire.SnapshotPart):
                parts.append(reply.data)
        return b"".join(parts)

    def close(self, release: bool = True) -> None:
        self.closed = True
        if release:
            id_ = self._next_id()
            with contextlib.suppress(BusUnavailable, Fenced, Refused):  # the lease then ends by silence
                self._ask(wire.Release(id_, self._reg.source, self._welcome.epoch), id_, 1.0)
        self._transport.close()

    # -- asking

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids

    def _ask(self, request: wire.Message, id_: int, timeout_s: float) -> wire.Reply:
        return self._await(self._transport.send_append, request, id_, timeout_s)

    def _ask_reader(self, request: wire.Message, id_: int, timeout_s: float) -> wire.Reply:
        return self._await(self._transport.send_read, request, id_, timeout_s)

    def _await(self, send: Callable[[bytes], bool], request: wire.Message, id_: int, timeout_s: float) -> wire.Reply:
        """The answer, asking again while there is none. Raises BusUnavailable and what `raise_refusal` says."""
        frame = wire.encode(request)
        start = self._transport.mono_ns()
        asked = 0
        while (now := self._transport.mono_ns()) - start < timeout_s * 1e9:
            if (not asked or now - asked > ASK_RETRY_NS) and send(frame):
                asked = now
            if self._welcomed:
                self._beat_due(now)  # reading a long history takes longer than a lease lasts
            self._tend()
            answers, readings, pages = self._transport.receive(ASK_POLL_S)
            for raw in pages:
                self._on_page(raw)
            for raw in (*answers, *readings):
                reply = wire.decode_reply(raw)
                if getattr(reply, "id", None) != id_:
                    self._stray.append(reply)
                elif isinstance(reply, wire.Refusal):
                    raise_refusal(reply)
                else:
                    return reply
        raise BusUnavailable(f"no answer to {type(request).__name__} in {timeout_s:g} s")
