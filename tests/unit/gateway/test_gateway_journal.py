"""A recorded session as a source: its outside market data at their log times, its gaps where they were, nothing the engine made itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from services.gateway.feeds.journal import JournalSource
from services.gateway.feeds.port import Block, End, FeedError
from services.gateway.feeds.replay import rows
from services.gateway.settings import JournalSettings
from shared.bus.journal import Journal
from shared.bus.port import Durability
from shared.bus.record import record_of
from shared.events import (
    Bar,
    ClockTicked,
    DataGap,
    Envelope,
    Event,
    FeedStateChanged,
    FeedStatus,
    FreshnessChanged,
    InstrumentDefined,
    Quote,
    StrategyLogged,
    Trade,
    WarmupBar,
)

START = 1_700_000_040_000_000_000
MINUTE = 60_000_000_000
FEED, SESSION, CORE = "gateway.feed", "gateway.session", "gateway"


def quote(at: int, symbol: str = "SPY") -> Quote:
    return Quote(symbol, at, 10.0, 10.5, 100.0, 200.0)


def bar(start: int, symbol: str = "SPY", close: float = 10.0) -> Bar:
    return Bar(symbol, start, start + MINUTE, 10.0, 11.0, 9.0, close, 5.0)


RECORDED: list[tuple[int, str, Event]] = [
    (0, FEED, FeedStateChanged("files", FeedStatus.UP)),
    (1, "gateway.warmup.s1", WarmupBar("s1", 1, bar(START - MINUTE, close=9.5))),
    (10, FEED, quote(START + 7)),
    (11, CORE, FreshnessChanged("SPY", True, START + 7)),
    (12, SESSION, Trade("SPY", START + 9, 10.25, 3.0)),
    (13, FEED, quote(START + 12, "IBM")),
    (20, "bus", ClockTicked()),
    (30, SESSION, FeedStateChanged("broker", FeedStatus.DOWN, "line lost")),
    (40, SESSION, FeedStateChanged("broker", FeedStatus.UP)),
    (41, CORE, DataGap("SPY", START + 12, START + 41, "the feed was down")),
    (42, "strategy.s1", StrategyLogged("s1", "info", "hello")),
    (MINUTE + 50, CORE, bar(START)),
    (MINUTE + 60, FEED, quote(START + MINUTE + 60)),
    (MINUTE + 70, FEED, FeedStateChanged("files", FeedStatus.ENDED)),
]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A closed journal of RECORDED, in batches of four."""
    path = tmp_path / "journal.db"
    log = Journal.open(path, Durability.PROCESS)
    counts: dict[str, int] = {}
    records = []
    for seq, (after, source, event) in enumerate(RECORDED, 1):
        counts[source] = counts.get(source, 0) + 1
        inside = source in {CORE, "strategy.s1"}
        records.append(record_of(Envelope(seq, START + after, event.topic, source, 1, counts[source], seq - 1 if inside else 0, int(inside), event)))
    for low in range(0, len(records), 4):
        log.append(records[low : low + 4])
    log.close()
    return path


@pytest.fixture
def source(journal: Path, instrument: Callable[..., InstrumentDefined]) -> Callable[..., JournalSource]:
    def make(*symbols: str, **settings: int) -> JournalSource:
        return JournalSource(JournalSettings(path=str(journal), **settings), [instrument(symbol) for symbol in symbols or ("SPY", "IBM")])

    return make


def read(source: JournalSource, skip: int = 0) -> tuple[list[tuple[int, int, Event]], End]:
    """(row, time, event) of each row after `skip`."""
    found: list[tuple[int, int, Event]] = []
    blocks = source.blocks(skip)
    while True:
        try:
            block: Block = next(blocks)
        except StopIteration as stop:
            return found, stop.value
        found += zip(range(block.first, block.first + len(block.times)), block.times, block.events, strict=True)


def outside(symbols: Sequence[str]) -> list[tuple[int, Event]]:
    """What must come: outside facts after the feed was up, before it ended."""
    wanted = [(START + after, event) for after, source, event in RECORDED[2:-1] if source in {FEED, SESSION}]
    return [(ts, event) for ts, event in wanted if isinstance(event, FeedStateChanged) or event.symbol in symbols]


@pytest.mark.parametrize("symbols", [("SPY", "IBM"), ("SPY",)])
def test_rows_are_the_outside_facts_at_their_log_times(source: Callable, symbols: tuple[str, ...]) -> None:
    found, end = read(source(*symbols))
    assert [(ts, event) for _, ts, event in found] == outside(symbols)
    assert [row for row, _, _ in found] == list(range(1, len(found) + 1))
    assert end == End(len(found), START + MINUTE + 60)
    for skip in range(len(found) + 1):
        assert read(source(*symbols), skip) == (found[skip:], end)


def test_the_replay_says_up_and_ended_once(source: Callable) -> None:
    said = [row.event.status for row in rows(source(), 0) if isinstance(row.event, FeedStateChanged)]
    assert said == [FeedStatus.UP, FeedStatus.DOWN, FeedStatus.UP, FeedStatus.ENDED]


def test_bounds_are_of_the_logs_time(source: Callable) -> None:
    found, _ = read(source(start_ns=START + 12, end_ns=START + MINUTE))
    assert [ts - START for _, ts, _ in found] == [12, 13, 30, 40]


def test_history_is_what_was_known_and_what_strategies_were_given(source: Callable) -> None:
    one = source()
    assert [b.close for b in one.history(["SPY"], 10, START + 5)] == [9.5]
    assert one.history(["SPY"], 10, START + MINUTE) == [bar(START - MINUTE, close=9.5)], "a bar is known when it was in the log"
    assert len(one.history(["SPY"], 10, START + MINUTE + 60)) == 2
    assert one.history(["SPY"], 1, START + MINUTE + 60) == [bar(START)]
    assert one.history(["IBM"], 1, START + MINUTE + 60) == []


def test_its_digest_is_that_of_the_log_as_it_was_opened(source: Callable, journal: Path) -> None:
    one = source()
    read(one)
    (told,) = one.digests()
    assert told.rows == len(outside(("SPY", "IBM")))
    assert told == _read_again(source)
    log = Journal.open(journal, Durability.PROCESS)
    event = quote(START + 2 * MINUTE)
    log.append([record_of(Envelope(len(RECORDED) + 1, START + 2 * MINUTE, event.topic, FEED, 1, 99, 0, 0, event))])
    assert read(one)[1].rows == told.rows, "what was written since is not part of it"
    assert one.digests() == [told]
    log.close()
    assert _read_again(source).digest != told.digest


def _read_again(source: Callable) -> object:
    one = source()
    read(one)
    return one.digests()[0]


def test_no_journal_is_refused_in_one_line(tmp_path: Path, instrument: Callable) -> None:
    with pytest.raises(FeedError, match=r"journal\.db: there is no database"):
        JournalSource(JournalSettings(path=str(tmp_path / "no" / "journal.db")), [instrument("SPY")])
