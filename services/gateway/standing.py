"""What a venue cannot trade without, told again and again under the wall clock, where nobody waits for a venue that is away.

A venue that came up after an instrument was defined would take its money for the account's own; one that was away at an opening would trade nothing
until the next. Told twice, it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.events import CurrencyRate, Event, InstrumentDefined, SessionChanged

AGAIN_S: Final = 5.0


class Standing:
    """Newest definition of each instrument, rate of each currency and phase of each calendar."""

    def __init__(self) -> None:
        self._facts: dict[tuple[type[Event], str], Event] = {}
        self._again_at = 0.0

    def told(self, event: Event, now_s: float) -> Sequence[Event]:
        """What the venue is told in place of the event: it, and when it is time all that stands before it. now_s: of a clock that only goes on."""
        if isinstance(event, InstrumentDefined):
            self._facts[InstrumentDefined, event.symbol] = event
        elif isinstance(event, CurrencyRate):
            self._facts[CurrencyRate, event.currency] = event
        elif isinstance(event, SessionChanged):
            self._facts[SessionChanged, event.calendar] = event
        if now_s < self._again_at:
            return (event,)
        self._again_at = now_s + AGAIN_S
        return (*self._facts.values(), event)
