"""`live.risk.limits`: the numbers risk holds orders, positions and losses against.

All are in the account's base currency or units of the instrument; fractions are of equity (0.2 is 20 %). Defaults are conservative and on.
A limit is switched off only by writing `null`. Where RegimeFlow has a name, that is the key; other spellings are in `spellings.py`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from .base import Amount, Count, CountOrZero, Fraction, Ratio, Section, Symbol

Correlation = Annotated[float, Field(gt=0, le=1)]


class CorrelationLimit(Section):
    """Exposure to pairs that move together."""

    window: Annotated[int, Field(ge=2, le=10_000)] = Field(default=120, description="Bars of history.")
    max_corr: Correlation = Field(default=0.8, description="Pairs above this correlation count as one.")
    max_pair_exposure_pct: Ratio = Field(default=Decimal("0.3"), description="Most exposure to such a pair, as a fraction of equity.")


class Limits(Section):
    """Hard limits; `live.risk.soft_fraction` of each raises an alert."""

    max_notional: Amount | None = Field(default=Decimal(100_000), description="Most notional of one order; market orders are priced at the collar.")
    order_qty_max: Amount | None = Field(default=Decimal(10_000), description="Most units of one order.")
    order_adv_fraction_max: Fraction | None = Field(default=None, description="Most of the average daily volume in one order.")
    max_position: Amount | None = Field(default=Decimal(100_000), description="Most units held or worked in one symbol, long or short.")
    max_position_pct: Ratio | None = Field(default=Decimal("0.5"), description="Most notional in one symbol, as a fraction of equity.")
    position_notional_max: Amount | None = Field(default=Decimal(250_000), description="Most notional in one symbol.")
    max_gross_exposure: Ratio | None = Field(default=Decimal("1.5"), description="Most gross exposure, as a fraction of equity.")
    gross_notional_max: Amount | None = Field(default=Decimal(1_000_000), description="Most gross exposure.")
    max_net_exposure: Ratio | None = Field(default=Decimal(1), description="Most net exposure, as a fraction of equity.")
    net_notional_max: Amount | None = Field(default=Decimal(1_000_000), description="Most net exposure.")
    max_leverage: Annotated[Amount, Field(le=100)] | None = Field(default=Decimal(1), description="Most gross exposure over equity.")
    buying_power_fraction_max: Fraction | None = Field(
        default=Decimal("0.95"), description="Most of the broker's buying power that open orders may take."
    )
    orders_open_max: Count | None = Field(default=200, description="Most working orders of the account; unknown ones count.")
    strategy_orders_open_max: Count | None = Field(default=100, description="Most working orders of a strategy.")
    symbol_orders_open_max: Count | None = Field(default=50, description="Most working orders of a symbol.")
    max_orders_per_second: CountOrZero | None = Field(
        default=20, description="Most messages a second (new and replace) of the account; 0: the broker's own bound."
    )
    strategy_msgs_per_s_max: Count | None = Field(default=10, description="Most messages a second of a strategy.")
    max_orders_per_minute: CountOrZero | None = Field(default=None, description="Most messages a minute of the account; 0: no bound.")
    max_drawdown: Fraction | None = Field(default=Decimal("0.2"), description="Fall of equity from its peak that leads to `drawdown_state`.")
    daily_loss_limit: Amount | None = Field(
        default=None, description="Loss since the trading day began that leads to `day_loss_state`; realised and unrealised."
    )
    daily_loss_limit_pct: Fraction | None = Field(default=Decimal("0.05"), description="The same as a fraction of the day's first equity.")
    strategy_day_loss_max: Amount | None = Field(default=None, description="Loss of any one strategy since the trading day began that halts it.")
    sector_limits: dict[str, Ratio] = Field(default={}, description="Most exposure by sector, as a fraction of equity.")
    sector_map: dict[Symbol, str] = Field(default={}, description="Sector by symbol.")
    industry_limits: dict[str, Ratio] = Field(default={}, description="Most exposure by industry, as a fraction of equity.")
    industry_map: dict[Symbol, str] = Field(default={}, description="Industry by symbol.")
    correlation: CorrelationLimit | None = Field(default=None, description="Exposure to pairs that move together.")


class LimitOverrides(Limits):
    """Limits of one strategy or regime, beside the account's: what is not written is None, whatever the account's default."""

    @model_validator(mode="after")
    def _only_what_is_written(self) -> Self:
        for name, field in type(self).model_fields.items():
            if name not in self.model_fields_set and field.default != {}:
                self.__dict__[name] = None  # frozen for everybody else; nobody has seen it yet
        return self
