"""Bars built from prints and quotes: complete, on time, and the same as the feed would have sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.gateway.feeds.replay import rows
from services.gateway.feeds.synthetic import SyntheticSource
from services.gateway.settings import BarSettings, BarsFrom, SyntheticSettings
from shared.events import Bar, Event, FeedStateChanged, FeedStatus, Quote, Trade

SECOND = 1_000_000_000
UP = FeedStateChanged("files", FeedStatus.UP)


def bars(events: list[Event]) -> list[Bar]:
    return [event for event in events if isinstance(event, Bar)]


@pytest.fixture
def given(log: Callable, ns: Callable) -> object:
    made = log("SPY", "IBM", calendar="24x7", bars=BarSettings())
    made.say(UP, "2013-10-04T15:00:00")
    return made


def test_a_bar_holds_the_prints_of_its_minute_and_comes_with_the_first_later_one(given: object, ns: Callable) -> None:
    begin = ns("2013-10-04T15:00:00")
    for second, price, size in ((0, 10.0, 1.0), (20, 12.0, 2.0), (40, 9.0, 3.0), (59, 11.0, 4.0)):
        assert bars(given.say(Trade("SPY", begin + second * SECOND, price, size), begin + second * SECOND)) == []
    later = begin + 60 * SECOND
    out = bars(given.say(Trade("SPY", later, 20.0, 5.0), later))
    assert out == [Bar("SPY", begin, later, 10.0, 12.0, 9.0, 11.0, 10.0, (10 + 24 + 27 + 44) / 10.0, 4)]


def test_the_clock_ends_a_bar_at_its_end_after_every_row_of_that_moment(given: object, ns: Callable) -> None:
    begin = ns("2013-10-04T15:00:00")
    given.say(Trade("SPY", begin, 10.0, 1.0), begin)
    end = begin + 60 * SECOND
    assert given.core.next_timer() == end
    assert bars(given.say(Trade("IBM", end, 5.0, 1.0), end)) == []
    (bar,) = bars(given.tick(end))
    assert (bar.symbol, bar.end) == ("SPY", end)
    assert given.core.next_timer() == end + 60 * SECOND


def test_a_minute_without_prints_makes_no_bar(given: object, ns: Callable) -> None:
    begin = ns("2013-10-04T15:00:00")
    given.say(Trade("SPY", begin, 10.0, 1.0), begin)
    out = bars(given.run_timers(until="2013-10-04T15:30:00"))
    assert len(out) == 1


def test_a_print_that_comes_late_counts_in_the_bar_being_built(given: object, ns: Callable) -> None:
    begin = ns("2013-10-04T15:00:00")
    end = begin + 60 * SECOND
    given.say(Trade("SPY", begin, 10.0, 1.0), begin)
    out = bars(given.say(Trade("SPY", end - 1, 50.0, 2.0), end + SECOND))
    assert [(b.close, b.volume) for b in out] == [(10.0, 1.0)]
    (second,) = bars(given.tick(end + 60 * SECOND))
    assert (second.timestamp, second.open, second.volume) == (end, 50.0, 2.0)


@pytest.mark.parametrize("ahead_ms", [500, -500])
def test_a_clock_half_a_second_off_puts_no_print_into_another_bar_than_the_log_does(given: object, ns: Callable, ahead_ms: int) -> None:
    """Ahead: nothing is in a bar that has not begun. Behind: nothing is in a bar that was told."""
    begin = ns("2013-10-04T15:00:00")
    end, off = begin + 60 * SECOND, ahead_ms * SECOND // 1000
    given.say(Trade("SPY", begin + SECOND, 10.0, 1.0), begin + SECOND)
    given.say(Trade("SPY", end - SECOND // 5 + off, 11.0, 2.0), end - SECOND // 5)
    told = bars(given.tick(end))
    given.say(Trade("SPY", end + SECOND // 5 + off, 12.0, 4.0), end + SECOND // 5)
    told += bars(given.tick(end + 60 * SECOND))
    assert [(b.timestamp, b.volume, b.close) for b in told] == [(begin, 3.0, 11.0), (end, 4.0, 12.0)]


def test_bars_of_quotes_are_of_their_mid_and_one_sided_quotes_have_none(log: Callable, ns: Callable) -> None:
    given = log("SPY", calendar="24x7", bars=BarSettings(source=BarsFrom.QUOTES, interval="5m"))
    begin = ns("2013-10-04T15:00:00")
    given.say(UP, begin)
    given.say(Quote("SPY", begin, 10.0, 11.0, 1.0, 1.0), begin)
    given.say(Quote("SPY", begin + SECOND, 0.0, 11.0, 0.0, 1.0), begin + SECOND)
    given.say(Quote("SPY", begin + 2 * SECOND, 12.0, 13.0, 1.0, 1.0), begin + 2 * SECOND)
    (bar,) = bars(given.tick(begin + 300 * SECOND))
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count) == (10.5, 12.5, 10.5, 12.5, 0.0, 2)


def test_bars_built_from_the_synthetic_prints_are_the_synthetic_bars(log: Callable, instrument: Callable) -> None:
    given = log("AAA", "BBB", calendar="24x7", bars=BarSettings())
    instruments = [instrument("AAA", "24x7"), instrument("BBB", "24x7")]
    wanted = bars([row.event for row in rows(SyntheticSource(SyntheticSettings(minutes=20), instruments), 0)])
    built: list[Bar] = []
    for row in rows(SyntheticSource(SyntheticSettings(minutes=20, bars=False), instruments), 0):
        while 0 < given.core.next_timer() < row.time:  # the feed clock's rule
            built += bars(given.tick(given.core.next_timer()))
        built += bars(given.say(row.event, row.time))
    assert [b for b in built if b.end <= wanted[-1].end] == wanted


@pytest.mark.parametrize("interval", ["7m", "2h", "1d", "0m"])
def test_an_interval_that_does_not_divide_a_day_is_refused(interval: str) -> None:
    with pytest.raises(ValueError, match=r"interval|bar_type"):
        BarSettings(interval=interval)
