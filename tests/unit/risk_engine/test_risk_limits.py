"""What limits of size, price and exposure mean: replaces, races, what reduces, own orders. Each below, at and above: `tests/unit/risk_matrix`."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.events import (
    AccountReported,
    CancelApproved,
    Event,
    ExternalOrderSeen,
    InstrumentDefined,
    LimitBreached,
    OrderApproved,
    OrderDenied,
    OrderReplaced,
    OrderSide,
    OrderTerms,
    OrderType,
    OrderUnknown,
    Reason,
    ReplaceIntent,
    ReplaceRejected,
    Scope,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import BUY, CLEAN, SELL, RiskDesk, reason


def report_power(desk: RiskDesk) -> None:
    desk.tell(AccountReported("acc", "USD", Decimal(0), Decimal(0), Decimal(1000)))


@pytest.mark.parametrize("limit", [50000, 50000.0, "50000", Decimal("50000.0")])
def test_a_limit_is_in_force_however_it_is_written(limit: object) -> None:
    desk = RiskDesk(order_notional_max=limit)
    assert reason(desk.buy(500, 100)) is None
    answer = desk.buy(501, 100)
    assert answer == OrderDenied("a:1:2", "a", Reason.ORDER_NOTIONAL, "order_notional_max", "50000", "50100")


@pytest.mark.parametrize(
    ("side", "price", "denied"),
    [("buy", 106.05, False), ("buy", 106.06, True), ("buy", 1, False), ("sell", 94.05, False), ("sell", 94.04, True), ("sell", 500, False)],
)
def test_the_collar_stops_eager_limits_on_both_sides(side: str, price: float, denied: bool) -> None:
    answer = getattr(RiskDesk(collar_bps=500), side)(1, price)
    assert reason(answer) is (Reason.PRICE_COLLAR if denied else None)


def test_the_collar_follows_the_market() -> None:
    desk = RiskDesk(collar_bps=500)
    assert reason(desk.buy(1, 108)) is Reason.PRICE_COLLAR
    desk.quote("X", 102.0, 103.0)
    assert reason(desk.buy(1, 108)) is None


@pytest.mark.parametrize(("bid", "ask"), [(0.0, 101.0), (102.0, 101.0), (float("nan"), 101.0), (99.0, float("inf")), (-1.0, 1.0)])
def test_a_quote_that_is_no_market_is_no_reference(bid: float, ask: float) -> None:
    desk = RiskDesk(collar_bps=500)
    desk.quote("X", bid, ask)
    answer = desk.buy(1)
    assert isinstance(answer, OrderApproved)
    assert answer.reference == 101.0  # the last good one, as old as it is


def test_a_market_order_without_any_price_is_denied() -> None:
    desk = RiskDesk(ready=False)
    desk.tell(CLEAN)
    assert reason(desk.buy(1)) is Reason.NO_REFERENCE
    assert reason(desk.buy(1, 100)) is Reason.NO_REFERENCE


def test_approvals_say_what_they_were_judged_by() -> None:
    desk = RiskDesk(deadline_ms=1500)
    quoted = desk.now
    desk.wait(20)
    answer = desk.sell(3)
    assert isinstance(answer, OrderApproved)
    assert (answer.reference, answer.reference_ns) == (99.0, quoted)
    assert answer.deadline_ns == desk.now + 1500 * 1_000_000
    assert answer.terms == OrderTerms("X", OrderSide.SELL, OrderType.MARKET, Decimal(3))


def test_working_sending_and_unknown_orders_count_from_the_approval() -> None:
    desk = RiskDesk(position_max=100)
    first = desk.buy(60, 99)
    assert isinstance(first, OrderApproved)
    assert reason(desk.buy(41, 99)) is Reason.POSITION
    desk.tell(OrderUnknown(first.order_id, "a", "time-out"), "order_router")
    assert reason(desk.buy(41, 99)) is Reason.POSITION
    desk.cancel(first)
    assert reason(desk.buy(100, 99)) is None


def test_two_strategies_race_for_the_same_cash_and_one_gets_it() -> None:
    desk = RiskDesk(cash="1000", buying_power_fraction_max=1)
    answers = [desk.buy(10, 100, strategy="a"), desk.buy(10, 100, strategy="b", symbol="Y")]
    assert [reason(answer) for answer in answers] == [None, Reason.BUYING_POWER]


def test_what_was_bought_since_the_brokers_figure_is_spent() -> None:
    desk = RiskDesk(buying_power_fraction_max=1)
    report_power(desk)
    desk.fill(desk.buy(6, 100), price=100, commission=1)
    assert reason(desk.buy(4, 100)) is Reason.BUYING_POWER
    assert reason(desk.buy(3, 100)) is None
    report_power(desk)
    assert reason(desk.buy(7, 100)) is None


def test_closing_needs_no_buying_power_and_a_flip_only_for_what_it_opens() -> None:
    desk = RiskDesk(buying_power_fraction_max=1)
    desk.hold(100)
    desk.tell(AccountReported("acc", "USD", Decimal(0), Decimal(0), Decimal(500)))
    assert reason(desk.sell(106, 100)) is Reason.BUYING_POWER
    assert reason(desk.sell(105, 100)) is None
    assert reason(desk.sell(1, 100)) is Reason.BUYING_POWER


def test_reducing_orders_pass_above_every_exposure_limit() -> None:
    wide = RiskDesk()
    wide.hold(100)
    narrow = RiskDesk(position_max=10, position_notional_max=10, gross_notional_max=10, net_notional_max=10, leverage_max=0)
    narrow.core.restore(wide.core.snapshot())
    assert reason(narrow.sell(100, order_id="a:1:2")) is None
    assert reason(narrow.buy(1, order_id="a:1:3")) is Reason.POSITION


def test_a_short_that_cannot_be_borrowed() -> None:
    desk = RiskDesk()
    desk.tell(InstrumentDefined("X", "equity", "USD", Decimal("0.01"), Decimal(1), Decimal(1), "24x7", shortable=False))
    answer = desk.sell(1)
    assert isinstance(answer, OrderDenied)
    assert (answer.reason, answer.key, answer.value) == (Reason.SHORT_SALE, "shortable", "-1")


def test_two_sales_cannot_sell_one_holding_twice() -> None:
    desk = RiskDesk(short_allowed=False)
    desk.hold(100)
    assert reason(desk.sell(100, 101)) is None
    assert reason(desk.sell(1, 102)) is Reason.SHORT_SALE


@pytest.mark.parametrize(
    ("resting", "side", "price", "denied"),
    [
        (("sell", 100), "buy", 100, True),
        (("sell", 100), "buy", 99.99, False),
        (("sell", 101), "buy", None, True),  # a market buy meets the ask
        (("sell", 105), "buy", None, False),
        (("buy", 100), "sell", 100, True),
        (("buy", 100), "sell", 100.01, False),
        (("buy", 99), "sell", None, True),
        (("buy", 99), "buy", None, False),
    ],
)
@pytest.mark.parametrize("strategy", ["a", "b"])
def test_orders_that_would_meet_our_own(resting: tuple[str, float], side: str, price: float | None, denied: bool, strategy: str) -> None:
    desk = RiskDesk(self_trade_allowed=False)
    getattr(desk, resting[0])(1, resting[1], strategy="a")
    assert reason(getattr(desk, side)(1, price, strategy=strategy)) is (Reason.SELF_TRADE if denied else None)


def test_money_counts_the_multiplier() -> None:
    desk = RiskDesk(order_notional_max=50_000)
    desk.tell(InstrumentDefined("X", "future", "USD", Decimal("0.25"), Decimal(1), Decimal(50), "24x7"))
    assert reason(desk.buy(10, 100)) is None
    assert reason(desk.buy(11, 100)) is Reason.ORDER_NOTIONAL


class TestReplaces:
    def test_an_order_is_judged_as_the_whole_it_becomes(self) -> None:
        desk = RiskDesk(order_qty_max=10)
        order = desk.buy(5, 100)
        assert reason(desk.replace(order, 1, quantity=11)) is Reason.ORDER_QUANTITY
        answer = desk.replace(order, 1, quantity=10, limit=99)
        assert getattr(answer, "terms", None) == OrderTerms("X", OrderSide.BUY, OrderType.LIMIT, Decimal(10), Decimal(99))

    def test_until_confirmed_the_larger_of_old_and_new_counts(self) -> None:
        desk = RiskDesk(position_max=100)
        order = desk.buy(80, 100)
        down = desk.replace(order, 1, quantity=50)
        assert reason(desk.buy(21, 100)) is Reason.POSITION
        desk.tell(OrderReplaced("a:1:1", "a", 1, down.terms, "c", "b"), "order_router")  # type: ignore[attr-defined]
        assert reason(desk.buy(50, 100)) is None

    def test_a_replace_up_counts_at_once_and_is_released_when_refused(self) -> None:
        desk = RiskDesk(position_max=100)
        order = desk.buy(50, 100)
        assert reason(desk.replace(order, 1, quantity=100)) is None
        assert reason(desk.buy(1, 100)) is Reason.POSITION
        desk.tell(ReplaceRejected("a:1:1", "a", 1, "c", "t"), "order_router")
        assert reason(desk.buy(50, 100)) is None

    def test_terms_build_on_the_newest_approved(self) -> None:
        desk = RiskDesk()
        order = desk.buy(50, 100)
        desk.replace(order, 1, quantity=60)
        answer = desk.replace(order, 2, limit=99)
        assert (answer.terms.quantity, answer.terms.limit_price) == (Decimal(60), Decimal(99))  # type: ignore[attr-defined]

    def test_unknown_done_foreign_and_repeated(self) -> None:
        desk = RiskDesk()
        order = desk.buy(5, 100)
        assert desk.tell(ReplaceIntent("a:1:1", "b", 1, Decimal(1)), "strategy.b")[0].reason is Reason.NOT_AUTHORISED  # type: ignore[attr-defined]
        assert reason(desk.replace(order, 1, quantity=6)) is None
        assert desk.tell(ReplaceIntent("a:1:1", "a", 1, Decimal(6)), "strategy.a") == []
        assert desk.tell(ReplaceIntent("a:1:9", "a", 1, Decimal(6)), "strategy.a")[0].reason is Reason.UNKNOWN_ORDER  # type: ignore[attr-defined]
        desk.cancel(order)
        assert reason(desk.replace(order, 2, quantity=7)) is Reason.ORDER_DONE

    def test_no_quantity_below_what_is_filled(self) -> None:
        desk = RiskDesk()
        order = desk.buy(10, 100)
        desk.fill(order, 4)
        assert reason(desk.replace(order, 1, quantity=4)) is Reason.BAD_QUANTITY
        assert reason(desk.replace(order, 1, quantity=5)) is None


def soft(outputs: list[Event]) -> list[LimitBreached]:
    return [event for event in outputs if isinstance(event, LimitBreached)]


def test_the_crossing_of_four_fifths_is_told_once_with_the_approval() -> None:
    desk = RiskDesk(position_max=100)
    terms = OrderTerms("X", OrderSide.BUY, OrderType.LIMIT, Decimal(40), Decimal(100))
    assert soft(desk.intend(terms)) == []
    assert soft(desk.intend(terms)) == []  # at 80: not past it
    told = desk.intend(OrderTerms("X", OrderSide.BUY, OrderType.LIMIT, Decimal(5), Decimal(100)))
    assert soft(told) == [LimitBreached(Reason.POSITION, "position_max", "100", "85", hard=False)]
    assert soft(desk.intend(OrderTerms("X", OrderSide.BUY, OrderType.LIMIT, Decimal(5), Decimal(100)))) == []


def test_a_trade_nobody_approved_above_a_limit_leaves_only_reducing() -> None:
    desk = RiskDesk(position_max=100, gross_notional_max=8000)
    terms = OrderTerms("X", OrderSide.BUY, OrderType.LIMIT, Decimal(150), Decimal(100))
    told = desk.tell(ExternalOrderSeen("ext:7", "external", "7", terms, Decimal(0), working=True), "order_router")
    assert [event.key for event in soft(told)] == ["position_max", "gross_notional_max"]
    states = [event for event in told if isinstance(event, TradingStateChanged)]
    assert [(s.scope, s.key, s.state) for s in states] == [(Scope.SYMBOL, "X", TradingState.REDUCING), (Scope.GLOBAL, "", TradingState.REDUCING)]
    assert reason(desk.buy(1, symbol="Y")) is Reason.REDUCING_ONLY


def test_our_own_fills_are_no_news_to_the_limits() -> None:
    desk = RiskDesk(position_max=100)
    assert desk.fill(desk.buy(100, 100)) == []


def test_a_late_fill_is_booked_and_judged() -> None:
    desk = RiskDesk(position_max=100)
    order = desk.buy(80, 100)
    desk.cancel(order)
    desk.hold(90)
    told = desk.fill(order, 80)
    assert [event.value for event in soft(told)] == ["170"]


class TestSelfTradeCancelOld:
    """The new order is denied and the old one, of whichever strategy, goes; a second try passes once it is gone."""

    def desk(self) -> RiskDesk:
        return RiskDesk(self_trade_allowed=False, self_trade="cancel_old")

    def test_both_sides_in_one_decision(self) -> None:
        desk = self.desk()
        resting = [desk.sell(10, "100.5"), desk.sell(5, "100.8"), desk.sell(5, "103")]

        denied, *cancels = desk.intend(OrderTerms("X", BUY, OrderType.MARKET, Decimal(10)), "b")

        assert reason(denied) is Reason.SELF_TRADE
        assert cancels == [CancelApproved(order.order_id, "a", Reason.SELF_TRADE) for order in resting[:2]]  # type: ignore[attr-defined]

    def test_a_cancel_asked_for_is_no_cancel_done(self) -> None:
        desk = self.desk()
        resting = desk.sell(10, "100.5")
        again = OrderTerms("X", BUY, OrderType.LIMIT, Decimal(10), Decimal("100.5"))

        assert [reason(desk.intend(again, "b")[0]) for _ in range(2)] == [Reason.SELF_TRADE] * 2
        desk.cancel(resting)
        assert reason(desk.intend(again, "b")[0]) is None

    def test_a_replace_that_would_cross_is_denied_and_clears_its_way(self) -> None:
        desk = self.desk()
        resting, mine = desk.sell(10, "100.5"), desk.buy(10, "99", strategy="b")

        told = desk.tell(ReplaceIntent("b:1:1", "b", 1, None, Decimal("100.6")), "strategy.b")

        assert reason(mine) is None
        assert reason(told[0]) is Reason.SELF_TRADE
        assert told[1:] == [CancelApproved(resting.order_id, "a", Reason.SELF_TRADE)]  # type: ignore[attr-defined]

    def test_orders_of_others_are_not_ours_to_cancel(self) -> None:
        desk = self.desk()
        terms = OrderTerms("X", SELL, OrderType.LIMIT, Decimal(5), Decimal("100.5"))
        desk.tell(ExternalOrderSeen("ext:9", "external", "9", terms, Decimal(0), working=True), "order_router")

        assert [reason(e) for e in desk.intend(OrderTerms("X", BUY, OrderType.MARKET, Decimal(1)))] == [Reason.SELF_TRADE]

    def test_by_default_the_old_one_stays(self) -> None:
        desk = RiskDesk(self_trade_allowed=False)
        desk.sell(10, "100.5")

        assert [reason(e) for e in desk.intend(OrderTerms("X", BUY, OrderType.MARKET, Decimal(1)), "b")] == [Reason.SELF_TRADE]
