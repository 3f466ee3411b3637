"""Symbols that are kin: sectors, industries, pairs that move together. Their limits below, at and above: `tests/unit/risk_matrix`."""

from __future__ import annotations

import random
from decimal import Decimal as D
from itertools import pairwise
from statistics import correlation
from typing import Any

import pytest

from shared.events import (
    Bar,
    CorporateAction,
    InstrumentDefined,
    LimitBreached,
    OrderApproved,
    Reason,
)
from tests.support.risk_desk import RiskDesk, reason

SECOND = 1_000_000_000


def define(desk: RiskDesk, symbol: str, **facts: Any) -> None:
    desk.tell(InstrumentDefined(symbol, "equity", "USD", D("0.01"), D(1), D(1), "24x7", **facts))


def bars(desk: RiskDesk, **closes: list[float]) -> None:
    """One bar a symbol a minute; the quotes stand again after them."""
    for prices in zip(*closes.values(), strict=True):
        desk.wait(60_000)
        for symbol, close in zip(closes, prices, strict=True):
            desk.tell(Bar(symbol, desk.now - 60 * SECOND, desk.now, close, close, close, close, 250.0))
    desk.wait(1).quote("X", 99.0, 101.0)
    desk.quote("Y", 49.0, 51.0)


def works_in_y(desk: RiskDesk) -> None:
    assert reason(desk.buy(100, 50, symbol="Y")) is None  # 5,000 of worst case


TECH = {"sector_limits": {"tech": "0.01"}, "sector_map": {"X": "tech", "Y": "tech"}}


PAIR = {"correlation": {"window": 2, "max_corr": 0.8, "max_pair_exposure_pct": "0.01"}}


def test_the_soft_part_of_a_sector_is_told_once_as_it_is_crossed() -> None:
    desk = RiskDesk(**TECH)
    works_in_y(desk)
    desk.buy(31, 100)
    assert desk.told[-1] == LimitBreached(Reason.SECTOR_EXPOSURE, "sector_limits.tech", "0.01", "0.0081", hard=False)
    desk.buy(1, 100)
    assert isinstance(desk.told[-1], OrderApproved)


def test_what_reduces_a_sector_passes_above_its_limit_and_other_sectors_are_free() -> None:
    desk = RiskDesk(**TECH)
    desk.hold(100)
    desk.quote("X", 200.0, 202.0)
    assert reason(desk.buy(1, 201)) is Reason.SECTOR_EXPOSURE
    assert reason(desk.sell(100)) is None
    desk = RiskDesk(sector_limits={"tech": "0.01"}, sector_map={"X": "tech"})
    assert reason(desk.buy(1000, 50, symbol="Y")) is None


def test_the_map_goes_before_the_instruments_own_sector() -> None:
    desk = RiskDesk(sector_limits={"tech": "0.01"}, sector_map={"X": "other"})
    define(desk, "X", sector="tech")
    assert reason(desk.buy(500, 100)) is None
    desk = RiskDesk(sector_limits={"tech": "0.01"})
    define(desk, "X", sector="tech")
    assert reason(desk.buy(101, 100)) is Reason.SECTOR_EXPOSURE


@pytest.mark.parametrize(
    ("y", "denied"),
    [([50.0, 50.5, 49.5], True), ([50.0, 49.5, 50.5], False), ([50.0, 50.0, 50.0], True)],
    ids=["together", "against", "not moving is not known"],
)
def test_only_pairs_that_move_together_count_as_one(y: list[float], denied: bool) -> None:
    desk = RiskDesk(**PAIR)
    bars(desk, X=[100.0, 101.0, 99.0], Y=y)
    works_in_y(desk)
    assert (reason(desk.buy(51, 100)) is Reason.PAIR_EXPOSURE) is denied


def test_at_the_correlation_itself_a_pair_is_two() -> None:
    rng = random.Random(5)
    x = [100.0 + rng.random() for _ in range(9)]
    y = [price + rng.random() for price in x]
    returns = [[b / a - 1.0 for a, b in pairwise(series)] for series in (x, y)]
    theirs = correlation(*returns)
    assert 0.0 < theirs < 1.0
    for most, denied in ((theirs - 1e-9, True), (theirs + 1e-9, False)):
        desk = RiskDesk(correlation={"window": 8, "max_corr": most, "max_pair_exposure_pct": "0.01"})
        bars(desk, X=x, Y=y)
        works_in_y(desk)
        assert (reason(desk.buy(51, 100)) is Reason.PAIR_EXPOSURE) is denied


def test_the_window_forgets() -> None:
    desk = RiskDesk(**PAIR)
    bars(desk, X=[100.0, 101.0, 99.0] * 4 + [100.0, 101.0, 99.0], Y=[50.0, 50.5, 49.5] * 4 + [50.0, 49.5, 50.5])
    works_in_y(desk)
    assert reason(desk.buy(51, 100)) is None
    assert len(desk.core._desk.closes.by_symbol["X"]) <= 6


def test_bars_of_one_time_are_compared_and_a_split_is_no_move() -> None:
    desk = RiskDesk(**PAIR)
    bars(desk, X=[100.0, 101.0], Y=[50.0, 49.5])
    desk.tell(CorporateAction("split", "Y", D(2), "", "r"))
    bars(desk, X=[99.0], Y=[25.25])  # against, as before
    works_in_y(desk)
    assert reason(desk.buy(51, 100)) is None
