"""Numbers from the cells of a text table: the second step of reading a CSV file, between its shape and its meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from . import arrowtext
from .columns import VALUES, Kind
from .numbers import Numbers
from .table import Cells, Chunk, read_table
from .times import Timestamps


def read_text(path: Path, kind: Kind, has_header: bool, size: int, *, fast: bool) -> Iterator[Numbers]:
    """Chunks of a CSV file, of about `size` bytes. fast: through Arrow where a chunk is plainly right; the result is the same. Raises BadData when the file cannot be
    read or lacks a column."""
    stamps = Timestamps()
    for chunk in read_table(path, VALUES[kind], has_header, size):
        found = arrowtext.numbers(chunk, stamps) if fast else None
        if found is None:
            yield _exactly(chunk, kind, stamps)
        else:
            yield Numbers(range(chunk.first, chunk.first + len(found[0])), *found, stamps.dated)


def _exactly(chunk: Chunk, kind: Kind, stamps: Timestamps) -> Numbers:
    """A chunk column by column; where that fails, row by row."""
    cells = chunk.cells()
    try:
        times = stamps.parse(cells.columns[0])
        values = [list(map(float, column)) for column in cells.columns[1:]]
    except ValueError:
        return row_by_row(cells if cells.odd else chunk.carefully(), kind, stamps)
    return in_arrays(cells.rows, times, values, stamps, cells.odd)


def row_by_row(cells: Cells, kind: Kind, stamps: Timestamps) -> Numbers:
    """Every good row of cells of which some are bad, in order."""
    rows: list[int] = []
    times: list[int] = []
    values: list[list[float]] = [[] for _ in VALUES[kind]]
    bad = list(cells.odd)
    for row, stamp, *texts in zip(cells.rows, *cells.columns, strict=True):
        try:
            moment, found = _row(kind, stamps, stamp, texts)
        except ValueError as error:
            bad.append((row, str(error)))
            continue
        rows.append(row)
        times.append(moment)
        for column, number in zip(values, found, strict=True):
            column.append(number)
    return in_arrays(rows, times, values, stamps, bad)


def in_arrays(rows: Sequence[int], times: list[int], values: Sequence[list[float]], stamps: Timestamps, bad: Sequence[tuple[int, str]]) -> Numbers:
    """Lists as arrays."""
    columns = [np.array(column, dtype=np.float64) for column in values]
    return Numbers(rows, np.array(times, dtype=np.int64), columns, stamps.dated, bad)


def _row(kind: Kind, stamps: Timestamps, stamp: str, cells: Sequence[str]) -> tuple[int, list[float]]:
    if not stamp.strip():
        raise ValueError("timestamp is missing")
    moment = stamps.parse([stamp])[0]
    numbers: list[float] = []
    for name, cell in zip(VALUES[kind], cells, strict=True):
        try:
            numbers.append(float(cell))
        except ValueError:
            raise ValueError(f"{name} {cell!r} is not a number") from None
    return moment, numbers
