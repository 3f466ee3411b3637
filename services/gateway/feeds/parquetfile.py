"""Numbers from Parquet files through pyarrow, an optional extra imported only when a Parquet file is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .columns import VALUES, Kind
from .port import BadData, FeedError, MissingExtra
from .table import TIMES
from .textfile import Numbers
from .times import Timestamps

BATCH_ROWS: Final = 8_192
_NAN: Final = float("nan")


def read_parquet(path: Path, kind: Kind) -> Iterator[Numbers]:
    """Batches of a Parquet file; rows are counted from 1. Times may be timestamps of any unit and zone (none: UTC), dates, text or integers as
    in CSV. A missing value becomes NaN, which the checks refuse. Raises MissingExtra, FeedError, BadData."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra(f"{path}: Parquet files need the extra 'parquet': pip install 'regimeflow-live[parquet]'") from None
    try:
        with pq.ParquetFile(path) as file:
            stamp, columns = _columns(path, file.schema_arrow.names, kind)
            first = 1
            stamps = Timestamps()
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=[stamp, *columns]):
                times = _times(pa, path, first, batch.column(stamp), stamps)
                values = [_floats(pa, path, first, name, batch.column(name)) for name in columns]
                yield Numbers(range(first, first + batch.num_rows), times, values, stamps.dated or pa.types.is_date(batch.column(stamp).type))
                first += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise FeedError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None


def _columns(path: Path, names: list[str], kind: Kind) -> tuple[str, list[str]]:
    """Actual names of the time column and the value columns; compared without case."""
    known: dict[str, str] = {}
    for name in names:
        if known.setdefault(name.lower(), name) != name:
            raise BadData(path, 0, f"wrong columns: {name.lower()} stands there twice")
    stamp = next((known[name] for name in TIMES if name in known), None)
    missing = [*([] if stamp else ["timestamp or date"]), *(name for name in VALUES[kind] if name not in known)]
    if missing or stamp is None:
        raise BadData(path, 0, f"wrong columns: no {', '.join(missing)} among {', '.join(known)}")
    return stamp, [known[name] for name in VALUES[kind]]


def _times(pa: Any, path: Path, first: int, column: Any, stamps: Timestamps) -> list[int]:
    if column.null_count:
        raise BadData(path, first + column.is_null().to_pylist().index(True), "timestamp is missing")
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        times: list[int] = column.cast(pa.timestamp("ns")).cast(pa.int64()).to_pylist()
        return times
    try:
        return stamps.parse([str(cell) for cell in column.to_pylist()])
    except ValueError as error:
        raise BadData(path, first, f"{error} (or a row of the {len(column)} from there)") from None


def _floats(pa: Any, path: Path, first: int, name: str, column: Any) -> list[float]:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        raise BadData(path, first, f"wrong columns: {name} holds {column.type}, not numbers")
    cells = column.cast(pa.float64(), safe=False).to_pylist()
    return [_NAN if cell is None else cell for cell in cells] if column.null_count else cells
