"""`paper`: the embedded paper broker's account and venue; the cost keys are the backtest's."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from .base import Amount, Cost, Currency, Fraction, MillisOrZero
from .costs import CostKeys
from .execution import BarMode


class PaperConfig(CostKeys):
    """The paper account and how its venue fills."""

    initial_cash: Amount = Field(default=Decimal(100_000), description="Cash of a new paper account.")
    currency: Currency = Field(default="USD", description="Base currency of the account.")
    balances: dict[Currency, Cost] = Field(default={}, description="Money of other currencies a new paper account starts with.")
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{1,32}$")] = Field(default="paper", description="Account number.")
    account_kind: Literal["cash", "margin"] = Field(default="margin", description="`cash`: buys within settled cash, no short sales.")
    settlement_days: Annotated[int, Field(ge=0, le=5)] = Field(
        default=1,
        description="Trading dates until what a sale brings may be spent (`cash`; 0: at once). Crypto and 24x7 instruments settle at once.",
    )
    margin_multiplier: Annotated[Amount, Field(le=100)] = Field(default=Decimal(2), description="Gross exposure allowed over equity (`margin`).")
    short_allowed: bool = Field(default=True, description="The venue lends; risk has its own say (`live.risk.short_allowed`).")
    bar_mode: BarMode = Field(default="intrabar_ohlc", description="What a bar without quotes fills: see `execution.simulation.bar_mode`.")
    stop_trigger: Literal["last", "quote", "auto"] = Field(
        default="auto", description="What elects a stop: prints, quotes, or prints where there are any."
    )
    partial_fills: bool = Field(default=False, description="A taker gets no more than the quoted size, each unit of it once.")
    volume_share_max: Fraction | None = Field(default=None, description="Our largest share of a bar's or print's volume.")
    limit_needs_through: bool = Field(default=False, description="A resting limit fills only when the price goes beyond it.")
    latency_ms: MillisOrZero = Field(default=0, description="Submit, cancel and replace take effect this much later.")
