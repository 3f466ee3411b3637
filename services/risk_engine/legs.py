"""Legs of groups that are not whole yet: a bracket or OCO pair is decided when its last intent is there, and until then not at all.

A strategy says a group's intents one after the other and each says how many there are, so it is whole when that many are in the log; whatever
dies meanwhile, the rest is said again under the same names. A group that cannot become whole any more (another intent of its strategy, a
new run of it) is denied.
"""

from __future__ import annotations

import msgspec

from shared.events import Envelope, OrderIntent


class Leg(msgspec.Struct, frozen=True, array_like=True):
    """An intent of a group. source, cause: of its envelope."""

    intent: OrderIntent
    source: str
    cause: int


class Legs:
    """state: by order id, in order of arrival."""

    def __init__(self, state: dict[str, Leg]) -> None:
        self._waiting = state

    def waits(self, order_id: str) -> bool:
        return order_id in self._waiting

    def of(self, strategy: str) -> list[Leg]:
        """Undecided ones of a strategy; mostly none."""
        return [leg for leg in self._waiting.values() if leg.intent.strategy == strategy] if self._waiting else []

    def wait(self, intent: OrderIntent, e: Envelope) -> None:
        self._waiting[intent.order_id] = Leg(intent, e.source, e.cause)

    def answered(self, order_id: str) -> None:
        self._waiting.pop(order_id, None)
