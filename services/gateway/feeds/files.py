"""File replay: bars, quotes and prints of many symbols from CSV, gzip or Parquet, merged in time.

A backtest reads `columns` of one file; the gateway reads `FileSource.blocks`. Memory holds one chunk a file, however long the file is.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Final

from services.gateway.settings import DAY_NS, BarTimestamp, DataSettings, Hours, interval_ns
from shared.domain.calendar import Calendar
from shared.events import Bar, InstrumentDefined

from .columns import Columns, Kind
from .faults import Faults, check
from .merge import merge
from .parquetfile import read_parquet
from .port import BadData, Block, End, FeedError
from .textfile import Numbers, read_text


class FileSource:
    """A `Source` over the files of the settings. Raises FeedError at once when a file is not there."""

    name: Final = "files"

    def __init__(self, data: DataSettings, instruments: Sequence[InstrumentDefined]) -> None:
        self._data: Final = data
        self._calendars: Final = {i.symbol: Calendar.named(i.calendar) for i in instruments}
        self._files: Final = [
            (kind, symbol, path)
            for kind, pattern in ((Kind.QUOTE, data.quotes_pattern), (Kind.TRADE, data.trades_pattern), (Kind.BAR, data.file_pattern))
            if pattern
            for symbol, path in self._found(kind, pattern)
        ]
        self._faults: dict[Path, Faults] = {}

    def blocks(self, skip: int) -> Generator[Block, None, End]:
        """As `Source.blocks`. Skipped rows are read and judged but no events are made of them: about a second a million rows."""
        self._faults = {path: Faults(path, self._data.on_error) for _, _, path in self._files}
        return (yield from merge([self._columns(kind, symbol, path, self._faults[path]) for kind, symbol, path in self._files], skip))

    def history(self, symbols: Sequence[str], bars: int, until: int) -> Sequence[Bar]:
        """As `Source.history`; reads each bar file from its beginning, including what lies before `start_ns`."""
        newest: list[Iterator[Columns]] = []
        for kind, symbol, path in self._files:
            if kind is Kind.BAR and symbol in symbols:
                newest.append(iter([self._newest(symbol, path, bars, until)]))
        return [event for block in merge(newest, 0) for event in block.events if isinstance(event, Bar)]

    def notes(self) -> str:
        """Rows left out under `on_error: skip`: how many a file, and the first."""
        bad = [faults for faults in self._faults.values() if faults.skipped]
        return "; ".join(f"{f.path.name}: {f.skipped} bad rows left out, first: {f.first}" for f in bad)

    def _found(self, kind: Kind, pattern: str) -> list[tuple[str, Path]]:
        """The files of a pattern by symbol. Bars must be there for every symbol; quotes and prints for one at least, else the pattern is wrong."""
        paths = [(symbol, Path(self._data.data_directory) / pattern.replace("{symbol}", symbol)) for symbol in self._calendars]
        there = [(symbol, path) for symbol, path in paths if path.is_file()]
        if paths and (not there or (kind is Kind.BAR and len(there) < len(paths))):
            symbol, path = next((symbol, path) for symbol, path in paths if (symbol, path) not in there)
            raise FeedError(f"{path}: no such file ({kind.name.lower()}s of {symbol})")
        return there

    def _columns(self, kind: Kind, symbol: str, path: Path, faults: Faults) -> Iterator[Columns]:
        data = self._data
        for part in columns(path, kind, symbol, data, self._calendars[symbol], faults):
            kept = part.between(data.start_ns, data.end_ns)
            if kept:
                yield kept
            if data.end_ns and part.times[-1] > data.end_ns:
                return

    def _newest(self, symbol: str, path: Path, bars: int, until: int) -> Columns:
        parts: deque[Columns] = deque()
        for part in columns(path, Kind.BAR, symbol, self._data, self._calendars[symbol], Faults(path, self._data.on_error)):
            parts.append(part.between(0, until))
            while sum(map(len, parts)) - len(parts[0]) >= bars:
                parts.popleft()
            if part.times[-1] > until:
                break
        found = Columns(symbol, Kind.BAR, [], [], ([],) * 5)
        for part in parts:
            found = found.then(part)
        return found.cut(max(0, len(found) - bars), len(found))


def columns(path: Path, kind: Kind, symbol: str, data: DataSettings, calendar: Calendar, faults: Faults) -> Iterator[Columns]:
    """One file in chunks of a few thousand rows, judged, with starts and ends, in the hours of the settings; never an empty chunk. The date
    range of the settings is not applied. Raises FeedError; BadData where `faults` says fail."""
    newest = -1
    for numbers in read_parquet(path, kind) if ".parquet" in path.suffixes else read_text(path, kind, data.has_header, faults):
        good = check(kind, numbers.rows, numbers.times, numbers.values, newest, faults)
        times, values = numbers.times, numbers.values
        if good is not None:
            times, values = [times[i] for i in good], [[column[i] for i in good] for column in values]
        if not times:
            continue
        newest = times[-1]
        part = _placed(path, kind, symbol, numbers, times, values, data, calendar)
        if data.hours is Hours.REGULAR:
            part = part.regular(calendar)
        if part:
            yield part


def _placed(
    path: Path,
    kind: Kind,
    symbol: str,
    numbers: Numbers,
    times: list[int],
    values: list[list[float]],
    data: DataSettings,
    calendar: Calendar,
) -> Columns:
    """The rows at their place in time: a bar from start to end, a daily bar over its session's regular hours."""
    interval = interval_ns(data.bar_type)
    if kind is not Kind.BAR:
        starts = times
    elif interval % DAY_NS == 0:
        sessions = [calendar.usual_session(_date(time)) for time in times]
        starts, times = [s.open_ns for s in sessions], [s.close_ns for s in sessions]
    elif data.bar_timestamp is BarTimestamp.START:
        starts, times = times, [time + interval for time in times]
    else:
        starts = [time - interval for time in times]
    if numbers.dated and starts is not times and interval < DAY_NS:
        raise BadData(path, numbers.rows[0], f"dates without a time of day in a file of {data.bar_type} bars")
    if numbers.dated and kind is not Kind.BAR:
        raise BadData(path, numbers.rows[0], "dates without a time of day")
    return Columns(symbol, kind, times, starts, tuple(values))


def _date(ns: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=ns // DAY_NS)).isoformat()
