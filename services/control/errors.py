"""What went wrong, as lines for stderr and an exit status; never a traceback.

| status | means |
|---|---|
| 0 | done |
| 1 | the answer is no: tampered, unfit, refused; or a session ended with a service down |
| 2 | it was called wrongly, its configuration is refused, or it cannot read what it was given |
| 3 | fenced: another process holds the name of this service |
| 4 | a bug of ours |
| 5 | the stack does not answer |
| 130 | interrupted |
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

NO: Final = 1
USAGE: Final = 2
BUG: Final = 4
AWAY: Final = 5
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141


class CliError(Exception):
    """A command's definite end. lines: for stderr, one a fact."""

    def __init__(self, text: str | Sequence[str], status: int = USAGE) -> None:
        self.lines = (text,) if isinstance(text, str) else tuple(text)
        self.status = status
        super().__init__("\n".join(self.lines))


def explain(error: BaseException) -> tuple[tuple[str, ...], int]:
    """Lines and exit status of any error. Imports here, where something has gone wrong: a command that works does not pay for them."""
    if isinstance(error, CliError):
        return error.lines, error.status
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":  # typer's word for Ctrl-C at a prompt
        return (), INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return (), BROKEN_PIPE
    known = _of_ours(error)
    if known is not None:
        return known
    return _from_system(error) if isinstance(error, OSError) else _bug(error)


def _of_ours(error: BaseException) -> tuple[tuple[str, ...], int] | None:
    from services.live.state_lock import StateInUse
    from shared.bus.journal_errors import JournalError
    from shared.bus.link import LinkError
    from shared.bus.port import BusError, BusUnavailable, Refused
    from shared.config import ConfigError
    from shared.runtime.places import PlaceError
    from shared.strategy.loading import StrategyNotFound

    if isinstance(error, ConfigError):
        return tuple(str(problem) for problem in error.problems), USAGE
    if isinstance(error, PlaceError | StrategyNotFound | StateInUse):
        return (str(error),), USAGE
    if isinstance(error, BusUnavailable):
        return (f"the bus does not answer: {error}. Does the stack run here?",), AWAY
    if isinstance(error, Refused):
        return (f"the bus refused it: {error}",), NO
    if isinstance(error, BusError):
        return (f"the bus: {error}",), NO
    if isinstance(error, LinkError):
        return (f"the auditor does not answer: {error}. Does the stack run here?",), AWAY
    if isinstance(error, JournalError):
        return (f"journal: {error}",), USAGE
    return None


def _from_system(error: OSError) -> tuple[tuple[str, ...], int]:
    where = f"{error.filename}: " if error.filename else ""
    return (f"{where}{error.strerror or error}",), USAGE


def _bug(error: BaseException) -> tuple[tuple[str, ...], int]:
    if os.environ.get("REGIMEFLOW_TRACEBACK"):
        import traceback

        return tuple("".join(traceback.format_exception(error)).rstrip().splitlines()), BUG
    text = " ".join(str(error).split())
    return (f"a bug of ours: {type(error).__name__}: {text} (REGIMEFLOW_TRACEBACK=1 shows where)",), BUG
