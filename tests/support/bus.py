"""A real bus process for tests: `python tests/support/bus.py DIR CLOCK [ROSTER...]`, and `RunningBus` that starts and stops one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from shared.bus.port import ClockMode, Durability  # noqa: E402
from shared.bus.server import BusSettings  # noqa: E402
from shared.bus.zmq_server import Endpoints  # noqa: E402


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def endpoints_in(directory: Path) -> Endpoints:
    return Endpoints(*(f"ipc://{directory}/{name}" for name in ("append", "events", "catchup")))


@dataclass
class RunningBus:
    """One bus process over a directory; `kill` is SIGKILL, `stop` SIGTERM; `start` again recovers."""

    directory: Path
    clock: ClockMode = ClockMode.WALL
    roster: tuple[str, ...] = ()
    lease_ttl_ms: int = 1_000
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoints(self) -> Endpoints:
        return endpoints_in(self.directory)

    @property
    def journal(self) -> Path:
        return self.directory / "journal.db"

    def start(self) -> RunningBus:
        arguments = [str(self.directory), self.clock.value, str(self.lease_ttl_ms), *self.roster]
        env = {**os.environ, **self.env, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen([sys.executable, __file__, *arguments], env=env, cwd=ROOT)
        return self

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        return self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def __enter__(self) -> RunningBus:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()


def main() -> int:
    from services.bus.process import BusProcess

    directory, clock, ttl, *roster = sys.argv[1:]
    base = Path(directory)
    settings = BusSettings(ClockMode(clock), Durability.PROCESS, {name: rank for rank, name in enumerate(roster)}, lease_ttl_ns=int(ttl) * 1_000_000)
    return BusProcess(settings, base / "journal.db", base / "snapshots.db", endpoints_in(base)).run()


if __name__ == "__main__":
    sys.exit(main())
