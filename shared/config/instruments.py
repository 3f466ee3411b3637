"""`instruments`: what is traded; a symbol that is not listed has the defaults of its asset class. `currencies`: what their money is worth."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field

from .base import Amount, Currency, Section, Symbol

AssetClass = Literal["equity", "crypto", "forex", "future", "option"]
Calendar = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{2,20}$")]


class InstrumentConfig(Section):
    """One instrument."""

    tick_size: Amount = Field(default=Decimal("0.01"), description="Smallest price step; order prices are multiples of it.")
    lot_size: Amount = Field(default=Decimal(1), description="Smallest quantity step; order quantities are multiples of it.")
    multiplier: Amount = Field(default=Decimal(1), description="Value of one unit per point of price (futures, options).")
    currency: Currency | None = Field(
        default=None, description="Currency of its prices. Default: the account's; of another one without a rate nothing new is bought."
    )
    fx_rate: Amount | None = Field(
        default=None, description="Account currency for one unit of `currency`, where they differ; the short form of `currencies.CURRENCY.rate`."
    )
    calendar: Calendar | None = Field(
        default=None, description="Exchange calendar, or `24x7`. Default: `live.calendar`, else that of the asset class."
    )
    asset_class: AssetClass = Field(default="equity", description="What it is.")
    shortable: bool = Field(default=True, description="May be sold short, where `live.risk.short_allowed`.")
    easy_to_borrow: bool = Field(default=True, description="Whether shares to sell short are easy to get; see `live.risk.require_easy_to_borrow`.")
    average_daily_volume: Amount | None = Field(
        default=None, description="Units traded a day, for `order_adv_fraction_max`. Default: the mean of the newest 20 days seen."
    )
    sector: str = Field(default="", description="Sector, for sector limits.")
    industry: str = Field(default="", description="Industry, for industry limits.")


class CurrencyConfig(Section):
    """One currency that is not the account's."""

    rate: Amount | None = Field(default=None, description="Account currency for one unit of it: a fixed rate, which does not age.")
    pair: Symbol | None = Field(
        default=None,
        description="Symbol, one of those traded or watched, whose bars and quotes tell the rate: its price is account currency for one unit.",
    )
    inverse: bool = Field(default=False, description="The pair's price is units of it for one of the account's: `USDJPY` on a USD account.")


CALENDARS: Final[dict[str, str]] = {"equity": "XNYS", "crypto": "24x7", "forex": "24x5", "future": "CMES", "option": "XNYS"}
_DEFAULTS: Final = {
    "equity": InstrumentConfig(),
    "crypto": InstrumentConfig(asset_class="crypto", lot_size=Decimal("0.000001"), shortable=False),
}


def default_instrument(asset_class: str) -> InstrumentConfig:
    """What a symbol is when `instruments` does not list it. asset_class: equity | crypto (`live.broker_asset_class`)."""
    return _DEFAULTS[asset_class]
