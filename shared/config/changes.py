"""A limit given to a running session, by the rules of the file: the same keys, the same values refused, one line a reason.

A key may be written as in the file (`live.risk.limits.max_notional`, `limits.max_notional`) or by its name alone, RegimeFlow's or the
control's. A value is JSON: 50000, 50000.0 and "50000" are one limit, null switches a limit off where the file may.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pydantic import ValidationError

from shared.events import Scope

from .base import Section
from .limits import Limits
from .nearest import nearest
from .risk import RiskConfig
from .spellings import CONTROLS

_OF_THE_FILE: Final = frozenset({"order_adv_fraction_max", "sector_limits", "sector_map", "industry_limits", "industry_map", "correlation"})
_OF_LIMITS: Final = tuple(name for name in Limits.model_fields if name not in _OF_THE_FILE)
_OF_RISK: Final = (
    "cancel_reserve_per_s",
    "collar_bps",
    "command_age_ms_max",
    "deadline_ms",
    "duplicate_order_count_max",
    "duplicate_order_window_ms",
    "gap_blocks_trading",
    "quote_age_ms_max",
    "rate_age_ms_max",
    "rejection_window_s",
    "rejections_max",
    "repeat_executions_max",
    "repeat_window_s",
    "short_allowed",
    "soft_fraction",
)
_OF_A_SYMBOL: Final = ("max_notional", "order_qty_max", "max_position", "max_position_pct", "position_notional_max", "symbol_orders_open_max")

CHANGEABLE: Final = (*(f"limits.{name}" for name in _OF_LIMITS), *_OF_RISK)
"""Keys below `live.risk` that may change while running."""
AMONG: Final = {
    Scope.GLOBAL: CHANGEABLE,
    Scope.STRATEGY: tuple(f"limits.{name}" for name in _OF_LIMITS),
    Scope.SYMBOL: tuple(f"limits.{name}" for name in _OF_A_SYMBOL),
}
"""Which of them for the account, one strategy, one symbol."""

Value = Decimal | int | bool | None


@dataclass(frozen=True, slots=True)
class LimitValue:
    """key: as in CHANGEABLE. value: as the file's models hold it."""

    key: str
    value: Value

    @property
    def text(self) -> str:
        """The value as JSON, one spelling a value."""
        return shown(self.value)

    @property
    def name(self) -> str:
        """The key without its section."""
        return self.key.rpartition(".")[2]


def shown(value: Value) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def limit_key(key: str, among: tuple[str, ...] = CHANGEABLE) -> str:
    """The key in full. Raises ValueError naming the nearest that may change."""
    name = key.removeprefix("live.").removeprefix("risk.").removeprefix("limits.")
    name = _BY_CONTROL.get(name, name)
    for known in (f"limits.{name}", name):
        if known in among:
            return known
    if any(known in CHANGEABLE for known in (f"limits.{name}", name)):
        raise ValueError(f"{key}: is a limit of the account, not of a strategy or symbol; there are {', '.join(among)}")
    meant = nearest(name, [known.rpartition(".")[2] for known in among])[0]
    raise ValueError(f"{key}: no limit that can change while running; did you mean {meant}?")


def limit_value(key: str, value: str, among: tuple[str, ...] = CHANGEABLE) -> LimitValue:
    """What a key and a JSON text say. Raises ValueError, one line that names the key."""
    known = limit_key(key, among)
    name = known.rpartition(".")[2]
    try:
        read = json.loads(value, parse_float=Decimal, parse_constant=_refused)
    except ValueError:
        raise ValueError(f"{known}: {value[:64]!r} is no value such as 50000, 0.5, true or null") from None
    model: type[Section] = Limits if known.startswith("limits.") else RiskConfig
    try:
        return LimitValue(known, getattr(model.model_validate({name: read}), name))
    except ValidationError as error:
        raise ValueError(f"{known}: {_said(error)}, got {value[:64]}") from None


def _refused(constant: str) -> Value:
    raise ValueError(constant)


def _said(error: ValidationError) -> str:
    text: str = error.errors()[0]["msg"]
    return text.removeprefix("Value error, ").removeprefix("Input ")


_BY_CONTROL: Final = dict(CONTROLS)
