"""Timestamps of files: every accepted form, exact to the nanosecond; every other refused with its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.feeds.times import Timestamps


def parse(*cells: str) -> list[int]:
    return Timestamps().parse(cells)


@pytest.mark.parametrize(
    ("cell", "seconds", "fraction"),
    [
        ("2013-10-04T12:28:00Z", 1_380_889_680, 0),
        ("2013-10-04 12:28:00", 1_380_889_680, 0),
        ("2013-10-04T12:28", 1_380_889_680, 0),
        ("2013-10-04T08:28:00-04:00", 1_380_889_680, 0),
        ("2013-10-04T17:58:00+0530", 1_380_889_680, 0),
        ("2013-10-04T12:28:00.123456789Z", 1_380_889_680, 123_456_789),
        ("2013-10-04T12:28:00.5+00:00", 1_380_889_680, 500_000_000),
        ("2013-10-04", 1_380_844_800, 0),
        ("1380889680", 1_380_889_680, 0),
        ("1380889680123", 1_380_889_680, 123_000_000),
        ("1380889680123456", 1_380_889_680, 123_456_000),
        ("1380889680123456789", 1_380_889_680, 123_456_789),
    ],
)
def test_accepted_forms(cell: str, seconds: int, fraction: int) -> None:
    assert parse(cell, cell) == [seconds * 1_000_000_000 + fraction] * 2


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["2013-10-04T12:28:00Z", "2013-10-04T12:29:00"], "mixed time zones: no time zone after UTC"),
        (["2013-10-04T12:28:00-04:00", "2013-11-04T12:28:00-05:00"], "mixed time zones: offset -05:00 after offset -04:00"),
        (["2013-10-04", "2013-10-05T00:00:00Z"], "mixed time zones"),
        (["1380889680", "1380889680123"], "mixed timestamps: 13 digits after 10"),
        (["1380889680", "2013-10-04T12:28:00Z"], "is not seconds, ms, us or ns"),
        (["2013-13-04T12:28:00Z"], "is no date"),
        (["20131004T122800Z"], "is no date"),
        (["2013-10-04T25:00:00Z"], "for a time of day"),
        (["2013-10-04T12:28:60Z"], "for a time of day"),
        (["2013-10-04T12:28:00.1234567890Z"], "for a time of day"),
        (["2013-10-04T12:28:00 EST"], "for a time of day"),
        (["yesterday"], "is no date"),
    ],
)
def test_refused_forms(cells: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(*cells)


def test_one_file_may_write_utc_in_two_ways() -> None:
    assert len(set(parse("2013-10-04T12:28:00Z", "2013-10-04T12:28:00+00:00", "2013-10-04T12:28:00.000z"))) == 1


@settings(max_examples=150, derandomize=True, deadline=None)
@given(
    moments=st.lists(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)), min_size=1, max_size=20),  # noqa: DTZ001
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_agrees_with_the_standard_library(moments: list[datetime], minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    aware = [moment.replace(tzinfo=zone) for moment in moments]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected = [(moment - epoch) // timedelta(microseconds=1) * 1_000 for moment in aware]
    assert Timestamps().parse([moment.isoformat() for moment in aware]) == expected


def test_memory_stays_bounded_over_ticks_that_never_repeat() -> None:
    stamps = Timestamps()
    for start in range(0, 120_000, 5_000):
        cells = [f"2013-10-04T12:00:00.{n:09d}Z" for n in range(start, start + 5_000)]
        assert stamps.parse(cells)[0] % 1_000_000_000 == start
    assert len(stamps._clocks) <= 105_000
