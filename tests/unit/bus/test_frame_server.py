"""What the bus says over frames, and when: nothing about the log before the journal holds it."""

from __future__ import annotations

from shared.bus import wire
from shared.bus.frame_reader import FrameReader
from shared.bus.frame_server import PATIENCE_NS, FrameServer
from shared.bus.memory_store import MemorySnapshots, MemoryStore
from shared.bus.port import ClockMode
from shared.bus.server import BusServer, BusSettings
from shared.bus.snapshots import StoredSnapshot
from shared.events import Alert, Event, LeaseGranted, Severity

MS = 1_000_000


class Wire:
    """Both ends in one: what the server sends, in order, and what its journal held at that moment."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.store = MemoryStore("0123456789abcdef")
        self.sent: list[tuple[wire.Reply, int]] = []
        self.passed: list[str] = []
        server = BusServer(BusSettings(ClockMode.WALL), self.store, 1_000 * MS, 0)
        self.frames = FrameServer(server, self, self._pass)
        self.now = 0

    def _pass(self, step: str, event: Event) -> None:
        self.passed.append(f"{step} {type(event).__name__}")

    def reply(self, _peer: bytes, frame: bytes) -> None:
        self.sent.append((wire.decode_reply(frame), self.store.head_seq))

    def publish(self, lane: str, frame: bytes) -> None:
        if wire.decode_page(frame).records:  # else it only tells a head
            self.published.append(lane)

    def say(self, message: wire.Message) -> None:
        self.frames.receive(b"peer", wire.encode(message), self.now)

    def turn(self) -> list[wire.Reply]:
        """The replies of this turn."""
        before = len(self.sent)
        self.now += MS
        self.frames.turn(1_000 * MS + self.now, self.now)
        return [reply for reply, _ in self.sent[before:]]


def hello(id_: int = 1) -> wire.Hello:
    return wire.Hello(id_, "auditor", "auditor", "f", ("c.",), 0, "slot", feed=False)


def test_a_lease_is_told_when_the_journal_holds_it() -> None:
    w = Wire()
    w.say(hello())
    assert not w.sent

    (welcomed,) = w.turn()

    assert isinstance(welcomed, wire.Welcomed)
    granted = next(row.seq for row in w.store.system_rows((LeaseGranted.TAG,)))
    assert w.sent[0][1] >= granted


def test_the_newest_number_told_is_one_in_the_journal() -> None:
    w = Wire()
    w.say(hello())
    w.turn()
    w.say(wire.OutsideFact("auditor", 1, "auditor.session", 1, 1, wire.wire_item(Alert(Severity.INFO, "k", "")), 0, ()))
    w.say(wire.LastOutside(2, "auditor.session", 1))
    assert len(w.sent) == 1

    number, ack = w.turn()

    assert number == wire.Number(2, 1)
    assert isinstance(ack, wire.Ack)
    assert w.store.last_n()["auditor.session", 1] == 1


def test_kill_points_are_passed_in_the_order_of_the_steps() -> None:
    w = Wire()
    w.say(hello())
    w.turn()
    w.passed.clear()
    w.say(wire.Append("auditor", 1, 1, 3, 1, (wire.wire_item(Alert(Severity.INFO, "k", "")),), 0, ()))
    w.turn()

    assert w.passed == [f"{step} Alert" for step in ("bus_received", "bus_committed", "bus_published", "bus_acked")]


def test_who_only_watches_is_told_when_the_bus_is_idle_or_has_waited_long_enough() -> None:
    w = Wire()
    w.say(hello())
    w.say(wire.Hello(2, "gateway", "gateway", "f", ("c.",), 0, "slot", feed=False))
    watching, acting = (reply.lane for reply in w.turn() if isinstance(reply, wire.Welcomed))
    assert watching != acting, "the same topics, but another lane"
    while w.frames._open:
        w.turn()
    w.published.clear()

    def alert(n: int) -> None:
        w.say(wire.OutsideFact("auditor", 1, "auditor.session", 1, n, wire.wire_item(Alert(Severity.INFO, "k", "")), 0, ()))
        w.turn()

    alert(1)
    alert(2)
    assert w.published == [acting, acting], "who acts is told at once"
    w.turn()
    assert w.published == [acting, acting, watching], "nothing happens: one page of both"
    w.published.clear()
    n = 3
    while watching not in w.published:
        alert(n)
        n += 1
    assert w.published.count(acting) * MS >= PATIENCE_NS, "a bus that is never idle makes nobody wait for ever"


class Shelf(MemorySnapshots):
    """Counts how often it is looked into."""

    looks = 0

    def newest(self, log_id: str, source: str) -> list[StoredSnapshot]:
        self.looks += 1
        return super().newest(log_id, source)


def test_a_snapshot_of_many_parts_is_read_once() -> None:
    state = bytes(range(256)) * (5 * wire.SNAPSHOT_PART_BYTES // 256) + b"end"
    shelf = Shelf()
    shelf.save("0" * 16, "auditor", 1, 0, 7, b"", state, b"")
    reader = FrameReader(MemoryStore(), shelf)
    (meta,) = wire.decode_reply(reader.answer(wire.encode(wire.SnapshotList(1, "auditor")))).snapshots
    shelf.looks = 0

    parts = [wire.decode_reply(reader.answer(wire.encode(wire.SnapshotGet(2, "auditor", meta.seq, part)))).data for part in range(meta.parts)]

    assert (b"".join(parts), meta.parts, shelf.looks) == (state, 6, 1)
    again = wire.decode_reply(reader.answer(wire.encode(wire.SnapshotGet(3, "auditor", meta.seq, 5))))
    assert again.data == b"end", "asked again after the last part, it is read again"
