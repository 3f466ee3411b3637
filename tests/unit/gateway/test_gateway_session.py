"""The replay session: rows in turn or by the wall's time, the venue first, history on request, and the same names after a restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from services.gateway.feeds.files import FileSource
from services.gateway.feeds.synthetic import SyntheticSource
from services.gateway.pacing import Pacer
from services.gateway.session import FEED_RUN, FEED_SOURCE, ReplaySession
from services.gateway.settings import DataSettings, SyntheticSettings
from services.gateway.stream import StreamSession
from services.gateway.venue_port import VENUE_RUN, VENUE_SOURCE
from shared.brokers.contract import ReadFailed, always
from shared.brokers.reconnect import Reconnect
from shared.bus.port import NEVER
from shared.events import (
    Alert,
    Bar,
    DayEnded,
    Envelope,
    ErrorClass,
    Event,
    FeedStateChanged,
    FeedStatus,
    Quote,
    ResumeRequested,
    Scope,
    SessionChanged,
    SessionPhase,
    WarmupBar,
    WarmupEnded,
    WarmupRequested,
)
from shared.runtime.session import Evidence, Turn

SECOND = 1_000_000_000
HEADER = "timestamp,open,high,low,close,volume\n"


class Venue:
    """A venue that reports once on every third event; a row it has seen changes nothing."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Event]] = []
        self.reports = 0
        self.closed = False

    def advance(self, row: int, event: Event) -> int:
        if self.closed or (row and self.rows and row <= self.rows[-1][0]):
            return 0 if self.closed else self.reports
        self.rows.append((row, event))
        self.reports += len(self.rows) % 3 == 0
        return self.reports

    def head(self) -> int:
        return self.reports

    def close(self) -> None:
        self.closed = True


class Wall:
    """A wall clock that a test turns."""

    def __init__(self, now: int) -> None:
        self.time = now

    def __call__(self) -> int:
        return self.time


@pytest.fixture
def synthetic(instrument: Callable) -> Callable[[], SyntheticSource]:
    return lambda: SyntheticSource(SyntheticSettings(minutes=3), [instrument("AAA", "24x7"), instrument("BBB", "24x7")])


@pytest.fixture
def files(write: Callable, tmp_path: Path, instrument: Callable) -> Callable[[str], FileSource]:
    def make(text: str) -> FileSource:
        write("SPY.csv", HEADER + text)
        return FileSource(DataSettings(data_directory=str(tmp_path)), [instrument("SPY", "24x7")])

    return make


def turns(session: ReplaySession, known: int = 0) -> list[Turn]:
    """Every turn, as the driver asks for them: after a look at the next row's time."""
    session.start({(FEED_SOURCE, FEED_RUN): known} if known else {})
    found: list[Turn] = []
    while (ahead := session.peek())[0] != NEVER:
        row = session.turn()
        assert row is not None
        assert row.ts_ns == ahead[0]
        found.append(row)
    assert session.turn() is None
    return found


def request(until: int, bars: int = 5) -> Envelope:
    event = WarmupRequested("trend", 2, ("SPY", "AAA"), bars, until)
    return Envelope(9, until, event.topic, "gateway", 1, 4, 8, 1, event)


def test_turns_are_the_rows_by_name_and_the_venue_acts_before_each(synthetic: Callable) -> None:
    venue = Venue()
    found = turns(ReplaySession(synthetic(), venue))
    assert [(t.evidence.source, t.evidence.run, t.evidence.n) for t in found] == [(FEED_SOURCE, 1, n) for n in range(1, len(found) + 1)]
    assert [row for row, _ in venue.rows] == list(range(2, len(found))), "every datum, neither UP nor ENDED"
    assert found[0].requires == ()
    assert [t.requires for t in found[1:7]] == [(), (), *[((VENUE_SOURCE, VENUE_RUN, 1),)] * 3, ((VENUE_SOURCE, VENUE_RUN, 2),)]
    assert found[-1].evidence.event.status is FeedStatus.ENDED
    assert found[-1].ts_ns == found[-2].ts_ns


@pytest.mark.parametrize("known", [1, 2, 30, 78, 79, 80, 81])
def test_a_restarted_session_goes_on_after_the_newest_row_of_the_log(synthetic: Callable, known: int) -> None:
    whole = turns(ReplaySession(synthetic()))
    assert len(whole) == 80
    assert turns(ReplaySession(synthetic()), known) == whole[known:]


def test_a_broken_file_says_down_once_and_a_mended_one_goes_on_where_it_broke(files: Callable) -> None:
    good = "2013-10-04T13:30:00Z,10,11,9,10.5,100\n"
    session = ReplaySession(files(good + "2013-10-04T13:31:00Z,10,nan,9,10.5,100\n"))
    (broken,) = turns(session)
    assert broken.evidence.n == 0, "no row of the feed"
    assert broken.evidence.event.status is FeedStatus.DOWN
    assert broken.evidence.event.detail.endswith("SPY.csv, row 3: high is nan")
    mended = turns(ReplaySession(files(good + "2013-10-04T13:31:00Z,10,11,9,10.5,100\n")))
    assert [t.evidence.n for t in mended] == [1, 2, 3, 4]


def test_a_closed_session_keeps_the_row_the_venue_may_not_have_seen(synthetic: Callable) -> None:
    session = ReplaySession(synthetic(), Venue())
    session.start({})
    assert session.turn() is not None
    ahead = session.peek()[0]
    session.close()
    assert session.turn() is None
    assert session.peek()[0] == ahead


def test_a_new_start_waits_for_all_the_venue_ever_said_a_turn_for_what_came_of_its_row(synthetic: Callable) -> None:
    venue = Venue()
    venue.reports = 41
    session = ReplaySession(synthetic(), venue)
    session.start({(FEED_SOURCE, FEED_RUN): 3})
    everything = ((VENUE_SOURCE, VENUE_RUN, 41),)
    assert session.peek()[1] == everything
    assert session.turn().requires == everything
    assert session.peek()[1] == (), "the turn has said it"
    assert session.peek()[1] == everything, "asked again by itself: another bus"


def test_the_venue_is_told_of_instruments_and_sessions_and_its_reports_are_waited_for(synthetic: Callable, instrument: Callable) -> None:
    venue = Venue()
    session = ReplaySession(synthetic(), venue)
    facts = [instrument("AAA"), SessionChanged("24x7", SessionPhase.OPEN, "2024-01-02", 1, 2), DayEnded("24x7", "2024-01-02")]
    done = []
    for fact in facts:
        e = Envelope(5, 77, fact.topic, "gateway", 1, 1, 4, 1, fact)
        assert session.wants(e)
        assert not ReplaySession(synthetic()).wants(e), "without a venue there is nobody to tell"
        done.append(session.perform(e, always))
    assert venue.rows == [(0, fact) for fact in facts]
    assert [d.requires for d in done] == [(), (), ((VENUE_SOURCE, VENUE_RUN, 1),)]
    assert not any(d.evidence for d in done)


def test_under_the_feed_clock_nothing_comes_by_itself(synthetic: Callable) -> None:
    session = ReplaySession(synthetic())
    session.start({})
    assert session.poll(0.0) == ()


def test_by_the_wall_rows_come_when_they_are_due_with_the_walls_time(files: Callable) -> None:
    wall = Wall(2_000 * SECOND)
    venue = Venue()
    session = ReplaySession(
        files("2013-10-04T13:30:00Z,10,11,9,10.5,100\n2013-10-04T13:31:00Z,10,11,9,10.5,101\n"), venue, Pacer(60.0, 0, True, wall)
    )
    session.start({})
    (up,) = session.poll(0.0)
    assert up.event.status is FeedStatus.UP
    wall.time += SECOND - 1
    assert session.poll(0.0) == []
    wall.time += 1
    (first,) = session.poll(0.0)
    assert (first.n, first.event.timestamp, first.event.end) == (2, 2_000 * SECOND, 2_001 * SECOND), "60 x: a minute takes a second"
    wall.time += 10 * SECOND
    second, ended = session.poll(0.0)
    assert (second.event.end, ended.event.status) == (2_002 * SECOND, FeedStatus.ENDED)
    assert [event for _, event in venue.rows] == [first.event, second.event], "the venue sees what the log sees"
    assert session.poll(0.0) == []


def test_a_long_pause_in_the_data_is_cut(files: Callable) -> None:
    wall = Wall(2_000 * SECOND)
    session = ReplaySession(
        files("2013-10-04T13:30:00Z,10,11,9,10.5,100\n2013-10-07T13:30:00Z,10,11,9,10.5,101\n"), None, Pacer(1.0, 5 * SECOND, True, wall)
    )
    session.start({})
    session.poll(0.0)
    wall.time += 5 * SECOND
    assert len(session.poll(0.0)) == 1
    wall.time += 5 * SECOND
    bar = session.poll(0.0)[0].event
    assert (bar.end, bar.end - bar.timestamp) == (2_010 * SECOND, 60 * SECOND)


def test_as_fast_as_it_goes_rows_keep_their_own_time(synthetic: Callable) -> None:
    session = ReplaySession(synthetic(), None, Pacer(0.0, 0, True, Wall(5)))
    session.start({})
    evidence = session.poll(0.0)
    assert len(evidence) == 80
    assert [e.event for e in evidence] == [t.evidence.event for t in turns(ReplaySession(synthetic()))]


def test_closing_ends_a_wait(synthetic: Callable) -> None:
    session = ReplaySession(synthetic())
    session.start({})
    session.close()
    assert session.poll(60.0) == ()


def test_history_before_the_first_row_is_what_lies_before_the_feeds_beginning(synthetic: Callable) -> None:
    session = ReplaySession(synthetic())
    session.start({})
    asked = request(until=0)
    assert session.wants(asked)
    done = session.perform(asked, always)
    bars = [e.event for e in done.evidence[:-1]]
    assert all(isinstance(bar, WarmupBar) and (bar.strategy, bar.run) == ("trend", 2) for bar in bars)
    assert done.evidence[-1].event == WarmupEnded("trend", 2, 5)
    assert [(e.source, e.run, e.n) for e in done.evidence] == [("gateway.warmup.trend", 2, n) for n in range(1, 7)]
    assert done.requires == (("gateway.warmup.trend", 2, 6),)
    first = next(t for t in turns(ReplaySession(synthetic())) if isinstance(t.evidence.event, Bar))
    assert bars[-1].bar.end <= first.evidence.event.timestamp
    assert session.perform(asked, always) == done, "asked again it answers the same"


def test_history_later_on_ends_at_the_moment_asked_for(files: Callable, ns: Callable) -> None:
    session = ReplaySession(files("".join(f"2013-10-04T13:{m:02d}:00Z,10,11,9,10.5,{m}\n" for m in range(30))))
    session.start({})
    done = session.perform(request(until=ns("2013-10-04T13:20:00"), bars=3), always)
    assert [e.event.bar.volume for e in done.evidence[:-1]] == [17.0, 18.0, 19.0]


def test_history_by_the_wall_ends_where_the_playing_is_and_bears_its_time(files: Callable, ns: Callable) -> None:
    wall = Wall(9_000 * SECOND)
    session = ReplaySession(files("".join(f"2013-10-04T13:{m:02d}:00Z,10,11,9,10.5,{m}\n" for m in range(30))), None, Pacer(60.0, 0, True, wall))
    session.start({})
    session.poll(0.0)
    wall.time += 10 * SECOND
    newest = session.poll(0.0)[-1].event
    done = session.perform(request(until=wall.time, bars=4), always)
    bars = [e.event.bar for e in done.evidence[:-1]]
    assert bars[-1] == newest
    assert [bar.end for bar in bars] == [wall.time - s * SECOND for s in (3, 2, 1, 0)]


def test_history_that_cannot_be_read_is_an_alert_and_an_empty_warm_up(files: Callable) -> None:
    source = files("2013-10-04T13:30:00Z,10,11,9,10.5,100\nnonsense\n")
    session = ReplaySession(source)
    session.start({})
    alert, ended = session.perform(request(until=5), always).evidence
    assert isinstance(alert.event, Alert)
    assert "row 3: wrong columns: 1 cells, not 6" in alert.event.text
    assert ended.event == WarmupEnded("trend", 2, 0)


class Stream:
    """A broker's market data with one answer. away: how often it cannot connect."""

    def __init__(self, events: list[Event], away: int = 0) -> None:
        self.answer = events
        self.away = away
        self.symbols: tuple[str, ...] = ()

    def connect(self, timeout_s: float) -> str:
        if self.away:
            self.away -= 1
            raise ReadFailed("connect", ErrorClass.AUTH, "key refused")
        return "account"

    def subscribe(self, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)

    def unsubscribe(self, symbols: Sequence[str]) -> None:
        self.symbols = ()

    def events(self, timeout_s: float) -> list[Event]:
        return self.answer

    def close(self) -> None:
        self.symbols = ()


def test_a_brokers_stream_is_shown_to_the_venue_and_handed_on_without_names() -> None:
    quote = Quote("SPY", 5, 1.0, 2.0, 3.0, 4.0)
    up = FeedStateChanged("wire", FeedStatus.UP)
    stream, venue, now = Stream([up, quote], away=2), Venue(), [0.0]
    session = StreamSession("wire", lambda: stream, ["SPY"], None, venue, Reconnect(True, 500, 10_000), lambda: now[0], lambda: 1.0)
    session.start({})
    for attempt, pause in ((1, 0.5), (2, 1.0)):
        (down,) = session.poll(0.0)
        assert (down.event.status, down.event.detail) == (
            FeedStatus.DOWN,
            f"attempt {attempt} failed: connect: auth: key refused; the next in {pause} s",
        )
        assert session.poll(0.0) == (), "not before its pause is over"
        now[0] += pause
    assert session.poll(0.0) == ()
    assert session.poll(0.0) == [Evidence(up), Evidence(quote)]
    assert stream.symbols == ("SPY",)
    assert venue.rows == [(0, quote)]
    session.close()
    assert stream.symbols == ()


def test_a_lost_stream_is_given_up_after_so_many_attempts_and_tried_again_on_command() -> None:
    down = FeedStateChanged("wire", FeedStatus.DOWN, "cut")
    made: list[Stream] = []

    def make() -> Stream:
        made.append(Stream([down], away=bool(made) and len(made) < 3))
        return made[-1]

    now = [0.0]
    session = StreamSession("wire", make, ["SPY"], None, None, Reconnect(True, 500, 500, 2), lambda: now[0], lambda: 0.5)
    assert session.poll(0.0) == (), "connected"
    assert [e.event.detail for e in session.poll(0.0)] == ["cut; the next in 0.5 s"]
    told = []
    for _ in range(20):
        now[0] += 0.5
        told += [e.event for e in session.poll(0.0)]
    assert [type(e) for e in told] == [FeedStateChanged, FeedStateChanged, Alert]
    assert told[1].detail.startswith("given up after 2 attempts: connect: auth: key refused; `regimeflow resume")
    assert len(made) == 3

    resume = ResumeRequested("c", "op", "why", Scope.GLOBAL, "")
    session.observed(Envelope(1, 0, resume.topic, "control", 1, 1, 0, 1, resume))
    assert session.poll(0.0) == ()
    assert [type(e.event) for e in session.poll(0.0)] == [FeedStateChanged], "connected, and lost as ever"
    session.close()


def test_history_of_a_stream_comes_from_the_brokers_archive_where_there_is_one(synthetic: Callable) -> None:
    asked = request(until=1_704_153_600 * SECOND, bars=3)
    with_archive = StreamSession("wire", lambda: Stream([]), ["AAA"], synthetic())
    assert [type(e.event) for e in with_archive.perform(asked, always).evidence] == [WarmupBar] * 3 + [WarmupEnded]
    without = StreamSession("wire", lambda: Stream([]), ["AAA"])
    assert [type(e.event) for e in without.perform(asked, always).evidence] == [Alert, WarmupEnded]
