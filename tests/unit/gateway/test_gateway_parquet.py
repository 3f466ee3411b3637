"""Parquet files: the same rows as CSV, the same refusals."""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from services.gateway.feeds.port import BadData, FeedError, MissingExtra

Write = Callable[[str, str], Path]
HEADER = "timestamp,open,high,low,close,volume\n"
GOOD = "2013-10-04T13:30:00Z,10,11,9,10.5,100\n"
LATER = "2013-10-04T13:31:00Z,10,11,9,10.5,100\n"


def test_parquet_reads_as_csv_does(write: Write, read: Callable, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    pq = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")
    write("SPY.csv", HEADER + GOOD + LATER)
    expected = read()[0]
    stamps = pa.array([bar.timestamp for bar in expected])
    forms = [
        stamps.cast(pa.timestamp("ns")),
        stamps.cast(pa.timestamp("ns", "UTC")),
        stamps.cast(pa.timestamp("ns")).cast(pa.timestamp("ms")),
        stamps,
        pa.array(["2013-10-04T13:30:00Z", "2013-10-04T13:31:00Z"]),
    ]
    values = {name: pa.array([getattr(bar, name) for bar in expected]) for name in ("open", "high", "low", "close", "volume")}
    for form in forms:
        pq.write_table(pa.table({"Timestamp": form, **values}), tmp_path / "SPY.parquet")
        assert read(file_pattern="{symbol}.parquet")[0] == expected
    values["high"] = pa.array([11.0, None])
    pq.write_table(pa.table({"Timestamp": forms[0], **values}), tmp_path / "SPY.parquet")
    with pytest.raises(BadData, match=r"SPY.parquet, row 2: high is nan"):
        read(file_pattern="{symbol}.parquet")
    pq.write_table(pa.table({"open": values["open"]}), tmp_path / "SPY.parquet")
    with pytest.raises(BadData, match="wrong columns: no timestamp or date, high, low, close, volume among open"):
        read(file_pattern="{symbol}.parquet")
    (tmp_path / "SPY.parquet").write_bytes(b"not parquet")
    with pytest.raises(FeedError, match=r"SPY\.parquet, row 1: cannot be read"):
        read(file_pattern="{symbol}.parquet")


def test_parquet_without_its_extra_is_refused_by_the_extras_name(read: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "SPY.parquet").write_bytes(b"PAR1")
    real_import = builtins.__import__

    def absent(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtra, match=r"pip install 'regimeflow-live\[parquet\]'"):
        read(file_pattern="{symbol}.parquet")


AT = dt.datetime(2013, 10, 4, 13, 30, tzinfo=dt.UTC)
NEXT = AT + dt.timedelta(minutes=1)
BAD_ROWS = [
    ((AT - dt.timedelta(minutes=1), 10.0, 11.0, 9.0, 10.0, 1.0), "unsorted: its time is before the row above"),
    ((AT, 10.0, 11.0, 9.0, 10.0, 1.0), "duplicate timestamp"),
    ((None, 10.0, 11.0, 9.0, 10.0, 1.0), "timestamp is missing"),
    ((NEXT, 10.0, None, 9.0, 10.0, 1.0), "high is nan"),
    ((NEXT, 10.0, float("inf"), 9.0, 10.0, 1.0), "high is inf"),
    ((NEXT, 10.0, 11.0, -9.0, 10.0, 1.0), "low -9.0 is negative"),
    ((NEXT, 10.0, 8.0, 9.0, 10.0, 1.0), "high 8.0 < low 9.0"),
    ((NEXT, 12.0, 11.0, 9.0, 10.0, 1.0), "open 12.0 is outside low 9.0 to high 11.0"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS, ids=[case[1] for case in BAD_ROWS])
@pytest.mark.parametrize("text", [False, True], ids=["timestamps", "text"])
def test_a_bad_row_is_named_or_left_out(read: Callable, tmp_path: Path, row: tuple, reason: str, text: bool) -> None:
    pa = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    pq = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")
    rows = [(AT, 10.0, 11.0, 9.0, 10.0, 1.0), row, (NEXT + dt.timedelta(minutes=1), 10.0, 11.0, 9.0, 10.0, 1.0)]
    if text:
        rows = [(None if stamp is None else stamp.isoformat(), *cells) for stamp, *cells in rows]
    names = ("timestamp", "open", "high", "low", "close", "volume")
    pq.write_table(pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}), tmp_path / "SPY.parquet")
    with pytest.raises(BadData) as caught:
        read(file_pattern="{symbol}.parquet")
    assert str(caught.value) == f"{tmp_path / 'SPY.parquet'}, row 2: {reason}"
    events, source = read(file_pattern="{symbol}.parquet", on_error="skip")
    assert len(events) == 2
    assert source.notes() == f"SPY.parquet: 1 bad rows left out, first: {caught.value}"


def test_text_of_mixed_time_zones_numbers_that_are_text_and_a_cut_file_are_refused(read: Callable, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    pq = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")
    path = tmp_path / "SPY.parquet"
    prices = {name: [1.0, 1.0] for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"date": ["2013-10-04T13:30:00Z", "2013-10-04T09:31:00-04:00"], **prices}), path)
    with pytest.raises(BadData, match="row 2: mixed time zones: offset -04:00 after UTC"):
        read(file_pattern="{symbol}.parquet")
    pq.write_table(pa.table({"date": ["2013-10-04T13:30:00Z"] * 2, **prices, "low": ["1", "1"]}), path)
    with pytest.raises(BadData, match="row 1: wrong columns: low holds string, not numbers"):
        read(file_pattern="{symbol}.parquet")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadData, match=r"SPY\.parquet, row 1: cannot be read: "):
        read(file_pattern="{symbol}.parquet")


def test_parquet_is_known_by_its_content_too(read: Callable, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    pq = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")
    pq.write_table(
        pa.table({"Date": ["2013-10-04T13:30:00Z"], **{n: [1.0] for n in ("Open", "HIGH", "low", "close", "volume")}}), tmp_path / "SPY.pq"
    )
    assert len(read(file_pattern="{symbol}.pq")[0]) == 1
