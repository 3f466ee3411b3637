"""Protective stops: each below, at and above, long and short; what goes wrong on the way out; and a restart anywhere."""

from __future__ import annotations

import random
from decimal import Decimal as D
from math import nan

import pytest

from services.risk_engine.core import RiskCore
from shared.events import (
    Alert,
    Bar,
    BusStarted,
    CancelApproved,
    CancelRequested,
    CorporateAction,
    Event,
    FlattenRequested,
    HaltRequested,
    InstrumentHalted,
    InstrumentLocked,
    InstrumentUnlocked,
    LimitBreached,
    OrderApproved,
    OrderCanceled,
    OrderRejected,
    OrderSide,
    OrderUnknown,
    Quote,
    Reason,
    ReduceRequested,
    ResumeRequested,
    RunStarted,
    Scope,
    SessionChanged,
    SessionPhase,
    StrategyFailed,
    Trade,
)
from shared.runtime.actor import state_hash
from tests.support.risk_desk import BUY, CLEAN, SELL, RiskDesk, reason, replayed

FIXED = {"stop_loss_pct": "0.05"}
TRAILING = {"trailing_stop_pct": "0.1"}
ATR = {"atr_window": 3, "atr_multiplier": 2}
TIMED = {"max_holding_seconds": 60}


def guarded(units: int = 100, stops: dict[str, object] | None = None, **limits: object) -> RiskDesk:
    """Strategy a holds so many units of X, got at 100."""
    desk = RiskDesk(stops=stops or FIXED, **limits)
    desk.wait(1000).quote("X", 100.0, 100.0)
    desk.hold(units, price=100)
    return desk


def at(desk: RiskDesk, price: float) -> list[Event]:
    """One unit of time later X trades at one price."""
    desk.wait(1000)
    return desk.quote("X", price, price)


def exits(outputs: list[Event]) -> list[tuple[str, str, OrderSide, D]]:
    return [(e.order_id, e.strategy, e.terms.side, e.terms.quantity) for e in outputs if isinstance(e, OrderApproved)]


def breaches(outputs: list[Event]) -> list[tuple[Reason, str, str, str]]:
    return [(e.reason, e.key, e.limit, e.value) for e in outputs if isinstance(e, LimitBreached)]


def approval(outputs: list[Event]) -> OrderApproved:
    [found] = [event for event in outputs if isinstance(event, OrderApproved)]
    return found


def bar(desk: RiskDesk, low: float, high: float, close: float, symbol: str = "X") -> list[Event]:
    desk.wait(1000)
    return desk.tell(Bar(symbol, desk.now - 1, desk.now, close, high, low, close, 5.0))


@pytest.mark.parametrize(("price", "met"), [(95.01, False), (95.0, True), (94.99, True), (40.0, True)], ids=["above", "at", "below", "gap through"])
def test_fixed_stop_of_a_long_holding(price: float, met: bool) -> None:
    desk = guarded(100)
    told = at(desk, price)
    assert exits(told) == ([("risk:1:1", "a", SELL, D(100))] if met else [])
    assert breaches(told) == ([(Reason.STOP_LOSS, "stop_loss.a.X", "95", f"{price:g}")] if met else [])


@pytest.mark.parametrize(
    ("price", "met"), [(104.99, False), (105.0, True), (105.01, True), (400.0, True)], ids=["below", "at", "above", "gap through"]
)
def test_fixed_stop_of_a_short_holding(price: float, met: bool) -> None:
    assert exits(at(guarded(-100), price)) == ([("risk:1:1", "a", BUY, D(100))] if met else [])


@pytest.mark.parametrize(("price", "met"), [(108.01, False), (108.0, True), (107.99, True), (40.0, True)])
def test_trailing_stop_follows_the_best_bid_since_the_entry(price: float, met: bool) -> None:
    desk = guarded(100, TRAILING)
    assert at(desk, 120.0) == at(desk, 110.0) == []
    desk.quote("X", 119.0, 150.0)  # an ask is nothing a long holding would fetch
    told = at(desk, price)
    assert exits(told) == ([("risk:1:1", "a", SELL, D(100))] if met else [])
    assert [b[:3] for b in breaches(told)] == ([(Reason.TRAILING_STOP, "trailing_stop.a.X", "108")] if met else [])


@pytest.mark.parametrize(("price", "met"), [(87.99, False), (88.0, True), (88.01, True), (400.0, True)])
def test_trailing_stop_of_a_short_holding(price: float, met: bool) -> None:
    desk = guarded(-100, TRAILING)
    assert at(desk, 80.0) == at(desk, 85.0) == []
    assert bool(exits(at(desk, price))) is met


@pytest.mark.parametrize(("units", "price", "met"), [(10, 94.01, False), (10, 94.0, True), (-10, 105.99, False), (-10, 106.0, True)])
def test_atr_stop_is_so_many_ranges_from_the_cost(units: int, price: float, met: bool) -> None:
    desk = RiskDesk(stops=ATR)
    for low, high in ((99.0, 101.0), (98.0, 102.0), (98.5, 101.5)):  # ranges 2, 4, 3
        bar(desk, low, high, 100.0)
    desk.hold(units, price=100)
    assert bool(exits(at(desk, price))) is met


def test_the_range_is_the_entrys_and_waits_until_it_is_known() -> None:
    desk = guarded(10, ATR)
    assert bar(desk, 99.0, 101.0, 100.0) == bar(desk, 98.0, 102.0, 100.0) == []
    assert exits(at(desk, 50.0)) == []  # two bars of three: no range, no stop
    at(desk, 100.0)
    assert bar(desk, 98.5, 101.5, 100.0) == []
    assert bar(desk, 60.0, 140.0, 100.0) == []  # a wilder range later moves nothing
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(10))]


def test_a_gap_between_bars_is_part_of_the_range() -> None:
    desk = RiskDesk(stops={"atr_window": 2, "atr_multiplier": 1})
    bar(desk, 99.0, 101.0, 100.0)
    bar(desk, 104.0, 106.0, 105.0)  # from the close of 100 to the high: 6
    desk.hold(10, price=105)
    assert desk.core._desk.protective.guards["X"]["a"].range == 4.0


@pytest.mark.parametrize(("seconds", "met"), [(59, False), (60, True), (61, True)])
@pytest.mark.parametrize("units", [10, -10])
def test_time_stop_counts_from_the_fill_that_opened(seconds: int, met: bool, units: int) -> None:
    desk = guarded(units, TIMED)
    desk.wait(30_000).hold(units, price=100)  # what is added is as old as the holding
    desk.wait((seconds - 30) * 1000)
    told = desk.quote("X", 100.0, 100.0)
    assert exits(told) == ([("risk:1:1", "a", SELL if units > 0 else BUY, D(20))] if met else [])
    assert [b[:2] for b in breaches(told)] == ([(Reason.TIME_STOP, "time_stop.a.X")] if met else [])


def test_the_nearest_of_several_stops_is_met_and_named() -> None:
    desk = guarded(100, FIXED | {"trailing_stop_pct": "0.03"})
    assert [b[:3] for b in breaches(at(desk, 96.5))] == [(Reason.TRAILING_STOP, "trailing_stop.a.X", "97")]
    desk = guarded(100, FIXED | TRAILING)
    assert [b[0] for b in breaches(at(desk, 94.5))] == [Reason.STOP_LOSS]


def test_the_stop_follows_the_average_cost() -> None:
    desk = guarded(100)
    desk.hold(100, price=110)
    assert exits(at(desk, 99.76)) == []
    assert exits(at(desk, 99.75)) == [("risk:1:1", "a", SELL, D(200))]


def test_a_holding_turned_over_is_another_holding() -> None:
    desk = guarded(100, TIMED)
    desk.wait(50_000).hold(-150, price=100)
    assert exits(at(desk, 100.0)) == []
    assert exits(desk.wait(60_000).quote("X", 100.0, 100.0)) == [("risk:1:1", "a", BUY, D(50))]


def test_each_strategy_and_symbol_is_closed_for_itself() -> None:
    desk = guarded(100)
    desk.hold(30, strategy="b", price=90)
    desk.hold(40, symbol="Y", price=50)
    assert exits(at(desk, 95.0)) == [("risk:1:1", "a", SELL, D(100))]
    assert exits(at(desk, 85.5)) == [("risk:1:2", "b", SELL, D(30))]
    assert exits(desk.quote("Y", 47.5, 47.6)) == [("risk:1:3", "a", SELL, D(40))]


def test_two_books_met_by_one_datum_go_out_together() -> None:
    desk = guarded(100)
    desk.hold(30, strategy="b", price=100)
    assert exits(at(desk, 90.0)) == [("risk:1:1", "a", SELL, D(100)), ("risk:1:2", "b", SELL, D(30))]


def test_fills_are_the_strategys_own_and_the_book_is_flat_after() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    assert desk.fill(order, price=94) == []
    ledger = desk.core._desk.ledger
    assert (ledger.quantity("a", "X"), ledger.books["a"].realised) == (0, D(-600))
    assert desk.core._desk.protective.guards == {}
    assert reason(desk.buy(10)) is None


@pytest.mark.parametrize("quote", [(nan, nan), (0.0, 0.0), (50.0, 40.0), (-1.0, -1.0), (float("inf"), float("inf"))], ids=str)
def test_no_stop_is_met_by_nonsense(quote: tuple[float, float]) -> None:
    desk = guarded(100)
    assert desk.wait(1000).quote("X", *quote) == []
    for units in (100, -100):
        desk = guarded(units)
        assert desk.wait(1000).quote("X", *quote) == []


def test_no_stop_is_met_by_what_is_old() -> None:
    desk = guarded(100, quote_age_ms_max=5000)
    desk.wait(10_000)
    assert desk.tell(Quote("X", desk.now - 5_001_000_000, 90.0, 90.0, 1.0, 1.0)) == []
    assert exits(desk.tell(Quote("X", desk.now - 5_000_000_000, 90.0, 90.0, 1.0, 1.0)))
    desk = guarded(100)
    assert desk.tell(Quote("X", desk.now - 1, 90.0, 90.0, 1.0, 1.0)) == []  # older than what is known


def test_a_last_price_under_a_standing_quote_meets_nothing() -> None:
    desk = guarded(100, quote_age_ms_max=5000)
    assert desk.wait(1000).tell(Trade("X", desk.now, 90.0, 1.0)) == []
    assert exits(desk.wait(6000).tell(Trade("X", desk.now, 90.0, 1.0))) == [("risk:1:1", "a", SELL, D(100))]


def test_one_exit_at_a_time_known_or_not() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    desk.tell(OrderUnknown(order.order_id, "a", "time-out"), "order_router")
    assert at(desk, 90.0) == at(desk, 99.0) == at(desk, 80.0) == []


def test_after_a_partial_fill_the_rest() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    assert desk.fill(order, 60, price=94) == []
    assert exits(desk.tell(OrderCanceled(order.order_id, "a", D(60)), "order_router")) == [("risk:1:2", "a", SELL, D(40))]


def test_an_exit_that_came_to_nothing_alarms_and_is_tried_again_later() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    [alert] = desk.tell(OrderRejected(order.order_id, "a", "c", "t"), "order_router")
    assert isinstance(alert, Alert)
    assert desk.wait(28_000).quote("X", 99.0, 99.0) == []
    assert exits(desk.wait(2_000).quote("X", 99.0, 99.0)) == [("risk:1:2", "a", SELL, D(100))]  # once met it stays met


def test_working_orders_go_and_what_they_may_not_close_is_closed_at_once() -> None:
    desk = guarded(100, short_allowed=False)
    profit, more = desk.sell(60, 120), desk.buy(10, 90)
    other = desk.buy(10, 90, strategy="b")
    told = at(desk, 94.0)
    assert [e for e in told if isinstance(e, CancelApproved)] == [
        CancelApproved(o.order_id, "a", Reason.STOP_LOSS) for o in (profit, more) if isinstance(o, OrderApproved)
    ]
    assert exits(told) == [("risk:1:1", "a", SELL, D(40))]
    assert exits(desk.cancel(more)) == exits(desk.cancel(other)) == []
    assert exits(desk.fill(approval(told), price=94)) == []
    assert exits(desk.cancel(profit)) == [("risk:1:2", "a", SELL, D(60))]


def test_a_sale_that_beats_its_cancel_is_not_closed_twice() -> None:
    desk = guarded(100)
    profit = desk.sell(60, 120)
    order = approval(at(desk, 94.0))
    assert exits(desk.fill(profit, price=120)) == []
    desk.fill(order, price=94)
    assert desk.core._desk.ledger.net("X") == 0


def test_a_holding_turned_over_by_an_order_already_working_is_another_holding() -> None:
    desk = guarded(-10)
    turn = desk.buy(36)
    at(desk, 105.0)
    assert exits(desk.fill(turn, 20, price=105)) == []
    assert exits(at(desk, 100.0)) == []
    assert exits(at(desk, 99.75)) == [("risk:1:1", "a", SELL, D(10))]


def test_the_strategy_neither_adds_nor_closes_meanwhile() -> None:
    desk = guarded(100)
    at(desk, 94.0)
    answer = desk.sell(100)
    assert reason(answer) is reason(desk.buy(1)) is Reason.EXIT_WORKING
    assert (answer.key, answer.value) == ("stop_loss", "risk:1:1")  # type: ignore[attr-defined]
    assert reason(desk.buy(1, symbol="Y")) is reason(desk.buy(1, strategy="b")) is None


def test_it_reduces_where_only_that_is_allowed() -> None:
    desk = guarded(100)
    desk.tell(ReduceRequested("c", "ann", "r", Scope.GLOBAL, ""))
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(100))]


@pytest.mark.parametrize(("state", "leaves"), [("reducing", True), ("halted", False)])
def test_a_loss_limit_met_by_the_same_datum_speaks_first(state: str, leaves: bool) -> None:
    desk = guarded(100, day_loss_max=500, day_loss_state=state)
    told = at(desk, 94.0)
    assert [type(e).__name__ for e in told][:2] == ["LimitBreached", "TradingStateChanged"]
    assert bool(exits(told)) is leaves


def test_a_failed_strategy_is_still_protected() -> None:
    desk = guarded(100)
    desk.tell(StrategyFailed("a", 1, "on_bar", "x"))
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(100))]
    assert approval(desk.told[-2:]).halt_epoch == 1


@pytest.mark.parametrize("scope", [(Scope.GLOBAL, ""), (Scope.SYMBOL, "X")])
def test_a_halt_holds_it_and_says_so_once(scope: tuple[Scope, str]) -> None:
    desk = guarded(100)
    desk.tell(HaltRequested("c", "ann", "r", *scope))
    [alert] = at(desk, 94.0)
    assert isinstance(alert, Alert)
    assert "stop_loss of a in X is met" in alert.text
    assert at(desk, 93.0) == []
    desk.tell(ResumeRequested("c", "ann", "r", *scope))
    assert exits(at(desk, 93.5)) == [("risk:1:1", "a", SELL, D(100))]


def test_a_locked_instrument_is_left_to_a_person() -> None:
    desk = guarded(100)
    desk.tell(InstrumentLocked("X", Reason.RECONCILE_BREAK, "t"))
    assert [type(e) for e in at(desk, 94.0)] == [Alert]
    desk.tell(InstrumentUnlocked("X", "t"))
    assert exits(at(desk, 94.0))


def test_disarmed_it_waits_for_the_reconcile() -> None:
    desk = guarded(100)
    desk.tell(BusStarted(2, 0))
    assert at(desk, 94.0) == []
    desk.tell(CLEAN)
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(100))]


def test_a_closed_market_waits_for_its_session() -> None:
    desk = guarded(100)
    desk.tell(SessionChanged("24x7", SessionPhase.CLOSED, "2024-01-01", 0, 0))
    assert at(desk, 94.0) == []
    desk.tell(SessionChanged("24x7", SessionPhase.OPEN, "2024-01-02", 0, 0))
    assert at(desk, 97.0) == []  # judged by today's price
    assert exits(at(desk, 94.0))


def test_a_halted_instrument_waits_too() -> None:
    desk = guarded(100)
    desk.tell(InstrumentHalted("X", halted=True, reason="news"))
    assert exits(at(desk, 94.0)) == []
    desk.tell(InstrumentHalted("X", halted=False, reason=""))
    assert exits(at(desk, 94.0))


def test_a_flatten_goes_before_it() -> None:
    desk = guarded(100)
    desk.tell(FlattenRequested("c", "ann", "r", "X"))
    assert exits(at(desk, 94.0)) == []


def test_an_operators_cancel_of_an_exit_is_heard_and_the_exit_comes_again() -> None:
    desk = guarded(100)
    order = approval(at(desk, 94.0))
    assert desk.tell(CancelRequested("c", "ann", "r", order.order_id)) == [CancelApproved(order.order_id, "a", Reason.OPERATOR)]
    assert [type(e) for e in desk.cancel(order)] == [Alert]
    assert exits(desk.wait(30_000).quote("X", 94.0, 94.0)) == [("risk:1:2", "a", SELL, D(100))]


def test_never_through_the_accounts_zero_where_it_may_not_be_short() -> None:
    desk = guarded(100, short_allowed=True)
    desk.hold(-70, strategy="b")
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(100))]  # shorts are allowed: b's short remains
    desk = guarded(100, short_allowed=True)
    desk.hold(-70, strategy="b")
    desk.tell(ReduceRequested("c", "ann", "r", Scope.GLOBAL, ""))
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(30))]


def test_a_split_moves_peak_and_range_along() -> None:
    desk = guarded(100, TRAILING)
    at(desk, 120.0)
    desk.tell(CorporateAction("split", "X", D(2), "", "r"))
    assert at(desk, 55.0) == []
    assert exits(at(desk, 54.0)) == [("risk:1:1", "a", SELL, D(200))]


def test_three_new_units_for_two_old_are_not_three_for_one() -> None:
    desk = guarded(100, TRAILING)
    at(desk, 120.0)
    desk.tell(CorporateAction("split", "X", D(3), "", "r", per=D(2)))
    assert at(desk, 73.0) == []
    assert exits(at(desk, 72.0)) == [("risk:1:1", "a", SELL, D(150))]


def test_a_renamed_symbol_keeps_its_guard() -> None:
    desk = guarded(100, TRAILING)
    at(desk, 120.0)
    desk.tell(CorporateAction("symbol_change", "X", D(1), "Y", "r"))
    assert exits(desk.wait(1000).quote("Y", 108.0, 108.0)) == [("risk:1:1", "a", SELL, D(100))]


def test_stops_switched_on_later_guard_what_is_held() -> None:
    desk = RiskDesk()
    desk.hold(100, price=100)
    later = RiskDesk(stops=FIXED | TIMED)
    later.core.restore(desk.core.snapshot())
    later.tell(RunStarted("risk_engine", 2, "g"))
    later.tell(CLEAN)
    assert exits(at(later, 95.0)) == [("risk:2:1", "a", SELL, D(100))]
    off = RiskDesk()
    off.core.restore(later.core.snapshot())
    off.tell(RunStarted("risk_engine", 3, "h"))
    off.tell(CLEAN)
    assert off.core._desk.protective.guards == {}


@pytest.mark.parametrize("stops", [FIXED, TRAILING, ATR, TIMED, FIXED | TRAILING | ATR | TIMED], ids="+".join)
@pytest.mark.parametrize("seed", range(3))
def test_a_restart_anywhere_changes_nothing(stops: dict[str, object], seed: int) -> None:
    """Peak, range, entry time, the exit under way and its retry come back: every answer after any restart is the straight run's."""
    desk = eventful(stops, seed)
    assert sum(len(exits([event])) for event in desk.told if isinstance(event, OrderApproved) and event.order_id.startswith("risk:")) >= 3
    straight = RiskCore(desk.settings)
    assert [e for envelope in desk.log for e in replayed(straight, envelope)] == desk.told
    for cut in range(0, len(desk.log), 23):
        first, second = RiskCore(desk.settings), RiskCore(desk.settings)
        before = [e for envelope in desk.log[:cut] for e in replayed(first, envelope)]
        second.restore(first.snapshot())
        assert before + [e for envelope in desk.log[cut:] for e in replayed(second, envelope)] == desk.told
        assert state_hash(second) == state_hash(straight)


def eventful(stops: dict[str, object], seed: int) -> RiskDesk:
    """Two strategies in and out of two symbols, with exits that fill whole, in part, not at all or after a while; no book ever turns over by them."""
    rng = random.Random(seed)
    desk = RiskDesk(stops=stops)
    prices, working = {"X": 100.0, "Y": 50.0}, list[OrderApproved]()
    for _ in range(260):
        desk.wait(rng.choice((100, 4000, 20_000)))
        symbol, strategy = rng.choice("XY"), rng.choice("ab")
        prices[symbol] = round(prices[symbol] * rng.uniform(0.96, 1.038), 2)
        price, act = prices[symbol], rng.random()
        if act < 0.5:
            told = desk.quote(symbol, price, round(price + 0.02, 2))
        elif act < 0.65:
            told = bar(desk, round(price * 0.99, 2), round(price * 1.01, 2), price, symbol)
        elif act < 0.8 or not working:
            told = [desk.order(rng.choice((BUY, SELL)), rng.randint(1, 40), symbol=symbol, strategy=strategy)]
        else:
            told = end_one(desk, working, rng, prices)
        working += [e for e in told if isinstance(e, OrderApproved)]
    return desk


def end_one(desk: RiskDesk, working: list[OrderApproved], rng: random.Random, prices: dict[str, float]) -> list[Event]:
    order = working.pop(rng.randrange(len(working)))
    terms, held = order.terms, desk.core._desk.ledger.quantity(order.strategy, order.terms.symbol)
    if rng.random() < 0.2:
        return desk.tell(OrderRejected(order.order_id, order.strategy, "c", "t"), "order_router")
    if order.order_id.startswith("risk:"):
        assert terms.quantity <= abs(held)
        assert (held > 0) == (terms.side is SELL)
    part = max(1, int(terms.quantity) // rng.choice((1, 1, 2)))
    told = desk.fill(order, part, price=prices[terms.symbol])
    return told if part == terms.quantity else [*told, *desk.cancel(order)]
