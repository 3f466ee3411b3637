"""The verbs of the context: what they put in the log and what they refuse."""

from decimal import Decimal

import pytest

from shared.events import CancelIntent, OrderSide, OrderType, ReplaceIntent, StrategyFailed, StrategyLogged, TimeInForce
from shared.strategy import Order, OrderError, Strategy

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL


class Hand(Strategy):
    """Runs what a test hands it, inside the next bar."""

    def initialize(self, ctx):
        Hand.do = lambda _ctx: None

    def on_bar(self, bar):
        Hand.result = Hand.do(self.ctx)


@pytest.fixture
def life(live):
    life = live(Hand)
    life.start()
    return life


def inside(life, do):
    """(what the context answered, what was said)."""
    Hand.do = staticmethod(do)
    said = life.bar(100.0)
    assert not any(isinstance(e, StrategyFailed) for e in said), said
    return Hand.result, said


def limit(ctx, quantity=10, price="99.5"):
    return ctx.submit_order(Order("SPY", BUY, OrderType.LIMIT, quantity, price))


def test_a_submission_is_an_intent_with_the_next_id(life):
    order_id, said = inside(life, limit)
    assert order_id == "ma:1:1"
    assert (said[0].terms.quantity, said[0].terms.limit_price) == (D(10), D("99.5"))
    assert inside(life, limit)[0] == "ma:1:2"


def test_a_refused_argument_raises_into_the_strategy_and_takes_no_id(life):
    def try_it(ctx):
        with pytest.raises(OrderError, match="quantity"):
            limit(ctx, quantity=0)
        return limit(ctx)

    assert inside(life, try_it)[0] == "ma:1:1"


def test_cancel_asks_once_and_only_for_what_lives(life):
    order_id, said = inside(life, limit)
    (answers, said) = inside(life, lambda ctx: (ctx.cancel_order(order_id), ctx.cancel_order(order_id)))
    assert answers == (True, False)
    assert said == [CancelIntent("ma:1:1", "ma")]


def test_cancel_of_what_has_ended_is_false_and_of_strangers_an_error(life):
    order_id, said = inside(life, limit)
    life.fill(said[0], "99.5")
    assert inside(life, lambda ctx: ctx.cancel_order(order_id))[0] is False
    assert inside(life, lambda ctx: ctx.cancel_order(""))[0] is False

    def strange(ctx):
        with pytest.raises(OrderError, match="no order of this strategy"):
            ctx.cancel_order("ma:1:99")

    inside(life, strange)


def test_replace_names_what_changes_and_counts(life):
    order_id, _ = inside(life, limit)
    answers, said = inside(life, lambda ctx: (ctx.replace_order(order_id, quantity=5, limit_price=98.0), ctx.replace_order(order_id, quantity=4)))
    assert answers == (True, False)
    assert said == [ReplaceIntent("ma:1:1", "ma", 1, D(5), D("98.0"))]


@pytest.mark.parametrize(
    ("change", "text"), [({}, "needs a new"), ({"stop_price": 1}, "stop_price: a LIMIT order takes none"), ({"quantity": 0}, "quantity")]
)
def test_replaces_that_cannot_be_are_refused(life, change, text):
    order_id, _ = inside(life, limit)

    def try_it(ctx):
        with pytest.raises(OrderError, match=text):
            ctx.replace_order(order_id, **change)

    assert inside(life, try_it)[1] == []


def test_a_bracket_is_three_intents_of_one_group(life):
    ids, said = inside(life, lambda ctx: ctx.submit_bracket(Order("SPY", BUY, OrderType.MARKET, 10), take_profit=110, stop_loss="95.5"))
    assert (ids.entry, ids.take_profit, ids.stop_loss) == ("ma:1:1", "ma:1:2", "ma:1:3")
    assert [(e.group, e.group_role, e.reduce_only) for e in said] == [
        ("ma:1:1", "entry", False),
        ("ma:1:1", "take_profit", True),
        ("ma:1:1", "stop_loss", True),
    ]
    profit, loss = said[1].terms, said[2].terms
    assert (profit.side, profit.type, profit.limit_price) == (SELL, OrderType.LIMIT, D(110))
    assert (loss.side, loss.type, loss.stop_price) == (SELL, OrderType.STOP, D("95.5"))


def test_half_a_bracket_never_leaves(life):
    def try_it(ctx):
        with pytest.raises(OrderError, match="stop_price"):
            ctx.submit_bracket(Order("SPY", BUY, OrderType.MARKET, 10), take_profit=110, stop_loss="low")

    assert inside(life, try_it)[1] == []


def test_one_cancels_the_other(life):
    pair = (Order("SPY", SELL, OrderType.LIMIT, 1, 110), Order("SPY", SELL, OrderType.STOP, 1, stop_price=90))
    ids, said = inside(life, lambda ctx: ctx.submit_oco(*pair))
    assert ids == ("ma:1:1", "ma:1:2")
    assert {(e.group, e.group_role) for e in said} == {("ma:1:1", "oco")}


def test_the_log_takes_levels_and_cuts_what_is_too_long(life):
    def write(ctx):
        ctx.log("plain")
        ctx.log.warning(3.5)
        ctx.log("x" * 3000, level="error")
        with pytest.raises(ValueError, match="level"):
            ctx.log("no", level="loud")

    said = inside(life, write)[1]
    assert said[:2] == [StrategyLogged("ma", "info", "plain"), StrategyLogged("ma", "warning", "3.5")]
    assert said[2].text.endswith("... (3000 characters)")


def test_orders_in_initialize_are_refused_by_an_error(live):
    class Hasty(Strategy):
        def initialize(self, ctx):
            limit(ctx)

    (failed,) = live(Hasty).start()
    assert failed.callback == "initialize"
    assert "on_start" in failed.text


def test_params_are_read_only_and_open_orders_are_copies(live):
    class Reader(Strategy):
        def on_start(self):
            with pytest.raises(TypeError):
                self.ctx.params["window"] = 6
            limit(self.ctx)
            self.ctx.get_open_orders()[0].quantity = 1_000_000
            assert [o.quantity for o in self.ctx.get_open_orders("SPY")] == [10.0]
            assert self.ctx.get_open_orders("IBM") == []
            assert (self.ctx.strategy_id, self.ctx.symbols, self.ctx.params["window"]) == ("ma", ("SPY", "IBM"), 5)

    said = live(Reader, params={"window": 5}).start()
    assert not any(isinstance(e, StrategyFailed) for e in said), said


def test_a_regimeflow_strategy_needs_only_another_import_line(live):
    import shared.strategy as rf

    class Tilt(rf.Strategy):
        def __init__(self, symbol: str, fraction: float = 0.5) -> None:
            super().__init__()
            self.symbol, self.fraction = symbol, fraction

        def initialize(self, ctx: rf.StrategyContext) -> None:
            self._ctx = ctx

        def on_bar(self, bar: rf.Bar) -> None:
            regime = self._ctx.current_regime()
            wanted = int(self._ctx.portfolio().equity * self.fraction / bar.close) if regime.regime == rf.RegimeType.NEUTRAL else 0
            missing = wanted - self._ctx.get_position(self.symbol)
            if bar.symbol == self.symbol and missing:
                self._ctx.submit_order(rf.Order(self.symbol, rf.OrderSide.BUY, rf.OrderType.MARKET, abs(missing)))

    life = live(Tilt, params={"symbol": "SPY"})
    life.start()
    (intent,) = life.bar(100.0)
    assert intent.terms.quantity == D(500)
    life.fill(intent, 100)
    assert life.actor._user.strategy._ctx.get_position("SPY") == 500.0


@pytest.mark.parametrize(("default", "named", "expected"), [("day", None, "day"), ("gtc", None, "gtc"), ("gtc", "ioc", "ioc"), ("fok", "day", "day")])
def test_an_order_that_names_no_time_in_force_has_the_default(live, default, named, expected):
    life = live(Hand, default_tif=TimeInForce(default))
    life.start()
    _, said = inside(life, lambda ctx: ctx.submit_order(Order("SPY", BUY, OrderType.LIMIT, 1, 99, tif=named)))
    assert said[0].terms.tif == expected
    _, said = inside(life, lambda ctx: ctx.submit_bracket(Order("SPY", BUY, OrderType.MARKET, 1, tif=named), 110, 90))
    entry, *exits = said
    assert entry.terms.tif == expected
    assert {exit_.terms.tif for exit_ in exits} == {"day" if named == "ioc" else expected}  # exits wait
