"""Who is there, and whether all of them run the same: judged from leases and announcements on the log, under the wall clock only.

A lock-step feed waits for whoever is missing, so there nobody is ever missed and no replay changes. Announcements are compared with each
other, never with this process's own build: a journal is decided again the same by any build.
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared.events import LeaseEnded, LeaseGranted, LogStarted, ReconcileFailed, ServiceAnnounced

RECONCILER: Final = "reconciler"
ROUTER: Final = "order_router"
OURSELVES: Final = "risk_engine"

_PARTS: Final = ("code", "broker settings", "bus settings")
_SHOWN: Final = 8  # digits of a hash


class Presence(msgspec.Struct):
    """reconciler_gone, router_gone: ns of log time at which the lease ended, 0 while it is held or was never seen. announced: by service that
    holds its lease, the hashes of its code, broker and bus settings. readings_failed: readings of the broker, since the last that was made."""

    wall: bool = False
    reconciler_gone: int = 0
    router_gone: int = 0
    announced: dict[str, tuple[str, str, str]] = msgspec.field(default_factory=dict)
    readings_failed: int = 0

    # folding

    def log_started(self, e: LogStarted) -> None:
        self.wall = e.clock == "wall"

    def granted(self, e: LeaseGranted, _now: int) -> None:
        self._gone(e.name, 0)

    def ended(self, e: LeaseEnded, now: int) -> None:
        self._gone(e.name, now)

    def announce(self, e: ServiceAnnounced, _now: int) -> None:
        self.announced[e.service] = (e.build, e.broker_settings, e.bus_settings)

    def reading_failed(self, _e: ReconcileFailed) -> None:
        self.readings_failed += 1

    def reading_made(self) -> None:
        self.readings_failed = 0

    def _gone(self, name: str, at: int) -> None:
        if not self.wall:
            return
        self.announced.pop(name, None)  # whoever comes says anew what it runs
        if name == RECONCILER:
            self.reconciler_gone = at
        elif name == ROUTER:
            self.router_gone = at

    # what holds

    def reconciler_missed(self, now: int, after_ns: int) -> bool:
        return 0 < self.reconciler_gone <= now - after_ns

    def mismatch(self, e: ServiceAnnounced | None = None) -> str:
        """Who differs from risk in what, once `e` is announced too; empty when all agree."""
        hashes = {**self.announced, e.service: (e.build, e.broker_settings, e.bus_settings)} if e is not None else self.announced
        if len(set(hashes.values())) < 2:
            return ""
        judge = OURSELVES if OURSELVES in hashes else min(hashes)
        ours = hashes[judge]
        differing = [
            f"{name}: {part} {theirs[:_SHOWN]}, {judge}'s {own[:_SHOWN]}"
            for name, parts in sorted(hashes.items())
            for part, theirs, own in zip(_PARTS, parts, ours, strict=True)
            if theirs != own
        ]
        return "services differ: " + "; ".join(differing)
