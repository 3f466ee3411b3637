"""Waiting that ends at once when a child dies or somebody asks to stop: signals through one socket, no polling for them."""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType
from typing import Final

STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Wakeups:
    """Made in the main thread. `stops` counts the requests to stop: one is orderly, a second one means now. `close` gives the handlers back."""

    def __init__(self) -> None:
        self.stops = 0
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._before = {number: signal.signal(number, self._asked) for number in STOPS}
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, self._child_died)
        self._before_fd = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)

    def wait(self, timeout_s: float) -> None:
        """Until a signal came, at most timeout_s."""
        if select.select([self._read], [], [], max(0.0, timeout_s))[0]:
            self._read.recv(4_096)

    def close(self) -> None:
        signal.set_wakeup_fd(self._before_fd)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self.stops += 1

    def _child_died(self, _number: int, _frame: FrameType | None) -> None:
        """A handler must exist for the signal to reach the socket; who died is asked of the kernel."""
