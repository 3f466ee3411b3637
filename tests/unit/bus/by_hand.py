"""A connection's transport for tests that let time pass by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.bus import wire

LEASE_NS = 3_000_000_000


@dataclass
class ByHand:
    """now: its clock, ns. answers: of the bus, not read yet; what else it asks is for its heirs to answer."""

    now: int = 0
    answers: list[bytes] = field(default_factory=list)

    def welcome(self, id_: int) -> None:
        self.answers.append(wire.encode(wire.Welcomed(id_, 1, "0123456789abcdef", "wall", 1, 1, 2, 9, 100, 100, "lane", LEASE_NS)))

    def subscribe(self, lane: str) -> None:
        """Nothing comes."""

    def watch(self, fd: int) -> None:
        """Nothing is waited for."""

    def mono_ns(self) -> int:
        return self.now

    def close(self) -> None:
        """Nothing to close."""
