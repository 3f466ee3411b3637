"""Which instruments are locked, and since when."""

from __future__ import annotations

from shared import events as ev
from shared.events import Envelope


class Locks:
    """By symbol, the seq of its lock."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}

    def locked(self, e: ev.InstrumentLocked, at: Envelope) -> None:
        self._since.setdefault(e.symbol, at.seq)

    def unlocked(self, e: ev.InstrumentUnlocked, _: Envelope) -> None:
        self._since.pop(e.symbol, None)

    def held(self, symbol: str, before: int) -> bool:
        """Whether it was locked before this seq and is still."""
        return self._since.get(symbol, before) < before
