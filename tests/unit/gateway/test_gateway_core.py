"""The gateway's core: instruments, sessions, days, gaps and warm-up as events, from what the log says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from services.gateway.core import GatewayCore
from services.gateway.settings import BarSettings, GatewaySettings, WarmupSettings
from shared.events import (
    Bar,
    DataGap,
    DayEnded,
    Envelope,
    FeedStateChanged,
    FeedStatus,
    FreshnessChanged,
    InstrumentDefined,
    Quote,
    RunStarted,
    SessionChanged,
    SessionPhase,
    StrategyRevised,
    Trade,
    WarmupRequested,
)
from shared.runtime.actor import Core, SnapshotIncompatible

UP = FeedStateChanged("files", FeedStatus.UP)
MINUTE = 60_000_000_000
REGULAR = (1_380_893_400_000_000_000, 1_380_916_800_000_000_000)  # 4 October 2013, 13:30 to 20:00 UTC


def bar(symbol: str, end: int) -> Bar:
    return Bar(symbol, end - MINUTE, end, 1.0, 1.0, 1.0, 1.0, 5.0)


def test_it_is_a_core(log: Callable) -> None:
    assert isinstance(log().core, Core)


def test_a_new_run_defines_its_instruments_and_says_where_each_calendar_stands(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM")
    out = given.say(RunStarted("gateway", 1, "f"), "2013-10-04T14:00:00")
    assert [type(event) for event in out] == [InstrumentDefined, InstrumentDefined, SessionChanged]
    assert [event.symbol for event in out[:2]] == ["SPY", "IBM"]
    assert out[2] == SessionChanged("XNYS", SessionPhase.OPEN, "2013-10-04", ns("2013-10-04T13:30:00"), ns("2013-10-04T20:00:00"))
    assert given.say(RunStarted("gateway", 2, "g"), "2013-10-04T14:00:01") == out, "a second run says it all again"


def test_runs_of_others_are_no_start_of_ours(log: Callable) -> None:
    assert log().say(RunStarted("risk_engine", 1, "f"), "2013-10-04T14:00:00") == []


def test_before_any_data_has_set_the_feed_clock_no_session_is_announced_and_no_timer_asked_for(log: Callable) -> None:
    given = log()
    assert [type(event) for event in given.say(RunStarted("gateway", 1, "f"), 0)] == [InstrumentDefined]
    assert given.core.next_timer() == 0
    assert given.say(UP, "2013-10-04T12:28:00") == [SessionChanged("XNYS", SessionPhase.PRE, "2013-10-04", *REGULAR)]


def test_a_day_goes_through_its_phases_and_ends_after_the_close(log: Callable) -> None:
    given = log(quote_age_ms_max=0, bar_age_ms_max=0)
    given.say(UP, "2013-10-04T12:28:00")
    out = given.run_timers(until="2013-10-07T14:00:00")
    assert [(type(e).__name__, getattr(e, "phase", ""), e.date) for e in out] == [
        ("SessionChanged", SessionPhase.OPEN, "2013-10-04"),
        ("SessionChanged", SessionPhase.POST, "2013-10-04"),
        ("DayEnded", "", "2013-10-04"),
        ("SessionChanged", SessionPhase.CLOSED, "2013-10-07"),
        ("SessionChanged", SessionPhase.PRE, "2013-10-07"),
        ("SessionChanged", SessionPhase.OPEN, "2013-10-07"),
    ]
    assert (out[3].open_ns, out[3].close_ns) == (0, 0)


def test_a_row_at_the_very_close_comes_before_the_day_ends(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM", quote_age_ms_max=0, bar_age_ms_max=0)
    close = ns("2013-10-04T20:00:00")
    given.say(UP, "2013-10-04T19:58:00")
    for symbol in ("SPY", "IBM"):
        assert all(isinstance(e, FreshnessChanged) for e in given.say(bar(symbol, close), close))
    assert [type(e) for e in given.tick(close)] == [SessionChanged, DayEnded]


def test_the_end_of_a_feed_ends_the_day_that_closed_with_it(log: Callable, ns: Callable) -> None:
    given = log()
    given.say(UP, "2013-10-04T19:59:00")
    given.say(bar("SPY", ns("2013-10-04T20:00:00")), "2013-10-04T20:00:00")
    out = given.say(FeedStateChanged("files", FeedStatus.ENDED), "2013-10-04T20:00:00")
    assert DayEnded("XNYS", "2013-10-04") in out


def test_the_day_waits_for_late_rows_as_long_as_the_settings_say(log: Callable) -> None:
    given = log(day_end_delay_ms=5_000, bar_age_ms_max=0)
    given.say(UP, "2013-10-04T19:59:00")
    assert [type(e) for e in given.tick("2013-10-04T20:00:00.100")] == [SessionChanged]
    assert given.tick("2013-10-04T20:00:04.900") == []
    assert given.tick("2013-10-04T20:00:05") == [DayEnded("XNYS", "2013-10-04")]


def test_under_the_wall_clock_the_first_event_after_the_moment_brings_the_change(log: Callable, ns: Callable) -> None:
    given = log()
    given.say(UP, "2013-10-04T13:29:00")
    out = given.say(Quote("SPY", ns("2013-10-04T13:30:00.050"), 1.0, 2.0, 3.0, 4.0), "2013-10-04T13:30:00.060")
    assert [type(e) for e in out] == [SessionChanged, FreshnessChanged]


def test_a_clock_that_never_stops_ends_each_day_before_the_next_begins(log: Callable) -> None:
    given = log(calendar="24x7", quote_age_ms_max=0, bar_age_ms_max=0)
    given.say(UP, "2024-02-28T12:00:00")
    out = given.run_timers(until="2024-03-01T12:00:00")
    assert [(type(e).__name__, e.date) for e in out] == [
        ("DayEnded", "2024-02-28"),
        ("SessionChanged", "2024-02-29"),
        ("DayEnded", "2024-02-29"),
        ("SessionChanged", "2024-03-01"),
    ]


def test_a_clock_that_never_stops_ends_the_day_even_when_late_rows_are_waited_for(log: Callable) -> None:
    given = log(calendar="24x7", day_end_delay_ms=5_000)
    given.say(UP, "2024-02-28T12:00:00")
    out = given.tick("2024-02-29T00:00:00.100")
    assert [(type(e).__name__, getattr(e, "date", "")) for e in out][:2] == [("DayEnded", "2024-02-28"), ("SessionChanged", "2024-02-29")]


def test_what_passed_while_everything_stood_still_is_told_as_it_stands_now(log: Callable) -> None:
    given = log()
    given.say(UP, "2013-10-04T15:00:00")  # Friday
    out = given.tick("2013-10-09T15:00:00")  # Wednesday: Monday and Tuesday never began in this log
    assert [(type(e).__name__, e.date) for e in out[:2]] == [("DayEnded", "2013-10-04"), ("SessionChanged", "2013-10-09")]
    assert not [e for e in out if isinstance(e, DayEnded)][1:]


def test_two_calendars_go_their_own_ways(log: Callable, instrument: Callable) -> None:
    given = log("SPY")
    given.core = GatewayCore(GatewaySettings(instruments=(instrument("SPY", "XNAS"), instrument("BTC", "24x7"))))
    out = given.say(UP, "2013-10-05T15:00:00")
    assert [(e.calendar, e.phase) for e in out] == [("XNAS", SessionPhase.CLOSED), ("24x7", SessionPhase.OPEN)]


def test_history_is_asked_for_when_a_strategy_begins_a_run(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM", warmup={"trend": WarmupSettings(symbols=("IBM",), bars=50)})
    assert given.say(RunStarted("strategy.trend", 3, "f"), "2013-10-04T14:00:00") == [
        WarmupRequested("trend", 3, ("IBM",), 50, ns("2013-10-04T14:00:00"))
    ]
    assert given.say(RunStarted("strategy.other", 1, "f"), "2013-10-04T14:00:00") == []


def test_a_strategy_that_began_before_the_gateway_is_asked_for_when_the_gateway_begins(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM", warmup={"trend": WarmupSettings(symbols=("IBM",), bars=50)})
    began = RunStarted("strategy.trend", 1, "f")
    given.core.apply(Envelope(1, ns("2013-10-04T14:00:00"), began.topic, "bus", 1, 1, 0, 0, began))  # a fact: our own run comes after it
    request = WarmupRequested("trend", 1, ("IBM",), 50, ns("2013-10-04T14:00:01"))
    assert given.say(RunStarted("gateway", 1, "f"), "2013-10-04T14:00:01")[-1] == request
    assert request not in given.say(RunStarted("gateway", 2, "g"), "2013-10-04T14:00:02"), "once"


@pytest.mark.parametrize("died", [False, True], ids=["the connection went", "the process died without a word"])
def test_a_feed_that_comes_back_declares_what_it_missed(log: Callable, ns: Callable, died: bool) -> None:
    given = log("SPY", "IBM")
    given.say(UP, "2013-10-04T15:00:00")
    given.say(bar("SPY", ns("2013-10-04T15:01:00")), "2013-10-04T15:01:00")
    if not died:
        given.say(FeedStateChanged("files", FeedStatus.DOWN, "reset by peer"), "2013-10-04T15:01:30")
    out = given.say(UP, "2013-10-04T15:02:00")
    gaps = [e for e in out if isinstance(e, DataGap)]
    assert [(e.symbol, e.start, e.end) for e in gaps] == [("SPY", ns("2013-10-04T15:01:00"), ns("2013-10-04T15:02:00"))], "IBM had no data to miss"


def test_a_night_is_no_gap_and_a_missed_opening_is(log: Callable, ns: Callable) -> None:
    given = log()
    given.say(UP, "2013-10-04T19:59:00")
    given.say(bar("SPY", ns("2013-10-04T20:00:00")), "2013-10-04T20:00:00")
    assert not any(isinstance(e, DataGap) for e in given.say(UP, "2013-10-06T12:00:00"))
    assert not any(isinstance(e, DataGap) for e in given.say(UP, "2013-10-07T13:30:00"))
    assert any(isinstance(e, DataGap) for e in given.say(UP, "2013-10-07T13:30:01"))


def test_a_restored_core_goes_on_as_the_one_that_was_saved(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM", bars=BarSettings())
    given.say(UP, "2013-10-04T13:00:00")
    begin = ns("2013-10-04T13:00:00")
    script = [(Trade("SPY" if i % 3 else "IBM", begin + i * 7_000_000_000, 100.0 + i % 5, 10.0), begin + i * 7_000_000_000) for i in range(400)]
    script += [(Quote("SPY", at + 1, 1.0, 2.0, 3.0, 4.0), at + 1) for _, at in script[:60]]
    script.sort(key=lambda item: item[1])
    other = given.restarted()
    for place, (event, at) in enumerate(script):
        if place % 37 == 0:
            other = other.restarted()
        assert given.say(event, at) == other.say(event, at)
        assert given.core.next_timer() == other.core.next_timer()
        assert given.core.snapshot() == other.core.snapshot()


def test_a_snapshot_of_another_layout_is_refused(log: Callable) -> None:
    core = log().core
    with pytest.raises(SnapshotIncompatible):
        core.restore(b"\x93\x01\x02\x03")
    with pytest.raises(SnapshotIncompatible, match="layout 9"):
        core.restore(b"\x99\x09\x80\x80\x80\x80\x80\x80\x80\xa0")


def test_a_symbol_that_left_the_settings_leaves_the_state(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM")
    given.say(UP, "2013-10-04T15:00:00")
    for symbol in ("SPY", "IBM"):
        given.say(bar(symbol, ns("2013-10-04T15:01:00")), "2013-10-04T15:01:00")
    fewer = log("SPY")
    fewer.core.restore(given.core.snapshot())
    assert not any(getattr(e, "symbol", "") == "IBM" for e in fewer.tick("2013-10-04T17:00:00"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quote_age_ms_max": -1}, "quote_age_ms_max -1 is negative"),
        ({"warmup": {"s": WarmupSettings(symbols=("XYZ",), bars=5)}}, "warmup.s wants XYZ"),
        ({"bar_type": "1x"}, "bar_type '1x'"),
    ],
)
def test_impossible_settings_are_refused(log: Callable, change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        log(**change)


def test_history_is_asked_for_a_strategy_that_was_added_and_not_for_one_that_was_removed(log: Callable, ns: Callable) -> None:
    given = log("SPY", "IBM", warmup={"trend": WarmupSettings(symbols=("IBM",), bars=50)})
    entry = '{"budget":"5","id":"late","name":"buy_and_hold","symbols":["SPY"],"warmup_bars":20}'
    given.say(StrategyRevised("c1", "added", "late", 3, entry, Decimal(5), ""), "2013-10-04T14:00:00")
    given.say(StrategyRevised("c2", "removed", "trend", 4, "", Decimal(0), ""), "2013-10-04T14:00:00")
    given = given.restarted()
    assert given.say(RunStarted("strategy.late", 1, "f"), "2013-10-04T14:00:01") == [
        WarmupRequested("late", 1, ("SPY",), 20, ns("2013-10-04T14:00:01"))
    ]
    assert given.say(RunStarted("strategy.trend", 2, "f"), "2013-10-04T14:00:01") == []
