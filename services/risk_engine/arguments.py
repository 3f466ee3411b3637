"""What a fold is given of an envelope: its event alone, or with its time; and two folds of one event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.events import Envelope


def event_only(fold: Callable[[Any], None]) -> Callable[[Envelope], None]:
    return lambda e: fold(e.event)


def timed(fold: Callable[[Any, int], None]) -> Callable[[Envelope], None]:
    return lambda e: fold(e.event, e.ts_ns)


def both(first: Callable[[Envelope], None] | None, then: Callable[[Envelope], None] | None) -> Callable[[Envelope], None]:
    """One after the other, where there are two; there is one at least."""
    if first is None or then is None:
        only = first or then
        assert only is not None
        return only

    def folded(e: Envelope) -> None:
        first(e)
        then(e)

    return folded
