"""What one strategy is configured with, after config has been checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from shared.events import TimeInForce

STRATEGY_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,15}")  # 16 at most: the id is part of the broker's client_order_id
HISTORY_BARS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class StrategySettings:
    """id: unique in the log, part of every order id. name: the spec it was loaded from. budget: cash its own book opens with, account
    currency. warmup_bars: history asked for a symbol before it starts, 0 for none. history_bars_max: bars a symbol kept for `get_bars`. default_tif: of
    an order that names no time in force. since: the sequence number a command made it so from, 0 as the file has it.
    Raises ValueError naming the field that cannot be."""

    id: str
    name: str
    symbols: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    budget: Decimal = Decimal(0)
    warmup_bars: int = 0
    history_bars_max: int = HISTORY_BARS_MAX
    default_tif: TimeInForce = TimeInForce.DAY
    since: int = 0

    def __post_init__(self) -> None:
        if STRATEGY_ID.fullmatch(self.id) is None:
            raise ValueError(f"id: {self.id!r} is not a small letter followed by at most 15 small letters, digits or underscores")
        if not self.symbols or len(set(self.symbols)) != len(self.symbols):
            raise ValueError(f"symbols: {list(self.symbols)} must name at least one symbol, each once")
        if self.history_bars_max < 1:
            raise ValueError(f"history_bars_max: {self.history_bars_max} must be at least 1")
        if not 0 <= self.warmup_bars <= self.history_bars_max:
            raise ValueError(f"warmup_bars: {self.warmup_bars} must be between 0 and history_bars_max ({self.history_bars_max})")

    @property
    def source(self) -> str:
        """The lease name, and the author of its outputs."""
        return f"strategy.{self.id}"
