"""What becomes of one request."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shared.venue import Report
from shared.venue import protocol as p


class Outcome(msgspec.Struct, frozen=True):
    """said: the answer; code: the request itself was no good (malformed, unknown, server error); neither: the caller hears nothing.
    delay_ms: it hears that much later. push: reports for every listener, push_first: before the answer, drop_stream: listeners are cut off
    instead."""

    said: p.Message | None = None
    code: str = ""
    text: str = ""
    delay_ms: int = 0
    push: Sequence[Report] = ()
    push_first: bool = False
    drop_stream: bool = False

    @property
    def answer(self) -> bytes | None:
        """What goes over the link."""
        return None if self.said is None else p.encode(self.said)


class Refusal(Exception):
    """A request that is no good and changes nothing."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
