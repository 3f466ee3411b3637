"""The regimeflow package with a Python strategy. It reads its files inside `run`; the strategy's start is where loading ends. Its regime detector,
which the rule does not ask, is the one that costs least."""

from __future__ import annotations

import regimeflow as rf
from cross import Cross
from stopwatch import Stopwatch, Task

DATES = ("2020-01-01", "2029-12-31")


class MovingAverageCross(rf.Strategy):
    def set(self, task: Task, watch: Stopwatch) -> MovingAverageCross:
        self.bars, self.task, self.watch = 0, task, watch
        self.averages = {symbol: Cross(task.fast, task.slow) for symbol in task.symbols}
        self.read = watch.loading()
        return self

    def initialize(self, ctx: rf.StrategyContext) -> None:
        self.context = ctx

    def on_start(self) -> None:
        self.read.__exit__(None, None, None)

    def on_bar(self, bar: rf.Bar) -> None:
        self.bars += 1
        symbol = bar.symbol
        gap = self.averages[symbol].add(bar.close)
        if gap == 0:
            return
        held = self.context.get_position(symbol)
        if gap > 0:
            if held <= 0:
                self.trade(symbol, rf.OrderSide.BUY, self.task.quantity)
        elif held > 0:
            self.trade(symbol, rf.OrderSide.SELL, held)

    def trade(self, symbol: str, side: rf.OrderSide, quantity: float) -> None:
        self.context.submit_order(rf.Order(symbol, side, rf.OrderType.MARKET, float(quantity)))


def run(task: Task) -> None:
    first, last = DATES
    watch = Stopwatch()
    config = rf.BacktestConfig.from_dict(
        {
            "data_source": "csv",
            "data_config": {"data_directory": task.directory, "file_pattern": "{symbol}.csv", "has_header": True},
            "symbols": task.symbols,
            "start_date": first,
            "end_date": last,
            "bar_type": "1m",
            "initial_capital": float(task.cash),
            "commission_model": "fixed",
            "commission_params": {"amount": float(task.fee)},
            "regime_detector": "constant",
        }
    )
    engine = rf.BacktestEngine(config)
    strategy = MovingAverageCross().set(task, watch)
    strategy.read.__enter__()
    results = engine.run(strategy)
    watch.tell(strategy.bars, len(results.trades()), engine.portfolio.equity)


if __name__ == "__main__":
    run(Task.asked())
