"""The whole configuration, and what of it is derived."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from pathlib import Path

from pydantic import Field

from .backtest import BacktestKeys
from .base import Currency, Symbol
from .bus import BusConfig, JournalConfig
from .execution import AccountConfig, MarginConfig
from .gateway import GatewayConfig, SyntheticFeed
from .instruments import CALENDARS, CurrencyConfig, InstrumentConfig, default_instrument
from .live import LiveConfig
from .metrics import MetricsConfig
from .paper import PaperConfig
from .risk import RiskConfig
from .strategies import ShortStrategy, StrategyConfig


class Config(BacktestKeys):
    """One file: `live` and what it runs on, or the backtest keys, or both."""

    live: LiveConfig | None = Field(default=None, description="The live session.")
    bus: BusConfig = Field(default=BusConfig(), description="The sequencer and its sockets.")
    journal: JournalConfig = Field(default=JournalConfig(), description="The durable log.")
    gateway: GatewayConfig = Field(default=GatewayConfig(feed=SyntheticFeed(kind="synthetic")), description="Market data.")
    instruments: dict[Symbol, InstrumentConfig] = Field(default={}, description="What is traded, by symbol.")
    currencies: dict[Currency, CurrencyConfig] = Field(default={}, description="What other currencies are worth, by currency.")
    paper: PaperConfig = Field(default=PaperConfig(), description="The embedded paper broker.")
    account: AccountConfig = Field(default=AccountConfig(), description="The account.")
    metrics: MetricsConfig = Field(default=MetricsConfig(), description="Metrics.")
    strategy: ShortStrategy | None = Field(default=None, description="Short form of `live.strategies` for one strategy: `{name, params}`.")

    @property
    def strategies(self) -> tuple[StrategyConfig, ...]:
        """What trades, whichever form it is written in."""
        if self.strategy is not None:
            return (self.strategy,)
        return self.live.strategies if self.live is not None else ()

    def strategy_symbols(self, strategy: StrategyConfig) -> tuple[str, ...]:
        """What a strategy may trade: its own list, else all."""
        return strategy.symbols or (self.live.symbols if self.live is not None else self.symbols)

    def budgets(self, cash: Decimal) -> dict[str, Decimal]:
        """Cash of each strategy's book, by id: as given, and equal shares (whole cents, down) of what that leaves of the account's cash."""
        given = {strategy.id: strategy.budget for strategy in self.strategies if strategy.budget is not None}
        sharing = len(self.strategies) - len(given)
        rest = max(cash - sum(given.values()), Decimal(0))
        each = (rest / sharing).quantize(Decimal("0.01"), ROUND_DOWN) if sharing else Decimal(0)
        return {strategy.id: given.get(strategy.id, each) for strategy in self.strategies}

    @property
    def backtest_symbols(self) -> tuple[str, ...]:
        """Symbols of a backtest of this file."""
        return self.symbols or (self.live.symbols if self.live is not None else ())

    @property
    def backtest_risk(self) -> RiskConfig:
        """Risk of a backtest of this file: its own, else the live one."""
        if self.risk is not None:
            return self.risk
        return self.live.risk if self.live is not None else RiskConfig()

    @property
    def margin(self) -> MarginConfig:
        """Margin profile of the live account."""
        if self.live is not None and self.live.account is not None:
            return self.live.account.margin
        return self.account.margin

    @property
    def journal_path(self) -> Path:
        """The journal file. Needs `live` where `journal.path` is not given."""
        return self.journal.path or self._state_dir / "journal.db"

    @property
    def bus_directory(self) -> Path:
        """Directory of the sockets. Needs `live` where `bus.directory` is not given."""
        return self.bus.directory or self._state_dir / "bus"

    @property
    def _state_dir(self) -> Path:
        return self.live.state_dir if self.live is not None else LiveConfig.model_fields["state_dir"].default

    def instrument(self, symbol: str) -> InstrumentConfig:
        """The instrument of a symbol, its calendar filled in."""
        asset_class = self.live.broker_asset_class if self.live is not None else "equity"
        found = self.instruments.get(symbol) or default_instrument(asset_class)
        if found.calendar is not None:
            return found
        preset = self.live.calendar if self.live is not None else None
        return found.model_copy(update={"calendar": preset or CALENDARS[found.asset_class]})
