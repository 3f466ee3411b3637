"""Time as a strategy sees it: integer nanoseconds that also answer to RegimeFlow's `Timestamp` names, and intervals as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

NS_A_SECOND: Final = 1_000_000_000
NS_A_MICROSECOND: Final = 1_000
INTERVAL_NS_MIN: Final = 1_000_000  # a shorter timer would fill the log with clock events under the feed clock

_UNITS: Final = {"ms": 1_000_000, "s": NS_A_SECOND, "m": 60 * NS_A_SECOND, "h": 3_600 * NS_A_SECOND, "d": 86_400 * NS_A_SECOND}
_INTERVAL: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Timestamp(int):
    """Nanoseconds since the Unix epoch, UTC. `value` is RegimeFlow's unit, microseconds."""

    __slots__ = ()

    @property
    def value(self) -> int:
        return self // NS_A_MICROSECOND

    def to_datetime(self) -> datetime:
        """Zone-aware UTC; what is finer than a microsecond is cut."""
        return _EPOCH + timedelta(microseconds=self // NS_A_MICROSECOND)

    def to_string(self, layout: str) -> str:
        """layout: as `strftime` takes it."""
        return self.to_datetime().strftime(layout)

    @classmethod
    def from_datetime(cls, moment: datetime) -> Timestamp:
        """Raises ValueError on a naive datetime: without a zone it names no moment."""
        if moment.tzinfo is None:
            raise ValueError("a datetime without a zone names no moment; give it tzinfo=datetime.UTC")
        return cls((moment - _EPOCH) // timedelta(microseconds=1) * NS_A_MICROSECOND)


def interval_ns(interval: float | str | timedelta) -> int:
    """Nanoseconds of `30`, `0.5` (seconds), `timedelta(...)`, `"250ms"`, `"5m"`, `"1h"`. Raises TypeError, ValueError naming `interval`."""
    if isinstance(interval, timedelta):
        ns = interval // timedelta(microseconds=1) * NS_A_MICROSECOND
    elif isinstance(interval, str):
        match = _INTERVAL.fullmatch(interval.strip())
        if match is None:
            raise ValueError(f"interval: {interval!r} is not a number with one of {', '.join(_UNITS)}")
        ns = round(float(match[1]) * _UNITS[match[2]])
    elif isinstance(interval, int | float) and not isinstance(interval, bool):
        if not 0 < interval < 1 << 31:
            raise ValueError(f"interval: {interval} seconds is not a time to wait")
        ns = round(interval * NS_A_SECOND)
    else:
        raise TypeError(f"interval: expected seconds, a timedelta or text like '5m', got {type(interval).__name__}")
    if ns < INTERVAL_NS_MIN:
        raise ValueError(f"interval: {interval} is shorter than 1 ms")
    return ns
