"""Price bands from a file beside the bars: the control is the live one, on what the feed carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.backtest.main import run_backtest
from tests.unit.backtest.conftest import Configure, WriteBars

BUY = {"path": "tests.support.simple_strategies:AllIn", "params": {"margin": 9_000}}  # at the first close, 100
FLAT = [(100.0, 101.0, 99.0, 100.0, 1_000.0)] * 4


@pytest.mark.parametrize(
    ("bands", "required", "fills"),
    [
        (["00:00:00Z,95,100"], False, 1),
        (["00:00:00Z,95,99.99"], False, 0),
        (["00:00:00Z,100.01,0"], False, 0),
        (["00:00:00Z,95,99", "00:01:00Z,96,100"], False, 1),  # the newer ones hold at the close of the same moment
        (["00:00:00Z,95,100", "00:00:59Z,95,99"], False, 0),
        (["00:01:01Z,95,100"], True, 0),  # none known yet
        (["00:00:00Z,95,100"], True, 1),
        ([], True, 0),
    ],
)
def test_orders_are_judged_by_the_bands_of_their_moment(
    bands: list[str], required: bool, fills: int, tmp_path: Path, write_bars: WriteBars, configure: Configure
) -> None:
    write_bars("ABC", FLAT)
    changes: dict[str, Any] = {}
    if bands:
        (tmp_path / "ABC.bands.csv").write_text("\n".join(["timestamp,lower,upper", *(f"2024-01-03T{row}" for row in bands), ""]))
        changes["data"] = {"data_directory": str(tmp_path), "bands_pattern": "{symbol}.bands.csv"}
    record = run_backtest(configure(strategy=BUY, risk={"quote_age_ms_max": 120_000, "luld_required": required}, **changes))
    assert len(record.fills) == fills
    assert dict(record.denials) == ({} if fills else {"price_band": 1})
