"""The fast reading of text gives what the exact one gives: the same numbers to the bit, the same bad rows for the same reasons."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.gateway.feeds import arrowtext
from services.gateway.feeds.columns import Kind
from services.gateway.feeds.faults import Faults
from services.gateway.feeds.files import FileSource, columns
from services.gateway.feeds.port import BadData
from services.gateway.settings import DataSettings, OnError
from shared.domain.calendar import Calendar

pytest.importorskip("pyarrow", reason="the parquet extra is not installed")

HEADER = "timestamp,open,high,low,close,volume,note\n"
STAMPS = {
    "Z": "2013-10-{d:02d}T{h:02d}:{m:02d}:00Z",
    "blank": "2013-10-{d:02d} {h:02d}:{m:02d}:07",
    "short": "2013-10-{d:02d}T{h:02d}:{m:02d}",
    "offset": "2013-10-{d:02d}T{h:02d}:{m:02d}:00-04:00",
    "fraction": "2013-10-{d:02d}T{h:02d}:{m:02d}:00.123456+0530",
    "date": "2013-10-{d:02d}",
    "s": "{s}",
    "ms": "{s}123",
    "us": "{s}123456",
    "ns": "{s}123456789",
}
ODD = [
    "",
    " ",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "1_0",
    "+5",
    " 7 ",
    "0x1p3",
    "1e5",
    "1E-5",
    "nan(1)",
    "1e400",
    "-0.0",
    "٣",
    '"8"',
    '"8',
    "\0",
    "5\r",
    "x",
    "é",
    "1,2",
]
NUMBER = st.one_of(
    st.floats(min_value=1e-12, max_value=1e12).map(repr),
    st.decimals(min_value="0.0001", max_value="99999", places=4).map(str),
    st.integers(1, 10**22).map(str),
)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A table of bars and notes in one form of time, now and then in another from some row on, with none or a few cells that are odd."""
    forms = [STAMPS[draw(st.sampled_from(sorted(STAMPS)))]] * 2
    if draw(st.integers(0, 5)) == 0:
        forms[1] = STAMPS[draw(st.sampled_from(sorted(STAMPS)))]
    count = draw(st.integers(1, 20))
    turn = draw(st.integers(0, count))
    lines = []
    for row in range(count):
        minute = 60 * row + draw(st.sampled_from([0] * 12 + [60, -120]))
        stamp = forms[row >= turn].format(d=1 + row % 28, h=minute // 60 % 24, m=minute % 60, s=1_380_000_000 + 60 * minute)
        price = draw(NUMBER)
        lines.append([stamp, price, price, price, price, draw(NUMBER), "note"])
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        line = draw(st.sampled_from(lines))
        change = draw(st.integers(0, 3))
        if change == 0:
            line[draw(st.integers(0, len(line) - 1))] = draw(st.sampled_from(ODD))
        elif change == 1 and line[0]:
            place = draw(st.integers(0, len(line[0]) - 1))
            line[0] = line[0][:place] + draw(st.sampled_from("09579:-+TZz .x")) + line[0][place + 1 :]
        elif change == 2:
            line[0] = draw(st.sampled_from(["9" * len(line[0]), "2013-10-30T10:00:00Z", "2013-10-30", "1380000000", ""]))
        else:
            line[:] = [draw(st.sampled_from(["", " ", "x"]))]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return HEADER + end.join(map(",".join, lines)) + draw(st.sampled_from(["", end, "\n\n"]))


def told(path: Path, on_error: OnError, *, fast: bool, size: int = 1 << 18) -> list[object]:
    """Everything a reading says: bits of all numbers, bad rows, or how it ended."""
    faults = Faults(path, on_error)
    data = DataSettings(data_directory=str(path.parent), on_error=on_error)
    said: list[object] = []
    try:
        for part in columns(path, Kind.BAR, "SPY", data, Calendar.named("24x7"), faults, size=size, fast=fast):
            rows = zip(part.times.tolist(), part.starts.tolist(), *(column.tolist() for column in part.values), strict=True)
            said += [row[:2] + tuple(struct.pack("<d", cell) for cell in row[2:]) for row in rows]
    except BadData as error:
        return [*said, ("ended", str(error))]
    return [*said, faults.skipped, str(faults.first)]


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=tables(), size=st.sampled_from([150, 700, 1 << 18]), on_error=st.sampled_from(list(OnError)))
def test_both_ways_say_the_same(tmp_path: Path, text: str, size: int, on_error: OnError) -> None:
    path = tmp_path / "SPY.csv"
    path.write_bytes(text.encode())
    fast = told(path, on_error, size=size, fast=True)
    assert fast == told(path, on_error, size=size, fast=False)
    whole = told(path, on_error, fast=False)
    if type(whole[-1]) is tuple:  # how many good rows come before the end depends on the chunks
        assert fast[-1] == whole[-1]
    else:
        assert fast == whole


@pytest.mark.parametrize("form", sorted(STAMPS))
def test_a_clean_file_of_any_form_of_time_is_read_by_arrow(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        STAMPS[form].format(d=d, h=h, m=m, s=1_380_000_000 + d * 86_400 + h * 3_600 + m * 60) for d in range(1, 28) for h in (9, 23) for m in (0, 59)
    ]
    path = tmp_path / "SPY.csv"
    path.write_text(HEADER + "".join(f"{stamp},10,11,9,10.5,{number},\n" for number, stamp in enumerate(dict.fromkeys(rows))))
    answers = []
    numbers = arrowtext.numbers
    monkeypatch.setattr(arrowtext, "numbers", lambda chunk, stamps: answers.append(numbers(chunk, stamps)) or answers[-1])
    fast = told(path, OnError.FAIL, fast=True)
    assert fast == told(path, OnError.FAIL, fast=False)
    assert all(answer is not None for answer in answers)


def test_real_minutes_read_the_same_both_ways(minute_data: Path, tmp_path: Path, instrument: Callable) -> None:
    for symbol in ("SPY", "IBM"):
        path = tmp_path / f"{symbol}.csv"
        path.write_bytes(gzip.decompress((minute_data / f"{symbol}.bars.csv.gz").read_bytes()))
        assert told(path, OnError.FAIL, fast=True) == told(path, OnError.FAIL, fast=False)
    monkey = pytest.MonkeyPatch()
    source = DataSettings(data_directory=str(tmp_path))
    instruments = [instrument("SPY"), instrument("IBM")]
    read = [[(b.first, b.times, b.events) for b in FileSource(source, instruments).blocks(0)]]
    with monkey.context() as patch:
        patch.setattr(arrowtext, "FILES_BYTES_MIN", 0)
        read.append([(b.first, b.times, b.events) for b in FileSource(source, instruments).blocks(0)])
    assert read[0] == read[1]
