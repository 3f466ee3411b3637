"""What was denied in the last hour, by strategy, reason and limit: how often, and with what values last. Bounded: minutes and kinds.

A denial that repeats a thousand times is one row, so that what happened once beside it is still seen.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.events import OrderDenied, Reason, ReplaceDenied

from . import advice
from .times import iso

MINUTE: Final = 60_000_000_000
MINUTES: Final = 60
KINDS_MAX: Final = 200


class DenialKind(msgspec.Struct):
    """Denials alike but for their values. limit, value, at_ns: of the newest; minutes: (minute of log time, count), oldest first."""

    reason: Reason
    key: str
    strategy: str
    limit: str = ""
    value: str = ""
    at_ns: int = 0
    minutes: list[tuple[int, int]] = msgspec.field(default_factory=list)

    def count(self, now: int) -> int:
        since = now // MINUTE - MINUTES
        return sum(n for minute, n in self.minutes if minute > since)


Denials = dict[str, DenialKind]


def note(kinds: Denials, e: OrderDenied | ReplaceDenied, now: int) -> None:
    """One more; the kind that was silent longest makes room."""
    name, minute = f"{int(e.reason)}:{e.strategy}:{e.key}", now // MINUTE
    kind = kinds.get(name)
    if kind is None:
        if len(kinds) >= KINDS_MAX:
            del kinds[min(kinds, key=lambda other: kinds[other].at_ns)]
        kind = kinds[name] = DenialKind(e.reason, e.key, e.strategy)
    kind.limit, kind.value, kind.at_ns = e.limit, e.value, now
    if kind.minutes and kind.minutes[-1][0] == minute:
        kind.minutes[-1] = (minute, kind.minutes[-1][1] + 1)
    else:
        kind.minutes.append((minute, 1))
        del kind.minutes[:-MINUTES]


def rows(kinds: Denials, now: int) -> list[dict[str, Any]]:
    """Of the last hour, the newest first."""
    counted = [(kind, kind.count(now)) for kind in sorted(kinds.values(), key=lambda kind: -kind.at_ns)]
    return [
        {
            "reason": kind.reason.name,
            "code": int(kind.reason),
            "strategy": kind.strategy,
            "key": kind.key,
            "limit": kind.limit,
            "value": kind.value,
            "count": count,
            "last": iso(kind.at_ns),
            "what_to_do": advice.for_denial(kind.reason, kind.key, kind.strategy),
        }
        for kind, count in counted
        if count
    ]
