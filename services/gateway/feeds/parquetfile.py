"""Numbers from Parquet files through pyarrow, an optional extra imported only when a Parquet file is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from .arrowtext import floats, ints
from .columns import VALUES, Floats, Ints, Kind
from .numbers import Numbers
from .port import BadData, MissingExtra
from .rawfile import PARQUET_MAGIC, starts_with
from .table import TIMES
from .times import Timestamps

ROW_BYTES: Final = 16  # of a chunk's size: what a row of text takes is four times that, and it is not kept
_NAN: Final = float("nan")


def is_parquet(path: Path) -> bool:
    """By its first bytes; or by its name, so that a damaged one is called that and no text. Raises OSError."""
    return ".parquet" in path.suffixes or starts_with(path, PARQUET_MAGIC)


def read_parquet(path: Path, kind: Kind, size: int) -> Iterator[Numbers]:
    """Batches of a Parquet file, for `size` as of text files; rows are counted from 1. Times may be timestamps of any unit and zone (none: UTC), dates, text or integers as
    in CSV. A missing value becomes NaN, which the checks refuse. Raises MissingExtra, BadData."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra(f"{path}: Parquet files need the extra 'parquet': pip install 'regimeflow-live[parquet]'") from None
    first, stamps = 1, Timestamps()
    try:
        with pq.ParquetFile(path, buffer_size=size, pre_buffer=False) as file:  # else a whole row group lies in memory
            stamp, names = _columns(path, file.schema_arrow.names, kind)
            for batch in file.iter_batches(batch_size=max(1, size // ROW_BYTES), columns=[stamp, *names], use_threads=False):
                values = [_floats(pa, path, first, name, batch.column(name)) for name in names]
                rows = range(first, first + batch.num_rows)
                yield _numbers(pa, rows, batch.column(stamp), values, stamps)
                first += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise BadData(path, first, f"cannot be read: {(str(error).splitlines() or ['damaged'])[0]}") from None


def _columns(path: Path, names: list[str], kind: Kind) -> tuple[str, list[str]]:
    """Actual names of the time column and the value columns; compared without case."""
    known: dict[str, str] = {}
    for name in names:
        if known.setdefault(name.lower(), name) != name or names.count(name) > 1:
            raise BadData(path, 0, f"wrong columns: {name.lower()} stands there twice")
    stamp = next((known[name] for name in TIMES if name in known), None)
    missing = [*([] if stamp else ["timestamp or date"]), *(name for name in VALUES[kind] if name not in known)]
    if missing or stamp is None:
        raise BadData(path, 0, f"wrong columns: no {', '.join(missing)} among {', '.join(known)}")
    return stamp, [known[name] for name in VALUES[kind]]


def _numbers(pa: Any, rows: range, column: Any, values: list[Floats], stamps: Timestamps) -> Numbers:
    """Rows whose time is missing or none are bad, the others stand."""
    is_date = pa.types.is_date(column.type)
    if is_date or pa.types.is_timestamp(column.type):
        times = column.cast(pa.timestamp("ns")).cast(pa.int64())
        if not times.null_count:
            return Numbers(rows, ints(times), values, is_date)
        return _kept(rows, [(time, "timestamp is missing") for time in times.to_pylist()], values, is_date)
    found = [_parsed(stamps, cell) for cell in column.to_pylist()]
    return _kept(rows, found, values, stamps.dated)


def _kept(rows: range, times: list[tuple[int | None, str]], values: list[Floats], dated: bool) -> Numbers:
    """times: the time of each row, or None and why."""
    good = [index for index, (time, _) in enumerate(times) if time is not None]
    bad = [(row, reason) for row, (time, reason) in zip(rows, times, strict=True) if time is None]
    stamps: Ints = np.array([times[index][0] for index in good], dtype=np.int64)
    return Numbers([rows[index] for index in good], stamps, [column[good] for column in values], dated, bad)


def _parsed(stamps: Timestamps, cell: object) -> tuple[int | None, str]:
    text = "" if cell is None else str(cell)
    if not text.strip():
        return None, "timestamp is missing"
    try:
        return stamps.parse([text])[0], ""
    except ValueError as error:
        return None, str(error)


def _floats(pa: Any, path: Path, first: int, name: str, column: Any) -> Floats:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        raise BadData(path, first, f"wrong columns: {name} holds {column.type}, not numbers")
    cells = column.cast(pa.float64(), safe=False)
    return np.array([_NAN if cell is None else cell for cell in cells.to_pylist()]) if cells.null_count else floats(cells)
