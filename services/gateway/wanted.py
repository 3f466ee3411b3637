"""Which strategies want history before they start: the file's, and what commands made of them since."""

from __future__ import annotations

from collections.abc import Mapping

from shared.config.revised import ADDED, REMOVED, entry_of
from shared.events import StrategyRevised

from .settings import WarmupSettings


class Wanted:
    """changed: by strategy, what a command asks for it, None where it asks for nothing. What is set keeps what it wanted."""

    def __init__(self, configured: Mapping[str, WarmupSettings]) -> None:
        self._configured = configured
        self.changed: dict[str, WarmupSettings | None] = {}

    def of(self, strategy: str) -> WarmupSettings | None:
        return self.changed[strategy] if strategy in self.changed else self._configured.get(strategy)

    def fold(self, e: StrategyRevised) -> None:
        if e.outcome == REMOVED:
            self.changed[e.strategy] = None
        elif e.outcome == ADDED:
            entry = entry_of(e.definition)
            self.changed[e.strategy] = WarmupSettings(symbols=entry.symbols, bars=entry.warmup_bars) if entry.warmup_bars else None
