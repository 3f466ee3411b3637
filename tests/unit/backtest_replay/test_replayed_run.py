"""One run decided again: given a log, when it is folded, then it agrees or the first difference is named."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from services.backtest.replay import Difference, OwnOutputs, ReplayedRun, Run, runs_of, same
from shared.bus.port import NEVER
from shared.events import Alert, Bar, Envelope, EquityMarked, Event, HealthReported, HealthState, LeaseGranted, RunStarted, Severity
from shared.runtime.actor import InvariantError

SOURCE = "risk_engine"


class Counter:
    """Says how many bars, own outputs and under which epoch the newest; a close of 13 breaks it."""

    def __init__(self) -> None:
        self.bars = self.own = self.epoch = 0

    def decide(self, e: Envelope) -> Sequence[Event]:
        if not isinstance(e.event, Bar):
            return ()
        if e.event.close == 13.0:
            raise InvariantError("thirteen")
        text = f"{self.bars} {self.own} {self.epoch}"
        return [Alert(Severity.INFO, f"a{int(e.event.close)}", text), *([Alert(Severity.INFO, "twice", text)] if e.event.close == 2.0 else [])]

    def apply(self, e: Envelope) -> None:
        self.bars += isinstance(e.event, Bar)
        if isinstance(e.event, Alert):
            assert (e.seq, e.source) == (0, SOURCE), "an own output is folded at its cause, never when it comes by"
            self.own += 1
            self.epoch = e.epoch

    def snapshot(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None: ...

    def next_timer(self) -> int:
        return 0


class Log:
    """A log written by hand."""

    def __init__(self) -> None:
        self.events: list[Envelope] = []
        self._n: dict[tuple[str, int], int] = {}

    def add(self, event: Event, source: str = "gateway.feed", run: int = 1, cause: int = 0, epoch: int = 0) -> int:
        n = self._n[(source, run)] = self._n.get((source, run), 0) + 1
        self.events.append(Envelope(len(self.events) + 1, len(self.events) + 1, event.topic, source, run, n, cause, epoch, event))
        return len(self.events)

    def bar(self, close: float) -> int:
        return self.add(Bar("ACME", 1, 2, close, close, close, close, 1.0))

    def began(self, run: int) -> int:
        return self.add(RunStarted(SOURCE, run, f"mark{run}"), "bus")

    def said(self, cause: int, key: str, text: str, run: int = 1, epoch: int = 1) -> int:
        return self.add(Alert(Severity.INFO, key, text), SOURCE, run, cause, epoch)

    def report(self, cursor: int, queue: int = 0) -> int:
        return self.add(HealthReported(SOURCE, HealthState.READY, cursor, 0, queue, 0.0, 0.0, 0.0), f"{SOURCE}.health")

    def replayed(self, run: int = 1, *, feed_clock: bool = False) -> tuple[Difference | None, ReplayedRun]:
        started = [(e.seq, e.event.name, e.event.name_run, e.event.fingerprint) for e in self.events if isinstance(e.event, RunStarted)]
        chosen = next(r for r in runs_of(started, SOURCE) if r.number == run)
        own = OwnOutputs(e for e in self.events if e.source == SOURCE)
        replayed = ReplayedRun(chosen, Counter(), own, feed_clock=feed_clock)
        for e in self.events:
            if e.seq < chosen.ended and (found := replayed.fold(e)) is not None:
                return found, replayed
        return replayed.end(), replayed


def test_outputs_that_come_late_were_folded_at_their_cause() -> None:
    log = Log()
    log.began(1)
    first, second = log.bar(1.0), log.bar(2.0)
    log.said(first, "a1", "0 0 0")
    third = log.bar(3.0)
    log.said(second, "a2", "1 1 1")
    log.said(second, "twice", "1 1 1")
    log.said(third, "a3", "2 3 1")
    found, replayed = log.replayed()
    assert (found, replayed.decided, replayed.owed) == (None, 4, 0)


def test_an_output_is_folded_under_the_epoch_it_was_journaled_under() -> None:
    log = Log()
    log.began(1)
    log.add(LeaseGranted(SOURCE, "a", 1), "bus")
    first, second = log.bar(1.0), log.bar(3.0)
    log.add(LeaseGranted(SOURCE, "b", 2), "bus")  # the first process died with both unsaid
    log.said(first, "a1", "0 0 0", epoch=2)
    log.said(second, "a3", "1 1 2", epoch=2)
    found, replayed = log.replayed()
    assert (found, replayed.decided) == (None, 2)


def test_what_was_said_before_the_run_is_a_fact() -> None:
    log = Log()
    log.began(1)
    log.said(log.bar(1.0), "other code", "said so")
    log.began(2)
    log.said(log.bar(1.0), "a1", "1 1 1", run=2)
    assert log.replayed(2)[0] is None
    found, _ = log.replayed(1)
    assert found is not None
    assert found.said == Alert(Severity.INFO, "a1", "0 0 0")


@pytest.mark.parametrize("key", ["a1", "other"])
def test_the_first_other_word_is_named(key: str) -> None:
    log = Log()
    log.began(1)
    bar = log.bar(1.0)
    seq = log.said(bar, key, "0 0 0")
    again = log.bar(2.0)
    log.said(again, "a2", "1 1 1")
    log.said(again, "not twice", "1 1 1")
    found, _ = log.replayed()
    assert found is not None
    if key == "a1":
        assert (found.cause.seq, found.n, found.said) == (again, 3, Alert(Severity.INFO, "twice", "1 1 1"))
    else:
        assert found.journaled is not None
        assert (found.cause.seq, found.n, found.journaled.seq) == (bar, 1, seq)


def test_a_word_left_out_in_the_middle_is_missed_at_its_cause() -> None:
    log = Log()
    log.began(1)
    bar = log.bar(1.0)
    log.said(log.bar(3.0), "a3", "1 1 1")
    found, _ = log.replayed()
    assert found is not None
    assert (found.cause.seq, found.n, found.journaled) == (bar, 1, None)


def test_the_last_word_may_be_missing_unless_the_log_proves_that_it_was_there() -> None:
    log = Log()
    log.began(1)
    bar = log.bar(1.0)
    log.report(bar, queue=1)
    log.report(bar - 1)
    found, replayed = log.replayed()
    assert (found, replayed.owed) == (None, 1)
    log.report(bar)
    found, _ = log.replayed()
    assert found is not None
    assert (found.cause.seq, found.journaled) == (bar, None)


def test_in_lock_step_every_word_is_there_before_the_next_fact() -> None:
    log = Log()
    log.began(1)
    bar = log.bar(1.0)
    assert log.replayed(feed_clock=True)[0] is None
    log.bar(3.0)
    found, _ = log.replayed(feed_clock=True)
    assert found is not None
    assert (found.cause.seq, found.journaled) == (bar, None)


def test_the_last_words_of_a_run_that_ended_may_be_missing() -> None:
    log = Log()
    log.began(1)
    log.bar(1.0)
    log.began(2)
    log.said(log.bar(1.0), "a1", "1 0 0", run=2)
    found, replayed = log.replayed(1)
    assert (found, replayed.owed) == (None, 1)


@pytest.mark.parametrize("last", [False, True], ids=["in the middle", "at the end"])
def test_a_word_that_nothing_asked_for(last: bool) -> None:
    log = Log()
    log.began(1)
    quiet = log.add(RunStarted("auditor", 1, ""), "bus")
    invented = log.said(quiet, "invented", "")
    if not last:
        log.bar(1.0)
    found, _ = log.replayed()
    assert found is not None
    assert found.journaled is not None
    assert (found.said, found.journaled.seq) == (None, invented)


def test_an_output_of_an_event_outside_the_lane_is_found() -> None:
    log = Log()
    log.began(1)
    bar = log.bar(1.0)
    stray = log.said(bar, "a1", "0 0 0")
    log.bar(3.0)
    log.events = [msgspec.structs.replace(e, cause=4) if e.seq == stray else e for e in log.events if e.seq != bar]
    found, _ = log.replayed()
    assert found is not None
    assert found.source == SOURCE


def test_a_broken_invariant_is_a_difference() -> None:
    log = Log()
    log.began(1)
    log.bar(13.0)
    found, _ = log.replayed()
    assert found is not None
    assert found.error == "InvariantError: thirteen"


def test_runs_end_where_the_next_begins() -> None:
    started = [(2, "a", 1, "x"), (3, "b", 1, "y"), (9, "a", 2, "z")]
    assert runs_of(started, "a") == [Run("a", 1, 2, 9, "x"), Run("a", 2, 9, NEVER, "z")]
    assert runs_of(started, "c") == []


def test_what_is_no_number_equals_itself() -> None:
    def mark(drawdown: float) -> EquityMarked:
        from decimal import Decimal

        one = Decimal(1)
        return EquityMarked(one, one, one, one, drawdown, one, one)

    assert same(mark(float("nan")), mark(float("nan")))
    assert not same(mark(0.0), mark(0.1))
    assert not same(mark(0.0), Alert(Severity.INFO, "", ""))
