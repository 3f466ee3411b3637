"""SIGTERM and SIGINT ask for a clean stop; a loop looks at `asked` between two steps."""

from __future__ import annotations

import signal
from types import FrameType


class Stop:
    """Made in the main thread."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _signum: int, _frame: FrameType | None) -> None:
        self.asked = True
