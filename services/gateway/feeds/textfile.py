"""Numbers from the cells of a text table: the second step of reading a CSV file, between its shape and its meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .columns import VALUES, Kind
from .faults import Faults
from .table import Chunk, read_table
from .times import Timestamps


@dataclass(frozen=True, slots=True)
class Numbers:
    """Rows as numbers, not yet judged. times: as the file has them (ns); dated: they are dates without a time of day."""

    rows: Sequence[int]
    times: list[int]
    values: list[list[float]]
    dated: bool


def read_text(path: Path, kind: Kind, has_header: bool, faults: Faults) -> Iterator[Numbers]:
    """Chunks of a CSV file. Cells that are no numbers go to `faults`. Raises FeedError; BadData where the settings say fail."""
    stamps = Timestamps()
    for chunk in read_table(path, VALUES[kind], has_header):
        try:
            times = stamps.parse(chunk.columns[0])
            values = [list(map(float, column)) for column in chunk.columns[1:]]
        except ValueError:
            yield _row_by_row(chunk.carefully(), kind, stamps, faults)
        else:
            for row, reason in chunk.odd:
                faults.report(row, reason)
            yield Numbers(chunk.rows, times, values, stamps.dated)


def _row_by_row(chunk: Chunk, kind: Kind, stamps: Timestamps, faults: Faults) -> Numbers:
    """The same for a chunk that holds a bad cell: every good row of it, in order."""
    rows: list[int] = []
    times: list[int] = []
    values: list[list[float]] = [[] for _ in VALUES[kind]]
    bad = list(chunk.odd)
    for row, stamp, *cells in zip(chunk.rows, *chunk.columns, strict=True):
        try:
            moment, numbers = _row(kind, stamps, stamp, cells)
        except ValueError as error:
            bad.append((row, str(error)))
            continue
        rows.append(row)
        times.append(moment)
        for column, number in zip(values, numbers, strict=True):
            column.append(number)
    for row, reason in sorted(bad):
        faults.report(row, reason)
    return Numbers(rows, times, values, stamps.dated)


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
