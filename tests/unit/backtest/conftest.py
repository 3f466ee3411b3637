"""Files and configurations of backtests."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.config import Loaded, load

START = dt.datetime(2024, 1, 3, tzinfo=dt.UTC)
Row = tuple[float, float, float, float, float]  # open, high, low, close, volume
WriteBars = Callable[[str, Sequence[Row]], Path]
Configure = Callable[..., Loaded]


@pytest.fixture
def write_bars(tmp_path: Path) -> WriteBars:
    """One-minute bars of a symbol from START on."""

    def write(symbol: str, rows: Sequence[Row]) -> Path:
        path = tmp_path / f"{symbol}.csv"
        lines = [f"{START + dt.timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ},{','.join(map(str, row))}" for i, row in enumerate(rows)]
        path.write_text("\n".join(["timestamp,open,high,low,close,volume", *lines, ""]))
        return path

    return write


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Flat keys over one-minute files in the directory of the test; changes: top-level keys."""

    def made(**changes: Any) -> Loaded:
        tree = {
            "data_source": "csv",
            "data": {"data_directory": str(tmp_path)},
            "symbols": ["ABC"],
            "bar_type": "1m",
            "initial_capital": 10_000,
            "instruments": {"ABC": {"calendar": "24x7"}},
            **changes,
        }
        path = tmp_path / "backtest.yaml"
        path.write_text(yaml.safe_dump(tree))
        return load(path, env={})

    return made


def walk(seed: int, bars: int, price: float = 100.0) -> list[Row]:
    """A random path in whole cents."""
    rng, rows = random.Random(seed), []
    for _ in range(bars):
        close = round(max(1.0, price + rng.gauss(0.0, 0.2)), 2)
        rows.append((price, max(price, close) + 0.01, min(price, close) - 0.01, close, float(rng.randint(100, 900))))
        price = close
    return rows
