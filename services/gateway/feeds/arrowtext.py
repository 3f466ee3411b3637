"""Numbers from a chunk of CSV through pyarrow: ten times as fast as Python's own split and float, and the same to the bit.

Arrow parses only what is plain and clean; it answers nothing for any other chunk, and the exact path says what is wrong there. pyarrow is an
optional extra, and importing it takes 25 MB: it is used where there is much to read.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from .columns import Floats, Ints
from .stamps import Characters, parse_cells
from .table import Chunk
from .times import Timestamps

FILES_BYTES_MIN: Final = 1 << 22  # reading less takes no longer than the import
_OFFSET_BYTES: Final = 4
_VALUE_BYTES: Final = 8


def worth_it(files_bytes: int) -> bool:
    """Whether to read through Arrow: it is installed, and there is enough to read."""
    return files_bytes >= FILES_BYTES_MIN and find_spec("pyarrow") is not None


def numbers(chunk: Chunk, stamps: Timestamps) -> tuple[Ints, list[Floats]] | None:
    """Times (ns) and values of all lines of a chunk. None where anything in it is not plainly right; then nothing is changed but what `stamps`
    learns of the chunk's first row, as it would in the exact path."""
    import pyarrow as pa
    import pyarrow.csv as pc

    if not chunk.is_plain():
        return None
    names = [str(place) for place in range(chunk.width)]
    wanted = [str(place) for place in chunk.places]
    types = {name: pa.float64() for name in wanted[1:]} | {wanted[0]: pa.binary()}
    try:
        table = pc.read_csv(
            pa.py_buffer(chunk.data),
            read_options=pc.ReadOptions(use_threads=False, block_size=len(chunk.data) + 1, column_names=names),
            parse_options=pc.ParseOptions(quote_char=False),
            convert_options=pc.ConvertOptions(
                include_columns=wanted, column_types=types, null_values=[], strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowException:
        return None
    columns = [table.column(name) for name in wanted]
    if table.num_rows != chunk.data.count(b"\n") or any(column.num_chunks != 1 for column in columns):
        return None
    values = [floats(column.chunk(0)) for column in columns[1:]]
    if not all(np.isfinite(column).all() for column in values):
        return None
    cells = _characters(columns[0].chunk(0))
    times = None if cells is None else parse_cells(cells, stamps)
    return None if times is None else (times, values)


def floats(column: Any) -> Floats:
    """The memory of an Arrow array of doubles, none of them null. Not by Arrow's own `to_numpy`, which imports pandas where that is installed."""
    return np.frombuffer(column.buffers()[1], dtype=np.float64, count=len(column), offset=column.offset * _VALUE_BYTES)


def ints(column: Any) -> Ints:
    """The same of 64-bit integers."""
    return np.frombuffer(column.buffers()[1], dtype=np.int64, count=len(column), offset=column.offset * _VALUE_BYTES)


def _characters(cells: Any) -> Characters | None:
    """Cells of equal width; None where their widths differ."""
    _, offsets, data = cells.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32, count=len(cells) + 1, offset=cells.offset * _OFFSET_BYTES)
    widths = np.diff(bounds)
    width = int(widths[0])
    if width == 0 or (widths != width).any():
        return None
    return np.ascontiguousarray(np.frombuffer(data, dtype=np.uint8, count=len(cells) * width, offset=int(bounds[0])).reshape(-1, width).T)
