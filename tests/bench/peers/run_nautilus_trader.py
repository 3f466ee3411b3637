"""nautilus_trader: its low-level BacktestEngine, bars made by its own wrangler before the run, a Python strategy, logging off, risk engine on."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
from cross import Cross
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import FixedFeeModel
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy
from stopwatch import Stopwatch, Task

VENUE = Venue("SIM")


class MovingAverageCross(Strategy):
    def __init__(self, task: Task, kinds: list[BarType]) -> None:
        super().__init__()
        self.kinds = kinds
        self.bars = self.fills = 0
        self.size = Quantity.from_int(task.quantity)
        self.averages = {kind: Cross(task.fast, task.slow) for kind in kinds}

    def on_start(self) -> None:
        for kind in self.kinds:
            self.subscribe_bars(kind)

    def on_bar(self, bar: Bar) -> None:
        self.bars += 1
        kind = bar.bar_type
        gap = self.averages[kind].add(bar.close.as_double())
        if gap == 0:
            return
        instrument = kind.instrument_id
        if gap > 0:
            if self.portfolio.is_flat(instrument):
                self.submit_order(self.order_factory.market(instrument, OrderSide.BUY, self.size))
        elif self.portfolio.is_net_long(instrument):
            self.submit_order(self.order_factory.market(instrument, OrderSide.SELL, self.size))

    def on_order_filled(self, event: OrderFilled) -> None:
        self.fills += 1


def equity(symbol: str) -> Equity:
    return Equity(
        instrument_id=InstrumentId(Symbol(symbol), VENUE),
        raw_symbol=Symbol(symbol),
        currency=USD,
        price_precision=2,
        price_increment=Price.from_str("0.01"),
        lot_size=Quantity.from_int(1),
        ts_event=0,
        ts_init=0,
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
    )


def run(task: Task) -> None:
    watch = Stopwatch()
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        starting_balances=[Money(task.cash, USD)],
        base_currency=USD,
        fee_model=FixedFeeModel(Money(task.fee, USD)),
    )
    kinds = []
    with watch.loading():
        for symbol in task.symbols:
            instrument = equity(symbol)
            kind = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
            engine.add_instrument(instrument)
            frame = pd.read_csv(task.file(symbol), index_col="timestamp", parse_dates=True)
            engine.add_data(BarDataWrangler(kind, instrument).process(frame.astype(float)), sort=symbol == task.symbols[-1])
            kinds.append(kind)
    strategy = MovingAverageCross(task, kinds)
    engine.add_strategy(strategy)
    engine.run()
    cash = engine.trader.generate_account_report(VENUE)["total"].iloc[-1]
    held = sum(
        float(p.signed_qty) * float(engine.cache.bar(k).close) for k in kinds for p in engine.cache.positions_open(instrument_id=k.instrument_id)
    )
    watch.tell(strategy.bars, strategy.fills, float(cash) + held)
    engine.dispose()


if __name__ == "__main__":
    run(Task.asked())
