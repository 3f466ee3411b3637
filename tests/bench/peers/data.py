"""The bars of the backtest benchmark: random walks in whole cents with a fixed seed, one CSV file a symbol, which everybody reads.

Minutes of every hour of every day, so that no calendar leaves one out; each bar opens a few cents from the last close, as traded bars do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc

SEED: Final = 20_240_103
FIRST: Final = np.datetime64("2020-01-01T00:00:00", "s")
MINUTE: Final = np.timedelta64(60, "s")
LEVEL: Final = 20_000  # cents where a walk begins
REACH: Final = 8_000  # cents it goes from there at most: it is reflected
STEP: Final = 9.0  # cents a minute, one standard deviation


def names(symbols: int) -> list[str]:
    return [f"S{i:02d}" for i in range(symbols)]


def write(directory: Path, symbols: int, bars: int) -> Path:
    """`<directory>/<symbol>.csv` for each of so many symbols, bars of them in total: the first rows of a longer walk are the shorter
    walk. Returns directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for place, name in enumerate(names(symbols)):
        with (directory / f"{name}.csv").open("wb") as file:
            table = _table(place, bars // symbols)
            file.write(",".join(table.column_names).encode() + b"\n")  # pyarrow's header has quotes, which not everybody reads
            pc.write_csv(table, file, pc.WriteOptions(include_header=False, quoting_style="none"))
    return directory


def _table(place: int, bars: int) -> pa.Table:
    walk, open_, high, low, volume = (np.random.default_rng([SEED, place, column]) for column in range(5))
    steps = np.cumsum(np.rint(walk.normal(0.0, STEP, bars)).astype(np.int64))
    closes = LEVEL + REACH - np.abs((steps + REACH) % (4 * REACH) - 2 * REACH)
    opens = np.concatenate([[LEVEL], closes[:-1]]) + open_.integers(-2, 3, bars)
    highs = np.maximum(opens, closes) + high.integers(0, 6, bars)
    lows = np.minimum(opens, closes) - low.integers(0, 6, bars)
    times = pa.array(FIRST + np.arange(bars) * MINUTE).cast(pa.timestamp("s"))
    columns: dict[str, pa.Array | npt.NDArray[np.float64]] = {
        "timestamp": times,
        **{name: cents / 100 for name, cents in (("open", opens), ("high", highs), ("low", lows), ("close", closes))},
        "volume": volume.integers(10_000, 50_000, bars),
    }
    return pa.table(columns)
