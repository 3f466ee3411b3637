"""Router and reconciler together against a broker whose stream loses, repeats and delays what it says: whatever was lost, readings and
look-ups bring both sides to agree exactly, currency by currency at a rate that moves, and then a further reading says nothing new."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from services.order_router.core import RouterCore
from services.reconciler.core import ReconcilerCore
from services.reconciler.settings import ReconcilerSettings
from shared.domain.order_machine import DONE
from shared.events import (
    BrokerOrderNotFound,
    BrokerOrderReported,
    CancelApproved,
    CancelSending,
    ClockTicked,
    CurrencyRate,
    Envelope,
    Event,
    ExecutionRow,
    InstrumentDefined,
    LeaseGranted,
    OrderQuerySending,
    OrderRow,
    OrderSending,
    OrderStatus,
    OrderTerms,
    ReconcileCompleted,
    ReconcileNow,
    ReconcileRequested,
    RunStarted,
)
from shared.runtime.actor import Core
from tests.unit.order_router.world import ACCOUNT, SECOND, T0, approved, client, executed, execution, kinds, log_started, reading, row, terms

QUANTITY = 100
SYMBOLS = ("AAPL", "SAP")  # of odd orders and of even ones, which are in euro


def wanted(n: int) -> OrderTerms:
    return terms(QUANTITY, symbol=SYMBOLS[n % 2 == 0])


class Broker:
    """The truth: what each order came to."""

    def __init__(self) -> None:
        self.status: dict[int, OrderStatus] = {}
        self.fills: list[ExecutionRow] = []

    def filled(self, n: int) -> int:
        return sum(int(f.quantity) for f in self.fills if f.broker_order_id == f"B{n}")

    def fill(self, n: int, quantity: int) -> ExecutionRow | None:
        room = QUANTITY - self.filled(n)
        if self.status.get(n) not in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED} or not room:
            return None
        quantity = min(quantity, room)
        cumulative = self.filled(n) + quantity
        made = execution(
            quantity, n, eid=f"X{len(self.fills)}", cumulative=cumulative, at=len(self.fills) + 1, symbol=wanted(n).symbol, commission="0.5"
        )
        self.fills.append(made)
        self.status[n] = OrderStatus.FILLED if cumulative == QUANTITY else OrderStatus.PARTIALLY_FILLED
        return made

    def row(self, n: int) -> OrderRow:
        return row(self.status[n], n, filled=self.filled(n), t=wanted(n))

    def open(self) -> list[OrderRow]:
        return [self.row(n) for n in sorted(self.status) if self.status[n] not in DONE]

    def held(self) -> dict[str, Decimal]:
        held = {symbol: sum((f.quantity for f in self.fills if f.symbol == symbol), Decimal(0)) for symbol in SYMBOLS}
        return {symbol: quantity for symbol, quantity in held.items() if quantity}

    def money(self) -> tuple[Decimal, dict[str, Decimal]]:
        """Cash, of which every commission is taken, and balances."""
        paid = {symbol: sum((f.quantity * f.price for f in self.fills if f.symbol == symbol), Decimal(0)) for symbol in SYMBOLS}
        cash = 100_000 - paid["AAPL"] - sum((f.commission for f in self.fills), Decimal(0))
        return cash, {"EUR": -paid["SAP"]} if paid["SAP"] else {}


class Stack:
    """Two cores over one log; what they ask of the broker is answered at once, unless the line is down."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.cores: dict[str, Core] = {
            "order_router": RouterCore(),
            "reconciler": ReconcilerCore(ReconcilerSettings(interval_ns=0, cash_exact=True)),
        }
        self.now, self.seq = T0, 0
        self.answering = True
        self.between: list[tuple[int, int]] = []  # fills that will happen within the next readings, one each
        self.outputs: list[Event] = []
        self.put(log_started())
        for source in self.cores:
            self.put(LeaseGranted(source, "h", 1))
            self.put(RunStarted(source, 1, "f"))
        for symbol, currency in zip(SYMBOLS, ("USD", "EUR"), strict=True):
            self.put(InstrumentDefined(symbol, "equity", currency, Decimal("0.01"), Decimal(1), Decimal(1), "24x7"))

    def put(self, event: Event) -> None:
        queue = [("test", event)]
        while queue:
            author, item = queue.pop(0)
            self.seq += 1
            e = Envelope(self.seq, self.now, item.topic, author, 1, self.seq, 0, 0, item)
            for source, core in self.cores.items():
                if source == author:
                    continue
                made = core.decide(e)
                core.apply(e)
                for output in made:
                    core.apply(Envelope(0, self.now, output.topic, source, 1, 0, self.seq, 1, output))
                    self.outputs.append(output)
                    queue.append((source, output))
            queue.extend(("test", answer) for answer in self._answers(item, author))

    def _answers(self, e: Event, author: str) -> Sequence[Event]:
        if isinstance(e, OrderSending):
            n = int(e.order_id.split(":")[-1])
            if n % 3:  # every third request never arrives
                self.broker.status[n] = OrderStatus.NEW
            return ()
        if isinstance(e, CancelSending):
            n = int(e.order_id.split(":")[-1])
            if self.broker.status[n] not in DONE:
                self.broker.status[n] = OrderStatus.CANCELLED
            return ()
        if not self.answering:
            return ()
        if isinstance(e, OrderQuerySending):
            n = int(e.order_id.split(":")[-1])
            if n in self.broker.status:
                return (BrokerOrderReported(ACCOUNT, "router", self.broker.row(n)),)
            return (BrokerOrderNotFound(ACCOUNT, "router", client(n), e.attempt),)
        if isinstance(e, ReconcileRequested):
            return (self._reading(e.query),)
        return ()

    def _reading(self, query: int) -> Event:
        orders, executions = self.broker.open(), tuple(self.broker.fills)
        if self.between:
            self.broker.fill(*self.between.pop(0))
        held, (cash, balances) = sorted(self.broker.held().items()), self.broker.money()
        return reading(query=query, orders=orders, executions=executions, positions=held, cash=cash, balances=sorted(balances.items()))

    def pass_time(self, seconds: int) -> None:
        """In steps of a second, with the ticks the cores want."""
        for _ in range(seconds):
            self.now += SECOND
            if any(0 < core.next_timer() <= self.now for core in self.cores.values()):
                self.put(ClockTicked())

    def completed(self) -> ReconcileCompleted:
        self.put(ReconcileNow("c", "op", "check"))
        return [e for e in self.outputs if isinstance(e, ReconcileCompleted)][-1]


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("approve"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("tell"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("fill"), st.integers(1, 5), st.integers(1, 60)),
        st.tuples(st.just("fill and tell"), st.integers(1, 5), st.integers(1, 60)),
        st.tuples(st.just("repeat"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 20), st.just(0)),
        st.tuples(st.just("line"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("rate"), st.integers(1, 99_999), st.just(0)),
    ),
    min_size=5,
    max_size=30,
)


def act(stack: Stack, what: str, a: int, b: int) -> None:
    broker = stack.broker
    if what == "approve":
        stack.put(approved(a, deadline=(stack.now - T0) / SECOND + 5, t=wanted(a)))
    elif what == "tell" and a in broker.status:
        stack.put(BrokerOrderReported(ACCOUNT, "router", broker.row(a)))
    elif what == "cancel":
        stack.put(CancelApproved(f"ma:1:{a}", "ma"))
    elif what == "wait":
        stack.pass_time(a)
    elif what == "rate":
        stack.put(CurrencyRate("EUR", Decimal(a) / 10_000))
    elif what == "line":
        stack.answering = bool(a)
    elif what == "repeat" and a < len(broker.fills):
        _tell(stack, broker.fills[a])
    elif what.startswith("fill"):
        made = broker.fill(a, b)
        if made is not None and what == "fill and tell":
            _tell(stack, made)


def _tell(stack: Stack, made: ExecutionRow) -> None:
    n = int(made.broker_order_id[1:])
    stack.put(
        executed(
            made.quantity,
            n,
            eid=made.execution_id,
            cumulative=made.cumulative,
            at=(made.broker_ns - T0) / SECOND,
            symbol=made.symbol,
            commission=made.commission,
        )
    )


def agree(stack: Stack) -> None:
    """Orders, fills, position and cash are the broker's, and a further reading says nothing new."""
    router, reconciler = stack.cores["order_router"], stack.cores["reconciler"]
    assert isinstance(router, RouterCore)
    assert isinstance(reconciler, ReconcilerCore)
    assert reconciler._ledger.positions() == stack.broker.held()
    assert (reconciler._ledger.cash, reconciler._ledger.balances()) == stack.broker.money()
    for n, status in stack.broker.status.items():
        record = router._state.orders[f"ma:1:{n}"].record
        assert (record.status, record.filled) == (status, Decimal(stack.broker.filled(n)))
        assert reconciler._orders.orders[f"ma:1:{n}"].status is record.status
    for order in router._state.orders.values():
        assert order.record.status in DONE or order.record.client_order_id in {r.client_order_id for r in stack.broker.open()}

    seen = len(stack.outputs)
    assert stack.completed().clean
    assert kinds(stack.outputs[seen:]) == ["ReconcileRequested", "ReconcileCompleted"]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(ACTIONS)
def test_both_sides_come_to_agree_whatever_the_stream_lost(actions: list[tuple[str, int, int]]) -> None:
    stack = Stack()
    for action in actions:
        act(stack, *action)

    stack.answering = True
    for _ in range(4):
        stack.pass_time(20)
        stack.completed()

    agree(stack)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(ACTIONS, st.lists(st.tuples(st.integers(1, 5), st.integers(1, 40)), min_size=1, max_size=3))
def test_a_fill_between_the_reads_makes_no_phantom(actions: list[tuple[str, int, int]], fills: list[tuple[int, int]]) -> None:
    """From any pair of states; the broker numbers nothing, so orders and executions are of one moment, position and cash of a later one."""
    stack = Stack()
    for action in actions:
        act(stack, *action)
    stack.answering = True
    stack.pass_time(20)
    stack.completed()
    before = len(stack.outputs)

    stack.between = list(fills)
    for _ in fills:
        torn = stack.completed()
        assert not [b for b in torn.breaks if b.kind == "position"]
        stack.pass_time(1)
    for _ in range(4):
        stack.pass_time(20)
        stack.completed()

    assert "FillCorrected" not in kinds(stack.outputs[before:])
    agree(stack)
