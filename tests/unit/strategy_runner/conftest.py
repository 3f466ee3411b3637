"""A strategy's life on a log, told event by event."""

import itertools
from decimal import Decimal

import pytest

from services.strategy_runner.core import StrategyActor
from shared.events import (
    Bar,
    Envelope,
    OrderAccepted,
    OrderApproved,
    OrderFilled,
    OrderIntent,
    RunStarted,
)
from shared.strategy import LoadedStrategy, StrategySettings

MINUTE = 60_000_000_000


class Life:
    """The log of one actor. tell: sequence an event, step the actor, return what it said; its own words are sequenced too."""

    def __init__(self, cls, **fields):
        self.settings = StrategySettings(**{"id": "ma", "name": cls.__name__, "symbols": ("SPY", "IBM"), "budget": Decimal(100_000), **fields})
        self.loaded = LoadedStrategy(cls.__name__, cls, "")
        self.actor = self.fresh()
        self.log = []
        self.now = 0

    def fresh(self):
        return StrategyActor(self.settings, self.loaded)

    def envelope(self, event, source="gateway.feed"):
        e = Envelope(len(self.log) + 1, self.now, event.topic, source, 1, len(self.log) + 1, 0, 0, event)
        self.log.append(e)
        return e

    def tell(self, event, at=None):
        self.now = max(self.now, at if at is not None else self.now)
        said = list(self.actor.step(self.envelope(event)))
        for word in said:
            self.envelope(word, self.settings.source)
        return said

    def start(self, run=1):
        return self.tell(RunStarted(self.settings.source, run, "f"))

    def bar(self, price, symbol="SPY", low=None, high=None):
        start = self.now // MINUTE * MINUTE
        end = start + MINUTE
        return self.tell(Bar(symbol, start, end, price, high or price, low or price, price, 100.0), at=end)

    def fill(self, intent, price, quantity=None):
        """Approve, accept and fill an order whole, or in part."""
        t = intent.terms
        q = Decimal(str(quantity)) if quantity is not None else t.quantity
        key = (intent.order_id, intent.strategy)
        said = self.tell(OrderApproved(*key, t, 0, 0, float(price), 0))
        said += self.tell(OrderAccepted(*key, f"b{len(self.log)}", 0))
        execution = f"x{len(self.log)}"
        return said + self.tell(OrderFilled(*key, t.symbol, t.side, q, Decimal(str(price)), Decimal(1), "USD", execution, "b", q, t.quantity - q, 0))

    def recovered(self, cut):
        """Another process: the snapshot at `cut`, or the whole run, and the rest of the log, own words skipped as a driver does."""
        actor = self.fresh()
        foreign = [e for e in self.log if e.source != self.settings.source]
        for e in itertools.islice(foreign, cut):
            actor.step(e)
        if actor.snapshottable:
            state, actor = actor.snapshot(), self.fresh()
            actor.restore(state)
            said = []
        else:
            said, actor = [], self.fresh()
            for e in itertools.islice(foreign, cut):
                actor.step(e)
        for e in itertools.islice(foreign, cut, None):
            said += actor.step(e)
        return actor, said


def orders(said):
    return [e for e in said if isinstance(e, OrderIntent)]


@pytest.fixture(scope="session")
def live():
    return Life


@pytest.fixture(scope="session")
def only_orders():
    return orders
