"""Real minute data of SPY and IBM through the file feed: counts, order, the merge rule, and the same bytes at every reading."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from services.gateway.core import GatewayCore
from services.gateway.feeds.files import FileSource
from services.gateway.feeds.replay import Row, rows
from services.gateway.settings import DataSettings, GatewaySettings
from shared.events import Bar, ClockTicked, DataGap, DayEnded, Envelope, Event, FreshnessChanged, Quote, SessionChanged, encode_body

SYMBOLS = ("SPY", "IBM")


@pytest.fixture
def source(minute_data: Path, instrument: Callable) -> Callable[..., FileSource]:
    def make(**settings: object) -> FileSource:
        base = {"data_directory": str(minute_data), "file_pattern": "{symbol}.bars.csv.gz", "quotes_pattern": "{symbol}.quotes.csv.gz"}
        return FileSource(msgspec.convert({**base, **settings}, DataSettings), [instrument(symbol) for symbol in SYMBOLS])

    return make


def text_rows(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / name, "rt") as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_files_is_there_once_and_in_order(source: Callable, minute_data: Path) -> None:
    found = list(rows(source(), 0))
    data = [row for row in found if isinstance(row.event, (Bar, Quote))]
    assert [row.number for row in found] == list(range(1, len(found) + 1))
    assert len(found) == len(data) + 2
    rank = {Quote: 0, Bar: 1}
    keys = [(row.time, rank[type(row.event)], SYMBOLS.index(row.event.symbol)) for row in data]
    assert keys == sorted(keys)
    for symbol in SYMBOLS:
        bars = text_rows(minute_data, f"{symbol}.bars.csv.gz")
        mine = [row.event for row in data if isinstance(row.event, Bar) and row.event.symbol == symbol]
        assert [(repr(b.open), repr(b.volume)) for b in mine] == [(repr(float(r["open"])), repr(float(r["volume"]))) for r in bars]
        quotes = text_rows(minute_data, f"{symbol}.quotes.csv.gz")
        assert sum(isinstance(row.event, Quote) and row.event.symbol == symbol for row in data) == len(quotes)


def test_at_a_minutes_end_its_quote_comes_before_its_bar(source: Callable) -> None:
    seen: dict[tuple[str, int], str] = {}
    both = 0
    for row in rows(source(), 0):
        event = row.event
        if isinstance(event, Quote):
            assert (event.symbol, event.timestamp) not in seen
            seen[event.symbol, event.timestamp] = "quote"
        elif isinstance(event, Bar):
            both += seen.get((event.symbol, event.end)) == "quote"
    assert both > 7_000


def test_two_readings_are_the_same_to_the_byte_and_any_place_is_found_again(source: Callable) -> None:
    def digest(found: list[Row]) -> str:
        return sha256(b"".join(b"%d %d %b" % (r.number, r.time, encode_body(r.event)) for r in found)).hexdigest()

    whole = list(rows(source(), 0))
    assert digest(whole) == digest(list(rows(source(), 0)))
    for after in (1, 5_000, len(whole) - 3):
        assert digest(whole[after:]) == digest(list(rows(source(), after)))


def test_regular_hours_are_those_of_the_exchange(source: Callable, ns: Callable) -> None:
    bars = [row.event for row in rows(source(hours="regular"), 0) if isinstance(row.event, Bar)]
    assert min(bar.timestamp % 86_400_000_000_000 for bar in bars) == ns("1970-01-01T13:30:00")
    assert max(bar.end % 86_400_000_000_000 for bar in bars) == ns("1970-01-01T20:00:00")
    assert sum(bar.symbol == "SPY" for bar in bars) == 6 * 390


def test_a_week_through_the_core_under_the_feed_clock(source: Callable, instrument: Callable) -> None:
    core = GatewayCore(GatewaySettings(instruments=tuple(instrument(symbol) for symbol in SYMBOLS)))
    said: list[Event] = []

    def sequence(event: Event, ts: int) -> None:
        e = Envelope(1, ts, event.topic, "gateway.feed", 1, 1, 0, 0, event)
        outputs = core.decide(e)
        core.apply(e)
        for output in outputs:
            core.apply(Envelope(0, ts, output.topic, "gateway", 1, 1, 1, 1, output))
        said.extend(outputs)

    ticks = 0
    for row in rows(source(), 0):
        while 0 < core.next_timer() < row.time:
            sequence(ClockTicked(), core.next_timer())
            ticks += 1
        sequence(row.event, row.time)
    assert [e.date for e in said if isinstance(e, DayEnded)] == [f"2013-10-{day:02d}" for day in (4, 7, 8, 9, 10, 11)]
    assert ticks == sum(isinstance(e, SessionChanged) for e in said) - 1, "one tick a change, none for staleness"
    assert not any(isinstance(e, DataGap) for e in said)
    assert {e.symbol for e in said if isinstance(e, FreshnessChanged)} == set(SYMBOLS)


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
def test_daily_bars_of_four_decades_stand_at_their_sessions(minute_data: Path, instrument: Callable, symbol: str) -> None:
    settings = DataSettings(data_directory=str(minute_data.parent / "daily"), file_pattern="{symbol}.csv.gz", bar_type="1d")
    bars = [row.event for row in rows(FileSource(settings, [instrument(symbol)]), 0) if isinstance(row.event, Bar)]
    assert len(bars) > 10_000
    assert all(a.end <= b.timestamp for a, b in itertools.pairwise(bars))
    assert {bar.end - bar.timestamp for bar in bars} <= {6.5 * 3600e9, 3.5 * 3600e9, 4.5 * 3600e9}
