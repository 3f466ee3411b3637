"""A failure of user code in one line that is the same in every replay and on every machine."""

from __future__ import annotations

import re
import traceback
from pathlib import PurePath
from typing import Final

TEXT_CHARS_MAX: Final = 500

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{4,}")
_OURS: Final = ("shared/strategy/", "services/strategy_runner/")


def failure_text(error: BaseException) -> str:
    """`ValueError: bad (my_strategy.py:12)`: type, message without memory addresses, and the innermost line of the strategy's own code. Only
    file names: folders differ between machines, and the text is part of the log."""
    message = _ADDRESS.sub("0x...", str(error))[:TEXT_CHARS_MAX]
    name = type(error).__name__
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        path = PurePath(frame.filename).as_posix()
        if not place or not any(part in path for part in _OURS):
            place = f"{PurePath(path).name}:{frame.lineno}"
    return f"{name}: {message} ({place})" if message else f"{name} ({place})"
