"""What the reconciler's own session does at the venue, written a second way: it cancels, nothing else, and only after a halt that is durable, in the
log or in its outbox, which reaches the log."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from shared import events as ev
from shared.events import Envelope, decode_body

from .truth import hold

UNMANNED = ("deadman", "deadbus")


class DirectModel:
    """outbox: the file. halts: commands of those that are in the log."""

    def __init__(self, outbox: Path, seen: Counter[str]) -> None:
        self._outbox = outbox
        self._seen = seen
        self.halts: list[str] = []
        self._told = 0

    def halted(self, e: ev.HaltRequested, at: Envelope) -> None:
        self.halts.append(e.command)
        self.told(e, at)

    def told(self, event: ev.Event, at: Envelope) -> None:
        """What comes from the outbox is in it, in its order."""
        if at.source != "reconciler.outbox":
            return
        written = self._written()
        hold(at.n <= len(written) and written[at.n - 1] == event, "outbox", f"{event} is told as record {at.n} of {len(written)}")
        self._told = at.n
        if isinstance(event, ev.OrdersCanceledDirectly):
            self._seen[f"cancelled directly: {event.cause}"] += 1

    def wire(self, method: str, message: Any) -> None:
        hold(method == "cancel", "kill path", f"it asks for {method}: {message}")
        self._seen["direct cancel"] += 1
        halts = [*self.halts, *(e.command for e in self._written() if isinstance(e, ev.HaltRequested))]
        hold(halts, "kill path", f"{message} leaves before any halt is durable")

    def untold(self) -> int:
        """Records that are not in the log."""
        return len(self._written()) - self._told

    def _written(self) -> list[ev.Event]:
        if not self._outbox.exists():
            return []
        lines = [orjson.loads(line) for line in self._outbox.read_bytes().split(b"\n")[:-1]]
        return [decode_body(line["tag"], bytes.fromhex(line["body"])) for line in lines if "tag" in line]
