"""The journal's events as rows for other programs: streamed, in memory bounded by a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import orjson

from shared.bus.journal_reader import JournalReader
from shared.bus.port import NEVER
from shared.bus.record import Record, envelope_of
from shared.events import BY_NAME, CodecError

from .errors import CliError

PAGE_ROWS: Final = 5_000
COLUMNS: Final = ("seq", "time", "ts_ns", "type", "topic", "source", "run", "n", "cause", "epoch", "data")


def rows(journal: Path, first: int, until: int | None, types: frozenset[str]) -> Iterator[list[dict[str, Any]]]:
    """Pages of rows with first <= seq <= until (None: the end as it is now). types: event names, all when empty. Raises CliError for a name that
    is no event's and for an event this build does not know, JournalError."""
    if unknown := types - BY_NAME.keys():
        raise CliError(f"no event is called {', '.join(sorted(unknown))}; docs/messages.md lists them")
    tags = {BY_NAME[name].TAG for name in types}
    reader = JournalReader(journal)
    try:
        after, last = first - 1, min(until or NEVER, reader.head())
        while after < last:
            records, after = reader.page(after, ("",), PAGE_ROWS, last)
            yield [row_of(r) for r in records if not tags or r.tag in tags]
    finally:
        reader.close()


def row_of(record: Record) -> dict[str, Any]:
    """One event. time: ISO, UTC, microseconds; ts_ns has the rest."""
    try:
        e = envelope_of(record)
    except CodecError as error:
        raise CliError(f"seq {record.seq}: {error}") from None
    moment = datetime.fromtimestamp(e.ts_ns // 1_000_000_000, UTC).replace(microsecond=e.ts_ns // 1_000 % 1_000_000)
    values = (e.seq, moment.isoformat(timespec="microseconds"), e.ts_ns, type(e.event).__name__, e.topic, e.source, e.run, e.n, e.cause, e.epoch)
    return dict(zip(COLUMNS, (*values, plain(e.event)), strict=True))


def plain(value: Any) -> Any:
    """An event or a part of one as JSON values with its field names; Decimals as text, in full."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return format(value, "f") if isinstance(value, Decimal) else value


def write(pages: Iterator[list[dict[str, Any]]], format_: str, out: BinaryIO) -> int:
    """Write every row; how many. Raises CliError when the format needs a package that is not installed."""
    return {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}[format_](pages, out)


def _jsonl(pages: Iterator[list[dict[str, Any]]], out: BinaryIO) -> int:
    count = 0
    for page in pages:
        out.write(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in page))
        count += len(page)
    return count


def _csv(pages: Iterator[list[dict[str, Any]]], out: BinaryIO) -> int:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for page in pages:
        writer.writerows([*list(row.values())[:-1], _json(row["data"])] for row in page)
        out.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()
        count += len(page)
    out.write(text.getvalue().encode())
    return count


def _parquet(pages: Iterator[list[dict[str, Any]]], out: BinaryIO) -> int:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise CliError("parquet needs pyarrow: pip install 'regimeflow-live[parquet]'") from None
    numbers = {"seq", "ts_ns", "run", "n", "cause", "epoch"}
    schema = pa.schema([(name, pa.int64() if name in numbers else pa.string()) for name in COLUMNS])
    count = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for page in pages:
            if page:
                writer.write_table(pa.Table.from_pylist([{**row, "data": _json(row["data"])} for row in page], schema))
                count += len(page)
    return count


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
