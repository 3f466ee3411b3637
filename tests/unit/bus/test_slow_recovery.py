"""An actor that reads a long history as it starts keeps its lease meanwhile: it beats while it waits for the reader."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.bus import wire
from shared.bus.client import BEAT_NS, FrameConnection
from shared.bus.port import Registration, Role

from .by_hand import ByHand

MS = 1_000_000
SLOW_NS = 5_000 * MS


@dataclass
class SlowReader(ByHand):
    """A bus that answers at once and a reader that takes SLOW_NS. Time passes only while somebody waits."""

    beats: list[int] = field(default_factory=list)
    asked: dict[int, int] = field(default_factory=dict)

    def send_append(self, frame: bytes) -> bool:
        match wire.decode_request(frame):
            case wire.Hello(id_):
                self.welcome(id_)
            case wire.Beat():
                self.beats.append(self.now)
        return True

    def send_read(self, frame: bytes) -> bool:
        self.asked.setdefault(wire.decode_read(frame).id, self.now)
        return True

    def receive(self, timeout_s: float) -> tuple[list[bytes], list[bytes], list[bytes]]:
        self.now += int(timeout_s * 1e9)
        due = [id_ for id_, at in self.asked.items() if self.now - at >= SLOW_NS]
        readings = [wire.encode(wire.PageReply(id_, 0, b"", ())) for id_ in due if self.asked.pop(id_) >= 0]
        answers, self.answers = self.answers, []
        return answers, readings, []


def test_reading_a_long_history_does_not_cost_the_lease() -> None:
    transport = SlowReader()
    connection = FrameConnection(transport, Registration("auditor", Role.AUDITOR, "f", ("c.",), 0, "slot"), 10.0)

    assert list(connection.outputs_since(0)) == []

    assert transport.now >= SLOW_NS
    gaps = [b - a for a, b in zip([0, *transport.beats], [*transport.beats, transport.now], strict=True)]
    assert max(gaps) <= 2 * BEAT_NS
