"""The exclusive right to write one journal: `flock` on `<path>.lock`, given back by the kernel when its process dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from .journal_errors import JournalLocked


class WriterLock:
    """Raises JournalLocked at once when another process (or another object of this one) has it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise JournalLocked(f"another process writes {path}") from None

    def release(self) -> None:
        os.close(self._fd)
