"""How long a holder may believe in its lease: from when the beat that was answered was sent, whatever it did meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.bus import wire
from shared.bus.client import BEAT_NS, FrameConnection
from shared.bus.port import Registration, Role

from .by_hand import LEASE_NS, ByHand


@dataclass
class Line(ByHand):
    """A bus that answers each beat; an answer is read at the look after the one that asked for it. Time passes by hand."""

    there: list[bytes] = field(default_factory=list)

    def send_append(self, frame: bytes) -> bool:
        match wire.decode_request(frame):
            case wire.Hello(id_):
                self.welcome(id_)
            case wire.Beat(sent_ns=sent_ns):
                self.answers.append(wire.encode(wire.BeatReply(1, sent_ns)))
        return True

    def send_read(self, frame: bytes) -> bool:
        return True

    def receive(self, timeout_s: float) -> tuple[list[bytes], list[bytes], list[bytes]]:
        read, self.there, self.answers = self.there, self.answers, []
        return read, [], []


def test_an_answer_to_a_beat_from_before_a_sleep_does_not_make_the_lease_longer() -> None:
    line = Line()
    connection = FrameConnection(line, Registration("order_router", Role.ROUTER, "f", ("c.",), 0, "slot"), 10.0)
    line.now = beaten = BEAT_NS
    connection.poll(0.0)
    line.now += LEASE_NS  # the answer came while it slept; somebody else may hold the name by now

    connection.poll(0.0)
    assert connection.lease_left_ns() == beaten + LEASE_NS - line.now <= 0

    connection.poll(0.0)
    assert connection.lease_left_ns() == LEASE_NS, "it was not lost: the bus answers the beat it sends as it wakes"
