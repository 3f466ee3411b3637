"""Times of a report: UTC with microseconds in files, the exchange's own clock on pages and terminals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from shared.domain.calendars import UnknownCalendar, load

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_NS = 86_400_000_000_000


def iso(ns: int) -> str | None:
    """`2024-01-02T15:04:05.123456Z`, cut to microseconds; None for 0, which means never."""
    if not ns:
        return None
    return (_EPOCH + timedelta(microseconds=ns // 1_000)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso_column(times: NDArray[np.int64]) -> list[str]:
    """`iso` of each, for columns of millions."""
    texts: list[str] = np.datetime_as_string((times // 1_000).astype("datetime64[us]"), unit="us").tolist()
    return [f"{text}Z" for text in texts]


@dataclass(frozen=True, slots=True)
class Clock:
    """The wall clock a reader thinks in: the zone all symbols' calendars share, UTC where they differ."""

    zone: ZoneInfo

    @staticmethod
    def of(calendars: Iterable[str]) -> Clock:
        """From calendar names; one that no table knows counts as UTC."""
        zones = {_zone(name) for name in calendars}
        return Clock(ZoneInfo(zones.pop() if len(zones) == 1 else "UTC"))

    def local(self, ns: int) -> datetime:
        """The moment on this clock."""
        return (_EPOCH + timedelta(microseconds=ns // 1_000)).astimezone(self.zone)

    def date(self, ns: int) -> str:
        """`2024-01-02`."""
        return self.local(ns).strftime("%Y-%m-%d")

    def moment(self, ns: int) -> str:
        """`2024-01-02 09:31`, with seconds or fractions only where there are some."""
        at = self.local(ns)
        if at.microsecond:
            return at.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0")
        return at.strftime("%Y-%m-%d %H:%M:%S" if at.second else "%Y-%m-%d %H:%M")

    def stamp(self, ns: int, interval_ns: int) -> str:
        """A date where bars are days or longer, else the moment."""
        return self.date(ns) if interval_ns >= _DAY_NS else self.moment(ns)

    def wall_ms(self, ns: int) -> int:
        """Milliseconds of the wall clock as if it were UTC: what a page needs to print local times without a time-zone table."""
        at = self.local(ns)
        return ns // 1_000_000 + int((at.utcoffset() or timedelta()).total_seconds()) * 1_000


def _zone(calendar: str) -> str:
    try:
        return load(calendar).timezone
    except UnknownCalendar:
        return "UTC"
