"""`live.strategies`: what trades. The parameters of the built-in strategies are known here by name and kind, so that a slip has its line."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, JsonValue

from .base import Amount, CountOrZero, Millis, Section, StrategyId, Symbols
from .limits import LimitOverrides

RESERVED_IDS: Final = frozenset({"risk", "external"})  # authors of orders that are no strategy's

Source = Annotated[str, Field(pattern=r"^[^\s:]+(\.py|:[A-Za-z_]\w*)$")]


class StrategyConfig(Section):
    """One strategy."""

    id: StrategyId = Field(description="Its name in orders, logs and commands.")
    name: str | None = Field(default=None, description="A built-in strategy; or else `path`.")
    path: Source | None = Field(default=None, description="`module:Class`, `file.py:Class`, or `file.py` with one strategy in it.")
    params: dict[str, JsonValue] = Field(default={}, description="Its parameters.")
    symbols: Symbols = Field(default=(), description="What it may trade. Default: all of `live.symbols`.")
    limits: LimitOverrides = Field(default=LimitOverrides(), description="Limits of its own book, beside the account's.")
    budget: Amount | None = Field(default=None, description="Cash of its book. Default: an equal share of what is not budgeted.")
    warmup_bars: CountOrZero = Field(default=0, description="Bars of history before it starts.")
    callback_ms_max: Millis = Field(default=2_000, description="A callback that takes longer halts its strategy.")
    history_bars_max: Annotated[int, Field(ge=1, le=1_000_000)] = Field(default=1_000, description="Bars a symbol kept for `ctx.get_bars`.")


class ShortStrategy(StrategyConfig):
    """The short form: one strategy at the top level."""

    id: StrategyId = Field(default="main", description="Its name in orders, logs and commands.")


_NUMBER: Final = (int, float, Decimal)
_QUANTITY: Final = (int, float, Decimal, str)

BUILTIN_PARAMS: Final[dict[str, dict[str, tuple[type, ...]]]] = {
    "buy_and_hold": {"symbol": (str,), "quantity": _QUANTITY, "warmup_bars": (int,)},
    "moving_average_cross": {"fast_period": (int,), "slow_period": (int,), "quantity": _QUANTITY, "warmup_bars": (int,)},
    "pairs_trading": {
        "symbol_a": (str,),
        "symbol_b": (str,),
        "lookback": (int,),
        "entry_z": _NUMBER,
        "exit_z": _NUMBER,
        "max_z": _NUMBER,
        "allow_short": (bool,),
        "base_qty": _QUANTITY,
        "min_qty_scale": _NUMBER,
        "max_qty_scale": _NUMBER,
        "cooldown_bars": (int,),
        "warmup_bars": (int,),
    },
    "harmonic_pattern": {
        "symbol": (str,),
        "pivot_threshold_pct": _NUMBER,
        "tolerance": _NUMBER,
        "min_bars": (int,),
        "cooldown_bars": (int,),
        "use_limit": (bool,),
        "limit_offset_bps": _NUMBER,
        "vol_threshold_pct": _NUMBER,
        "min_confidence": _NUMBER,
        "min_qty_scale": _NUMBER,
        "max_qty_scale": _NUMBER,
        "aggressive_confidence_threshold": _NUMBER,
        "venue_switch_confidence": _NUMBER,
        "passive_venue_weight": _NUMBER,
        "aggressive_venue_weight": _NUMBER,
        "allow_short": (bool,),
        "order_qty": _QUANTITY,
        "warmup_bars": (int,),
    },
}
"""RegimeFlow's parameters of its built-in strategies; the strategies themselves judge the values."""
