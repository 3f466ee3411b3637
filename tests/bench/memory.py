"""Memory: resident set of each service of the whole stack, after orders went through it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import psutil

from .order_path import road
from .table import AT_MOST, Row, Size, Target

TARGET: Final = Target(AT_MOST, 60.0, "< 60 MB a service without a broker's SDK")
MB: Final = 2**20


def run(size: Size) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory, road(Path(directory)) as found:
        while not found.armed():
            pass
        if size.full:
            found.latencies(200, 0)
        rows = []
        for name, process in found.stack.processes.items():
            ours = psutil.Process(process.pid)
            parts = [(name, ours), *((f"{name}, reader", child) for child in ours.children())]
            for part, one in parts:
                used = one.memory_full_info()
                alone = f"of its own {used.uss / MB:.0f} MB"
                rows.append(Row(f"memory, {part}", f"{used.rss / MB:.0f} MB", alone, None, TARGET, used.rss / MB))
    return rows
