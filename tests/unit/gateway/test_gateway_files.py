"""Reading market-data files: what is accepted, and that every bad row is named by file, row and reason - or counted and left out."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import pytest

from services.gateway.feeds import files
from services.gateway.feeds.columns import Kind
from services.gateway.feeds.port import BadData, FeedError
from services.gateway.settings import DataSettings
from shared.events import Bar, PriceBandsChanged, Quote, Trade
from shared.metrics.record import DataFile

Write = Callable[[str, str], Path]
HEADER = "timestamp,open,high,low,close,volume\n"
GOOD = "2013-10-04T13:30:00Z,10,11,9,10.5,100\n"
LATER = "2013-10-04T13:31:00Z,10,11,9,10.5,100\n"


def test_a_bar_is_known_at_its_end(write: Write, read: Callable, ns: Callable) -> None:
    write("SPY.csv", HEADER + GOOD)
    start = ns("2013-10-04T13:30:00")
    minute = 60_000_000_000
    assert read()[0] == [Bar("SPY", start, start + minute, 10.0, 11.0, 9.0, 10.5, 100.0)]
    assert read(bar_timestamp="end")[0] == [Bar("SPY", start - minute, start, 10.0, 11.0, 9.0, 10.5, 100.0)]
    assert read(bar_type="5m")[0] == [Bar("SPY", start, start + 5 * minute, 10.0, 11.0, 9.0, 10.5, 100.0)]


def test_columns_are_found_by_name_in_any_case_and_order_and_others_are_ignored(write: Write, read: Callable) -> None:
    write("SPY.csv", '\ufeffVolume,"Close",Adj,LOW,high,Open,Date\r\n100,10.5,?,9,11,10,2013-10-04T13:30:00Z\r\n')
    (bar,) = read()[0]
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (10.0, 11.0, 9.0, 10.5, 100.0)


def test_without_a_header_the_columns_stand_in_their_usual_order(write: Write, read: Callable) -> None:
    write("SPY.csv", GOOD.rstrip("\n"))
    assert len(read(has_header=False)[0]) == 1


def test_gzip_is_known_by_its_content_not_its_name(write: Write, read: Callable) -> None:
    zipped = write("SPY.csv.gz", HEADER + GOOD)
    zipped.rename(zipped.with_name("SPY.csv"))
    assert len(read()[0]) == 1


def test_quotes_and_prints_may_share_a_moment_and_keep_their_order(write: Write, read: Callable, ns: Callable) -> None:
    write("SPY.q.csv", "timestamp,bid,ask,bid_size,ask_size\n2013-10-04T13:31:00Z,1,2,3,4\n2013-10-04T13:31:00Z,1.5,2,3,4\n")
    write("SPY.t.csv", "timestamp,price,size\n2013-10-04T13:31:00Z,1.25,7\n")
    write("SPY.csv", HEADER + GOOD)
    events, _ = read(quotes_pattern="{symbol}.q.csv", trades_pattern="{symbol}.t.csv")
    at = ns("2013-10-04T13:31:00")
    assert events[:3] == [Quote("SPY", at, 1.0, 2.0, 3.0, 4.0), Quote("SPY", at, 1.5, 2.0, 3.0, 4.0), Trade("SPY", at, 1.25, 7.0)]
    assert isinstance(events[3], Bar)


BANDS = "timestamp,lower,upper\n2013-10-04T13:30:00Z,9,12\n2013-10-04T13:31:00Z,9.5,0\n"


def test_bands_come_before_what_they_bound_and_outside_regular_hours_too(write: Write, read: Callable, ns: Callable) -> None:
    write("SPY.b.csv", BANDS.replace("T13:30", "T12:00"))
    write("SPY.t.csv", "timestamp,price,size\n2013-10-04T13:31:00Z,1.25,7\n")
    write("SPY.csv", HEADER + GOOD)
    events, _ = read(bands_pattern="{symbol}.b.csv", trades_pattern="{symbol}.t.csv", hours="regular")
    at = ns("2013-10-04T12:00:00"), ns("2013-10-04T13:31:00")
    assert events[:2] == [PriceBandsChanged("SPY", at[0], 9.0, 12.0), PriceBandsChanged("SPY", at[1], 9.5, 0.0)]
    assert [type(e) for e in events[2:]] == [Trade, Bar]


@pytest.mark.parametrize(
    ("row", "reason"),
    [("12,12", "lower 12.0 >= upper 12.0"), ("-1,5", "lower -1.0 is negative"), ("nan,5", "lower is nan"), ("1,inf", "upper is inf")],
)
def test_what_is_no_band_is_refused(write: Write, read: Callable, row: str, reason: str) -> None:
    write("SPY.csv", HEADER + GOOD)
    write("SPY.b.csv", f"{BANDS}2013-10-04T13:32:00Z,{row}\n")
    with pytest.raises(BadData, match=f"row 4: {reason}"):
        read(bands_pattern="{symbol}.b.csv")


BAD_ROWS = [
    (GOOD + "2013-10-04T13:29:00Z,10,11,9,10,1\n", 3, "unsorted: its time is before the row above"),
    (GOOD + GOOD, 3, "duplicate timestamp"),
    (GOOD + ",10,11,9,10,1\n", 3, "timestamp is missing"),
    (GOOD + "2013-10-04T13:31:00,10,11,9,10,1\n", 3, "mixed time zones: no time zone after UTC"),
    (GOOD + "2013-10-04T09:31:00-04:00,10,11,9,10,1\n", 3, "mixed time zones: offset -04:00 after UTC"),
    (GOOD + "2013-10-04T13:31:00Z,10,nan,9,10,1\n", 3, "high is nan"),
    (GOOD + "2013-10-04T13:31:00Z,10,inf,9,10,1\n", 3, "high is inf"),
    (GOOD + "2013-10-04T13:31:00Z,10,11,-9,10,1\n", 3, "low -9.0 is negative"),
    (GOOD + "2013-10-04T13:31:00Z,0,11,9,10,1\n", 3, "open is zero"),
    (GOOD + "2013-10-04T13:31:00Z,10,8,9,10,1\n", 3, "high 8.0 < low 9.0"),
    (GOOD + "2013-10-04T13:31:00Z,12,11,9,10,1\n", 3, "open 12.0 is outside low 9.0 to high 11.0"),
    (GOOD + "2013-10-04T13:31:00Z,10,11,9,8.5,1\n", 3, "close 8.5 is outside low 9.0 to high 11.0"),
    (GOOD + "1969-10-04T13:31:00Z,10,11,9,10,1\n", 3, "its time is before 1970"),
    (GOOD + "9999-10-04T13:31:00Z,10,11,9,10,1\n", 3, "timestamp '9999-10-04T' is out of range"),
    (GOOD + "2013-10-04T13:31:00Z,10,11\0,9,10,1\n", 3, "holds a NUL byte"),
    (GOOD + "2013-10-04T13:31:00Z,10,11\r,9,10,1\n", 3, "holds a carriage return within the line"),
    (GOOD + "2013-10-04T13:31:00Z,10,11,9,10,1" + "0" * 70_000 + '"\n', 3, "no end of line within 65536 bytes"),
    (GOOD + "2013-10-04T13:31:00Z,10,nan,9,10,1\n2013-10-04T13:32:00Z,ten,11,9,10,1\n", 3, "high is nan"),
    (GOOD + "2013-10-04T13:31:00Z,10,11,9,10,-1\n", 3, "volume -1.0 is negative"),
    (GOOD + "2013-10-04T13:31:00Z,10,11,9,10,\n", 3, "volume '' is not a number"),
    (GOOD + "2013-10-04T13:31:00Z,ten,11,9,10,1\n", 3, "open 'ten' is not a number"),
    (GOOD + "2013-10-04T13:31:00Z,10,11,9,10\n", 3, "wrong columns: 5 cells, not 6"),
    (GOOD + "\n2013-10-04T13:31:00Z,10,11,9,10,1,9\n", 4, "wrong columns: 7 cells, not 6"),
    (GOOD + "2013-10-04T13:31:00Z,10,11,9,10\n2013-10-04T13:32:00Z,10,11,9,10,1,2\n", 3, "wrong columns: 5 cells, not 6"),
]


@pytest.mark.parametrize("name", ["SPY.csv", "SPY.csv.gz"])
@pytest.mark.parametrize(("rows", "row", "reason"), BAD_ROWS, ids=[case[2] for case in BAD_ROWS])
def test_a_bad_row_is_refused_by_file_row_and_reason(write: Write, read: Callable, rows: str, row: int, reason: str, name: str) -> None:
    path = write(name, HEADER + rows)
    with pytest.raises(BadData) as caught:
        read(file_pattern=name.replace("SPY", "{symbol}"))
    assert str(caught.value) == f"{path}, row {row}: {reason}"


@pytest.mark.parametrize(("rows", "row", "reason"), BAD_ROWS, ids=[case[2] for case in BAD_ROWS])
def test_with_skip_a_bad_row_is_counted_and_the_good_ones_stay(write: Write, read: Callable, rows: str, row: int, reason: str) -> None:
    write("SPY.csv", HEADER + rows + "2013-10-04T14:00:00Z,10,11,9,10.5,100\n")
    events, source = read(on_error="skip")
    assert len(events) == 2
    assert f"row {row}: {reason}" in source.notes()
    assert source.notes().startswith("SPY.csv: ")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("time,open,high,low,close,volume\n", "row 1: wrong columns: no timestamp or date among time, open"),
        ("timestamp,open,high,low,close\n", "row 1: wrong columns: no volume among"),
        ("timestamp,open,open,high,low,close,volume\n", "row 1: wrong columns: open stands there twice"),
    ],
)
def test_wrong_columns_are_refused_whatever_on_error_says(write: Write, read: Callable, header: str, reason: str) -> None:
    write("SPY.csv", header + GOOD)
    with pytest.raises(BadData, match=reason):
        read(on_error="skip")


def test_a_quote_of_one_side_is_data_but_a_negative_one_is_not(write: Write, read: Callable) -> None:
    header = "timestamp,bid,ask,bid_size,ask_size\n"
    write("SPY.csv", header + "2013-10-04T13:31:00Z,0,2,0,4\n")
    assert len(read(file_pattern="", quotes_pattern="{symbol}.csv")[0]) == 1
    write("SPY.csv", header + "2013-10-04T13:31:00Z,-1,2,0,4\n")
    with pytest.raises(BadData, match=r"row 2: bid -1.0 is negative"):
        read(file_pattern="", quotes_pattern="{symbol}.csv")


def test_a_missing_file_is_refused_before_anything_is_read(read: Callable) -> None:
    with pytest.raises(FeedError, match=r"SPY.csv: no such file \(bars of SPY\)"):
        read()


def test_a_symbol_may_be_without_quotes_but_a_pattern_that_finds_none_is_wrong(write: Write, read: Callable) -> None:
    write("SPY.csv", HEADER + GOOD)
    write("IBM.csv", HEADER + GOOD)
    with pytest.raises(FeedError, match=r"SPY.q: no such file \(quotes of SPY\)"):
        read("SPY", "IBM", quotes_pattern="{symbol}.q")
    write("IBM.q", "timestamp,bid,ask,bid_size,ask_size\n2013-10-04T13:31:00Z,1,2,3,4\n")
    assert len(read("SPY", "IBM", quotes_pattern="{symbol}.q")[0]) == 3


def test_a_damaged_or_foreign_file_is_refused_in_one_line(write: Write, read: Callable, tmp_path: Path) -> None:
    zipped = write("SPY.csv.gz", HEADER + "".join(f"2013-10-04T{m // 60:02d}:{m % 60:02d}:00Z,10,11,9,10.5,{m}\n" for m in range(900)))
    (tmp_path / "SPY.csv").write_bytes(zipped.read_bytes()[:-200])
    with pytest.raises(BadData, match=r"SPY\.csv, row 855: cannot be read: the gzip file is cut short"):
        read()
    (tmp_path / "SPY.csv").write_bytes(b"\xff\xfe\x00 no text")
    with pytest.raises(BadData, match=r"SPY\.csv, row 1: is no text: byte 0xff is not UTF-8"):
        read()
    (tmp_path / "SPY.csv").write_bytes((HEADER + GOOD).encode() + "2013-10-04T13:31:00Z,10,11,9,10,é".encode("latin-1"))
    with pytest.raises(BadData, match=r"SPY\.csv, row 3: is no text: byte 0xe9 is not UTF-8"):
        read()
    (tmp_path / "SPY.csv").write_bytes(zipped.read_bytes()[:-1] + b"x")
    with pytest.raises(BadData, match=r"SPY\.csv, row \d+: cannot be read: .* incorrect length check"):
        read()
    (tmp_path / "SPY.csv").write_bytes(b"x" * 400_000)
    with pytest.raises(BadData, match="row 1: no end of line within 65536 bytes"):
        read()


def test_gzip_files_after_each_other_and_padded_are_one_file(read: Callable, tmp_path: Path) -> None:
    (tmp_path / "SPY.csv").write_bytes(gzip.compress((HEADER + GOOD).encode()) + gzip.compress(LATER.encode()) + bytes(512))
    assert len(read()[0]) == 2


def test_prices_adjusted_by_division_may_be_off_by_their_last_digits(write: Write, read: Callable) -> None:
    write("SPY.csv", HEADER + "2013-10-04T13:30:00Z,10.000000000000002,10,9,8.9999999999999982,100\n")
    assert len(read()[0]) == 1


def test_a_day_outside_the_calendar_is_refused_in_one_line(write: Write, read: Callable) -> None:
    write("SPY.csv", "Date,Open,High,Low,Close,Volume\n2250-11-27,1,2,1,2,5\n")
    with pytest.raises(BadData, match=r"SPY.csv, row 2: calendar XNYS knows"):
        read(bar_type="1d")


def test_each_file_has_a_digest_that_anyone_can_check_and_its_rows(write: Write, read: Callable, ns: Callable) -> None:
    path = write("SPY.csv", HEADER + GOOD + "bad\n" + LATER)
    write("a/IBM.csv.gz", HEADER + GOOD)
    _, source = read(on_error="skip", end_ns=ns("2013-10-04T13:31:00"))
    assert source.digests() == [DataFile("SPY.csv", blake2b(path.read_bytes(), digest_size=32).hexdigest(), 1, 1)]
    (nested,) = read("IBM", file_pattern="a/{symbol}.csv.gz")[1].digests()
    assert (nested.name, nested.rows, nested.skipped) == ("a/IBM.csv.gz", 1, 0)
    path.write_text(HEADER + GOOD)
    with pytest.raises(FeedError, match=r"SPY.csv: was changed while it was read"):
        source.digests()


def test_a_file_of_a_header_has_no_rows_but_one_of_nothing_is_refused(write: Write, read: Callable) -> None:
    write("SPY.csv", HEADER)
    assert read()[0] == []
    for name in ("SPY.csv", "SPY.csv.gz"):
        write(name, "")
        with pytest.raises(BadData, match="row 1: the file is empty"):
            read(file_pattern=name.replace("SPY", "{symbol}"))


def test_the_size_of_the_chunks_changes_nothing(write: Write, read: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = "".join(f"2013-10-04T{13 + m // 60}:{m % 60:02d}:00Z,10,11,9,10.{m:03d},{m}\n" for m in range(300))
    bad = minutes.replace("10.150,150", "nan,150")
    for text, settings in ((minutes, {}), (bad, {"on_error": "skip"})):
        write("SPY.csv", HEADER + text)
        whole, source = read(**settings)
        notes = source.notes()
        for size in (64, 777, 4_096):
            monkeypatch.setattr(files, "CHUNK_BYTES", size)
            chunked, source = read(**settings)
            assert chunked == whole
            assert source.notes() == notes
        monkeypatch.undo()


def test_regular_hours_keep_what_lies_between_open_and_close(write: Write, read: Callable) -> None:
    times = ["13:29", "13:30", "19:59", "20:00"]
    write("SPY.csv", HEADER + "".join(f"2013-10-04T{t}:00Z,10,11,9,10,1\n" for t in times) + "2013-10-05T15:00:00Z,10,11,9,10,1\n")
    assert len(read(hours="regular")[0]) == 2
    quotes = "".join(f"2013-10-04T{t}:00Z,1,2,3,4\n" for t in ["13:29", "13:30", "20:00", "20:01"]) + "2013-10-07T13:30:00Z,1,2,3,4\n"
    write("Q.csv", "timestamp,bid,ask,bid_size,ask_size\n" + quotes)
    assert len(read("Q", hours="regular", file_pattern="", quotes_pattern="{symbol}.csv")[0]) == 3


def test_a_daily_bar_covers_its_session(write: Write, read: Callable, ns: Callable) -> None:
    write("SPY.csv", "Date,Open,High,Low,Close,Volume\n2013-11-27,1,2,1,2,5\n2013-11-29,1,2,1,2,5\n")
    first, second = read(bar_type="1d")[0]
    assert (first.timestamp, first.end) == (ns("2013-11-27T14:30:00"), ns("2013-11-27T21:00:00"))
    assert (second.timestamp, second.end) == (ns("2013-11-29T14:30:00"), ns("2013-11-29T18:00:00"))  # early close
    assert read(bar_type="1d", calendar="24x7")[0][0].end == ns("2013-11-28T00:00:00")


def test_dates_alone_are_no_minute_bars(write: Write, read: Callable) -> None:
    write("SPY.csv", HEADER + "2013-11-27,1,2,1,2,5\n")
    with pytest.raises(BadData, match=r"row 2: dates without a time of day in a file of 1m bars"):
        read()


def test_a_date_range_bounds_the_rows_and_leaves_the_rest_as_history(write: Write, read: Callable, ns: Callable) -> None:
    write("SPY.csv", HEADER + "".join(f"2013-10-04T14:{m:02d}:00Z,10,11,9,10,{m}\n" for m in range(60)))
    start = ns("2013-10-04T14:30:00")
    events, source = read(start_ns=start, end_ns=ns("2013-10-04T14:40:00"))
    assert [bar.volume for bar in events] == list(range(30, 40))
    assert [bar.volume for bar in source.history(["SPY"], 5, start)] == [25.0, 26.0, 27.0, 28.0, 29.0]
    assert len(source.history(["SPY"], 1_000, start)) == 30
    assert source.history(["IBM"], 5, start) == []


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"file_pattern": "SPY.csv"}, "file_pattern 'SPY.csv' has no {symbol}"),
        ({"file_pattern": ""}, "all empty"),
        ({"bar_type": "1 minute"}, "bar_type '1 minute' is not a number with"),
        ({"start_ns": 5, "end_ns": 5}, "end of the data is not after its start"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DataSettings(data_directory=".", **settings)  # type: ignore[arg-type]


def test_kinds_are_ordered_as_the_merge_rule_says() -> None:
    assert Kind.BAND < Kind.QUOTE < Kind.TRADE < Kind.BAR
