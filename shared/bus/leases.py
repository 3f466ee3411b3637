"""Leases: a name is held by one process at a time, under an epoch that only grows.

Sans-I/O: time is monotonic ns given by the caller; what is decided becomes `LeaseGranted` and `LeaseEnded` events, and `fold` of those
rebuilds the table after a restart (expiry then counts anew from the restart). The same holder may claim again at once: a supervisor or
container names a slot, and one slot runs one process, so its predecessor is dead; its older epoch is fenced either way.
"""

from __future__ import annotations

from dataclasses import dataclass

from .port import Fenced, LeaseHeld


@dataclass(slots=True)
class Lease:
    holder: str
    epoch: int
    live: bool
    heard_ns: int


class Leases:
    """ttl_ns: silence after which another holder may take the name."""

    def __init__(self, ttl_ns: int) -> None:
        self.ttl_ns = ttl_ns
        self._table: dict[str, Lease] = {}

    def claim(self, name: str, holder: str, now_ns: int) -> int:
        """The epoch to grant. Raises LeaseHeld. Changes nothing: the caller folds what it journals."""
        lease = self._table.get(name)
        if lease is None:
            return 1
        if lease.live and lease.holder != holder and now_ns - lease.heard_ns <= self.ttl_ns:
            left_ms = (self.ttl_ns - (now_ns - lease.heard_ns)) // 1_000_000
            raise LeaseHeld(f"{name} is held by {lease.holder} (epoch {lease.epoch}); free after {left_ms} ms of silence")
        return lease.epoch + 1

    def granted(self, name: str, holder: str, epoch: int, now_ns: int) -> None:
        self._table[name] = Lease(holder, epoch, live=True, heard_ns=now_ns)

    def ended(self, name: str, epoch: int) -> None:
        lease = self._table.get(name)
        if lease is not None and lease.epoch == epoch:
            lease.live = False

    def check(self, name: str, epoch: int) -> Lease:
        """The lease. Raises Fenced when the epoch is not the newest or was ended."""
        lease = self._table.get(name)
        if lease is None or lease.epoch != epoch or not lease.live:
            newest = lease.epoch if lease is not None else 0
            raise Fenced(f"{name} epoch {epoch} is over (newest {newest})")
        return lease

    def heard(self, name: str, epoch: int, now_ns: int) -> None:
        """The holder lives. Raises Fenced."""
        self.check(name, epoch).heard_ns = now_ns

    def expired(self, now_ns: int) -> list[tuple[str, int]]:
        """(name, epoch) of live leases silent for longer than the ttl."""
        return [(name, lease.epoch) for name, lease in self._table.items() if lease.live and now_ns - lease.heard_ns > self.ttl_ns]

    def holders(self) -> dict[str, Lease]:
        """Live leases by name."""
        return {name: lease for name, lease in self._table.items() if lease.live}
