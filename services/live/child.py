"""One child process: its own process group, its output in its own log file, known dead before its place is taken again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

EXIT_CONFIG: Final = 2
EXIT_FENCED: Final = 3
EXIT_BUS: Final = 5
EXIT_JOURNAL: Final = 6
_WORDS: Final = {
    0: "ended by itself",
    EXIT_CONFIG: "refused to start",
    EXIT_FENCED: "was fenced: another process holds its name",
    4: "found an invariant broken",
    EXIT_BUS: "lost the bus",
    EXIT_JOURNAL: "cannot use the journal",
    7: "ended with a strategy whose callback blocks",
}


@dataclass(frozen=True, slots=True)
class Command:
    """How to start a service: a whole environment, not an addition to ours."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


class Child:
    """A running service. Output goes straight to the file, so that it outlives us: a dead supervisor must not block its services."""

    def __init__(self, command: Command, log: Path) -> None:
        """Raises OSError when it cannot be started."""
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                command.argv, env=dict(command.env), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.pid: Final = self._process.pid

    def status(self) -> int | None:
        """The exit status (negative: the signal that killed it), None while it runs. What it had started dies with it."""
        if self._process.returncode is None and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            self._signal_group(signal.SIGKILL)  # before it is reaped: its number cannot be another's yet
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """SIGTERM to the service alone: it stops its own helpers."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        if self._process.poll() is None:
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def describe(status: int) -> str:
    """What an exit status says, for people."""
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
        return f"was killed by signal {-status}"
    return f"{_WORDS.get(status, 'ended')} (status {status})"
