"""The console: plain lines where nobody watches, one live screen on a terminal. Everything passes the redactor before it is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TextIO

from shared.runtime.printable import printable

from .narrator import Said
from .view import View

Redact = Callable[[str], str]


class Console(Protocol):
    """Used by one thread."""

    def say(self, line: Said) -> None:
        """One line, at once."""

    def show(self, view: View) -> None:
        """The newest look at everything."""

    def close(self) -> None:
        """The screen is the shell's again."""


class PlainConsole:
    """`2024-01-02T15:04:05Z  order       cross:1:1 buy 10 ACME market day`."""

    def __init__(self, redact: Redact, out: TextIO | None = None) -> None:
        self._redact = redact
        self._out = out if out is not None else sys.stdout

    def say(self, line: Said) -> None:
        print(self._redact(f"{moment(line.time)}  {line.word:<10}  {printable(line.text)}"), file=self._out, flush=True)

    def show(self, view: View) -> None:
        """Nothing: what changed was said."""

    def close(self) -> None:
        self._out.flush()


def moment(time: str) -> str:
    """To the second; now where the line has no time of its own."""
    return f"{time[:19]}Z" if time else datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def open_console(redact: Redact) -> Console:
    """The screen when standard output is a terminal."""
    if sys.stdout.isatty():
        from .screen import Screen

        return Screen(redact)
    return PlainConsole(redact)
