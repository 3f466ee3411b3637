"""The life of one strategy: start, every callback, warm-up, failure, stop, resume."""

from datetime import date
from decimal import Decimal

import pytest

from services.strategy_runner.saved import Phase
from shared.events import (
    AccountReported,
    Bar,
    ClockTicked,
    DayEnded,
    EquityMarked,
    FillCorrected,
    InstrumentDefined,
    OrderBook,
    OrderDenied,
    OrderIntent,
    OrderSide,
    OrderStatus,
    OrderType,
    Quote,
    Reason,
    RegimeChanged,
    ResumeRequested,
    RunStarted,
    Scope,
    StrategyFailed,
    StrategyLogged,
    StrategyStarted,
    StrategyStopped,
    SystemStarted,
    SystemStopped,
    Trade,
    TradingState,
    TradingStateChanged,
    UnsettledRow,
    WarmupBar,
    WarmupEnded,
)
from shared.runtime.actor import InvariantError
from shared.strategy import Order, RegimeType, Strategy

D = Decimal
SECOND = 1_000_000_000


class Diary(Strategy):
    """Writes down every callback."""

    def initialize(self, ctx):
        self.seen = [("initialize", ctx.current_time())]
        Diary.last = self

    def on_start(self):
        self.seen.append(("start",))

    def on_stop(self):
        self.seen.append(("stop",))

    def on_bar(self, bar):
        self.seen.append(("bar", bar.close, self.ctx.warming_up))

    def on_tick(self, tick):
        self.seen.append(("tick", tick.price))

    def on_quote(self, quote):
        self.seen.append(("quote", quote.mid))

    def on_order_book(self, book):
        self.seen.append(("book", book.bids[0][0]))

    def on_order_update(self, order):
        self.seen.append(("update", order.event, order.status))

    def on_fill(self, fill):
        self.seen.append(("fill", fill.quantity, fill.price, fill.slippage, self.ctx.get_position(fill.symbol)))

    def on_regime_change(self, transition):
        self.seen.append(("regime", transition.from_regime, transition.to_regime))

    def on_end_of_day(self, day):
        self.seen.append(("day", day))

    def on_timer(self, timer_id):
        self.seen.append(("timer", timer_id, self.ctx.current_time()))


class Buyer(Strategy):
    """Buys ten at every bar; fails at a bar of 13."""

    def on_bar(self, bar):
        self.ctx.submit_order(Order(bar.symbol, OrderSide.BUY, OrderType.MARKET, 10))
        if bar.close == 13.0:
            raise ValueError(f"unlucky {object()}")


def test_nothing_happens_before_its_own_run_starts(live):
    life = live(Diary)
    assert life.bar(100.0) == []
    assert life.tell(RunStarted("strategy.other", 1, "f")) == []
    started = life.start()
    assert started == [StrategyStarted("ma", 1, "Diary", ("SPY", "IBM"), deterministic=True)]
    assert Diary.last.seen == [("initialize", life.now), ("start",)]
    assert life.actor.run == 1


def test_every_callback_fires(live):
    life = live(Diary)
    life.start()
    seen = Diary.last.seen
    seen.clear()
    life.bar(100.0)
    life.tell(Trade("SPY", 0, 101.0, 5.0))
    life.tell(Quote("SPY", 0, 99.0, 101.0, 1.0, 1.0))
    life.tell(OrderBook("SPY", 0, ((99.0, 1.0),), ((101.0, 1.0),)))
    life.tell(RegimeChanged("bear", "bull", 0.9))
    life.tell(DayEnded("XNYS", "2024-01-02"))
    assert seen == [
        ("bar", 100.0, False),
        ("tick", 101.0),
        ("quote", 100.0),
        ("book", 99.0),
        ("regime", RegimeType.BULL, RegimeType.BEAR),
        ("day", date(2024, 1, 2)),
    ]
    assert Diary.last.ctx.current_regime().regime is RegimeType.BEAR


def test_a_day_of_a_calendar_of_no_own_symbol_is_not_told(live):
    life = live(Diary)
    life.tell(InstrumentDefined("SPY", "equity", "USD", D("0.01"), D(1), D(1), "XNYS"))
    life.start()
    life.tell(DayEnded("24x7", "2024-01-02"))
    life.tell(DayEnded("XNYS", "2024-01-02"))
    assert [s for s in Diary.last.seen if s[0] == "day"] == [("day", date(2024, 1, 2))]
    assert Diary.last.ctx.get_instrument("SPY").calendar == "XNYS"


def test_the_road_of_an_order_is_told_step_by_step(live):
    class Once(Diary):
        def on_start(self):
            self.order = self.ctx.submit_order(Order("SPY", OrderSide.BUY, OrderType.MARKET, 0.1))

    life = live(Once)
    intent = life.start()[0]
    assert (intent.order_id, intent.terms.quantity) == ("ma:1:1", D("0.1"))
    once = Diary.last
    assert once.order == "ma:1:1"
    assert once.ctx.get_order("ma:1:1").status is OrderStatus.PENDING_NEW
    life.fill(intent, 100)
    assert once.seen[1:] == [
        ("update", "OrderApproved", OrderStatus.PENDING_NEW),
        ("update", "OrderAccepted", OrderStatus.NEW),
        ("update", "OrderFilled", OrderStatus.FILLED),
        ("fill", 0.1, 100.0, 0.0, 0.1),
    ]
    assert once.ctx.portfolio.cash == pytest.approx(100_000 - 10 - 1)
    correction = FillCorrected("ma:1:1", "ma", "SPY", OrderSide.BUY, "x9", "x8", D(0), D(100), D(0), D("0.1"), D(100), D(1))
    life.tell(correction)
    assert once.seen[-1] == ("fill", 0.0, 100.0, 0.0, 0.0)
    assert once.ctx.portfolio.cash == 100_000.0


def test_a_denial_is_an_update_and_names_its_limit(live):
    class Once(Diary):
        def on_start(self):
            self.ctx.submit_order(Order("SPY", OrderSide.BUY, OrderType.MARKET, 1))

    life = live(Once)
    life.start()
    life.tell(OrderDenied("ma:1:1", "ma", Reason.DISARMED, "arm", "auto", "disarmed"))
    assert Diary.last.seen[-1] == ("update", "OrderDenied", OrderStatus.REJECTED)
    assert Diary.last.ctx.get_order("ma:1:1").text == "DISARMED: arm is auto, met by disarmed"


def test_orders_of_others_are_not_told(live):
    life = live(Diary)
    life.start()
    life.tell(OrderDenied("xx:1:1", "xx", Reason.DISARMED, "arm", "auto", "disarmed"))
    assert all(s[0] != "update" for s in Diary.last.seen)


def test_the_account_is_read_from_risk_and_the_broker(live):
    life = live(Diary)
    life.start()
    account = Diary.last.ctx.account
    assert account.trading_state is TradingState.DISARMED
    life.tell(AccountReported("a", "USD", D(500), D(900), D(1800)))
    assert (account.equity, account.cash, account.buying_power) == (900.0, 500.0, 1800.0)
    assert (account.settled_cash, account.unsettled_cash) == (500.0, 0.0)
    life.tell(AccountReported("a", "USD", D(500), D(900), D(300), (UnsettledRow("XNYS", "2024-01-03", D(200)),)))
    assert (account.settled_cash, account.unsettled_cash) == (300.0, 200.0)
    life.tell(EquityMarked(D(950), D(500), D(50), D(1000), 0.05, D(450), D(450)))
    life.tell(TradingStateChanged(Scope.GLOBAL, "", TradingState.ACTIVE, Reason.RECONCILED, "", 0))
    assert (account.equity, account.day_pnl, account.drawdown) == (950.0, 50.0, 0.05)
    assert account.trading_state is TradingState.ACTIVE
    life.tell(TradingStateChanged(Scope.STRATEGY, "ma", TradingState.HALTED, Reason.OPERATOR, "", 1))
    assert account.trading_state is TradingState.HALTED


class TestTimers:
    class Clockwork(Diary):
        def initialize(self, ctx):
            super().initialize(ctx)
            ctx.schedule_timer("beat", "10s")

        def on_timer(self, timer_id):
            super().on_timer(timer_id)
            if timer_id == "beat":
                self.ctx.schedule_timer("once", 3)
            else:
                self.ctx.cancel_timer("once")

    def test_they_fire_when_a_clock_event_passes_them(self, live):
        life = live(self.Clockwork)
        life.start()
        assert life.actor.next_timer() == 10 * SECOND
        life.tell(ClockTicked(), at=9 * SECOND)
        life.tell(ClockTicked(), at=10 * SECOND)
        assert life.actor.next_timer() == 13 * SECOND
        life.tell(ClockTicked(), at=13 * SECOND)
        assert life.actor.next_timer() == 20 * SECOND
        assert Diary.last.seen[2:] == [("timer", "beat", 10 * SECOND), ("timer", "once", 13 * SECOND)]

    def test_none_is_due_once_it_failed(self, live):
        class Bad(self.Clockwork):
            def on_timer(self, timer_id):
                raise RuntimeError(timer_id)

        life = live(Bad)
        life.start()
        assert isinstance(life.tell(ClockTicked(), at=10 * SECOND)[0], StrategyFailed)
        assert life.actor.next_timer() == 0


class TestWarmup:
    def test_history_is_told_with_orders_refused_and_live_bars_held_back(self, live, only_orders):
        class Eager(Diary):
            def on_bar(self, bar):
                super().on_bar(bar)
                self.id = self.ctx.submit_order(Order(bar.symbol, OrderSide.BUY, OrderType.MARKET, 1))

        life = live(Eager, warmup_bars=3)
        assert life.start() == []
        early, late = Bar("SPY", 1, 2, 5.0, 5.0, 5.0, 5.0, 1.0), Bar("SPY", 3, 4, 7.0, 7.0, 7.0, 7.0, 1.0)
        assert life.tell(late) == []
        assert life.tell(WarmupBar("ma", 1, early)) == []
        assert life.tell(WarmupBar("ma", 9, early)) == []
        assert life.tell(early) == []
        said = life.tell(WarmupEnded("ma", 1, 1))
        assert Diary.last.seen[1:] == [("bar", 5.0, True), ("bar", 7.0, True), ("start",)]
        assert Diary.last.id == ""
        assert said == [StrategyLogged("ma", "warning", "2 orders refused during warm-up"), StrategyStarted("ma", 1, "Eager", ("SPY", "IBM"), True)]
        assert [b.close for b in Diary.last.ctx.get_bars("SPY", 3)] == [5.0, 7.0]
        assert [o.order_id for o in only_orders(life.bar(8.0))] == ["ma:1:1"]

    def test_an_average_is_ready_at_the_first_live_bar(self, live, only_orders):
        from shared.strategy.builtin.moving_average_cross import MovingAverageCross

        life = live(MovingAverageCross, warmup_bars=4, params={"fast_period": 2, "slow_period": 4})
        life.start()
        for i, close in enumerate((10.0, 9.0, 8.0, 7.0)):
            life.tell(WarmupBar("ma", 1, Bar("SPY", i, i + 1, close, close, close, close, 1.0)))
        life.tell(WarmupEnded("ma", 1, 4))
        assert [o.terms.side for o in only_orders(life.bar(20.0))] == [OrderSide.BUY]


class TestFailure:
    def test_it_ends_the_strategy_alone_and_takes_its_orders_back(self, live, only_orders):
        bad, good = live(Buyer), live(Buyer, id="good")
        bad.start(), good.start()
        assert [o.order_id for o in only_orders(bad.bar(12.0))] == ["ma:1:1"]
        failed = bad.bar(13.0)
        assert [type(e) for e in failed] == [StrategyFailed]
        assert failed[0].callback == "on_bar"
        assert failed[0].text.startswith("ValueError: unlucky <object object at 0x...> (test_strategy_life.py:")
        assert bad.bar(12.0) == []
        assert bad.actor.phase is Phase.FAILED
        assert len(only_orders(good.bar(12.0))) == 1

    def test_its_book_goes_on_being_folded(self, live):
        life = live(Buyer)
        life.start()
        intent = life.bar(12.0)[0]
        life.bar(13.0)
        life.fill(intent, 12)
        life.tell(ResumeRequested("r1", "ann", "fixed", Scope.STRATEGY, "ma"))
        assert life.actor.phase is Phase.RUNNING
        assert life.actor._user.strategy.ctx.get_position("SPY") == 10.0

    def test_an_operator_resumes_it_anew_with_ids_going_on(self, live, only_orders):
        life = live(Buyer)
        life.start()
        life.bar(12.0)
        life.bar(13.0)
        assert life.tell(ResumeRequested("r0", "ann", "another", Scope.STRATEGY, "xx")) == []
        assert [type(e) for e in life.tell(ResumeRequested("r1", "ann", "fixed", Scope.STRATEGY, "ma"))] == [StrategyStarted]
        assert [o.order_id for o in only_orders(life.bar(14.0))] == ["ma:1:2"]

    @pytest.mark.parametrize("callback", ["__init__", "initialize", "on_start", "on_stop", "on_tick", "on_fill", "on_order_update", "on_end_of_day"])
    def test_wherever_it_raises(self, live, callback):
        def fail(self, *_arguments):
            raise SystemExit(3)

        class Once(Strategy):
            def on_start(self):
                self.ctx.submit_order(Order("SPY", OrderSide.BUY, OrderType.MARKET, 1))

        setattr(Once, callback, fail)
        life = live(Once)
        said = life.start()
        if isinstance(said[0], OrderIntent):
            said += life.fill(said[0], 5)
        said += life.tell(Trade("SPY", 0, 1.0, 1.0)) + life.tell(DayEnded("XNYS", "2024-01-02")) + life.tell(SystemStopped("done"))
        failed = [e for e in said if isinstance(e, StrategyFailed)]
        assert [f.callback for f in failed] == [callback]
        assert life.actor.phase is Phase.FAILED

    def test_our_own_bug_is_not_taken_for_the_strategys(self, live):
        class Ours(Strategy):
            def on_bar(self, bar):
                raise InvariantError("a ledger that does not add up")

        life = live(Ours)
        life.start()
        with pytest.raises(InvariantError):
            life.bar(1.0)

    def test_words_without_end_are_stopped(self, live):
        class Loop(Strategy):
            def on_bar(self, bar):
                while True:
                    self.ctx.log("again")

        life = live(Loop)
        life.start()
        said = life.bar(1.0)
        assert "more than 1000 orders and log lines" in said[-1].text


class TestStop:
    def test_a_clean_stop_and_the_next_start_go_on_with_the_same_object(self, live):
        life = live(Diary)
        life.start()
        assert life.tell(SystemStarted("1", "c")) == []
        assert life.tell(SystemStopped("operator")) == [StrategyStopped("ma", 1, "operator")]
        life.bar(1.0)
        assert [type(e) for e in life.tell(SystemStarted("1", "c"))] == [StrategyStarted]
        life.bar(2.0)
        assert Diary.last.seen[1:] == [("start",), ("stop",), ("start",), ("bar", 2.0, False)]
        assert [b.close for b in Diary.last.ctx.get_bars("SPY", 5)] == [1.0, 2.0]


def test_a_callback_not_overridden_has_no_handler(live):
    class Quiet(Strategy):
        def on_bar(self, bar):
            """Listens to bars alone."""

    life = live(Quiet)
    life.start()
    assert set(life.actor._user.market_handlers()) == {Bar}
