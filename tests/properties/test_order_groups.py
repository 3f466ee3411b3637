"""Groups under anything: fills in parts, late answers, cancels, ends, restarts of the router at any moment, at brokers of every ability.

A broker of a few lines keeps the truth a second way. What must hold whatever is drawn: exits never trade more than their entry (where the
broker keeps one-cancels-other groups and the market moves only when nothing is on its way; elsewhere an excess is a fact, and alerted);
when all is quiet no exit works without something to close, and everything held has its stop unless a person was told; and a router
restored from its snapshot before every event says the same.
"""

from __future__ import annotations

import random
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from shared.domain.exact import ZERO
from shared.events import (
    Alert,
    BrokerRequestRefused,
    CancelApproved,
    CancelSending,
    Envelope,
    ErrorClass,
    Event,
    LeaseGranted,
    OrderSending,
    OrderStatus,
    OrderTerms,
    ReplaceSending,
)
from tests.unit.order_router.group_world import ENTRY, STOP, TARGET, bracket, pair
from tests.unit.order_router.world import ACCOUNT, World, executed, log_started, opened, reported

QUANTITY = 10
SELLS = (TARGET, STOP)


class Order(msgspec.Struct):
    """At the broker. n: of our order; given: what others of its group traded in its stead."""

    name: str
    n: int
    terms: OrderTerms
    group: str
    filled: Decimal = ZERO
    given: Decimal = ZERO

    @property
    def leaves(self) -> Decimal:
        return self.terms.quantity - self.filled - self.given


class Broker:
    """Requests wait in `asked` until they are carried out; what it says waits in `said` until it is delivered."""

    def __init__(self, *, oco: bool, replaces: bool) -> None:
        self.oco, self.replaces = oco, replaces
        self.asked: list[Event] = []
        self.said: list[Event] = []
        self.working: dict[str, Order] = {}
        self.traded: dict[int, Decimal] = {}
        self.executions = 0

    def carry_out(self) -> None:
        e = self.asked.pop(0)
        n = int(e.order_id.rsplit(":", 1)[1])
        if isinstance(e, OrderSending):
            self._show(Order(e.client_order_id, n, e.terms, e.group))
            return
        old = self._working(n)
        kind = "cancel" if isinstance(e, CancelSending) else "replace"
        no = getattr(e, "replace_no", 0)
        if old is None or (no and (not self.replaces or e.terms.quantity <= old.filled + old.given)):
            name = e.client_order_id
            self.said.append(BrokerRequestRefused(ACCOUNT, "router", kind, name, ErrorClass.REJECTION, "order_done", "done", no))
        elif no:
            del self.working[old.name]
            self._show(msgspec.structs.replace(old, name=e.client_order_id, terms=e.terms))
        else:
            self.end(old, OrderStatus.CANCELLED)

    def trade(self, order: Order, quantity: Decimal) -> None:
        self.executions += 1
        order.filled += quantity
        self.traded[order.n] = self.traded.get(order.n, ZERO) + quantity
        side = order.terms.side
        self.said.append(executed(quantity, order.n, eid=f"X{self.executions}", side=side, client_id=order.name, broker_id=f"B{order.name}"))
        if order.leaves <= 0:
            self.end(order, OrderStatus.CANCELLED if order.given else OrderStatus.FILLED)
        for other in [o for o in self.working.values() if order.group and o.group == order.group and o is not order]:
            other.given += quantity
            if other.leaves <= 0:
                self.end(other, OrderStatus.CANCELLED)

    def end(self, order: Order, status: OrderStatus) -> None:
        del self.working[order.name]
        self._say(order, status)

    def _show(self, order: Order) -> None:
        self.working[order.name] = order
        self._say(order, OrderStatus.NEW)

    def _say(self, order: Order, status: OrderStatus) -> None:
        self.said.append(reported(status, order.n, t=order.terms, filled=order.filled, client_id=order.name, broker_id=f"B{order.name}"))

    def _working(self, n: int) -> Order | None:
        return next((o for o in self.working.values() if o.n == n), None)


class Play:
    """A router and its broker. calm: the market moves only when nothing is on its way (as in lock-step)."""

    def __init__(self, draw: random.Random, *, oco: bool, replaces: bool, calm: bool) -> None:
        self.draw, self.calm = draw, calm
        self.settings = RouterSettings(native_oco=oco, replaces=replaces)
        self.broker = Broker(oco=oco, replaces=replaces)
        self.world = World(RouterCore(self.settings), "order_router").given(log_started(), LeaseGranted("order_router", "h", 1), opened())
        self.alerts: list[str] = []
        self.most = ZERO

    def tell(self, event: Event) -> None:
        """To the router, which may have been restored just before; a twin restored from its snapshot says the same."""
        core = self.world.core
        twin = RouterCore(self.settings)
        twin.restore(core.snapshot())
        e = Envelope(self.world.seq + 1, self.world.now, event.topic, "test", 1, 1, 0, 0, event)
        assert list(twin.decide(e)) == list(core.decide(e))
        if self.draw.random() < 0.3:
            self.world.core = twin
        outputs = self.world.when(event)
        assert twin is self.world.core or _applied(twin, e, self.world, len(outputs)) == core.snapshot()
        self.broker.asked += [o for o in outputs if isinstance(o, OrderSending | CancelSending | ReplaceSending)]
        self.alerts += [o.key for o in outputs if isinstance(o, Alert)]

    def step(self) -> None:
        broker, draw = self.broker, self.draw
        busy = bool(broker.asked or broker.said)
        moves = [*([broker.carry_out] if broker.asked else []), *([self._deliver] if broker.said else [])]
        if broker.working and not (self.calm and busy):
            moves += [self._trade, self._trade, self._end_something]
        if moves:
            draw.choice(moves)()
        if draw.random() < 0.02:
            self.tell(CancelApproved(f"ma:1:{draw.randint(1, 3)}", "ma"))

    def settle(self) -> None:
        """Until nothing is on its way. A pause between two tries of a replace passes, and the router is asked again."""
        for again in (True, True, False):
            while self.broker.asked or self.broker.said:
                (self.broker.carry_out if self.broker.asked else self._deliver)()
            if again:
                self.world.now += 60_000_000_000
                self.tell(LeaseGranted("order_router", "h", self.world.epoch + 1))

    def _deliver(self) -> None:
        self.tell(self.broker.said.pop(0))

    def _trade(self) -> None:
        order = self.draw.choice(list(self.broker.working.values()))
        self.broker.trade(order, Decimal(self.draw.randint(1, int(order.leaves))))

    def _end_something(self) -> None:
        if self.draw.random() < 0.3:
            order = self.draw.choice(list(self.broker.working.values()))
            self.broker.end(order, self.draw.choice([OrderStatus.CANCELLED, OrderStatus.EXPIRED]))


def _applied(core: RouterCore, e: Envelope, world: World, count: int) -> bytes:
    """The snapshot of another router that folds the same event and outputs."""
    core.apply(e)
    for own in world.log[len(world.log) - count :] if count else []:
        core.apply(own)
    return core.snapshot()


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), oco=st.booleans(), replaces=st.booleans(), calm=st.booleans())
def test_exits_never_have_more_than_their_entry_filled(seed: int, oco: bool, replaces: bool, calm: bool) -> None:
    play = Play(random.Random(seed), oco=oco, replaces=replaces, calm=calm)
    broker = play.broker
    for event in bracket(play.world, QUANTITY):
        play.tell(event)
    for _ in range(play.draw.randint(3, 30)):
        play.step()
        entered, out = broker.traded.get(ENTRY, ZERO), sum((broker.traded.get(n, ZERO) for n in SELLS), ZERO)
        assert all(broker.traded.get(n, ZERO) <= entered for n in SELLS), "one exit alone closed more than was held"
        if oco and calm:
            assert out <= entered
    play.settle()
    _at_rest(play, broker.traded.get(ENTRY, ZERO))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), oco=st.booleans(), replaces=st.booleans(), calm=st.booleans())
def test_an_oco_pair_trades_once(seed: int, oco: bool, replaces: bool, calm: bool) -> None:
    play = Play(random.Random(seed), oco=oco, replaces=replaces, calm=calm)
    for event in pair(play.world, QUANTITY):
        play.tell(event)
    for _ in range(play.draw.randint(3, 20)):
        play.step()
        if oco and calm:
            assert sum(play.broker.traded.values(), ZERO) <= QUANTITY
    play.settle()
    traded = sum(play.broker.traded.values(), ZERO)
    working = list(play.broker.working.values())
    assert all(traded + order.leaves <= QUANTITY for order in working)
    assert traded <= QUANTITY or any(key.startswith("group_overfilled:") for key in play.alerts)


def _at_rest(play: Play, entered: Decimal) -> None:
    broker, alerts = play.broker, play.alerts
    exits = [order for order in broker.working.values() if order.n in SELLS]
    left = entered - sum((broker.traded.get(n, ZERO) for n in SELLS), ZERO)
    assert left >= 0 or any(key.startswith("group_overfilled:") for key in alerts)
    for order in exits:
        assert order.leaves <= max(left, ZERO), "an exit works for more than is held"
        if play.settings.replaces:
            assert order.leaves == left, "an exit works for less than is held"
    if left > 0 and not broker.working and not alerts:
        ended = [e.event for e in play.world.log if type(e.event).__name__ in {"OrderCanceled", "OrderExpired"}]
        assert ended, "something is held, nothing works for it, and nobody was told"
