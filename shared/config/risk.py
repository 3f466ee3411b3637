"""`live.risk`: every control of docs/risk, pre-trade, post-trade and system; there is no key that bypasses risk."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from .base import Amount, Basis, Count, Exact, Fraction, Millis, MillisOfDays, MillisOrZero, Ratio, Seconds, SecondsOrZero, Section
from .limits import LimitOverrides, Limits

SessionName = Literal["pre", "open", "post", "closed"]
OrderTypeName = Literal["market", "limit", "stop", "stop_limit", "market_on_open", "market_on_close", "trailing_stop"]
LossState = Literal["reducing", "halted"]
TifName = Literal["day", "gtc", "ioc", "fok", "gtd"]


def _lower(value: object) -> object:
    """`DAY` is `day`."""
    return value.lower() if isinstance(value, str) else value


DefaultTif = Annotated[Literal["day", "gtc", "ioc", "fok"], BeforeValidator(_lower)]


class PreTradeControls(Section):
    """What an order must pass before it is approved."""

    arm: Literal["auto", "manual"] = Field(default="auto", description="Who arms trading after the start reconcile: the engine, or an operator.")
    command_age_ms_max: Millis = Field(default=2_000, description="An order older than this is denied: what waited out an outage must not fire.")
    deadline_ms: Millis = Field(default=2_000, description="An approval not sent by then is abandoned.")
    order_types_allowed: tuple[OrderTypeName, ...] = Field(default=get_args(OrderTypeName), strict=False, min_length=1, description="Order types.")
    tifs_allowed: tuple[TifName, ...] = Field(default=get_args(TifName), strict=False, min_length=1, description="Times in force.")
    duplicate_id_window: Literal["forever"] = Field(default="forever", description="How long an order id is remembered.")
    duplicate_order_window_ms: MillisOrZero | None = Field(
        default=1_000, description="Window for orders equal in strategy, symbol, side, quantity and price; 0: off."
    )
    duplicate_order_count_max: Count = Field(default=1, description="Equal orders let through in that window.")
    collar_bps: Basis | None = Field(
        default=Decimal(500), description="Farthest a limit price may stand from the reference; also prices market orders."
    )
    collar_window_ms: Millis = Field(default=60_000, description="Window of the collar over time.")
    collar_window_bps: Basis | None = Field(default=Decimal(1_000), description="Farthest our prices may walk within the window.")
    halt_policy: Literal["cancel", "leave"] = Field(default="cancel", description="Working orders of an instrument that is halted or paused.")
    luld_required: bool = Field(default=False, description="Deny where no price bands are known.")
    sessions_allowed: tuple[SessionName, ...] = Field(
        default=("open",), strict=False, min_length=1, description="Phases in which orders may be sent; with `closed`, they queue for the next open."
    )
    close_buffer_s: SecondsOrZero = Field(default=0, description="No new risk in the last seconds of a session.")
    quote_age_ms_max: Millis | None = Field(default=5_000, description="Oldest market data an order may be judged by.")
    rate_age_ms_max: MillisOfDays | None = Field(
        default=180_000,
        description="Oldest rate of a currency, from a pair, at which something priced in it is newly bought or sold; a fixed rate does not age. "
        "Default: three bars of the feed (daily ones: five), at least this.",
    )
    gap_blocks_trading: bool = Field(default=True, description="No new risk in a symbol whose feed has an open gap.")
    cancel_reserve_per_s: Count = Field(default=20, description="Cancels a second that cost new orders nothing.")
    repeat_executions_max: Count | None = Field(
        default=200, description="Fills of a strategy within the window; one more halts it until an operator resumes it."
    )
    repeat_window_s: Seconds = Field(default=60, description="That window.")
    rejections_max: Count | None = Field(
        default=20, description="Orders of a strategy the broker rejects within the window; one more halts it until an operator resumes it."
    )
    rejection_window_s: Seconds = Field(default=60, description="That window.")
    short_allowed: bool = Field(default=False, description="Sell short.")
    require_easy_to_borrow: bool = Field(default=True, description="Short only what the broker says is easy to borrow.")
    self_trade: Literal["deny_new", "cancel_old"] = Field(
        default="deny_new", description="An order that would meet one of our own: denied; with `cancel_old` the one it would meet is cancelled too."
    )
    child_qty_over_parent_max: Literal[0] = Field(default=0, description="Quantity sent beyond what was approved.")
    soft_fraction: Fraction = Field(default=Decimal("0.8"), description="Part of a limit that raises an alert.")

    day_loss_state: LossState = Field(default="reducing", description="What a day's loss beyond its limit leads to.")
    drawdown_state: LossState = Field(default="halted", description="What a drawdown beyond its limit leads to.")
    loss_flattens: bool = Field(
        default=False, description="What a loss or drawdown limit stops is closed as well: its orders cancelled, strategies' holdings sold at market."
    )
    mark_interval_ms: MillisOrZero = Field(default=1_000, description="Time between two marks of equity while something moves; 0: at day ends only.")


class PostTradeControls(Section):
    """What is checked against the broker, and when."""

    reconcile_grace_ms: Millis = Field(default=2_000, description="A difference younger than this is looked at again before it is a break.")
    arm_requires_reconcile: Literal[True] = Field(default=True, description="No arming before orders, executions, positions and cash agree.")
    unknown_age_s_max: Seconds = Field(default=30, description="An order whose outcome is unknown for longer locks its instrument.")
    conservation_tolerance: Annotated[Exact, Field(ge=0, le=1)] = Field(
        default=Decimal(0), description="Strategies and unassigned must add up to the account."
    )
    external_policy: Literal["unassigned", "reduce_holder", "lock"] = Field(
        default="unassigned",
        description="A trade on the account that was not ours: kept apart, taken from the strategies that hold the symbol, or a lock.",
    )
    alert_latency_ms_max: Millis = Field(
        default=5_000, description="From an event to the alert it leads to, in the log; a later one is told. In a backtest both have one time."
    )


class SystemSafeguards(Section):
    """What holds when parts fail."""

    halt_cancels_open: Literal[True] = Field(default=True, description="A halt cancels the working orders of its scope.")
    halt_scope: Literal["global", "strategy", "symbol"] = Field(
        default="strategy", description="What a strategy's limit or failure halts beside itself: nothing, its symbols, or everything."
    )
    default_tif: DefaultTif = Field(default="day", description="Time in force of an order that names none.")
    heartbeat_ms: Millis = Field(default=1_000, description="Services report their step and cursor this often.")
    missed_max: Count = Field(default=5, description="Heartbeats missed before a service counts as gone.")
    require_same_build: Literal[True] = Field(default=True, description="Disarmed while services differ in code, broker or bus settings.")
    clock_offset_ms_max: Millis | None = Field(
        default=50,
        description="Offset from the broker's clock, beyond what the round trip explains, that raises an alert and refuses arming. A backtest has one clock.",
    )


class PercentStop(Section):
    """A stop at a distance from the entry (`stop_loss`) or from the best price since (`trailing_stop`)."""

    enable: bool = Field(default=False, description="On.")
    pct: Fraction = Field(default=Decimal("0.05"), description="Distance as a fraction of price.")


class AtrStop(Section):
    """A stop at a multiple of the average true range."""

    enable: bool = Field(default=False, description="On.")
    window: Count = Field(default=14, description="Bars.")
    multiplier: Annotated[Exact, Field(gt=0, le=100)] = Field(default=Decimal(2), description="Ranges from the entry.")


class TimeStop(Section):
    """An exit after a time."""

    enable: bool = Field(default=False, description="On.")
    max_holding_seconds: Seconds = Field(default=86_400, description="Longest holding time.")


class RegimeLimits(Section):
    """Limits in one regime."""

    limits: LimitOverrides = Field(default=LimitOverrides(), description="Tighter limits in this regime.")


class RegimeOverlay(Section):
    """What a regime allows."""

    allow_new_exposure: bool = Field(default=True, description="New risk.")
    max_order_notional: Amount | None = Field(default=None, description="Most notional of one order.")
    max_position_pct: Ratio | None = Field(default=None, description="Most notional in one symbol, as a fraction of equity.")
    allow_market_orders: bool = Field(default=True, description="Market orders.")
    allow_aggressive_tif: bool = Field(default=True, description="IOC and FOK.")


class RiskConfig(PreTradeControls, PostTradeControls, SystemSafeguards):
    """Risk."""

    limits: Limits = Field(default=Limits(), description="The numbers.")
    limits_by_regime: dict[str, RegimeLimits] = Field(default={}, description="Limits by regime.")
    regime_overlays: dict[str, RegimeOverlay] = Field(default={}, description="What a regime allows.")
    stop_loss: PercentStop = Field(default=PercentStop(), description="Fixed stop.")
    trailing_stop: PercentStop = Field(default=PercentStop(), description="Trailing stop.")
    atr_stop: AtrStop = Field(default=AtrStop(), description="Volatility stop.")
    time_stop: TimeStop = Field(default=TimeStop(), description="Time stop.")
