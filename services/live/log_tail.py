"""What a service wrote to its log since the last look, line by line, and which of it belongs on the console."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

READ_BYTES_MAX: Final = 64 * 1024
LINE_BYTES_MAX: Final = 4_096
_LEVEL: Final = re.compile(r"\blevel=(\w+)")
_LOUD: Final = frozenset({"warning", "error", "critical"})


class LogTail:
    """Starts where the file ends now: older lines are of an earlier session."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = self._begin = path.stat().st_size if path.exists() else 0
        self._rest = b""

    def lines(self) -> list[str]:
        """New whole lines, at most READ_BYTES_MAX a call; what is more comes at the next."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                new = file.read(READ_BYTES_MAX)
        except FileNotFoundError:
            return []
        if not new:
            return []
        self._offset += len(new)
        *whole, self._rest = (self._rest + new).split(b"\n")
        if len(self._rest) >= READ_BYTES_MAX:  # a line without an end
            whole, self._rest = [*whole, self._rest], b""
        return [line.decode(errors="replace").rstrip() for line in whole if line.strip()]

    def last(self) -> str:
        """The newest line of this session, read or not; empty when there is none."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(self._begin, file.seek(0, 2) - LINE_BYTES_MAX))
                lines = file.read().decode(errors="replace").split("\n")
        except FileNotFoundError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def is_loud(line: str) -> bool:
    """Warnings and above. What carries no level (a traceback, a strategy's print) is in the file."""
    level = _LEVEL.search(line)
    return level is not None and level[1].lower() in _LOUD


def without_traceback(line: str) -> str:
    """A line of a log without the traceback at its end, which is for the file."""
    return line.partition(" exception=")[0]
