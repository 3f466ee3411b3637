"""What a benchmark says: rows of ratios measured in one run, and the table they make. Nothing here asserts anything about time."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

AT_LEAST: Final = ">="
AT_MOST: Final = "<="


@dataclass(frozen=True, slots=True)
class Target:
    """A bound of the design. text: as it is written there."""

    sense: str
    bound: float
    text: str

    def met(self, value: float) -> bool:
        return value >= self.bound if self.sense == AT_LEAST else value <= self.bound


@dataclass(frozen=True, slots=True)
class Row:
    """One line. ratio: what is compared between machines (None: there is nothing to divide by, the figure is an absolute one and only says
    what was seen); value: what the target is about, the ratio when left out."""

    what: str
    ours: str
    against: str = ""
    ratio: float | None = None
    target: Target | None = None
    value: float | None = None

    @property
    def verdict(self) -> str:
        value = self.ratio if self.value is None else self.value
        if self.target is None or value is None:
            return ""
        return "met" if self.target.met(value) else "MISSED"

    @property
    def line(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return "  ".join(part for part in (self.what, self.ours, self.against, ratio, self.verdict) if part)


@dataclass(frozen=True, slots=True)
class Size:
    """How much a benchmark does. full: figures worth reading; else a few seconds, to prove that it runs."""

    full: bool

    def of(self, full: int, tiny: int) -> int:
        return full if self.full else tiny


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure over rounds in which they take turns, so that what else the machine does meets them alike."""
    seen: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for measure, values in zip(measures, seen, strict=True):
            values.append(measure())
    return [statistics.median(values) for values in seen]


def percentile(values: Sequence[float], share: float) -> float:
    """share: 0.5 is the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def show(rows: Sequence[Row]) -> None:
    table = Table(title="benchmarks: compare ratios, never machines")
    for heading in ("what", "ours", "against", "ratio", "target", ""):
        table.add_column(heading, justify="right" if heading == "ratio" else "left")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        style = "red" if row.verdict == "MISSED" else None
        table.add_row(row.what, row.ours, row.against, ratio, row.target.text if row.target else "", row.verdict, style=style)
    Console(width=None if sys.stdout.isatty() else 200).print(table)  # in a file a line is as long as it needs to be
