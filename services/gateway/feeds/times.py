"""Timestamps of files to ns since the Unix epoch UTC: fast, exact, one form a file.

Forms: ISO 8601 with `Z`, with an offset or without (then UTC), to nanoseconds; a date alone; whole seconds, milliseconds, microseconds or
nanoseconds since the epoch (told apart by their 10, 13, 16 or 19 digits). Files repeat themselves: each date and each time of day is
parsed once and remembered, which leaves two dictionary look-ups a row.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final

_NS: Final = 1_000_000_000
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_YEARS: Final = range(1678, 2262)  # what ns in 64 bits can hold in full
NS_MAX: Final = (1 << 63) - 1
CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,9}))?)?(Z|z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?", re.ASCII)
EPOCH_SCALES: Final = {10: _NS, 13: 1_000_000, 16: 1_000, 19: 1}
_CLOCKS_MAX: Final = 100_000  # ticks stamped to the nanosecond would fill memory with times never seen again
_DATE_ONLY: Final = "a date alone"


def midnight(text: str) -> int:
    """`YYYY-MM-DD`, with or without the `T` or blank after it -> ns of its midnight. Raises ValueError."""
    try:
        day = dt.date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"timestamp {text!r} is no date") from None
    if text[4:5] != "-" or text[10:] not in {"", "T", " ", "t"}:
        raise ValueError(f"timestamp {text!r} is no date")
    if day.year not in _YEARS:
        raise ValueError(f"timestamp {text!r} is out of range")
    return (day.toordinal() - _EPOCH) * 86_400 * _NS


def clock(text: str) -> tuple[str, int]:
    """What follows the date -> time zone in words, and ns to add to midnight for UTC. Raises ValueError."""
    if not text:
        return _DATE_ONLY, 0
    match = CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"timestamp has {text!r} for a time of day")
    hours, minutes, seconds, fraction, zone = match.groups()
    ns = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds or 0)) * _NS + int((fraction or "").ljust(9, "0"))
    if zone is None:
        return "no time zone", ns
    if zone in "Zz":
        return "UTC", ns
    offset = (int(zone[1:3]) * 60 + int(zone[-2:])) * 60 * _NS
    return (f"offset {zone}" if offset else "UTC"), ns - offset if zone[0] == "+" else ns + offset


class Timestamps:
    """The clock of one file. Keeps the form of the first row it saw and refuses another. Plain dictionaries: a `__missing__` costs each look-up
    more than learning costs once."""

    def __init__(self) -> None:
        self._days: dict[str, int] = {}
        self._clocks: dict[str, int] = {}
        self.zone = ""  # of the rows so far, in words; empty before the first and where they count from the epoch
        self.digits = 0  # of the rows so far; 0 where they are dates

    @property
    def dated(self) -> bool:
        """The file has dates without a time of day."""
        return self.zone == _DATE_ONLY

    def parse(self, cells: Sequence[str]) -> list[int]:
        """ns of each cell. Raises ValueError with the reason at the first cell that does not fit; earlier cells have then been seen."""
        if self.digits or (not self.zone and cells and cells[0].isdigit()):
            return [self._from_epoch(cell) for cell in cells]
        days, clocks = self._days, self._clocks
        try:
            return [days[cell[:11]] + clocks[cell[11:]] for cell in cells]
        except KeyError:
            self._learn(cells)
            return [days[cell[:11]] + clocks[cell[11:]] for cell in cells]

    def day(self, text: str) -> int:
        """`midnight`, remembered."""
        found = self._days.get(text)
        if found is None:
            found = self._days[text] = midnight(text)
        return found

    def _learn(self, cells: Sequence[str]) -> None:
        if len(self._clocks) >= _CLOCKS_MAX:
            self._clocks.clear()
        for cell in cells:
            self.day(cell[:11])
            following = cell[11:]
            if following not in self._clocks:
                zone, ns = clock(following)
                if zone != (self.zone or zone):
                    raise ValueError(f"mixed time zones: {zone} after {self.zone}")
                self.zone = zone
                self._clocks[following] = ns

    def _from_epoch(self, cell: str) -> int:
        digits = len(cell)
        if not (cell.isascii() and cell.isdigit()) or digits not in EPOCH_SCALES:
            raise ValueError(f"timestamp {cell!r} is not seconds, ms, us or ns since 1970")
        if self.digits not in {0, digits}:
            raise ValueError(f"mixed timestamps: {digits} digits after {self.digits}")
        ns = int(cell) * EPOCH_SCALES[digits]
        if ns > NS_MAX:
            raise ValueError(f"timestamp {cell!r} is out of range")
        self.digits = digits
        return ns
