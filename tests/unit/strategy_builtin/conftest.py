"""A built-in strategy on a log of its own: bars in, what becomes of its orders by hand."""

import functools
from decimal import Decimal

import pytest

from services.strategy_runner.core import StrategyActor
from services.strategy_runner.host import StrategyHost
from services.strategy_runner.trial import Trial
from shared.domain.ledger import Ledger
from shared.events import (
    Bar,
    Envelope,
    InstrumentDefined,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderIntent,
    Reason,
    RunStarted,
)
from shared.strategy import StrategySettings
from shared.strategy.loading import load_strategy

MINUTE = 60_000_000_000


loaded = functools.cache(load_strategy)


class Told:
    """said: every order asked for, oldest first. Each verb answers the orders it led to."""

    def __init__(self, name, symbols=("A", "B"), lot="1", **params):
        self.settings = StrategySettings("s", name, symbols, params, budget=Decimal(1_000_000))
        self.actor = StrategyActor(self.settings, loaded(name))
        self.n = self.minute = 0
        self.said, self.events, self.book = [], [], Ledger({"s": Decimal(0)})
        self.tell(RunStarted(self.settings.source, 1, ""))
        for symbol in symbols:
            self.tell(InstrumentDefined(symbol, "equity", "USD", Decimal("0.01"), Decimal(lot), Decimal(1), "24x7"))

    def tell(self, event):
        self.n += 1
        said = self.actor.step(Envelope(self.n, self.minute * MINUTE, event.topic, "gateway.feed", 1, self.n, 0, 0, event))
        self.n += len(said)  # its own words stand in the log too
        self.events += said
        orders = [e for e in said if isinstance(e, OrderIntent)]
        self.said += orders
        return orders

    def bar(self, symbol, close, spread=0.0):
        """The bar that ends at the minute at hand. spread: high less low."""
        end = self.minute * MINUTE
        return self.tell(Bar(symbol, end - MINUTE, end, close, close + spread / 2, close - spread / 2, close, 100.0))

    def both(self, a, b):
        self.minute += 1
        return self.bar("A", a) + self.bar("B", b)

    def accept(self, order):
        said = self.tell(OrderApproved(order.order_id, "s", order.terms, 0, 0, 100.0, 0))
        return said + self.tell(OrderAccepted(order.order_id, "s", f"b-{order.order_id}", 0))

    def deny(self, order):
        return self.tell(OrderDenied(order.order_id, "s", Reason.HALTED, "key", "limit", "value"))

    def fill(self, order, quantity=None):
        """In whole or in part, at 100."""
        t = order.terms
        q = t.quantity if quantity is None else Decimal(quantity)
        fill = OrderFilled(order.order_id, "s", t.symbol, t.side, q, Decimal(100), Decimal(0), "USD", f"x{self.n}", "b", q, t.quantity - q, 0)
        self.book.apply(fill)
        return self.tell(fill)

    def cancel(self, order, filled="0"):
        return self.tell(OrderCanceled(order.order_id, "s", Decimal(filled)))

    def done(self, orders):
        """Accepted and filled whole, and whatever follows from that too."""
        for order in orders:
            self.done(self.accept(order))
            self.done(self.fill(order))

    def holds(self, symbol):
        return int(self.book.book("s").quantity(symbol))


def brief(orders):
    """`sell 5 A`."""
    return [f"{o.terms.side.value} {o.terms.quantity} {o.terms.symbol}" for o in orders]


def cut_everywhere(settings, rows):
    """(what it says uncut, what it says when it is saved and loaded before every event)."""

    def trial(cuts):
        return Trial(lambda: StrategyHost(settings, loaded(settings.name)), cuts).run(rows)

    return trial(frozenset()), trial(frozenset(range(1, len(rows))))


@pytest.fixture(scope="session")
def told():
    return Told


@pytest.fixture(scope="session")
def in_brief():
    return brief


@pytest.fixture(scope="session")
def cut():
    return cut_everywhere
