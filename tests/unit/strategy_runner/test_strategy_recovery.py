"""A restarted worker continues with the same indicator state and the same next order: from a snapshot, by replay, and as facts."""

import dataclasses
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.strategy_runner.core import StrategyActor
from services.strategy_runner.saved import Phase, SaveError, pack_plain, unpack_plain
from shared.events import ClockTicked, OrderIntent, OrderSide, OrderType, RunStarted, StrategyBlocked, StrategyFailed, StrategyStarted
from shared.runtime.actor import SnapshotIncompatible
from shared.strategy import LoadedStrategy, Order, Strategy, StrategySettings
from shared.strategy.builtin.buy_and_hold import BuyAndHold
from shared.strategy.builtin.moving_average_cross import MovingAverageCross


class Busy(Strategy):
    """Uses everything that must survive: own memory, timers, history, orders, the book."""

    def initialize(self, ctx):
        self.count = 0
        ctx.schedule_timer("beat", "150s")
        ctx.log("set up")

    def on_bar(self, bar):
        self.count += 1
        if self.count % 3 == 0:
            side = OrderSide.SELL if self.ctx.get_position(bar.symbol) > 5 else OrderSide.BUY
            price = sum(b.close for b in self.ctx.get_bars(bar.symbol, 4)) / 4
            self.ctx.submit_order(Order(bar.symbol, side, OrderType.LIMIT, self.count, round(price, 4)))
        for order in self.ctx.get_open_orders(bar.symbol)[:-2]:
            self.ctx.cancel_order(order.id)

    def on_timer(self, timer_id):
        self.ctx.log(f"{timer_id} {self.count} {self.ctx.portfolio.equity:.6f}")
        self.ctx.schedule_timer(f"t{self.count}", 60 + self.count)

    def on_order_update(self, order):
        self.ctx.log(f"{order.id} {order.status} {order.filled_quantity}")


class BusySaved(Busy):
    def save(self):
        return {"count": self.count}

    def load(self, state):
        self.count = state["count"]


def play(life, script):
    """Bars by price and symbol; None lets time pass; every second order is filled."""
    life.start()
    said = []
    for move in script:
        words = life.tell(ClockTicked(), at=life.now + 45_000_000_000) if move is None else life.bar(move[0], move[1])
        said += words
        for intent in [w for w in words if isinstance(w, OrderIntent)]:
            if int(intent.order_id.rpartition(":")[2]) % 2:
                said += life.fill(intent, intent.terms.limit_price or 100)
    return said


moves = st.one_of(st.none(), st.tuples(st.floats(90, 110).map(lambda x: round(x, 2)), st.sampled_from(["SPY", "IBM"])))


@pytest.mark.parametrize(
    ("cls", "params"), [(Busy, {}), (BusySaved, {}), (MovingAverageCross, {"fast_period": 2, "slow_period": 4}), (BuyAndHold, {"quantity": "0.3"})]
)
@settings(derandomize=True, max_examples=100, deadline=None)
@given(script=st.lists(moves, min_size=5, max_size=40), cut=st.floats(0, 1))
def test_cut_anywhere_it_says_the_same_and_ends_in_the_same_state(live, cls, params, script, cut):
    life = live(cls, params=params)
    play(life, script)
    foreign = [e for e in life.log if e.source != life.settings.source]
    at = 1 + int(cut * (len(foreign) - 1))
    again, said = life.recovered(at)
    after = {e.seq for e in foreign[at:]}
    told, whole = set(), []
    current = None
    for e in life.log:  # own words follow their cause in the log
        if e.source != life.settings.source:
            current = e.seq
        elif current in after:
            whole.append(e.event)
            told.add(current)
    assert said == whole
    assert again.snapshot() == life.actor.snapshot()
    assert again.next_timer() == life.actor.next_timer()


def test_a_snapshot_restored_is_the_same_bytes_even_before_it_wakes(live):
    life = live(BusySaved)
    play(life, [(100.0 + i, "SPY") for i in range(10)])
    state = life.actor.snapshot()
    other = life.fresh()
    other.restore(state)
    assert other.snapshot() == state


def test_without_save_a_living_strategy_has_no_snapshot_to_come_back_from(live):
    life = live(Busy)
    assert life.actor.snapshottable
    life.start()
    assert not life.actor.snapshottable
    with pytest.raises(SnapshotIncompatible, match="no save and load"):
        life.fresh().restore(life.actor.snapshot())
    with pytest.raises(SnapshotIncompatible):
        life.fresh().restore(b"not a snapshot")


class TestAnotherRun:
    def test_what_an_earlier_run_holds_and_has_working_comes_back_as_facts(self, live):
        life = live(BusySaved)
        play(life, [(100.0 + i, "SPY") for i in range(12)])
        before = life.actor
        changed = StrategyActor(life.settings, LoadedStrategy("MovingAverageCross", MovingAverageCross, ""))
        for e in life.log:
            changed.apply(e)
        assert changed.phase is Phase.RUNNING
        assert changed._user.strategy is None
        assert changed._desk.ledger.to_state() == before._desk.ledger.to_state()
        assert changed._desk.orders.to_state() == before._desk.orders.to_state()
        assert changed._desk.history.to_state() == before._desk.history.to_state()
        life.actor = changed
        assert life.start(run=2) == [StrategyStarted("ma", 2, "Busy" + "Saved", ("SPY", "IBM"), True)]
        context = changed._user.strategy.ctx
        assert context.get_position("SPY") == float(before._desk.book.quantity("SPY")) != 0.0
        assert [o.id for o in context.get_open_orders()] == [o.id for o in before._desk.orders.open()]
        assert context.submit_order(Order("SPY", OrderSide.BUY, OrderType.MARKET, 1)) == "ma:2:1"

    def test_a_snapshot_of_the_old_code_serves_the_new(self, live):
        life = live(BusySaved)
        play(life, [(100.0 + i, "SPY") for i in range(12)])
        changed = StrategyActor(life.settings, LoadedStrategy("BuyAndHold", BuyAndHold, ""))
        changed.restore(life.actor.snapshot())
        said = changed.step(life.envelope(RunStarted("strategy.ma", 2, "g")))
        assert [type(e) for e in said] == [StrategyStarted]

    def test_a_snapshot_of_other_symbols_knows_nothing_of_todays(self, live):
        life = live(BusySaved)
        play(life, [(100.0 + i, "SPY") for i in range(12)])
        settings = dataclasses.replace(life.settings, symbols=("SPY", "QQQ"))
        with pytest.raises(SnapshotIncompatible, match="it was told of SPY, IBM: of SPY, QQQ only the log knows"):
            StrategyActor(settings, LoadedStrategy("BuyAndHold", BuyAndHold, "")).restore(life.actor.snapshot())

    def test_positions_come_from_the_log_never_from_the_strategys_memory(self, live):
        life = live(BuyAndHold, params={"quantity": 7})
        life.start()
        (intent,) = life.bar(100.0)
        life.fill(intent, 100)
        state = life.actor.snapshot()
        other = life.fresh()
        other.restore(state)
        assert list(other.step(life.envelope(life.log[2].event))) == []
        assert other._user.strategy.ctx.get_position("SPY") == 7.0
        assert b"7" not in pack_plain(other._user.strategy.save())


class TestSave:
    @pytest.mark.parametrize(
        ("said", "text"),
        [
            ({"a": {1, 2}}, r"save\(\)\['a'\]: a set"),
            ({"a": [1, Decimal(1)]}, r"save\(\)\['a'\]\[1\]: a Decimal"),
            ({(1, 2): 3}, "key"),
            ({"n": 1 << 70}, "64 bits"),
        ],
    )
    def test_what_would_not_come_back_is_named(self, said, text):
        with pytest.raises(SaveError, match=text):
            pack_plain(said)

    def test_plain_values_come_back(self):
        state = {"a": [1, 2.5, None, True, b"x", {"b": "c"}], "n": {1: 2}}
        assert unpack_plain(pack_plain(state)) == state

    def test_a_save_that_raises_or_trades_is_told_and_does_no_harm(self, live):
        class Trades(BusySaved):
            def save(self):
                self.ctx.submit_order(Order("SPY", OrderSide.BUY, OrderType.MARKET, 1))

        life = live(Trades)
        life.start()
        with pytest.raises(SaveError, match="on_start"):
            life.actor.snapshot()
        assert life.actor.phase is Phase.RUNNING
        assert life.bar(1.0) == []

    def test_a_load_that_raises_ends_the_strategy_alone(self, live):
        class Forgetful(BusySaved):
            def load(self, state):
                raise KeyError("what")

        life = live(Forgetful)
        life.start()
        other = life.fresh()
        other.restore(life.actor.snapshot())
        (failed,) = other.step(life.envelope(ClockTicked()))
        assert isinstance(failed, StrategyFailed)
        assert failed.callback == "load"


class TestNotDeterministic:
    class Wild(BusySaved):
        deterministic = False

    def test_killed_before_its_first_snapshot_it_starts_anew_on_facts(self, live):
        life = live(self.Wild)
        play(life, [(100.0 + i, "SPY") for i in range(7)])
        other = StrategyActor(life.settings, life.loaded)
        for e in life.log:
            other.apply(e)
        life.actor = other
        said = life.bar(120.0)
        assert StrategyStarted("ma", 1, "Wild", ("SPY", "IBM"), deterministic=False) in said
        assert other._desk.submitted == 2


def test_blocked_once_it_is_not_called_at_that_event_again(live):
    class Stuck(BusySaved):
        def on_bar(self, bar):
            assert bar.close != 13.0, "would block"

    life = live(Stuck)
    life.start()
    life.bar(12.0)
    event = life.log[-1].event
    blocking = life.envelope(type(event)("SPY", 1, 2, 13.0, 13.0, 13.0, 13.0, 1.0))
    assert life.actor.step_blocked(blocking) == ()
    assert life.actor.phase is Phase.FAILED
    assert life.tell(StrategyBlocked("ma", 1, "on_bar@3", 2000)) == []
    assert life.bar(14.0) == []


def test_settings_pack_whole():
    from services.strategy_runner.check import pack_settings, unpack_settings

    made = StrategySettings("ma", "x", ("SPY",), {"a": [1, "b"]}, Decimal("1.5"), 3, 10)
    assert unpack_settings(pack_settings(made)) == made
