"""What hundreds of runs of one strategy would otherwise do hundreds of times."""

from __future__ import annotations

from functools import cache

import pytest

from services.backtest import actors
from shared.strategy.loading import LoadedStrategy, load_strategy


@cache
def _loaded(name: str) -> LoadedStrategy:
    return load_strategy(name)


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy's source, and all that it imports, is read and digested once."""
    monkeypatch.setattr(actors, "load_strategy", lambda name, base=None: _loaded(name))
