"""What becomes of one request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.venue import Report


@dataclass(frozen=True, slots=True)
class Outcome:
    """answer: its payload; code: the request itself was no good (malformed, unknown, server error); neither: the caller hears nothing.
    delay_ms: it hears that much later. push: reports for every listener, push_first: before the answer, drop_stream: listeners are cut off
    instead."""

    answer: bytes | None = None
    code: str = ""
    text: str = ""
    delay_ms: int = 0
    push: Sequence[Report] = ()
    push_first: bool = False
    drop_stream: bool = False


class Refusal(Exception):
    """A request that is no good and changes nothing."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
