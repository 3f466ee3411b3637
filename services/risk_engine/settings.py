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
from shared.events import OrderType, Scope, SessionPhase, TimeInForce, TradingState

from .bands import HaltPolicy
from .correlation import CorrelationLimit
from .protective import Stops
from .regimes import Regime, check_names

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

OF_ONE: Final[dict[str, str]] = {
    "strategy_orders_open_max": "orders_open_max",
    "strategy_msgs_per_s_max": "msgs_per_s_max",
    "strategy_day_loss_max": "day_loss_max",
}
"""Limits of any one strategy, by the name they have where they are given for one alone."""


class Arm(StrEnum):
    """Who arms trading once the account is reconciled."""

    AUTO = "auto"
    MANUAL = "manual"


class AccountKind(StrEnum):
    """How a broker counts what may still be bought. cash: the settled cash there is. margin: equity times a multiplier, less what is held."""

    CASH = "cash"
    MARGIN = "margin"


class ExternalPolicy(StrEnum):
    """What becomes of a trade on the account that was not ours: it is unassigned, it closes what strategies hold, or (by the reconciler) its
    instrument is locked as well."""

    UNASSIGNED = "unassigned"
    REDUCE_HOLDER = "reduce_holder"
    LOCK = "lock"


class SelfTrade(StrEnum):
    """What an order that would meet one of our own leads to; it is denied either way."""

    DENY_NEW = "deny_new"
    CANCEL_OLD = "cancel_old"


def _refuse_what_is_no_limit(settings: msgspec.Struct) -> None:
    """Raises ValueError for a number that bounds nothing."""
    for table in ("sector_limits", "industry_limits"):
        for group, limit in getattr(settings, table).items():
            if not (limit.is_finite() and limit > 0):
                raise ValueError(f"{table}.{group}: {limit} is no limit")
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, Decimal) and not (value.is_finite() and value >= 0):
            raise ValueError(f"{name}: {value} is no limit")
        if isinstance(value, int) and value < 0:
            raise ValueError(f"{name}: {value} is negative")


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one strategy's own book, or of one symbol, beside the account's: None where only the account's holds. Units as there. Of a
    symbol only size, position and open orders mean anything."""

    order_qty_max: Decimal | None = None
    order_notional_max: Decimal | None = None
    position_max: Decimal | None = None
    position_notional_max: Decimal | None = None
    position_pct_max: Decimal | None = None
    gross_notional_max: Decimal | None = None
    gross_pct_max: Decimal | None = None
    net_notional_max: Decimal | None = None
    net_pct_max: Decimal | None = None
    leverage_max: Decimal | None = None
    buying_power_fraction_max: Decimal | None = None
    orders_open_max: int | None = None
    symbol_orders_open_max: int | None = None
    msgs_per_s_max: int | None = None
    msgs_per_min_max: int | None = None
    day_loss_max: Decimal | None = None
    day_loss_pct_max: Decimal | None = None
    drawdown_max: Decimal | None = None
    order_adv_fraction_max: Decimal | None = None
    sector_limits: dict[str, Decimal] = msgspec.field(default_factory=dict)
    sector_map: dict[str, str] = msgspec.field(default_factory=dict)  # before the account's
    industry_limits: dict[str, Decimal] = msgspec.field(default_factory=dict)
    industry_map: dict[str, str] = msgspec.field(default_factory=dict)
    correlation: CorrelationLimit | None = None

    def __post_init__(self) -> None:
        _refuse_what_is_no_limit(self)
        for name in ("msgs_per_s_max", "msgs_per_min_max"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name}: at least 1 (null: no limit)")

    @property
    def limits_sums(self) -> bool:
        """Whether a sum over the whole book is bounded."""
        sums = (self.gross_notional_max, self.gross_pct_max, self.net_notional_max, self.net_pct_max, self.leverage_max)
        return any(limit is not None for limit in sums)

    @property
    def limits_loss(self) -> bool:
        return any(limit is not None for limit in (self.day_loss_max, self.day_loss_pct_max, self.drawdown_max))


FREE: Final = Bounds()


class StrategySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one strategy may trade. symbols: all it may name. budget: its book's opening cash. limits: of its own book; its `day_loss_max`
    stands in place of `strategy_day_loss_max`."""

    id: str
    symbols: tuple[str, ...] = ()
    budget: Decimal = ZERO
    limits: Bounds = FREE


class RiskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money is in account currency, quantities in units, `_pct_max` and `_fraction` in fractions of one, `_bps` in hundredths of a percent."""

    strategies: tuple[StrategySettings, ...] = ()
    symbol_limits: dict[str, Bounds] = {}  # operators' alone
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
    rate_age_ms_max: int | None = 180_000  # of a currency's rate that comes from a pair
    missed_ms_max: int = 5_000  # wall clock: after its lease has ended for so long the reconciler is missed
    break_reduces: bool = False  # wall clock: a break with the broker, or readings that keep failing, leave reducing only
    stale_denies: bool = True  # what the gateway calls stale
    stale_cancel_ms: int | None = None  # wall clock: data this old, its market open, has the symbol's working orders cancelled
    clock_offset_ms_max: int | None = 50  # from the broker's clock, beyond what the round trip explains
    gap_blocks_trading: bool = True
    close_buffer_s: int = 0  # 0: up to the close

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
    repeat_executions_max: int | None = 200  # fills of one strategy in a window
    repeat_window_s: int = 60
    rejections_max: int | None = 20  # orders of one strategy the broker rejects in a window
    rejection_window_s: int = 60

    # one order
    order_qty_max: Decimal | None = Decimal(10_000)
    order_notional_max: Decimal | None = Decimal(100_000)
    order_adv_fraction_max: Decimal | None = None
    collar_bps: Decimal | None = Decimal(500)
    collar_window_ms: int = 60_000
    collar_window_bps: Decimal | None = Decimal(1_000)
    luld_required: bool = False
    halt_policy: HaltPolicy = HaltPolicy.CANCEL

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
    settlement_days: int = 0  # trading dates until what a sale brings may be spent (`cash`); 24x7 and crypto settle at once
    short_allowed: bool = False
    require_easy_to_borrow: bool = True
    self_trade_allowed: bool = False
    self_trade: SelfTrade = SelfTrade.DENY_NEW
    sector_limits: dict[str, Decimal] = msgspec.field(default_factory=dict)  # by sector, of equity
    sector_map: dict[str, str] = msgspec.field(default_factory=dict)  # by symbol, before the instrument's own
    industry_limits: dict[str, Decimal] = msgspec.field(default_factory=dict)
    industry_map: dict[str, str] = msgspec.field(default_factory=dict)
    correlation: CorrelationLimit | None = None
    regimes: dict[str, Regime] = msgspec.field(default_factory=dict)  # by name: what tightens while it holds
    routed: bool = False  # the router works orders by the market: approvals say what it may go by

    # loss
    day_loss_max: Decimal | None = None
    day_loss_pct_max: Decimal | None = Decimal("0.05")
    strategy_day_loss_max: Decimal | None = None
    drawdown_max: Decimal | None = Decimal("0.2")
    day_loss_state: TradingState = TradingState.REDUCING
    drawdown_state: TradingState = TradingState.HALTED
    stops: Stops = Stops()  # of every strategy's holdings
    halt_scope: Scope = Scope.STRATEGY  # what a strategy's loss, failure or repetition stops beside itself
    soft_fraction: Decimal = Decimal("0.8")  # of a limit: an alert, nothing more
    mark_interval_ms: int = 1_000  # between two EquityMarked while something moves; 0: at day ends only

    def __post_init__(self) -> None:
        _refuse_what_is_no_limit(self)
        for name in ("msgs_per_s_max", "msgs_per_min_max", "strategy_msgs_per_s_max", "cancel_reserve_per_s"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name}: at least 1 (null: no limit)")
        for name in ("day_loss_state", "drawdown_state"):
            if getattr(self, name) not in (TradingState.REDUCING, TradingState.HALTED):
                raise ValueError(f"{name}: reducing or halted")
        check_names(self.regimes, {name for name in self.__struct_fields__ if name.endswith("_max") and name != "repeat_executions_max"})
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
        for entry in self.strategies:
            if entry.id == strategy:
                return entry
        return None

    @property
    def returns_kept(self) -> int:
        """Returns of each symbol that its correlation with others asks for; 0 where no pair is limited."""
        limits = (self.correlation, *(s.limits.correlation for s in self.strategies))
        return max((limit.window for limit in limits if limit is not None), default=0)

    @property
    def counts_volume(self) -> bool:
        """Whether an order is held against the volume of a day."""
        of_strategies = (s.limits.order_adv_fraction_max for s in self.strategies)
        return any(limit is not None for limit in (self.order_adv_fraction_max, *of_strategies))

    def budgets(self) -> dict[str, Decimal]:
        return {s.id: s.budget for s in self.strategies}
