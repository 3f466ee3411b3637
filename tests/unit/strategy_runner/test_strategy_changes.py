"""A strategy that an operator removes or sets: how its run ends, and what begins after it."""

from decimal import Decimal

from services.strategy_runner.saved import Phase
from shared.events import OrderIntent, ResumeRequested, RunStarted, Scope, StrategyRevised, StrategyStarted, StrategyStopped, SystemStarted
from shared.strategy import Order, OrderSide, OrderType, Strategy


class Buyer(Strategy):
    """Buys one at each bar; says when it is stopped."""

    def on_bar(self, bar):
        self.ctx.submit_order(Order(bar.symbol, OrderSide.BUY, OrderType.MARKET, 1))

    def on_stop(self):
        Buyer.stopped = True

    def save(self):
        return {}

    def load(self, state):
        """Nothing is kept."""


def removed(strategy="ma", since=7):
    return StrategyRevised("c1", "removed", strategy, since, "", Decimal(0), "ann: weak")


def changed(since=7, strategy="ma"):
    return StrategyRevised("c1", "set", strategy, since, '{"params":{"n":1}}', Decimal(0), "ann: slower")


def begun(live, **fields):
    Buyer.stopped = False
    life = live(Buyer, **fields)
    life.start()
    return life


def test_removed_it_stops_and_neither_data_nor_an_operator_nor_a_start_brings_it_back(live, only_orders):
    life = begun(live)
    (intent,) = only_orders(life.bar(100.0))
    life.fill(intent, 100)
    assert life.tell(removed("other")) == []
    assert life.tell(removed()) == [StrategyStopped("ma", 1, "removed by ann: weak")]
    assert Buyer.stopped
    assert life.bar(101.0) == []
    assert life.tell(ResumeRequested("r", "ann", "x", Scope.STRATEGY, "ma")) == []
    assert life.tell(SystemStarted("1", "c")) == []
    assert (life.actor.phase, life.actor.next_timer()) == (Phase.OVER, 0)
    book = life.actor._desk.book
    assert (book.cash, book.quantity("SPY"), book.fees) == (0, 0, 1)


def test_refused_changes_nothing(live, only_orders):
    life = begun(live)
    assert life.tell(StrategyRevised("c1", "refused", "ma", 7, "", Decimal(0), "no such action")) == []
    assert len(only_orders(life.bar(100.0))) == 1


def test_over_it_is_restored_as_over(live):
    life = begun(live)
    life.bar(100.0)
    life.tell(removed())
    for cut in range(len(life.log)):
        again, _ = life.recovered(cut)
        assert again.snapshot() == life.actor.snapshot()
    restored = life.fresh()
    restored.restore(life.actor.snapshot())
    assert restored.phase is Phase.OVER


def test_set_ends_the_run_and_the_actor_built_for_it_begins_the_next_with_book_and_orders(live, only_orders):
    life = begun(live)
    (intent,) = only_orders(life.bar(100.0))
    life.fill(intent, 100)
    (working,) = only_orders(life.bar(101.0))
    assert life.tell(changed()) == [StrategyStopped("ma", 1, "set by ann: slower")]
    assert life.bar(102.0) == []

    following = live(Buyer, params={"n": 1}, since=7)
    for e in life.log:
        following.actor.apply(e)
    following.log, following.now = life.log, life.now
    assert [type(e) for e in following.start(run=2)] == [StrategyStarted]
    desk = following.actor._desk
    assert (desk.book.quantity("SPY"), desk.book.cash) == (1, Decimal(100_000) - 101)
    assert [o.id for o in desk.orders.open()] == [working.order_id]
    assert [o.order_id for o in only_orders(following.bar(103.0))] == ["ma:2:1"]


def test_an_actor_built_for_what_is_no_longer_so_begins_nothing(live):
    for late in (changed(since=9), removed(since=9)):
        life = live(Buyer, params={"n": 1}, since=7)
        life.actor.apply(life.envelope(changed(since=7)))
        life.actor.apply(life.envelope(late))
        assert life.tell(RunStarted("strategy.ma", 2, "f")) == []
        assert life.bar(100.0) == []
        assert life.actor.phase is Phase.OVER


def test_added_again_its_book_begins_with_the_new_budget_alone(live):
    life = begun(live)
    (intent,) = [e for e in life.bar(100.0) if isinstance(e, OrderIntent)]
    life.fill(intent, 100)
    life.tell(removed())
    life.tell(StrategyRevised("c2", "added", "ma", 11, '{"id":"ma"}', Decimal(500), "ann: again"))
    following = live(Buyer, budget=Decimal(500), since=11)
    for e in life.log:
        following.actor.apply(e)
    book = following.actor._desk.book
    assert (book.cash, book.quantity("SPY")) == (500, 0)
