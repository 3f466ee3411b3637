"""What the auditor says to a command that asks: one answer, or the first that tells what became of it. No answer is None, never an empty one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from shared.runtime.places import Places

ANSWER_S: Final = 1.0  # for one answer, where a command goes on without
POLL_S: Final = 0.1

Answer = dict[str, Any]


def heard(places: Places, view: str) -> Answer | None:
    """None where nobody answers in time, or who answers still reads the log."""
    from services.live.asking import Auditor

    auditor = Auditor(places)
    try:
        said: Answer | None = auditor.try_ask(view, ANSWER_S)
    finally:
        auditor.close()
    return said


def awaited(places: Places, view: str, found: Callable[[Answer], Answer | None], timeout_s: float) -> Answer | None:
    """The first that is found in an answer, asked for again and again; None when nobody says in time."""
    from services.live.asking import Auditor

    auditor, end = Auditor(places), time.monotonic() + timeout_s
    try:
        while True:
            said = auditor.try_ask(view, ANSWER_S)
            outcome = found(said) if said is not None else None
            if outcome is not None or time.monotonic() >= end:
                return outcome
            time.sleep(POLL_S)
    finally:
        auditor.close()


def row_of(rows: str, command: str) -> Callable[[Answer], Answer | None]:
    """For `awaited`: the row of a command among these rows of a view."""
    return lambda said: next((row for row in said[rows] if row["command"] == command), None)
