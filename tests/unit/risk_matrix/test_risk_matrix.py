"""Every control of `docs/risk_controls.md`: one step below its limit, at it and one above, on both sides; with orders that work, and whose fate is
not known, in the rest of it; and where another engine goes on, from a snapshot or from the log, just before the last act."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from shared.events import LimitBreached

from .alone import Setup, by_core, setup_of
from .plays import configured
from .row import ABOVE, AT, BELOW
from .rows import ROWS, name_of
from .scene import Act, Ask, tree

STEPS = (BELOW, AT, ABOVE)


@cache
def setup(number: int, step: int) -> Setup:
    row = ROWS[number]
    with TemporaryDirectory() as directory:
        return setup_of(configured(Path(directory), tree(row.risk_at(step), row.own, row.more, row.clock)).config, row.more.get("undefined", ""))


def of_core(number: int, side: str, step: int, acts: Sequence[Act], again: str = "", *, silent: bool = False) -> list[object]:
    row = ROWS[number]
    return by_core(setup(number, 0 if row.steady else step), acts, row.start(step), row.told(step), again, rejects=row.rejects, silent=silent)  # type: ignore[return-value]


CORE = [n for n, row in enumerate(ROWS) if "core" in row.where]


@pytest.mark.parametrize("again", ["", "snapshot", "log"])
@pytest.mark.parametrize("number", CORE, ids=[name_of(n) for n in CORE])
def test_below_at_and_above_on_both_sides(number: int, again: str) -> None:
    row = ROWS[number]
    for side in row.sides:
        for step in STEPS:
            log = of_core(number, side, step, row.acts(side, step), again)
            assert not row.complaint(log, side, step), f"{side}, step {step}: {row.complaint(log, side, step)}"  # type: ignore[arg-type]


ADDS = [n for n in CORE if ROWS[n].adds]


@pytest.mark.parametrize("silent", [False, True], ids=["working", "unknown"])
@pytest.mark.parametrize("number", ADDS, ids=[name_of(n) for n in ADDS])
def test_with_orders_in_the_rest_of_it(number: int, silent: bool) -> None:
    row = ROWS[number]
    for side in row.sides:
        for step in STEPS:
            *before, last = row.acts(side, step)
            assert isinstance(last, Ask)
            part = Ask(side, row.adds, last.limit, last.symbol)
            rest = Ask(side, int(str(last.quantity)) - row.adds, last.limit, last.symbol)
            for again in ("", "snapshot"):
                log = of_core(number, side, step, [*before, part, rest], again, silent=silent)
                assert not row.complaint(log, side, step), f"{side}, step {step}: {row.complaint(log, side, step)}"  # type: ignore[arg-type]


SOFT = [n for n in CORE if ROWS[n].soft is not None]


@pytest.mark.parametrize("number", SOFT, ids=[name_of(n) for n in SOFT])
def test_its_soft_part_is_told_as_it_is_crossed_and_denies_nothing(number: int) -> None:
    row = ROWS[number]
    assert row.soft is not None
    for side in row.sides:
        for step in (row.soft, row.soft + 1):
            log = of_core(number, side, step, row.acts(side, step))
            told = [(e.reason, e.key, e.limit) for e in log if isinstance(e, LimitBreached) and not e.hard]
            expected = row.expected
            assert told == ([(expected.reason, expected.key, expected.limit)] if step > row.soft else []), f"{side}, step {step}"  # type: ignore[union-attr]
            assert not expected.unseen(log)  # type: ignore[arg-type]
