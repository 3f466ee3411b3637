"""File replay: bars, quotes, prints and price bands of many symbols from CSV, gzip or Parquet, merged in time.

A backtest reads `columns` of one file; the gateway reads `FileSource.blocks`. Memory holds one chunk a file, however long the
files are and, up to some five hundred, however many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Final

from services.gateway.settings import DataSettings, Hours
from shared.domain.calendar import Calendar, OutsideCalendar
from shared.events import Bar, InstrumentDefined
from shared.metrics.record import DataFile

from . import arrowtext, rawfile
from .columns import Columns, Kind, joined
from .faults import Faults, check
from .merge import merge
from .parquetfile import is_parquet, read_parquet
from .placing import placed
from .port import BadData, Block, End, FeedError
from .table import CHUNK_BYTES
from .textfile import read_text

CHUNKS_BYTES: Final = 1 << 24  # of all files at once; as numbers and events in hand it is about six times that
CHUNK_BYTES_MIN: Final = 1 << 15


class _File:
    """One file of a symbol and kind, and what the newest reading of it came to."""

    def __init__(self, data: DataSettings, kind: Kind, symbol: str, pattern: str) -> None:
        self.kind: Final = kind
        self.symbol: Final = symbol
        self.name: Final = pattern.replace("{symbol}", symbol)
        self.path: Final = Path(data.data_directory) / self.name
        self._on_error: Final = data.on_error
        self.opened: rawfile.Stamp | None = None
        self.faults = Faults(self.path, data.on_error)
        self.used = 0  # rows

    def begin(self) -> None:
        """A reading begins at row 1. Raises FeedError."""
        try:
            self.opened = rawfile.stamp(self.path)
        except OSError as error:
            raise FeedError(f"{self.path}: cannot be read: {error}") from None
        self.faults = Faults(self.path, self._on_error)
        self.used = 0


class FileSource:
    """A `Source` over the files of the settings. Raises FeedError at once when a file is not there."""

    name: Final = "files"

    def __init__(self, data: DataSettings, instruments: Sequence[InstrumentDefined]) -> None:
        self._data: Final = data
        self._calendars: Final = {i.symbol: Calendar.named(i.calendar) for i in instruments}
        self._files: Final = [
            file
            for kind, pattern in (
                (Kind.BAND, data.bands_pattern),
                (Kind.QUOTE, data.quotes_pattern),
                (Kind.TRADE, data.trades_pattern),
                (Kind.BAR, data.file_pattern),
            )
            if pattern
            for file in self._found(kind, pattern)
        ]
        self._size: Final = min(CHUNK_BYTES, max(CHUNK_BYTES_MIN, CHUNKS_BYTES // max(1, len(self._files))))
        self._fast: Final = arrowtext.worth_it(sum(file.path.stat().st_size for file in self._files))

    def blocks(self, skip: int) -> Generator[Block, None, End]:
        """As `Source.blocks`. Skipped rows are read and judged but no events are made of them: a quarter of a second a million rows."""
        for file in self._files:
            file.begin()
        return (yield from merge([self._columns(file) for file in self._files], skip))

    def history(self, symbols: Sequence[str], bars: int, until: int) -> Sequence[Bar]:
        """As `Source.history`; reads each bar file from its beginning, including what lies before `start_ns`."""
        newest = [iter([self._newest(file, bars, until)]) for file in self._files if file.kind is Kind.BAR and file.symbol in symbols]
        return [event for block in merge(newest, 0) for event in block.events if isinstance(event, Bar)]

    def notes(self) -> str:
        """Rows left out under `on_error: skip`: how many a file, and the first."""
        bad = [(file, file.faults) for file in self._files if file.faults.skipped]
        return "; ".join(f"{file.name}: {faults.skipped} bad rows left out, first: {faults.first}" for file, faults in bad)

    def digests(self) -> Sequence[DataFile]:
        """As `Source.digests`: one a file, whole, whatever the settings used of it. A second a gigabyte."""
        return [
            DataFile(file.name, rawfile.digest(file.path, file.opened or rawfile.stamp(file.path)), file.used, file.faults.skipped)
            for file in self._files
        ]

    def _found(self, kind: Kind, pattern: str) -> list[_File]:
        """The files of a pattern by symbol. Bars must be there for every symbol; the others for one at least, else the pattern is wrong."""
        files = [_File(self._data, kind, symbol, pattern) for symbol in self._calendars]
        there = [file for file in files if file.path.is_file()]
        if files and (not there or (kind is Kind.BAR and len(there) < len(files))):
            lost = next(file for file in files if file not in there)
            raise FeedError(f"{lost.path}: no such file ({kind.name.lower()}s of {lost.symbol})")
        return there

    def _columns(self, file: _File) -> Iterator[Columns]:
        data = self._data
        for part in columns(file.path, file.kind, file.symbol, data, self._calendars[file.symbol], file.faults, size=self._size, fast=self._fast):
            kept = part.between(data.start_ns, data.end_ns)
            if len(kept):
                file.used += len(kept)
                yield kept
            if data.end_ns and part.times[-1] > data.end_ns:
                return

    def _newest(self, file: _File, bars: int, until: int) -> Columns:
        parts: deque[Columns] = deque()
        faults = Faults(file.path, self._data.on_error)
        for part in columns(file.path, Kind.BAR, file.symbol, self._data, self._calendars[file.symbol], faults, size=self._size, fast=self._fast):
            parts.append(part.between(0, until))
            while sum(map(len, parts)) - len(parts[0]) >= bars:
                parts.popleft()
            if part.times[-1] > until:
                break
        found = joined(list(parts)) if parts else None
        return Columns.none(file.symbol, Kind.BAR) if found is None else found.cut(max(0, len(found) - bars), len(found))


def columns(
    path: Path, kind: Kind, symbol: str, data: DataSettings, calendar: Calendar, faults: Faults, *, size: int = CHUNK_BYTES, fast: bool = False
) -> Iterator[Columns]:
    """One file in chunks of a few thousand rows, judged, with starts and ends, in the hours of the settings; never an empty chunk. The date
    range of the settings is not applied. size: of a chunk of text, in bytes; fast: CSV is read through Arrow. Raises FeedError; BadData where `faults` says fail."""
    newest = -1
    try:
        source = read_parquet(path, kind, size) if is_parquet(path) else read_text(path, kind, data.has_header, size, fast=fast)
    except OSError as error:
        raise FeedError(f"{path}: cannot be read: {error}") from None
    for numbers in source:
        good = check(kind, numbers, newest, faults)
        kept = numbers if good is None else numbers.picked(good)
        if not len(kept.times):
            continue
        newest = int(kept.times[-1])
        try:
            part = placed(path, kind, symbol, kept, data, calendar)
            if data.hours is Hours.REGULAR and kind is not Kind.BAND:
                part = part.regular(calendar)
        except OutsideCalendar as error:
            raise BadData(path, kept.rows[0], f"{error} (or a row of the {len(kept.rows)} from there)") from None
        if len(part):
            yield part
