"""Slippage and commission: RegimeFlow's keys, shared by the backtest and the paper venue."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from .base import Basis, Cost, Fraction, Section


class SlippageParams(Section):
    """Parameters of the slippage model."""

    bps: Basis | None = Field(default=None, description="`fixed_bps`: basis points of price, against the taker.")
    spread_bps: Basis | None = Field(default=None, description="`spread`: whole spread assumed where no quote is known.")
    impact_bps: Basis | None = Field(default=None, description="`volume_impact`: at 100 % participation, scaled by its square root.")
    impact_bps_max: Basis = Field(default=Decimal(100), description="`volume_impact`: at most this.")
    default_bps: Basis | None = Field(default=None, description="`regime_bps`: for a regime without an entry.")
    regime_bps: dict[str, Basis] = Field(default={}, description="`regime_bps`: basis points by regime.")


class CommissionParams(Section):
    """Parameters of the commission model; the broker schedules (`ib_fixed`, `ib_tiered`, `alpaca`) need none."""

    amount: Cost | None = Field(default=None, description="`fixed`: an order, in the account's currency.")
    rate: Cost | None = Field(default=None, description="`per_share`: a unit.")
    minimum: Cost = Field(default=Decimal(0), description="`per_share`: at least this an order.")
    maximum_fraction: Fraction | None = Field(default=None, description="`per_share`: at most this fraction of the order's value.")
    sec_rate: Cost | None = Field(default=None, description="SEC fee of sales, where a schedule's own is out of date.")
    taf_rate: Cost | None = Field(default=None, description="FINRA trading activity fee a share sold, likewise.")
    taf_maximum: Cost | None = Field(default=None, description="Its maximum an order, likewise.")
    cat_rate: Cost | None = Field(default=None, description="CAT fee a share, likewise.")


def _none(value: object) -> object:
    """RegimeFlow's `zero` is `none`."""
    return "none" if value == "zero" else value


SlippageName = Annotated[Literal["none", "fixed_bps", "spread", "volume_impact", "regime_bps"], BeforeValidator(_none)]
CommissionName = Annotated[Literal["none", "fixed", "per_share", "ib_fixed", "ib_tiered", "alpaca"], BeforeValidator(_none)]


class CostKeys(Section):
    """What a fill costs."""

    slippage_model: SlippageName = Field(default="none", description="How much worse than the seen price a taker trades (`zero` is `none`).")
    slippage_params: SlippageParams = Field(default=SlippageParams(), description="Parameters of the slippage model.")
    commission_model: CommissionName = Field(default="none", description="What an order's fills are charged (`zero` is `none`).")
    commission_params: CommissionParams = Field(default=CommissionParams(), description="Parameters of the commission model.")


NEEDS: Final[dict[tuple[str, str], str]] = {
    ("slippage", "fixed_bps"): "bps",
    ("slippage", "spread"): "spread_bps",
    ("slippage", "volume_impact"): "impact_bps",
    ("slippage", "regime_bps"): "default_bps",
    ("commission", "fixed"): "amount",
    ("commission", "per_share"): "rate",
}
"""The parameter a model cannot do without."""
