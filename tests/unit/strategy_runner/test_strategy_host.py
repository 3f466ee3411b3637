"""The host: seeded generators of its own, and the watchdog that ends what blocks."""

import random
import threading

import pytest

from services.strategy_runner.generators import SeededGenerators
from services.strategy_runner.host import StrategyHost
from services.strategy_runner.watchdog import CallbackBlocked, Watchdog
from shared.events import Bar, Envelope, RunStarted, StrategyBlocked, StrategyFailed
from shared.strategy import LoadedStrategy, Strategy, StrategySettings


class Dice(Strategy):
    """Says what it draws."""

    def on_bar(self, bar):
        self.ctx.log(f"{random.random()} {random.gauss(0, 1)} {random.choice('abcdef')}")

    def save(self):
        return {}

    def load(self, state):
        """Nothing of its own: the numbers to come are the generator's."""


class Sleeper(Strategy):
    """Waits inside on_bar until it is let go."""

    gate = threading.Event()
    entered = threading.Event()

    def on_bar(self, bar):
        self.ctx.log("before")
        if bar.close == 13.0:
            Sleeper.entered.set()
            Sleeper.gate.wait(30)


def settings(name="dice"):
    return StrategySettings(name, "test", ("SPY",))


def host(cls, name="dice", **extra):
    return StrategyHost(settings(name), LoadedStrategy(cls.__name__, cls, ""), **extra)


def bars(closes, first=2):
    for i, close in enumerate(closes, first):
        yield Envelope(i, i, "m.SPY.", "gateway.feed", 1, i, 0, 0, Bar("SPY", i, i + 1, close, close, close, close, 1.0))


def started(h):
    h.step(Envelope(1, 1, "c.", "bus", 1, 1, 0, 0, RunStarted(f"strategy.{h.strategy}", 1, "f")))
    return h


def texts(h, envelopes):
    return [event.text for e in envelopes for event in h.step(e)]


class TestGenerators:
    def test_a_run_draws_the_same_whatever_else_its_worker_runs(self):
        alone = texts(started(host(Dice)), bars([1.0] * 6))
        one, other, beside = started(host(Dice)), started(host(Dice, "other")), []
        for e in bars([1.0] * 6):
            random.random()
            beside += texts(one, [e])
            texts(other, [e])
        assert beside == alone
        assert texts(started(host(Dice, "other")), bars([1.0] * 6)) != alone

    def test_they_are_part_of_the_snapshot(self):
        whole, cut = started(host(Dice)), started(host(Dice))
        expected = texts(whole, bars([1.0] * 7))
        said, fresh = texts(cut, bars([1.0] * 3)), host(Dice)
        fresh.restore(cut.snapshot())
        said += texts(fresh, bars([1.0] * 4, 5))
        assert said == expected
        assert fresh.snapshot() == whole.snapshot()

    def test_the_process_keeps_its_own(self):
        random.seed(5)
        expected = [random.random() for _ in range(3)]
        random.seed(5)
        h = started(host(Dice))
        drawn = [random.random()]
        texts(h, bars([1.0] * 3))
        assert [*drawn, random.random(), random.random()] == expected

    def test_numpys_are_seeded_saved_and_left_as_found(self):
        np = pytest.importorskip("numpy")

        def draw(g):
            g.enter()
            try:
                return [float(np.random.rand()), float(np.random.normal()), random.random()]
            finally:
                g.leave()

        one, two = SeededGenerators(), SeededGenerators()
        one.seed("a"), two.seed("a")
        assert draw(one) == draw(two)
        state, expected = one.save(), draw(one)
        two.load(state)
        assert draw(two) == expected
        np.random.seed(1)
        outside = np.random.rand()
        np.random.seed(1)
        draw(one)
        assert np.random.rand() == outside


class TestWatchdog:
    def test_a_call_is_blocked_when_its_count_stands_still_past_the_limit(self):
        now, reports = [0.0], []
        watchdog = Watchdog(reports.append, lambda: now[0])
        h = started(host(Dice, watchdog=watchdog, callback_ms_max=1_000))
        slot = h._slot
        for now[0] in (0.0, 5.0):
            watchdog.check()
        assert reports == []
        slot.enter()
        for now[0] in (10.0, 10.9):
            watchdog.check()
        assert reports == []
        now[0] = 11.2
        watchdog.check()
        watchdog.check()
        assert reports == [StrategyBlocked("dice", 1, "on_start", 1_200, 1)]
        assert reports[0].seq == 1
        with pytest.raises(CallbackBlocked):
            slot.leave()

    def test_many_quick_calls_are_never_blocked(self):
        now, reports = [0.0], []
        watchdog = Watchdog(reports.append, lambda: now[0])
        h = started(host(Dice, watchdog=watchdog, callback_ms_max=1_000))
        for e in bars([1.0] * 20):
            now[0] += 10.0
            watchdog.check()
            h.step(e)
        assert reports == []
        h.close()
        assert watchdog._slots == []

    def test_the_thread_reports_and_nothing_said_leaves(self):
        reports, told = [], threading.Event()

        def report(blocked):
            reports.append(blocked)
            told.set()

        watchdog = Watchdog(report)
        h = started(host(Sleeper, "sleeper", watchdog=watchdog, callback_ms_max=40))
        watchdog.start()
        result = []

        def work():
            try:
                result.append(h.step(next(bars([13.0]))))
            except CallbackBlocked:
                result.append("ended")

        worker = threading.Thread(target=work)
        worker.start()
        assert told.wait(20)
        Sleeper.gate.set()
        worker.join(20)
        watchdog.stop()
        assert result == ["ended"]
        (blocked,) = reports
        assert (blocked.strategy, blocked.strategy_run, blocked.callback) == ("sleeper", 1, "on_bar")
        assert blocked.seq == 2
        assert blocked.blocked_ms >= 40

    def test_the_successor_does_not_call_it_at_that_event(self):
        Sleeper.entered.clear()
        h = started(host(Sleeper, "sleeper"))
        h.skip([3])
        said = [list(h.step(e)) for e in bars([12.0, 13.0, 12.0])]
        assert [len(s) for s in said] == [1, 0, 0]
        assert not Sleeper.entered.is_set()

    def test_a_limit_that_cannot_be_is_refused(self):
        with pytest.raises(ValueError, match="callback_ms_max"):
            host(Dice, watchdog=Watchdog(lambda _: None), callback_ms_max=0)


def test_several_strategies_in_one_worker_fail_alone():
    class Bad(Strategy):
        def on_bar(self, bar):
            raise KeyError(bar.symbol)

    bad, good = started(host(Bad, "bad")), started(host(Dice, "good"))
    (e,) = bars([1.0])
    assert isinstance(bad.step(e)[0], StrategyFailed)
    assert len(good.step(e)) == 1
