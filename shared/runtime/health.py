"""What a service says of itself: a small JSON file, replaced whole every `live.risk.heartbeat_ms`, and `HealthReported` on the log under the wall clock.

The file is what supervisors and container health checks read; it works with the bus away. `python -m shared.runtime.health PATH` is such a
check: exit status 0 when the service of that file is ready, 1 when it is not.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import psutil

from shared.events import HealthReported, HealthState

REPORT_EVERY_NS: Final = 1_000_000_000
FRESH_S: Final = 10.0


@dataclass(slots=True)
class Sample:
    """One reading. lag: seqs behind the log's newest event known here; queue: outputs not acknowledged; loop_ms: longest step since the last."""

    cursor: int = 0
    lag: int = 0
    queue: int = 0
    loop_ms: float = 0.0
    epoch: int = 0


class HealthFile:
    """Writes `<directory>/<service>.json`."""

    def __init__(self, directory: Path, service: str, every_ns: int = REPORT_EVERY_NS) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / f"{service}.json"
        self._service = service
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._every_ns = every_ns
        self._next = 0
        self.state = HealthState.STARTING

    def due(self, now_ns: int) -> bool:
        return now_ns >= self._next

    def write(self, sample: Sample, now_ns: int) -> HealthReported:
        """The report for the log, after the file holds it."""
        self._next = now_ns + self._every_ns
        cpu, memory = self._process.cpu_percent(), self._process.memory_info().rss / 2**20
        report = HealthReported(self._service, self.state, sample.cursor, sample.lag, sample.queue, cpu, memory, sample.loop_ms)
        body: dict[str, Any] = {
            "service": self._service,
            "state": str(self.state),
            "pid": os.getpid(),
            "at": time.time(),
            "every_s": self._every_ns / 1e9,
            "epoch": sample.epoch,
            "cursor": sample.cursor,
            "lag": sample.lag,
            "queue": sample.queue,
            "cpu_usage_pct": cpu,
            "memory_mb": memory,
            "event_loop_latency_ms": sample.loop_ms,
        }
        temporary = self.path.with_suffix(".tmp")
        temporary.write_bytes(orjson.dumps(body))
        temporary.replace(self.path)
        return report

    def gone(self) -> None:
        self.path.unlink(missing_ok=True)


def read_health(path: Path) -> dict[str, Any] | None:
    """The newest report of a service, None when there is none. `fresh`: written in the last seconds, or three times its own
    interval, by a process that lives."""
    try:
        body: dict[str, Any] = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    body["fresh"] = time.time() - body["at"] < max(FRESH_S, 3 * body.get("every_s", 0)) and psutil.pid_exists(body["pid"])
    return body


def main(arguments: Sequence[str]) -> int:
    """PATH: one report, or a directory of reports, all of which must be ready (and one there). One line on stdout says what is."""
    if len(arguments) != 1:
        print("usage: python -m shared.runtime.health FILE|DIRECTORY", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    words = {file.stem: _word(file) for file in files}
    print(" ".join(f"{name}={word}" for name, word in words.items()) or "no report")
    return 0 if words and set(words.values()) == {HealthState.READY} else 1


def _word(file: Path) -> str:
    body = read_health(file)
    if body is None:
        return "absent"
    return str(body["state"]) if body["fresh"] else "silent"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
