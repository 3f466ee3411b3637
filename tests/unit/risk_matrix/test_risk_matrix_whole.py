"""The same rows through whole engines with the real venue: a backtest, and the live actors, whose risk engine is started again before the last act."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config import Loaded

from .plays import by_backtest, by_live, configured
from .row import ABOVE, AT, BELOW, Row
from .rows import ROWS, name_of
from .scene import tree


def loaded(row: Row, step: int, clock: str, directory: Path, known: dict[int, Loaded]) -> Loaded:
    key = 0 if row.steady else step
    if key not in known:
        known[key] = configured(directory, tree(row.risk_at(step), row.own, row.more, clock))
    return known[key]


def numbers(where: str) -> dict[str, list[int]]:
    found = [n for n, row in enumerate(ROWS) if where in row.where]
    return {"argvalues": found, "ids": [name_of(n) for n in found]}  # type: ignore[dict-item]  # of parametrize


@pytest.mark.parametrize("number", **numbers("backtest"))  # type: ignore[arg-type]  # as above
def test_in_a_backtest(number: int, tmp_path: Path) -> None:
    row, known = ROWS[number], dict[int, Loaded]()
    for side in row.sides:
        for step in (BELOW, AT, ABOVE):
            log = by_backtest(loaded(row, step, "feed", tmp_path, known), row.acts(side, step), row.start(step))
            assert not row.complaint(log, side, step), f"{side}, step {step}: {row.complaint(log, side, step)}"


@pytest.mark.parametrize("number", **numbers("live"))  # type: ignore[arg-type]  # as above
def test_live(number: int, tmp_path: Path) -> None:
    row, known = ROWS[number], dict[int, Loaded]()
    stalled, stall_ms = row.stalled
    for side in row.sides:
        for step in (BELOW, AT, ABOVE):
            acts = row.acts(side, step)
            log = by_live(loaded(row, step, "wall", tmp_path, known), acts, row.start(step), stalled, stall_ms(step))
            assert not row.complaint(log, side, step), f"{side}, step {step}: {row.complaint(log, side, step)}"
