"""Top-level backtest keys: RegimeFlow's flat form. The strategy is `strategy`, `live.strategies` or the command line's."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, JsonValue

from .base import Amount, Currency, Day, Symbols
from .costs import CostKeys
from .execution import ExecutionConfig
from .gateway import BarType, DataFiles
from .risk import RiskConfig


class BacktestKeys(CostKeys):
    """What a backtest needs."""

    data_source: Literal["csv", "parquet", "synthetic", "journal"] = Field(
        default="csv",
        description="Kind of data; `journal`: the market data in the journal of the recorded session (`journal.path`, or `live.state_dir`).",
    )
    data: DataFiles | None = Field(default=None, description="The files.")
    symbols: Symbols = Field(default=(), description="Symbols of the backtest. Default: `live.symbols`.")
    start_date: Day | None = Field(default=None, description="First trading day, by each exchange's calendar; earlier rows serve as warm-up history.")
    end_date: Day | None = Field(default=None, description="Last trading day.")
    bar_type: BarType = Field(default="1d", description="Length of a bar.")
    initial_capital: Amount = Field(default=Decimal(1_000_000), description="Cash at the start.")
    currency: Currency = Field(default="USD", description="Base currency.")
    execution_model: Literal["basic"] = Field(default="basic", description="Execution model.")
    execution: ExecutionConfig = Field(default=ExecutionConfig(), description="How orders are executed.")
    risk: RiskConfig | None = Field(default=None, description="Risk of the backtest. Default: `live.risk`.")
    strategy_params: dict[str, JsonValue] = Field(default={}, description="Parameters of the strategy named on the command line.")
    regime_detector: str | None = Field(default=None, description="Regime detector.")
    regime_params: dict[str, JsonValue] = Field(default={}, description="Its parameters.")
    regime: dict[str, JsonValue] = Field(default={}, description="Regime detector, nested form.")
