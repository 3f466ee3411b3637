"""Timestamps of equal width as a matrix of characters: the forms of `times.py`, a column at a time.

The same answers as `Timestamps.parse`, or none: where anything is unusual - another width, another form, a digit that is none - the caller
parses cell by cell, and that says what is wrong.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from .columns import Ints
from .times import CLOCK, EPOCH_SCALES, NS_MAX, Timestamps, clock

Characters: TypeAlias = npt.NDArray[np.uint8]  # one row a place within the cells, one column a cell: numpy is fast along rows
_ZERO: Final = ord("0")
_DATE_CHARS: Final = 11  # the `T` or blank included
_SECOND_NS: Final = 1_000_000_000
_LIMITS: Final = (24, 60, 60, _SECOND_NS)  # hours, minutes, seconds, fraction
_UNITS_NS: Final = (3_600 * _SECOND_NS, 60 * _SECOND_NS, _SECOND_NS, 1)


def parse_cells(cells: Characters, stamps: Timestamps) -> Ints | None:
    """ns of each cell, in the form the file has had so far; None: let `stamps.parse` look. Changes `stamps` only where it answers."""
    first = _text(cells, 0)
    if first.isascii() and first.isdigit():
        return _since_epoch(cells, stamps)
    if stamps.digits:
        return None
    try:
        zone, _ = clock(first[_DATE_CHARS:])
        dates = _midnights(cells[:_DATE_CHARS], stamps)
    except ValueError:
        return None
    times = _clocks(cells[_DATE_CHARS:], first[_DATE_CHARS:])
    if times is None or zone != (stamps.zone or zone):
        return None
    stamps.zone = zone
    times += dates
    return times


def _text(cells: Characters, cell: int) -> str:
    return cells[:, cell].tobytes().decode("latin-1")


def _since_epoch(cells: Characters, stamps: Timestamps) -> Ints | None:
    width = len(cells)
    scale = EPOCH_SCALES.get(width)
    if scale is None or stamps.zone or stamps.digits not in {0, width}:
        return None
    if width == len(str(NS_MAX)) and (cells[0] == ord("9")).any():  # may not fit into 64 bits
        return None
    number = _number(cells)
    if number is None or int(number.max()) > NS_MAX // scale:
        return None
    stamps.digits = width
    return number * scale


def _midnights(dates: Characters, stamps: Timestamps) -> Ints:
    """Rows of one day stand together: each run of equal dates is parsed once. Raises ValueError."""
    changed = np.zeros(dates.shape[1] - 1, dtype=np.bool_)
    for place in dates:
        changed |= place[1:] != place[:-1]
    runs = np.concatenate(([0], np.flatnonzero(changed) + 1, [dates.shape[1]]))
    days = [stamps.day(_text(dates, cell)) for cell in runs[:-1].tolist()]
    return np.repeat(np.array(days, dtype=np.int64), np.diff(runs))


def _clocks(cells: Characters, first: str) -> Ints | None:
    """ns from each row's midnight. first: the time of day of the first row, whose form all must have."""
    total = np.zeros(cells.shape[1], dtype=np.int64)
    match = CLOCK.fullmatch(first)
    if match is None:  # a date alone
        return total
    fixed = set(range(len(first)))  # separators and time zone: the same in every row
    for group, limit, unit in zip(range(1, 5), _LIMITS, _UNITS_NS, strict=True):
        low, high = match.span(group)
        if low < 0:
            continue
        fixed -= set(range(low, high))
        number = _number(cells[low:high])
        if number is not None and limit == _SECOND_NS:
            number *= 10 ** (9 - (high - low))
        if number is None or int(number.max()) >= limit:
            return None
        total += number * unit
    if any((cells[place] != cells[place, 0]).any() for place in fixed):
        return None
    total += clock(first)[1] - int(total[0])
    return total


def _number(cells: Characters) -> Ints | None:
    """Digits as a number; None where one is no digit. At most 18 digits, or 19 that begin with less than 9."""
    digits = cells - np.uint8(_ZERO)  # wraps round below `0`
    if int(digits.max()) > 9:
        return None
    number: Ints = digits[0].astype(np.int64)
    for place in digits[1:]:
        number *= 10
        number += place
    return number
