"""Every limit of the risk engine, named with its unit. Defaults are conservative and in force; a limit is switched off by writing null.

Promise: integers, floats and strings give the same limits (`RiskSettings.of`), and a value that is no limit (NaN, negative, unknown key)
is refused before anything runs. RegimeFlow's names of the same limits are accepted (`RENAMED`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.domain.exact import ONE, ZERO
from shared.events import OrderType, SessionPhase, TimeInForce, TradingState

RENAMED: Final[dict[str, str]] = {
    "max_notional": "order_notional_max",
    "max_order_value": "order_notional_max",
    "max_position": "position_max",
    "max_position_pct": "position_pct_max",
    "max_gross_exposure": "gross_pct_max",
    "max_net_exposure": "net_pct_max",
    "max_leverage": "leverage_max",
    "max_drawdown": "drawdown_max",
    "daily_loss_limit": "day_loss_max",
    "daily_loss_limit_pct": "day_loss_pct_max",
    "max_orders_per_second": "msgs_per_s_max",
    "max_orders_per_minute": "msgs_per_min_max",
}


class Arm(StrEnum):
    """Who arms trading once the account is reconciled."""

    AUTO = "auto"
    MANUAL = "manual"


class AccountKind(StrEnum):
    """How a broker counts what may still be bought. cash: the cash there is. margin: equity times a multiplier, less what is held."""

    CASH = "cash"
    MARGIN = "margin"


class ExternalPolicy(StrEnum):
    """What becomes of a trade on the account that was not ours: it is unassigned, it closes what strategies hold, or (by the reconciler) its
    instrument is locked as well."""

    UNASSIGNED = "unassigned"
    REDUCE_HOLDER = "reduce_holder"
    LOCK = "lock"


class StrategySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one strategy may trade. symbols: all it may name. budget: its book's opening cash. day_loss_max: money a day, in place of
    `strategy_day_loss_max`."""

    id: str
    symbols: tuple[str, ...] = ()
    budget: Decimal = ZERO
    day_loss_max: Decimal | None = None


class RiskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money is in account currency, quantities in units, `_pct_max` and `_fraction` in fractions of one, `_bps` in hundredths of a percent."""

    strategies: tuple[StrategySettings, ...] = ()
    arm: Arm = Arm.AUTO
    arm_requires_reconcile: bool = True
    external_policy: ExternalPolicy = ExternalPolicy.UNASSIGNED

    # validity and time
    order_types_allowed: tuple[OrderType, ...] = tuple(OrderType)
    tifs_allowed: tuple[TimeInForce, ...] = tuple(TimeInForce)
    command_age_ms_max: int | None = 2_000
    deadline_ms: int = 2_000  # an approval not sent by then is abandoned
    sessions_allowed: tuple[SessionPhase, ...] = (SessionPhase.OPEN,)  # with `closed`, orders queue for the next open
    quote_age_ms_max: int | None = 5_000
    gap_blocks_trading: bool = True

    # duplicates and rate
    duplicate_order_window_ms: int | None = 1_000
    duplicate_order_count_max: int = 1  # identical orders approved inside one window
    msgs_per_s_max: int | None = 20
    msgs_per_min_max: int | None = None
    strategy_msgs_per_s_max: int | None = 10
    cancel_reserve_per_s: int = 20  # cancels a second that cost new orders nothing
    orders_open_max: int | None = 200
    strategy_orders_open_max: int | None = 100
    symbol_orders_open_max: int | None = 50

    # one order
    order_qty_max: Decimal | None = Decimal(10_000)
    order_notional_max: Decimal | None = Decimal(100_000)
    collar_bps: Decimal | None = Decimal(500)

    # exposure, worst case over all open orders
    position_max: Decimal | None = Decimal(100_000)
    position_notional_max: Decimal | None = Decimal(250_000)
    position_pct_max: Decimal | None = Decimal("0.5")
    gross_notional_max: Decimal | None = Decimal(1_000_000)
    gross_pct_max: Decimal | None = Decimal("1.5")
    net_notional_max: Decimal | None = Decimal(1_000_000)
    net_pct_max: Decimal | None = Decimal(1)
    leverage_max: Decimal | None = Decimal(1)
    buying_power_fraction_max: Decimal | None = Decimal("0.95")
    account_kind: AccountKind | None = None  # the broker's rule of buying power; None: only its own figure says
    margin_multiplier: Decimal = ONE  # money in holdings it allows over equity (`margin`)
    short_allowed: bool = False
    self_trade_allowed: bool = False

    # loss
    day_loss_max: Decimal | None = None
    day_loss_pct_max: Decimal | None = Decimal("0.05")
    strategy_day_loss_max: Decimal | None = None
    drawdown_max: Decimal | None = Decimal("0.2")
    day_loss_state: TradingState = TradingState.REDUCING
    drawdown_state: TradingState = TradingState.HALTED
    soft_fraction: Decimal = Decimal("0.8")  # of a limit: an alert, nothing more
    mark_interval_ms: int = 1_000  # between two EquityMarked while something moves; 0: at day ends only

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal) and not (value.is_finite() and value >= 0):
                raise ValueError(f"{name}: {value} is no limit")
            if isinstance(value, int) and value < 0:
                raise ValueError(f"{name}: {value} is negative")
        for name in ("msgs_per_s_max", "msgs_per_min_max", "strategy_msgs_per_s_max", "cancel_reserve_per_s"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name}: at least 1 (null: no limit)")
        for name in ("day_loss_state", "drawdown_state"):
            if getattr(self, name) not in (TradingState.REDUCING, TradingState.HALTED):
                raise ValueError(f"{name}: reducing or halted")
        ids = [s.id for s in self.strategies]
        if len(set(ids)) != len(ids):
            raise ValueError("strategies: an id stands twice")

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> RiskSettings:
        """Settings from a config tree in our names or RegimeFlow's. Raises ValueError naming the key."""
        ours: dict[str, Any] = {}
        for key, value in tree.items():
            name = RENAMED.get(key, key)
            if name in ours:
                raise ValueError(f"{key}: the same limit is given twice ({name})")
            ours[name] = value
        try:
            return msgspec.convert(ours, cls, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None

    def strategy(self, strategy: str) -> StrategySettings | None:
        """The entry of a strategy id."""
        return next((s for s in self.strategies if s.id == strategy), None)

    def budgets(self) -> dict[str, Decimal]:
        return {s.id: s.budget for s in self.strategies}
