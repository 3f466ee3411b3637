"""One supervisor a state directory: `flock`, given back by the kernel when its process dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class StateInUse(Exception):
    """Another session runs on this state directory; one line that says which."""


class StateLock:
    """Held until `release`. Raises StateInUse at once."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        path = state_dir / "supervisor.lock"
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._fd, 32).decode(errors="replace").strip()
            os.close(self._fd)
            raise StateInUse(
                f"another session (pid {pid or 'unknown'}) runs on {state_dir}: stop it, or give this one its own live.state_dir"
            ) from None
        os.ftruncate(self._fd, 0)
        os.write(self._fd, str(os.getpid()).encode())

    def release(self) -> None:
        os.close(self._fd)
