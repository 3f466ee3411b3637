"""What every runner is asked and what it answers: one JSON argument, one JSON line. No imports but the standard library's: each runner has an
environment of its own.

Seconds are of the processor, all threads together: on a quiet machine what a clock shows, and the same on a busy one. Imports are not counted.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

PEAK = "VmHWM:"


@dataclass(frozen=True)
class Task:
    """Long while the average of `fast` closes is above that of `slow`, else flat; `quantity` of each of the symbols, `fee` an order."""

    directory: str
    symbols: list[str]
    cash: int
    quantity: int
    fee: int
    fast: int
    slow: int

    @classmethod
    def asked(cls) -> Task:
        return cls(**json.loads(sys.argv[1]))

    def text(self) -> str:
        return json.dumps(asdict(self))

    def file(self, symbol: str) -> Path:
        return Path(self.directory) / f"{symbol}.csv"


@dataclass(frozen=True)
class Answer:
    """run_s: without loading; whole_s: from the files to the result; wall_s: the same by the clock; rss_mb: of the process, at its highest."""

    bars: int
    fills: int
    equity: float
    run_s: float
    whole_s: float
    wall_s: float
    rss_mb: float


class Stopwatch:
    """Runs from its making on."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()
        self._loading = 0.0

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Reading files and bringing rows into the form an engine takes."""
        begun = time.process_time()
        try:
            yield
        finally:
            self._loading += time.process_time() - begun

    def tell(self, bars: int, fills: int, equity: float) -> None:
        """Stops, and writes the answer. bars: as the engine gave them to the strategy."""
        whole, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        print(json.dumps(asdict(Answer(bars, fills, float(equity), whole - self._loading, whole, wall, _peak_mb()))))


def _peak_mb() -> float:
    """Of this program; `ru_maxrss` also remembers what the process was before it ran this program."""
    try:
        status = Path("/proc/self/status").read_text().split()
        return int(status[status.index(PEAK) + 1]) / 1024
    except (OSError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
