"""Text tables (CSV, gzip or plain) in chunks of whole lines. Knows commas, quotes and headers; knows nothing of what the cells mean.

A chunk is at most a quarter of a megabyte of text, so a service's memory does not grow with its files. Cells are split in one call a chunk; a
chunk with quotes or with rows of another width goes through the csv module instead, which says which row is to blame.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .port import BadData
from .rawfile import blocks

CHUNK_BYTES: Final = 1 << 18
ROW_BYTES_MAX: Final = 1 << 16  # a longer line is no market data but a file of another kind
TIMES: Final = ("timestamp", "date")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows of text in the wanted column order. rows: their line numbers; columns: one list of cells a column; odd: lines that are no rows of
    this table, with the reason."""

    rows: Sequence[int]
    columns: list[list[str]]
    odd: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines, each ending in a line feed, valid UTF-8. first: the line number of the first; places: where the wanted columns stand;
    width: cells a row."""

    data: bytes
    first: int
    places: list[int]
    width: int

    def is_plain(self) -> bool:
        """No quotes, stray carriage returns or NUL bytes: commas and line feeds alone divide it."""
        return not (b'"' in self.data or b"\r" in self.data or b"\0" in self.data)

    def cells(self) -> Cells:
        """Split in one call where it is plain and the rows are equally wide, else line by line."""
        if self.is_plain():
            text = self.data.decode("utf-8")
            rows = text.count("\n")
            cells = text.replace("\n", ",").split(",")
            # One cell too many stands after the last line end. Equal width of every row is implied unless a long row makes up for a short
            # one; that shifts a price into the time column, where it is found, and `carefully` finds the row.
            if len(cells) - 1 == rows * self.width:
                return Cells(range(self.first, self.first + rows), [cells[place : -1 : self.width] for place in self.places])
        return self.carefully()

    def carefully(self) -> Cells:
        """Split line by line: for a chunk whose cells make no sense, where a short line may have shifted those after it."""
        rows: list[int] = []
        columns: list[list[str]] = [[] for _ in self.places]
        odd: list[tuple[int, str]] = []
        for line, content in enumerate(self.data.decode("utf-8").split("\n")[:-1], self.first):
            if not content.strip():
                continue
            cells, fault = _parsed(content)
            if fault or len(cells) != self.width:
                odd.append((line, fault or f"wrong columns: {len(cells)} cells, not {self.width}"))
                continue
            rows.append(line)
            for column, place in zip(columns, self.places, strict=True):
                column.append(cells[place])
        return Cells(rows, columns, tuple(odd))


def read_table(path: Path, values: Sequence[str], has_header: bool, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Chunks of a file: the timestamp column, then `values`, whatever their order in the file (without a header: this order). size:
    of a chunk, about, in bytes. Raises
    BadData when the file cannot be read (on), is no text, or lacks a column."""
    line, rest = 1, b""
    places: list[int] | None = None if has_header else list(range(len(values) + 1))
    width = len(values) + 1
    source = blocks(path, size)
    while True:
        try:
            block = next(source, b"")
        except (OSError, EOFError, zlib.error) as error:
            raise BadData(path, line, f"cannot be read: {error}") from None
        data, rest = _whole_lines(path, line, rest + block, last=not block)
        first, lines = line, data.count(b"\n")
        if line == 1:
            data = data.removeprefix(_BOM)
        if places is None and data:
            header, _, data = data.partition(b"\n")
            places, width = _header(path, header.decode("utf-8"), values)
            first = line + 1
        if places is not None and data:
            yield Chunk(data, first, places, width)
        line += lines
        if not block:
            break
    if line == 1:
        raise BadData(path, 1, "the file is empty")


def _whole_lines(path: Path, line: int, data: bytes, *, last: bool) -> tuple[bytes, bytes]:
    """Text up to the last line end, always ending in one, and the bytes after it."""
    end = len(data) if last else data.rfind(b"\n") + 1
    if len(data) - end > ROW_BYTES_MAX:
        raise BadData(path, line + data.count(b"\n"), f"no end of line within {ROW_BYTES_MAX} bytes")
    text = data[:end]
    if not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadData(path, line + data.count(b"\n", 0, error.start), f"is no text: byte 0x{data[error.start]:02x} is not UTF-8") from None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if text and not text.endswith(b"\n"):
        text += b"\n"
    return text, data[end:]


def _header(path: Path, text: str, values: Sequence[str]) -> tuple[list[int], int]:
    """Where the wanted columns stand, and how many there are. Names are compared without case and surrounding blanks. Raises BadData."""
    names, fault = _parsed(text)
    if fault:
        raise BadData(path, 1, fault)
    known = [name.strip().lower() for name in names]
    stamp = next((name for name in TIMES if name in known), None)
    missing = [*([] if stamp else ["timestamp or date"]), *(name for name in values if name not in known)]
    if missing or stamp is None:
        raise BadData(path, 1, f"wrong columns: no {', '.join(missing)} among {_shown(known)}")
    for name in (stamp, *values):
        if known.count(name) > 1:
            raise BadData(path, 1, f"wrong columns: {name} stands there twice")
    return [known.index(name) for name in (stamp, *values)], len(known)


def _shown(names: Sequence[str], chars_max: int = 120) -> str:
    """Names for a message of one line, whatever the file is."""
    text = ", ".join(names)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= chars_max else f"{text[:chars_max]}..."


def _parsed(line: str) -> tuple[list[str], str]:
    """The cells of a line, or what is wrong with it."""
    if len(line) > ROW_BYTES_MAX:
        return [], f"no end of line within {ROW_BYTES_MAX} bytes"
    if "\0" in line:
        return [], "holds a NUL byte"
    if "\r" in line:
        return [], "holds a carriage return within the line"
    return next(csv.reader([line]), []), ""
