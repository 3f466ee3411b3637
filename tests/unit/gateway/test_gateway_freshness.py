"""Staleness by symbol and calendar: a closed market is not a dead feed, and a feed that comes back needs nobody."""

from __future__ import annotations

from collections.abc import Callable

from shared.events import Bar, Event, FeedStateChanged, FeedStatus, FreshnessChanged, Quote, Trade

UP = FeedStateChanged("files", FeedStatus.UP)
MINUTE = 60_000_000_000


def bar(symbol: str, end: int) -> Bar:
    return Bar(symbol, end - MINUTE, end, 1.0, 1.0, 1.0, 1.0, 5.0)


def quote(symbol: str, at: int) -> Quote:
    return Quote(symbol, at, 1.0, 2.0, 3.0, 4.0)


def said(events: list[Event]) -> list[tuple[str, bool]]:
    return [(e.symbol, e.fresh) for e in events if isinstance(e, FreshnessChanged)]


def test_the_first_datum_makes_a_symbol_fresh_and_silence_stale_and_the_next_fresh_again(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM", quote_age_ms_max=5_000)
    given.say(UP, "2013-10-04T15:00:00")
    at = ns("2013-10-04T15:00:01")
    assert said(given.say(quote("SPY", at), at)) == [("SPY", True)]
    assert said(given.say(quote("SPY", at + 1), at + 1)) == []
    assert said(given.tick("2013-10-04T15:00:06")) == []
    assert given.tick("2013-10-04T15:00:06.001") == [FreshnessChanged("SPY", False, at + 1)]
    assert said(given.tick("2013-10-04T15:00:07")) == [], "said once"
    assert said(given.say(quote("SPY", ns("2013-10-04T15:00:08")), "2013-10-04T15:00:08")) == [("SPY", True)]


def test_a_symbol_that_never_had_data_is_stale_once_its_market_has_been_open_long_enough(log: Callable) -> None:
    given = log("SPY", bar_age_ms_max=60_000)
    given.say(UP, "2013-10-04T12:00:00")
    given.run_timers(until="2013-10-04T13:30:30")
    assert given.tick("2013-10-04T13:31:00") == []
    assert given.tick("2013-10-04T13:31:01") == [FreshnessChanged("SPY", False, 0)]


def test_nights_and_weekends_do_not_age_data_and_the_open_gives_a_new_start(log: Callable, ns: Callable) -> None:
    given = log("SPY", bar_age_ms_max=60_000)
    given.say(UP, "2013-10-04T19:58:00")
    close = ns("2013-10-04T20:00:00")
    given.say(bar("SPY", close), close)
    assert said(given.run_timers(until="2013-10-07T13:30:30")) == []
    assert said(given.tick("2013-10-07T13:30:59")) == []
    assert said(given.tick("2013-10-07T13:31:01")) == [("SPY", False)]


def test_midnight_of_a_market_that_never_closes_is_no_new_start(log: Callable, ns: Callable) -> None:
    given = log("BTC", calendar="24x7", quote_age_ms_max=10_000)
    given.say(UP, "2024-01-01T23:59:00")
    given.say(quote("BTC", ns("2024-01-01T23:59:55")), "2024-01-01T23:59:55")
    given.run_timers(until="2024-01-02T00:00:01")
    assert said(given.tick("2024-01-02T00:00:06")) == [("BTC", False)]


def test_bars_that_go_on_do_not_hide_quotes_that_stopped(log: Callable, ns: Callable) -> None:
    given = log("SPY", quote_age_ms_max=90_000)
    begin = ns("2013-10-04T15:00:00")
    given.say(UP, begin)
    given.say(quote("SPY", begin + 1), begin + 1)
    assert said(given.say(bar("SPY", begin + MINUTE), begin + MINUTE)) == []
    assert said(given.say(bar("SPY", begin + 2 * MINUTE), begin + 2 * MINUTE)) == [("SPY", False)]
    assert said(given.say(bar("SPY", begin + 3 * MINUTE), begin + 3 * MINUTE)) == [], "bars alone do not heal it"
    assert said(given.say(quote("SPY", begin + 3 * MINUTE + 1), begin + 3 * MINUTE + 1)) == [("SPY", True)]


def test_data_of_one_symbol_tell_the_time_for_another(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM", bar_age_ms_max=120_000)
    begin = ns("2013-10-04T15:00:00")
    given.say(UP, begin)
    found = []
    for minute in range(1, 6):
        for symbol in ("SPY", "IBM") if minute == 1 else ("SPY",):
            found += said(given.say(bar(symbol, begin + minute * MINUTE), begin + minute * MINUTE))
    assert found == [("SPY", True), ("IBM", True), ("IBM", False)]


def test_a_symbol_with_prints_only_is_judged_by_them_others_are_not(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM", bar_age_ms_max=60_000, quote_age_ms_max=60_000)
    begin = ns("2013-10-04T15:00:00")
    given.say(UP, begin)
    assert said(given.say(Trade("SPY", begin, 1.0, 1.0), begin)) == [("SPY", True)]
    given.say(quote("IBM", begin), begin)
    later = begin + 50 * 1_000_000_000
    given.say(Trade("IBM", later, 1.0, 1.0), later)
    assert sorted(said(given.tick(begin + MINUTE + 1))) == [("IBM", False), ("SPY", False)]


def test_a_clock_that_runs_ahead_cannot_keep_a_dead_feed_fresh_and_old_data_are_not_fresh(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM", quote_age_ms_max=5_000)
    begin = ns("2013-10-04T15:00:00")
    given.say(UP, begin)
    given.tick("2013-10-04T15:00:30")
    given.say(quote("SPY", begin + 3_600 * 1_000_000_000), "2013-10-04T15:00:31")
    assert ("SPY", False) in said(given.tick("2013-10-04T15:00:36.001"))
    assert said(given.say(quote("IBM", begin + 1), "2013-10-04T15:00:40")) == [("IBM", False)], "it came now but is 40 s old"


def test_unknown_symbols_have_no_freshness(log: Callable, ns: Callable) -> None:
    given = log("SPY")
    given.say(UP, "2013-10-04T15:00:00")
    assert said(given.say(quote("XYZ", ns("2013-10-04T15:00:01")), "2013-10-04T15:00:01")) == []


def test_a_clock_that_went_back_makes_nothing_older_and_a_restored_core_says_the_same(log: Callable, ns: Callable) -> None:
    """A gateway that restarts under a wall clock an hour back stamps its data an hour back: older than what is known, and no news of age."""
    given = log("BTC", calendar="24x7", quote_age_ms_max=5_000)
    begin = ns("2024-01-01T12:00:00")
    given.say(UP, begin)
    given.say(quote("BTC", begin + 1), begin + 1)
    given.say(quote("BTC", begin + 2 - 60 * MINUTE), begin + 2)

    restored = given.restarted()

    for other in (given, restored):
        assert said(other.tick("2024-01-01T12:00:04")) == []
        assert said(other.tick("2024-01-01T12:00:05.001")) == [("BTC", False)]
