"""backtesting.py: one symbol at a time is all it takes, so fifty are fifty runs; averages are computed before the run, in one go."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from stopwatch import Stopwatch, Task


def sums(closes: np.ndarray, period: int) -> np.ndarray:
    """Of whole cents over so many closes; NaN before there are as many."""
    total = np.cumsum(np.rint(np.asarray(closes) * 100))
    return np.concatenate([np.full(period - 1, np.nan), total[period - 1 :] - np.concatenate([[0.0], total[:-period]])])


def strategy(task: Task) -> type[Strategy]:
    class MovingAverageCross(Strategy):
        bars = 0

        def init(self) -> None:
            self.fast = self.I(sums, self.data.Close, task.fast)
            self.slow = self.I(sums, self.data.Close, task.slow)

        def next(self) -> None:
            MovingAverageCross.bars += 1
            gap = self.fast[-1] * task.slow - self.slow[-1] * task.fast
            if gap > 0:
                if not self.position:
                    self.buy(size=task.quantity)
            elif gap < 0 and self.position:
                self.position.close()

    return MovingAverageCross


def run(task: Task) -> None:
    warnings.simplefilter("ignore")  # of a trade still open at the end
    rule = strategy(task)
    bars, fills, earned = 0, 0, 0.0
    watch = Stopwatch()
    for symbol in task.symbols:
        with watch.loading():
            frame = pd.read_csv(task.file(symbol), index_col="timestamp", parse_dates=True)
            frame.columns = [name.capitalize() for name in frame.columns]
        backtest = Backtest(frame, rule, cash=task.cash, commission=(task.fee, 0.0))
        found = backtest.run()
        bars += len(frame)
        fills += 2 * len(found["_trades"]) + len(found["_strategy"].trades)
        earned += found["Equity Final [$]"] - task.cash
    assert rule.bars >= bars - task.slow * len(task.symbols), "it begins where the slow average does"
    watch.tell(bars, fills, task.cash + earned)


if __name__ == "__main__":
    run(Task.asked())
