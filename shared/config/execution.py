"""`execution`: RegimeFlow's execution block, of the backtest and (routing only) of live trading."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue

from .base import Amount, Basis, Count, Day, Fraction, MillisOrZero, Ratio, Section, Symbols

BarMode = Literal["close_only", "open_only", "intrabar_ohlc"]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class LatencyConfig(Section):
    """Order latency."""

    ms: MillisOrZero = Field(default=0, description="Time between an order's arrival and the venue acting on it.")


class SimulationConfig(Section):
    """How bars become fills."""

    bar_mode: BarMode = Field(
        default="intrabar_ohlc", description="`intrabar_ohlc`: the bar's whole range is traded; `open_only`, `close_only`: that price only."
    )
    tick_mode: Literal["real_ticks", "synthetic_ticks"] | None = Field(default=None, description="Ticks made of bars.")
    synthetic_tick_profile: str | None = Field(default=None, description="Order of the made ticks within a bar.")


class SessionConfig(Section):
    """Trading hours of the paper venue, in a backtest and live: they narrow those of the calendar, and never add to them."""

    enabled: bool = Field(default=False, description="Put this section in force.")
    start_hhmm: Clock = Field(default="09:30", description="Begin, exchange time (RegimeFlow: UTC).")
    end_hhmm: Clock = Field(default="16:00", description="End, exchange time (RegimeFlow: UTC).")
    open_auction_minutes: MillisOrZero = Field(default=0, description="A first print later after the open opens nothing (0: any does).")
    close_auction_minutes: MillisOrZero = Field(default=0, description="A last print earlier before the close closes nothing (0: any does).")
    weekdays: tuple[Weekday, ...] = Field(default=("mon", "tue", "wed", "thu", "fri"), strict=False, description="Days with a session.")
    closed_dates: tuple[Day, ...] = Field(default=(), strict=False, description="Holidays besides those of the calendar.")
    halt: bool = Field(default=False, description="Nothing trades.")
    halted_symbols: Symbols = Field(default=(), description="Symbols that do not trade.")


def _return(value: object) -> object:
    """RegimeFlow's `preserve` is `return`."""
    return "return" if value == "preserve" else value


class PolicyConfig(Section):
    """What the paper venue, in a backtest and live, does with an order that cannot trade whole, or not near the price it was sent at."""

    fill: Annotated[Literal["return", "ioc", "fok"], BeforeValidator(_return)] = Field(
        default="return", description="An order of another time in force that trades in part works on, loses its rest, or is cancelled unfilled."
    )
    max_deviation_bps: Basis | None = Field(
        default=None, description="Largest move against a taker: from the price seen when a market order was sent, from a stop's level."
    )
    price_drift_action: Literal["ignore", "requote", "reject"] = Field(
        default="ignore", description="Beyond it: trade, wait for the next price at the new one, cancel."
    )


class VenueConfig(Section):
    """One venue of the smart router."""

    name: str = Field(description="Name.")
    weight: Annotated[float, Field(ge=0)] = Field(default=1.0, description="Share of a split order; an order that is not split goes to the heaviest.")
    maker_rebate_bps: Basis | None = Field(default=None, description="Paid to a resting order.")
    taker_fee_bps: Basis | None = Field(default=None, description="Charged to a taking order.")
    price_adjustment_bps: Basis | None = Field(default=None, description="Price handicap.")
    latency_ms: MillisOrZero | None = Field(default=None, description="Latency.")
    queue_enabled: bool | None = Field(default=None, description="Model the queue.")
    queue_progress_fraction: Annotated[float, Field(ge=0, le=1)] | None = Field(default=None, description="Queue progress a trade.")
    queue_default_visible_qty: Annotated[float, Field(ge=0)] | None = Field(default=None, description="Visible size where unknown.")
    queue_depth_mode: str | None = Field(default=None, description="What depth counts.")


class SplitConfig(Section):
    """Splitting a parent order."""

    enabled: bool = Field(default=False, description="Split.")
    mode: Literal["none", "parallel", "sequential"] = Field(default="parallel", description="All at once, or one after the other.")
    min_child_qty: Amount | None = Field(default=None, description="Smallest child.")
    max_children: Count = Field(default=4, description="Most children.")
    parent_aggregation: Literal["none", "partial", "final"] = Field(default="partial", description="How children report as the parent.")


class RoutingConfig(Section):
    """Smart order routing."""

    enabled: bool = Field(default=False, description="Route.")
    mode: Literal["smart", "none", "off", "disabled"] = Field(default="smart", description="`smart` or none.")
    max_spread_bps: Basis | None = Field(
        default=None, description="In a market this tight a market order goes as a passive limit order; without it none does by itself."
    )
    passive_offset_bps: Basis | None = Field(default=None, description="How far behind the own side's quote a passive limit stands. Default: 0.")
    aggressive_offset_bps: Basis | None = Field(
        default=None, description="How far beyond the other side's quote an aggressive limit reaches. Default: 0."
    )
    default_venue: str | None = Field(default=None, description="Where an order goes where no `venues` are listed.")
    venues: tuple[VenueConfig, ...] = Field(default=(), strict=False, description="The venues.")
    split: SplitConfig = Field(default=SplitConfig(), description="Splitting; on, it switches routing on.")

    @property
    def active(self) -> bool:
        """As RegimeFlow reads it: a split switches routing on."""
        return self.mode == "smart" and (self.enabled or self.splits)

    @property
    def splits(self) -> bool:
        return self.split.enabled and self.split.mode != "none"


class MarginConfig(Section):
    """The account's margin profile; the broker's own margin stays the broker's."""

    initial_margin_ratio: Fraction | None = Field(default=None, description="Equity needed to open, as a fraction of notional.")
    maintenance_margin_ratio: Fraction | None = Field(default=None, description="Equity needed to hold.")
    stop_out_margin_level: Ratio | None = Field(default=None, description="Equity over used margin below which positions are closed.")


class AccountConfig(Section):
    """The account."""

    margin: MarginConfig = Field(default=MarginConfig(), description="Margin profile.")


class ExecutionAccount(AccountConfig):
    """The simulated account."""

    enforcement: dict[str, JsonValue] = Field(default={}, description="What a margin call and a stop-out do.")
    financing: dict[str, JsonValue] = Field(default={}, description="Financing of long and short positions.")


class ExecutionConfig(Section):
    """How orders are executed in simulation."""

    latency: LatencyConfig = Field(default=LatencyConfig(), description="Latency.")
    simulation: SimulationConfig = Field(default=SimulationConfig(), description="How bars become fills.")
    session: SessionConfig = Field(default=SessionConfig(), description="Trading hours.")
    policy: PolicyConfig = Field(default=PolicyConfig(), description="Price moves.")
    routing: RoutingConfig = Field(default=RoutingConfig(), description="Smart order routing.")
    account: ExecutionAccount = Field(default=ExecutionAccount(), description="The simulated account.")
    transaction_cost: dict[str, JsonValue] = Field(default={}, description="A second cost model.")
    market_impact: dict[str, JsonValue] = Field(default={}, description="Market impact.")
    queue: dict[str, JsonValue] = Field(default={}, description="Queue position of resting orders.")
