"""What a fold is given of an envelope: its event alone, or with its time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.events import Envelope


def event_only(fold: Callable[[Any], None]) -> Callable[[Envelope], None]:
    return lambda e: fold(e.event)


def timed(fold: Callable[[Any, int], None]) -> Callable[[Envelope], None]:
    return lambda e: fold(e.event, e.ts_ns)
