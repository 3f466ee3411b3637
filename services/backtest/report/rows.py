"""Columns to CSV lines, quickly and in memory bounded by a chunk: numbers are written by the JSON encoder (shortest form that reads back),
which is an order of magnitude faster than `csv` and `repr` on a million rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import BinaryIO, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from shared.domain import exact

from .moments import iso_column

CHUNK_ROWS: Final = 50_000

Numbers = NDArray[np.float64]


def write_columns(out: BinaryIO, times: NDArray[np.int64], numbers: Mapping[str, Numbers]) -> None:
    """A header and one line a moment: `timestamp`, then the columns. What is not finite is an empty cell."""
    out.write(",".join(["timestamp", *numbers]).encode() + b"\n")
    for start in range(0, len(times), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        cells = [[text.encode() for text in iso_column(times[part])], *(_cells(column[part]) for column in numbers.values())]
        out.writelines(b",".join(row) + b"\n" for row in zip(*cells, strict=True))


def _cells(column: Numbers) -> list[bytes]:
    text = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    cells = text[1:-1].split(b",")
    return cells if np.isfinite(column).all() else [b"" if cell == b"null" else cell for cell in cells]


def write_rows(out: BinaryIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A header and rows of mixed values: Decimals and floats in full, None as an empty cell."""
    for chunk in _chunks(rows):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if header:
            writer.writerow(header)
            header = ()
        writer.writerows([cell(value) for value in row] for row in chunk)
        out.write(text.getvalue().encode())


def _chunks(rows: Iterable[Sequence[object]]) -> Iterator[list[Sequence[object]]]:
    """At least one, so that a file without rows has its header."""
    chunk: list[Sequence[object]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS:
            yield chunk
            chunk = []
    yield chunk


def cell(value: object) -> object:
    """A value for a CSV cell."""
    if isinstance(value, Decimal):
        return exact.text(value)
    if isinstance(value, float):
        return repr(value) if np.isfinite(value) else ""
    return "" if value is None else value
