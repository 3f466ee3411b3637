"""The bus over frames: decode, call `BusServer`, commit, publish, acknowledge. Sans-I/O; the ZeroMQ shell and the simulator run it.

One `turn` follows what has arrived (smart batching: whatever is there, up to a bound), so the journal commits once a batch and each lane
gets one page a batch. Malformed input is refused with a typed answer and counted; it never reaches an actor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from shared.events import CodecError, Event

from . import wire
from .lanes import Lanes
from .port import ClockMode, Fenced, LeaseHeld, Refused, Registration, Role
from .record import encode_record, record_of
from .roles import role_of
from .sequencer import Stamped
from .server import BusServer, Flushed

LANE_PAGE_BYTES: Final = 256 * 1024
HEAD_EVERY_NS: Final = 200_000_000
PATIENCE_NS: Final = 100_000_000  # at most; a frame a batch would wake those who only watch before those who act, and there are few cores
PATIENT: Final = frozenset({Role.RECONCILER, Role.AUDITOR})


Passed = Callable[[str, Event], None]


class Out(Protocol):
    """Where frames go; both are best effort, a lost answer is asked for again."""

    def reply(self, peer: bytes, frame: bytes) -> None: ...
    def publish(self, lane: str, frame: bytes) -> None: ...


@dataclass(slots=True)
class _OpenPage:
    """What a lane gets of a batch. due: when a patient lane has waited as long as it may; size: bytes; last: seq."""

    due: int
    records: list[msgspec.Raw] = field(default_factory=list)
    size: int = 0
    last: int = 0


class FrameServer:
    """Used by one thread. passed: called at each kill point with the step and every event it concerns, for fault tests."""

    def __init__(self, server: BusServer, out: Out, passed: Passed | None = None) -> None:
        self._server = server
        self._passed = passed
        self._out = out
        self._lanes = Lanes()
        self._open: dict[str, _OpenPage] = {}
        self._may_wait = server.settings.clock is ClockMode.WALL  # lock-step waits for everybody
        self._peers: dict[str, bytes] = {}
        self._welcomed: dict[str, tuple[bytes, wire.Welcomed]] = {}
        self._acks: dict[tuple[bytes, str, int], int] = {}
        self._answers: list[tuple[bytes, wire.Message]] = []
        self._next_head = 0
        self.counts: Counter[str] = Counter()

    def turn(self, wall_ns: int, mono_ns: int) -> None:
        """After the frames of a batch: commit, publish, acknowledge. Raises JournalFailed."""
        self._server.tick(wall_ns, mono_ns)
        self.after(self._server.flush(), mono_ns)

    def after(self, flushed: Flushed, mono_ns: int) -> None:
        """What was committed goes out, and everybody is told what of theirs is in the journal."""
        delivered = [s.envelope.event for s in flushed.deliver] if self._passed is not None else ()
        self._pass("bus_committed", delivered)
        if flushed.deliver or self._open:
            self._publish(flushed.deliver, mono_ns)
        self._pass("bus_published", delivered)
        self._answer()
        self._acknowledge()
        self._pass("bus_acked", delivered)
        if flushed.turn:
            self._turn(flushed.turn)
        if mono_ns >= self._next_head:
            self._next_head = mono_ns + HEAD_EVERY_NS
            self._publish_heads()

    # -- in

    def receive(self, peer: bytes, raw: bytes, mono_ns: int) -> None:
        """One frame of a peer."""
        try:
            request = wire.decode_request(raw)
        except CodecError as error:
            self.counts[error.code] += 1
            self._send(peer, wire.Refusal(0, "codec", str(error)))
            return
        self.counts[type(request).__name__] += 1
        try:
            self._handle(peer, request, mono_ns)
        except CodecError as error:
            self._refuse(peer, request, "codec", str(error), 0)
        except LeaseHeld as error:
            self._refuse(peer, request, "held", str(error), 0)
        except Fenced as error:
            self._refuse(peer, request, "fenced", str(error), 0)
        except Refused as error:
            self._refuse(peer, request, error.code, str(error), error.expected)

    def _refuse(self, peer: bytes, request: wire.Request, code: str, text: str, expected: int) -> None:
        self.counts[f"refused_{code}"] += 1
        source, run = getattr(request, "source", ""), getattr(request, "run", 0)
        self._send(peer, wire.Refusal(getattr(request, "id", 0), code, text[:512], source[:64], run, expected))

    def _handle(self, peer: bytes, request: wire.Request, now: int) -> None:
        server = self._server
        match request:
            case wire.Append(source, epoch, run, cause, first_n, items, timer, requires):
                given = [wire.item_of(i) for i in items]
                server.append(source, epoch, run, cause, first_n, given, timer, requires)
                if self._passed is not None:
                    self._pass("bus_received", [i.event for i in given])
                if items:
                    self._ack_after(peer, source, run, first_n + len(items) - 1)
            case wire.OutsideFact(author, epoch, source, run, n, item, ts_ns, requires):
                server.outside(author, epoch, source, run, n, wire.item_of(item), ts_ns, requires)
                self._ack_after(peer, source, run, n)
            case wire.Beat(source, epoch, topics, sent_ns):
                server.beat(source, epoch, topics, now)
                self._peers[source] = peer
                self._lane(source, topics)
                self._send(peer, wire.BeatReply(server.instance, sent_ns))
            case wire.FeedNext(author, epoch, turn, ts_ns, requires):
                self._peers[author] = peer
                server.feed_next(author, epoch, turn, ts_ns, requires, now)
            case wire.Hello():
                self._hello(peer, request, now)
            case wire.LastOutside(id_, source, run):
                self._answers.append((peer, wire.Number(id_, server.last_n(source, run))))
            case wire.Release(id_, source, epoch):
                server.release(source, epoch)
                self._answers.append((peer, wire.Number(id_, 0)))

    def _hello(self, peer: bytes, hello: wire.Hello, now: int) -> None:
        """A hello asked again gets the same answer: the first one may only have been slow."""
        known = self._welcomed.get(hello.source)
        if known is not None and known[0] == peer and known[1].id == hello.id:
            self._answers.append((peer, known[1]))
            return
        try:
            role = Role(hello.role)
        except ValueError:
            raise Refused("role", f"no role is called {hello.role[:32]!r}") from None
        reg = Registration(hello.source, role, hello.fingerprint, hello.topics, hello.rank, hello.holder, feed=hello.feed)
        w = self._server.hello(reg, now)
        lane = self._lane(hello.source, hello.topics)
        self._peers[hello.source] = peer
        welcomed = wire.Welcomed(
            hello.id, self._server.instance, w.log_id, w.clock, w.epoch, w.run, w.run_seq, w.last_n, w.head, w.done, lane, w.lease_ns
        )
        self._welcomed[hello.source] = (peer, welcomed)
        self._answers.append((peer, welcomed))

    # -- out

    def _lane(self, source: str, topics: tuple[str, ...]) -> str:
        return self._lanes.add(topics, self._server.head, patient=self._may_wait and role_of(source) in PATIENT)

    def _publish(self, stamped: list[Stamped], now: int) -> None:
        """One page a lane and batch; a patient lane's grows until a turn without events, PATIENCE_NS at most. Split where it would grow past
        LANE_PAGE_BYTES. All are made before the first is sent: sent without a pause between them they cost the socket's thread one wake-up
        instead of one each."""
        pages, patient = self._open, self._lanes.patient
        frames: list[tuple[str, bytes]] = []
        for s in stamped:
            e = s.envelope
            record = s.record or encode_record(record_of(e, s.body or None))
            raw = msgspec.Raw(record)
            for lane in self._lanes.of(e.topic):
                page = pages.get(lane)
                if page is None or page.size > LANE_PAGE_BYTES:
                    if page is not None:
                        frames.append((lane, self._sealed(lane, page)))
                    page = pages[lane] = _OpenPage(now + PATIENCE_NS if lane in patient else now)
                page.records.append(raw)
                page.size += len(record)
                page.last = e.seq
        due = [lane for lane, page in pages.items() if page.due <= now or not stamped]
        frames.extend((lane, self._sealed(lane, pages.pop(lane))) for lane in due)
        for lane, frame in frames:
            self._out.publish(lane, frame)

    def _sealed(self, lane: str, page: _OpenPage) -> bytes:
        prev = self._lanes.advance(lane, page.last)
        return wire.encode(wire.RawPage(self._server.instance, prev, page.records))

    def _publish_heads(self) -> None:
        for lane, head in self._lanes.heads().items():
            self._out.publish(lane, wire.encode(wire.RawPage(self._server.instance, head, [])))

    def _ack_after(self, peer: bytes, source: str, run: int, n: int) -> None:
        key = (peer, source, run)
        self._acks[key] = max(n, self._acks.get(key, 0))

    def _answer(self) -> None:
        """What was asked is answered from what is in the journal by now: a lease granted by a bus that dies before its commit was not granted,
        and the next one would grant its epoch again, to another."""
        for peer, message in self._answers:
            self._send(peer, message)
        self._answers.clear()

    def _acknowledge(self) -> None:
        for key, n in list(self._acks.items()):
            peer, source, run = key
            newest = self._server.last_n(source, run)
            if newest >= n:
                self._send(peer, wire.Ack(source, run, newest))
                del self._acks[key]

    def _turn(self, turn: int) -> None:
        peer = self._peers.get(self._server.settings.feed)
        if peer is not None:
            self._send(peer, wire.Turn(turn, self._server.head))

    def _pass(self, step: str, events: Iterable[Event]) -> None:
        if self._passed is not None:
            for event in events:
                self._passed(step, event)

    def _send(self, peer: bytes, message: wire.Message) -> None:
        self._out.reply(peer, wire.encode(message))
