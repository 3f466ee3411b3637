"""backtrader with its fastest settings: data preloaded, averages computed before the run, no observers."""

from __future__ import annotations

import backtrader as bt
import pandas as pd
from stopwatch import Stopwatch, Task


class FixedFee(bt.CommInfoBase):
    params = (("stocklike", True), ("commtype", bt.CommInfoBase.COMM_FIXED))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        return float(self.p.commission)


def feed(watch: Stopwatch) -> type[bt.feeds.PandasData]:
    class Timed(bt.feeds.PandasData):
        def preload(self) -> None:
            with watch.loading():
                super().preload()

    return Timed


def strategy(task: Task) -> type[bt.Strategy]:
    class MovingAverageCross(bt.Strategy):
        def __init__(self) -> None:
            self.bars = self.fills = 0
            self.watched = [(d, bt.ind.SMA(d, period=task.fast), bt.ind.SMA(d, period=task.slow)) for d in self.datas]

        def prenext(self) -> None:
            self.bars += len(self.datas)

        def next(self) -> None:
            for data, fast, slow in self.watched:
                self.bars += 1
                gap = fast[0] - slow[0]
                if gap > 0:
                    if not self.getposition(data).size:
                        self.buy(data=data, size=task.quantity)
                elif gap < 0 and self.getposition(data).size:
                    self.close(data=data)

        def notify_order(self, order: bt.Order) -> None:
            self.fills += order.status == order.Completed

    return MovingAverageCross


def run(task: Task) -> None:
    watch = Stopwatch()
    kind = feed(watch)
    cerebro = bt.Cerebro(stdstats=False, preload=True, runonce=True)
    for symbol in task.symbols:
        with watch.loading():
            cerebro.adddata(kind(dataname=pd.read_csv(task.file(symbol), index_col="timestamp", parse_dates=True)), name=symbol)
    cerebro.addstrategy(strategy(task))
    cerebro.broker.setcash(task.cash)
    cerebro.broker.addcommissioninfo(FixedFee(commission=task.fee))
    (ran,) = cerebro.run()
    watch.tell(ran.bars, ran.fills, cerebro.broker.getvalue())


if __name__ == "__main__":
    run(Task.asked())
