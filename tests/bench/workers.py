"""Strategy workers: four strategies whose callback costs a millisecond, in one worker process and in four.

The same quotes at once; measured is the log's time from the first quote to the last strategy's order, so bus and codec are in it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from shared.events import OrderIntent, Quote, StrategyStarted
from tests.support.stack import ROOT, Stack

from .order_path import settings, strategy
from .probes import TICK
from .table import AT_LEAST, Row, Size, Target, interleaved

NAMES: Final = ("a", "b", "c", "d")
TARGET: Final = Target(AT_LEAST, 1.8, "four workers >= 1.8 x one, callbacks of 1 ms, two cores")


@contextmanager
def gateway(stack: Stack, config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The feed on demand, one of the stack's processes."""
    command = [sys.executable, "-m", "tests.bench.probes", "gateway", str(config), str(stack.directory / "gateway.notes")]
    with (stack.directory / "out" / "gateway.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
    stack.processes["gateway"] = process
    yield process


def took(workers: int, quotes: int) -> float:
    """Seconds of log time."""
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        whole = settings(base, *(strategy(name, "Burner") for name in NAMES))
        with Stack(whole, base, ("bus",)).start() as stack, gateway(stack, whole) as feed:
            for k in range(workers):
                _worker(stack, whole, k, NAMES[k::workers])
            stack.wait(lambda: _count(stack, StrategyStarted) == len(NAMES), "strategies start")
            assert feed.stdin is not None
            feed.stdin.write(f"{quotes} 0 0\n".encode())
            feed.stdin.flush()
            stack.wait(lambda: _count(stack, OrderIntent) == len(NAMES), "every strategy reaches the last quote")
            first = next(e.ts_ns for e in stack.events(Quote) if e.event.symbol == TICK)  # type: ignore[attr-defined]
            return (max(e.ts_ns for e in stack.events(OrderIntent)) - first) / 1e9


def _worker(stack: Stack, whole: Path, number: int, names: tuple[str, ...]) -> None:
    """A worker that knows these strategies alone, so that it is not chance which one claims what."""
    tree: dict[str, Any] = yaml.safe_load(whole.read_text())
    tree["live"]["strategies"] = [s for s in tree["live"]["strategies"] if s["id"] in names]
    own = whole.with_name(f"worker{number}.yaml")
    own.write_text(yaml.safe_dump(tree))
    everybody, stack.config = stack.config, own
    stack.start(f"strategy_runner-{number}")
    stack.config = everybody


def _count(stack: Stack, kind: type) -> int:
    return sum(1 for _ in stack.events(kind))


def run(size: Size) -> list[Row]:
    rounds, quotes = size.of(3, 1), size.of(500, 10)
    one, four = interleaved(rounds, lambda: took(1, quotes), lambda: took(4, quotes))
    return [Row("four strategies of 1 ms a callback, four workers", f"{four:.2f} s", f"one worker {one:.2f} s", one / four, TARGET)]
