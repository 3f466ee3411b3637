"""A bar leaves columns behind, never an object: what a run keeps does not grow by a block of memory a bar."""

from __future__ import annotations

import gc
import sys

from services.backtest.main import run_backtest
from shared.metrics.record import RunRecord
from tests.unit.backtest.conftest import Configure, WriteBars, walk

BLOCKS_A_BAR_MAX = 0.25


def test_objects_kept_do_not_grow_with_the_bars(configure: Configure, write_bars: WriteBars) -> None:
    strategy = {"name": "buy_and_hold", "params": {"symbol": "ABC", "quantity": 1}, "history_bars_max": 100}
    kept = {}
    for bars in (1_000, 1_000, 9_000):  # the first fills what is cached for ever
        write_bars("ABC", walk(2, bars))
        loaded = configure(strategy=strategy)
        gc.collect()
        before = sys.getallocatedblocks()
        record: RunRecord = run_backtest(loaded)
        gc.collect()
        kept[bars] = sys.getallocatedblocks() - before
        assert record.counts["bars"] == bars
        assert len(record.curve) == bars
    assert kept[9_000] - kept[1_000] < BLOCKS_A_BAR_MAX * 8_000
