"""`make bench`: every benchmark, one after the other; each row on stderr as it is known, and one table of ratios at the end.

`python -m tests.bench.main [--tiny] [NAME ...]`: only these; tiny proves that they run and says nothing about speed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from . import backtest, bus, codec, memory, order_path, recovery, risk, single, workers
from .table import Row, Size, show

BENCHMARKS: Final[dict[str, Callable[[Size], Iterable[Row]]]] = {
    "codec": codec.run,
    "bus": bus.run,
    "order_path": order_path.run,
    "single": single.run,
    "risk": risk.run,
    "recovery": recovery.run,
    "workers": workers.run,
    "memory": memory.run,
    "backtest": backtest.run,
}


def main(arguments: Sequence[str]) -> int:
    names = [a for a in arguments if a != "--tiny"] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in names:
        begun = time.monotonic()
        for row in BENCHMARKS[name](Size(full="--tiny" not in arguments)):
            rows.append(row)
            print(row.line, file=sys.stderr)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
