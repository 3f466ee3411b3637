"""`services.backtest.main.run_backtest`, as the command calls it, and the statistics of its record."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import yaml
from stopwatch import Stopwatch, Task

from services.backtest import main
from services.gateway.feeds.port import Block, End, Source
from shared.config import Loaded, load
from shared.metrics.record import DataFile
from shared.metrics.summary import summary

ORDERS_PER_SECOND_MAX = 1_000  # counted as ever, but fifty symbols in one minute must not be denied what the others allow


class Timed:
    """The real source; the watch knows when it is read."""

    def __init__(self, source: Source, watch: Stopwatch) -> None:
        self.name, self._source, self._watch = source.name, source, watch
        self.notes, self.history = source.notes, source.history

    def blocks(self, skip: int) -> Generator[Block, None, End]:
        blocks = self._source.blocks(skip)
        while True:
            with self._watch.loading():
                try:
                    block = next(blocks)
                except StopIteration as stop:
                    end: End = stop.value
                    return end
            yield block

    def digests(self) -> Sequence[DataFile]:
        with self._watch.loading():
            return self._source.digests()


def configuration(task: Task, path: Path) -> Loaded:
    tree = {
        "data_source": "csv",
        "data": {"data_directory": task.directory, "file_pattern": "{symbol}.csv"},
        "symbols": task.symbols,
        "bar_type": "1m",
        "initial_capital": task.cash,
        "commission_model": "fixed",
        "commission_params": {"amount": task.fee},
        "strategy": {"name": "moving_average_cross", "params": {"fast_period": task.fast, "slow_period": task.slow, "quantity": task.quantity}},
        "risk": {"limits": dict.fromkeys(("max_orders_per_second", "strategy_msgs_per_s_max"), ORDERS_PER_SECOND_MAX)},
        "instruments": {symbol: {"calendar": "24x7"} for symbol in task.symbols},
    }
    path.write_text(yaml.safe_dump(tree))
    return load(path, env={})


def run(task: Task) -> None:
    with tempfile.TemporaryDirectory() as directory:
        watch = Stopwatch()
        real = main.open_source

        def opened(*settings: Any) -> Timed:
            with watch.loading():
                return Timed(real(*settings), watch)

        main.open_source = opened
        record = main.run_backtest(configuration(task, Path(directory) / "bench.yaml"))
        summary(record)
        watch.tell(record.counts["bars"], len(record.fills), float(record.final_equity))


if __name__ == "__main__":
    run(Task.asked())
