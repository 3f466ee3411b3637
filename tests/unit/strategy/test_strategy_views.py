"""What a strategy sees: bounded history, its book in floats, its orders by status."""

from decimal import Decimal

import pytest

from shared.domain.book import Book
from shared.events import (
    Bar,
    CancelApproved,
    CancelIntent,
    CancelRejected,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    OrderReplaced,
    OrderSending,
    OrderSide,
    OrderStatus,
    OrderTerms,
    OrderType,
    OrderUnknown,
    Quote,
    Reason,
    ReplaceDenied,
    ReplaceIntent,
    ReplaceSending,
    Trade,
)
from shared.strategy import Portfolio
from shared.strategy.history import History
from shared.strategy.own_orders import DONE_KEPT_MAX, UPDATES, OwnOrders

D = Decimal
TERMS = OrderTerms("SPY", OrderSide.BUY, OrderType.LIMIT, D(10), D("99.5"))
ID = "ma:1:1"


def bar(i: int, symbol: str = "SPY") -> Bar:
    return Bar(symbol, i, i + 1, 1.0, 2.0, 0.5, float(i), 1.0)


class TestHistory:
    def test_the_newest_bars_oldest_first(self):
        history = History(5)
        for i in range(23):
            history.add_bar(bar(i))
        assert [b.timestamp for b in history.bars("SPY", 3)] == [20, 21, 22]
        assert [b.timestamp for b in history.bars("SPY", 5)] == [18, 19, 20, 21, 22]
        assert history.bars("IBM", 3) == []
        assert history.bar("SPY") == bar(22)

    @pytest.mark.parametrize("n", [0, -1, 6])
    def test_more_than_is_kept_is_refused_rather_than_cut(self, n):
        with pytest.raises(ValueError, match="history_bars_max"):
            History(5).bars("SPY", n)

    def test_the_mark_is_whatever_came_last_and_half_a_quote_is_none(self):
        history = History(5)
        assert history.mark("SPY") is None
        history.add_bar(bar(7))
        assert history.mark("SPY") == 7.0
        history.add_quote(Quote("SPY", 1, 9.0, 11.0, 1.0, 1.0))
        assert history.mark("SPY") == 10.0
        history.add_quote(Quote("SPY", 2, 9.0, 0.0, 1.0, 0.0))
        assert history.mark("SPY") == 10.0
        history.add_tick(Trade("SPY", 3, 12.0, 1.0))
        assert history.mark("SPY") == 12.0

    def test_restored_history_answers_the_same(self):
        history, again = History(3), History(3)
        for i in range(5):
            history.add_bar(bar(i))
        history.add_quote(Quote("SPY", 1, 9.0, 11.0, 1.0, 1.0))
        again.restore(history.to_state())
        assert again.bars("SPY", 3) == history.bars("SPY", 3)
        assert (again.mark("SPY"), again.quote("SPY")) == (10.0, history.quote("SPY"))
        assert again.to_state() == history.to_state()


class TestPortfolio:
    def test_a_position_in_floats_and_the_exact_quantity(self):
        book, marks = Book(), {"SPY": 110.0}
        book.fund(D(10_000))
        book.trade("SPY", D("10.000000000000000001"), D(100))
        book.charge("SPY", D(1))
        portfolio = Portfolio(book, marks.get)
        assert portfolio() is portfolio
        assert portfolio.quantity("SPY") == D("10.000000000000000001")
        position = portfolio.get_position("SPY")
        assert (position.quantity, position.avg_cost, position.current_price) == (10.0, 100.0, 110.0)
        assert position.unrealized_pnl == pytest.approx(100.0)
        assert position.unrealized_pnl_pct == pytest.approx(0.1)
        assert portfolio.cash == pytest.approx(8_999.0)
        assert portfolio.equity == pytest.approx(10_099.0)
        assert portfolio.leverage == pytest.approx(1_100 / 10_099)
        assert [p.symbol for p in portfolio.get_all_positions()] == ["SPY"]

    def test_flat_is_none(self):
        portfolio = Portfolio(Book(), lambda _: None)
        assert portfolio.get_position("SPY") is None
        assert portfolio.get_all_positions() == []
        assert (portfolio.equity, portfolio.leverage) == (0.0, 0.0)


def filled(quantity: int, cumulative: int) -> OrderFilled:
    q, c = D(quantity), D(cumulative)
    return OrderFilled(ID, "ma", "SPY", OrderSide.BUY, q, D(99), D(0), "USD", f"x{cumulative}", "b1", c, D(10) - c, 0)


APPROVED = OrderApproved(ID, "ma", TERMS, 0, 0, 99.0, 0)
SENDING = OrderSending(ID, "ma", "c1", TERMS, 0)
ACCEPTED = OrderAccepted(ID, "ma", "b1", 0)
REPLACED = OrderReplaced(ID, "ma", 1, OrderTerms("SPY", OrderSide.BUY, OrderType.LIMIT, D(12), D(98)), "c1.1", "b2")


class TestOwnOrders:
    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ((), OrderStatus.PENDING_NEW),
            ((APPROVED, SENDING), OrderStatus.PENDING_NEW),
            ((OrderDenied(ID, "ma", Reason.POSITION, "max_position", "5", "10"),), OrderStatus.REJECTED),
            ((APPROVED, SENDING, ACCEPTED), OrderStatus.NEW),
            ((APPROVED, SENDING, OrderRejected(ID, "ma", "403", "no")), OrderStatus.REJECTED),
            ((APPROVED, SENDING, OrderUnknown(ID, "ma", "time-out")), OrderStatus.UNKNOWN),
            ((APPROVED, SENDING, OrderUnknown(ID, "ma", "time-out"), OrderAbandoned(ID, "ma", "absent")), OrderStatus.INACTIVE),
            ((APPROVED, SENDING, ACCEPTED, filled(4, 4)), OrderStatus.PARTIALLY_FILLED),
            ((APPROVED, SENDING, filled(4, 4), filled(6, 10), ACCEPTED), OrderStatus.FILLED),
            ((APPROVED, SENDING, ACCEPTED, CancelIntent(ID, "ma")), OrderStatus.PENDING_CANCEL),
            ((APPROVED, SENDING, ACCEPTED, CancelIntent(ID, "ma"), CancelApproved(ID, "ma"), OrderCanceled(ID, "ma", D(0))), OrderStatus.CANCELLED),
            ((APPROVED, SENDING, ACCEPTED, CancelIntent(ID, "ma"), CancelRejected(ID, "ma", "1", "late")), OrderStatus.NEW),
            ((APPROVED, SENDING, ACCEPTED, OrderCanceled(ID, "ma", D(0)), filled(10, 10)), OrderStatus.FILLED),
            ((APPROVED, SENDING, ACCEPTED, filled(4, 4), OrderExpired(ID, "ma", D(4))), OrderStatus.EXPIRED),
            ((APPROVED, SENDING, ACCEPTED, ReplaceIntent(ID, "ma", 1, D(12))), OrderStatus.PENDING_REPLACE),
            (
                (APPROVED, SENDING, ACCEPTED, ReplaceIntent(ID, "ma", 1, D(12)), ReplaceDenied(ID, "ma", 1, Reason.POSITION, "k", "1", "2")),
                OrderStatus.NEW,
            ),
            (
                (APPROVED, SENDING, ACCEPTED, ReplaceIntent(ID, "ma", 1, D(12)), ReplaceSending(ID, "ma", "c1.1", "b1", 1, TERMS, 0), REPLACED),
                OrderStatus.NEW,
            ),
        ],
    )
    def test_each_road_ends_in_the_status_regimeflow_names(self, path, status):
        own = OwnOrders()
        own.fold(OrderIntent(ID, "ma", TERMS), 0)
        for event in path:
            own.fold(event, 0)
        order = own.get(ID)
        assert order is not None
        assert order.view().status is status
        assert own.has_open("SPY") == (status not in {"rejected", "filled", "cancelled", "expired", "inactive"})

    def test_the_view_says_what_was_filled_and_why_it_was_refused(self):
        own = OwnOrders()
        own.fold(OrderIntent(ID, "ma", TERMS, "g", "entry"), 0)
        for event in (APPROVED, ACCEPTED, filled(4, 4)):
            own.fold(event, 0)
        view = own.get(ID).view()
        assert (view.quantity, view.limit_price, view.filled_quantity, view.avg_fill_price) == (10.0, 99.5, 4.0, 99.0)
        assert (view.event, view.group) == ("OrderFilled", "g")
        own.fold(OrderIntent("ma:1:2", "ma", TERMS), 0)
        denied = own.fold(OrderDenied("ma:1:2", "ma", Reason.POSITION, "max_position", "5", "10"), 0)
        assert denied.view().text == "POSITION: max_position is 5, met by 10"

    def test_news_of_orders_not_known_is_nothing(self):
        assert OwnOrders().fold(ACCEPTED, 0) is None

    def test_ended_orders_are_forgotten_after_a_while_open_ones_never(self):
        own = OwnOrders()
        own.fold(OrderIntent("ma:1:0", "ma", TERMS), 0)
        for n in range(1, DONE_KEPT_MAX + 3):
            own.fold(OrderIntent(f"ma:1:{n}", "ma", TERMS), 0)
            own.fold(OrderDenied(f"ma:1:{n}", "ma", Reason.POSITION, "k", "1", "2"), 0)
        assert own.get("ma:1:0") is not None
        assert own.get("ma:1:1") is None
        assert own.get("ma:1:3") is not None
        assert OwnOrders.from_state(own.to_state()).to_state() == own.to_state()

    def test_every_update_is_an_order_event_with_a_tag_of_its_own(self):
        assert len({t.TAG for t in UPDATES}) == len(UPDATES)
        assert OrderIntent not in UPDATES
