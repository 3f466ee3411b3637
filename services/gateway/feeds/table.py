"""Text tables (CSV, gzip or plain) as chunks of columns. Knows commas, quotes and headers; knows nothing of what the cells mean.

A chunk is a quarter of a megabyte of text, so a service's memory does not grow with its files. Cells are split in one call a chunk; a
chunk with quotes or with rows of another width goes through the csv module instead, which says which row is to blame.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from .port import BadData, FeedError

CHUNK_BYTES: Final = 1 << 18
ROW_BYTES_MAX: Final = 1 << 16  # a longer line is no market data but a file of another kind
_GZIP_MAGIC: Final = b"\x1f\x8b"
TIMES: Final = ("timestamp", "date")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of text in the wanted column order. rows: their line numbers; columns: one list of cells a column; odd: lines that are no rows of
    this table, with the reason."""

    rows: Sequence[int]
    columns: list[list[str]]
    odd: tuple[tuple[int, str], ...]
    text: str
    places: list[int]
    width: int

    def carefully(self) -> Chunk:
        """The same rows split line by line: for a chunk whose cells make no sense, where a short line may have shifted those after it."""
        first = self.rows[0] if self.rows else 1
        return self if self.odd or not isinstance(self.rows, range) else _split_slowly(self.text, first, self.places, self.width)


def read_table(path: Path, values: Sequence[str], has_header: bool) -> Iterator[Chunk]:
    """Chunks of a file: the timestamp column, then `values`, whatever their order in the file (without a header: this order). Raises
    FeedError when the file cannot be read, BadData when a column is missing."""
    try:
        with _open(path) as file:
            yield from _chunks(path, file, values, has_header)
    except (OSError, EOFError, zlib.error) as error:
        raise FeedError(f"{path}: cannot be read: {error}") from None
    except UnicodeDecodeError as error:
        raise FeedError(f"{path}: is no text: {error.reason}") from None


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as probe:
        zipped = probe.read(2) == _GZIP_MAGIC
    return cast("IO[bytes]", gzip.open(path, "rb")) if zipped else path.open("rb")


def _chunks(path: Path, file: IO[bytes], values: Sequence[str], has_header: bool) -> Iterator[Chunk]:
    line, rest = 1, b""
    places: list[int] | None = None if has_header else list(range(len(values) + 1))
    width = len(values) + 1
    while True:
        block = file.read(CHUNK_BYTES)
        text, rest = _whole_lines(path, line, rest + block, last=not block)
        lines = text.count("\n")
        body, first = text, line
        if places is None and text:
            header, _, body = text.partition("\n")
            names = next(csv.reader([header.removeprefix("\ufeff")]), [])
            places, width, first = _places(path, names, values), len(names), line + 1
        if places is not None and body:
            yield _split(body.removeprefix("\ufeff"), first, places, width)
        line += lines
        if not block:
            return


def _whole_lines(path: Path, line: int, data: bytes, *, last: bool) -> tuple[str, bytes]:
    """Text up to the last line end, always ending in one, and the bytes after it."""
    end = len(data) if last else data.rfind(b"\n") + 1
    if len(data) - end > ROW_BYTES_MAX:
        raise BadData(path, line, f"no end of line within {ROW_BYTES_MAX} bytes")
    text = data[:end].decode("utf-8").replace("\r\n", "\n")
    if text and not text.endswith("\n"):
        text += "\n"
    return text, data[end:]


def _places(path: Path, names: Sequence[str], values: Sequence[str]) -> list[int]:
    """Where the wanted columns stand. Names are compared without case and surrounding blanks."""
    known = [name.strip().lower() for name in names]
    stamp = next((name for name in TIMES if name in known), None)
    missing = [*([] if stamp else ["timestamp or date"]), *(name for name in values if name not in known)]
    if missing or stamp is None:
        raise BadData(path, 1, f"wrong columns: no {', '.join(missing)} among {', '.join(known)}")
    for name in (stamp, *values):
        if known.count(name) > 1:
            raise BadData(path, 1, f"wrong columns: {name} stands there twice")
    return [known.index(name) for name in (stamp, *values)]


def _split(text: str, first: int, places: list[int], width: int) -> Chunk:
    if '"' not in text:
        rows = text.count("\n")
        cells = text.replace("\n", ",").split(",")
        # One cell too many stands after the last line end. Equal width of every row is implied unless a long row makes up for a short one;
        # that shifts a price into the time column, where it is found, and `carefully` finds the row.
        if len(cells) - 1 == rows * width:
            return Chunk(range(first, first + rows), [cells[place:-1:width] for place in places], (), text, places, width)
    return _split_slowly(text, first, places, width)


def _split_slowly(text: str, first: int, places: list[int], width: int) -> Chunk:
    rows: list[int] = []
    columns: list[list[str]] = [[] for _ in places]
    odd: list[tuple[int, str]] = []
    for line, content in enumerate(text.split("\n")[:-1], first):
        if not content.strip():
            continue
        cells = next(csv.reader([content]))
        if len(cells) != width:
            odd.append((line, f"wrong columns: {len(cells)} cells, not {width}"))
            continue
        rows.append(line)
        for column, place in zip(columns, places, strict=True):
            column.append(cells[place])
    return Chunk(rows, columns, tuple(odd), text, places, width)
