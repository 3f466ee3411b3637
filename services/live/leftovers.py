"""Services that outlived their supervisor (it was killed): they are ended before new ones take their places.

They went on trading meanwhile, which is safe, but nobody restarts them. Each is known by process number and start time together, so a
number that now belongs to a stranger is left alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import orjson
import psutil

GRACE_S: Final = 10.0


class Roll:
    """`<state_dir>/services.json`: who runs, written whole at every start of a child."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "services.json"

    def write(self, services: Iterable[tuple[str, int]]) -> None:
        """services: (name, pid), in order of start."""
        rows = []
        for name, pid in services:
            with contextlib.suppress(psutil.NoSuchProcess):
                rows.append([name, pid, psutil.Process(pid).create_time()])
        temporary = self._path.with_suffix(".tmp")
        temporary.write_bytes(orjson.dumps(rows))
        temporary.replace(self._path)

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def end_leftovers(self) -> list[str]:
        """Stop what an earlier supervisor left, last started first, and wait until it is gone. Names, for the console."""
        found = list(reversed(self._alive()))
        for _, process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, stubborn = psutil.wait_procs([process for _, process in found], GRACE_S)
        for process in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(stubborn, GRACE_S)
        self.clear()
        return [name for name, _ in found]

    def _alive(self) -> list[tuple[str, psutil.Process]]:
        found = []
        try:
            rows = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return []
        for name, pid, created in rows:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if process.create_time() == created:
                    found.append((name, process))
        return found
