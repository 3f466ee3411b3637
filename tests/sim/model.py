"""What must hold of a run, written a second way: from the log, the requests on the wire and the venue's own ledger alone. It shares no line with the
cores. Every event is judged as it becomes durable, every request as it is written; `Broken` names the invariant (RISK_AND_FAULTS.md 3.2).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from services.paper_venue.books import MemoryBooks
from shared import events as ev
from shared.events import Envelope, OrderSide, OrderTerms, TradingState
from shared.venue import Report

OWNER: Final = "risk"
ZERO: Final = Decimal(0)
LAG_NS: Final = 200_000_000  # a writer knows the log's time by its quickest event, which was on its way that long at most
QUOTE_AGE_NS: Final = 5_000_000_000
WORKING: Final = frozenset({"new", "partially_filled", "pending_cancel", "pending_replace"})
_ENDS: Final = (ev.OrderRejected, ev.OrderCanceled, ev.OrderExpired, ev.OrderAbandoned)


class Broken(AssertionError):
    """An invariant does not hold."""


def hold(condition: object, invariant: str, text: object) -> None:
    if not condition:
        raise Broken(f"{invariant}: {text}")


def signed(side: OrderSide, quantity: Decimal) -> Decimal:
    return quantity if side is OrderSide.BUY else -quantity


@dataclass(slots=True)
class Order:
    """One of ours. seq, halt_epoch: of its approval. most: largest quantity the broker may have been given. asked: replaces approved and not yet
    over, by number. ended: by the log; revived: it showed after it was abandoned."""

    order_id: str
    strategy: str
    terms: OrderTerms
    seq: int
    deadline: int
    halt_epoch: int
    most: Decimal = ZERO
    sent: int = 0
    epoch: int = 0
    client_id: str = ""
    filled: Decimal = ZERO
    ended: str = ""
    unknown: bool = False
    asked: dict[int, OrderTerms] = field(default_factory=dict)
    replaces_sent: set[int] = field(default_factory=set)

    @property
    def leaves(self) -> Decimal:
        """What may still fill, as the worst case counts it."""
        if self.ended:
            return ZERO
        return max([self.terms.quantity, *(t.quantity for t in self.asked.values())]) - self.filled


class Truth:
    """The venue's ledger, read as it grows: every report once."""

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books
        self._read = 0
        self.executions: dict[str, ev.ExecutionRow] = {}
        self.orders: dict[str, ev.OrderRow] = {}
        self.rows: set[tuple[int, Any]] = set()
        self.positions: dict[str, Decimal] = {}
        self.cash = ZERO
        self.at: list[tuple[dict[str, Decimal], Decimal]] = [({}, ZERO)]  # positions and cash moved after each report

    def read(self) -> None:
        for report in self._books.reports(self._read, 1 << 30):
            self._take(report)
            self._read = report.n

    def _take(self, report: Report) -> None:
        hold(report.n == self._read + 1 or report.n == len(self.at), "ledger", f"report {report.n} after {len(self.at) - 1}")
        x = report.execution
        if x is not None and x.execution_id not in self.executions:
            self.executions[x.execution_id] = x
            quantity = signed(x.side, x.quantity)
            self.positions = {**self.positions, x.symbol: self.positions.get(x.symbol, ZERO) + quantity}
            self.cash -= quantity * x.price + x.commission
        if report.order is not None:
            self.orders[report.order.client_order_id] = report.order
        self.rows.add((report.n, report.order or report.execution))
        self.at.append((self.positions, self.cash))
        self._read = report.n

    def open(self) -> dict[str, ev.OrderRow]:
        self.read()
        return {name: row for name, row in self.orders.items() if row.status in WORKING}

    def held(self, report: int) -> dict[str, Decimal]:
        self.read()
        return {symbol: quantity for symbol, quantity in self.at[report][0].items() if quantity}


class Model:
    """seen: how often each kind of thing was judged, so that a run can show that it judged something. opened_cash: what the venue's account began with.
    position_max: the largest that any run of risk had; jumped: the wall clock has jumped, so real time bounds nothing in log time."""

    def __init__(self, books: MemoryBooks, opened_cash: Decimal, position_max: Callable[[], int]) -> None:
        self.truth = Truth(books)
        self.opened_cash = opened_cash
        self.position_max = position_max
        self.seen: Counter[str] = Counter()
        self.orders: dict[str, Order] = {}
        self.by_client: dict[str, str] = {}
        self.intents: dict[str, tuple[int, OrderTerms]] = {}
        self.answered: set[str] = set()
        self.asked: dict[str, set[int]] = defaultdict(set)  # replaces that strategies wanted and nobody answered
        self.positions: Counter[str] = Counter()
        self.books: dict[str, Counter[str]] = defaultdict(Counter)
        self.cash = ZERO
        self.opened: ev.AccountOpened | None = None
        self.executions: set[str] = set()
        self.head = 0
        self.now = 0
        self.times: list[int] = [0]
        self.epochs: dict[str, int] = {}
        self.clean: ev.ReconcileCompleted | None = None
        self.locks: set[str] = set()
        self.alerts: Counter[str] = Counter()
        self.jumped = False
        self._names: dict[tuple[str, int], int] = {}
        self._runs: dict[str, int] = {}
        self._halts: dict[tuple[str, str], int] = {}  # scope -> seq of the cause of the halt that is in force
        self._commands: dict[tuple[str, str], int] = {}  # scope -> seq of the newest halt command
        self._resumes: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._wishes: dict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)  # operators' halts (true) and resumes, by seq
        self._excess: dict[tuple[str, OrderSide], Decimal] = {}
        self._wire: set[str] = set()
        self._handlers: dict[type[ev.Event], Callable[[Any, Envelope], None]] = {
            ev.LeaseGranted: self._lease,
            ev.RunStarted: self._run,
            ev.OrderIntent: self._intent,
            ev.ReplaceIntent: lambda e, _: self.asked[e.order_id].add(e.replace_no),
            ev.OrderApproved: self._approved,
            ev.OrderDenied: self._denied,
            ev.ReplaceApproved: self._replace_approved,
            ev.ReplaceDenied: lambda e, _: self.asked[e.order_id].discard(e.replace_no),
            ev.OrderSending: self._sending,
            ev.ReplaceSending: self._replace_sending,
            ev.OrderUnknown: self._unknown,
            ev.OrderAccepted: self._accepted,
            ev.OrderFilled: self._filled,
            ev.OrderReplaced: self._replaced,
            ev.ReplaceRejected: self._replace_over,
            ev.TradingStateChanged: self._state,
            ev.HaltRequested: self._halted,
            ev.ResumeRequested: self._resumed,
            ev.BrokerStateReported: self._reading,
            ev.BrokerOrderReported: self._order_told,
            ev.BrokerExecutionReported: self._execution_told,
            ev.AccountOpened: self._opened,
            ev.ReconcileCompleted: self._reconciled,
            ev.InstrumentLocked: lambda e, _: self.locks.add(e.symbol),
            ev.InstrumentUnlocked: lambda e, _: self.locks.discard(e.symbol),
            ev.Alert: self._alert,
            ev.DeterminismFault: lambda e, _: hold(False, "I7", e),
            ev.FillMismatch: lambda e, _: hold(False, "I5", e),
            ev.ExternalOrderSeen: lambda e, _: hold(False, "I3", f"an order of ours is taken for somebody else's: {e}"),
            **dict.fromkeys(_ENDS, self._ended),
        }

    # -- the log

    def take(self, e: Envelope) -> None:
        """One event, as it is committed."""
        hold(e.seq == self.head + 1, "I1", f"seq {e.seq} after {self.head}")
        hold(e.ts_ns >= self.now, "I16", f"time went back at seq {e.seq}")
        name = (e.source, e.run)
        hold(e.n == self._names.get(name, 0) + 1, "I1", f"{name} n {e.n} after {self._names.get(name, 0)}")
        hold(e.cause < e.seq, "I1", f"seq {e.seq} follows from seq {e.cause}")
        if e.epoch:
            hold(e.epoch == self.epochs.get(e.source), "I14", f"{e.source} appends under epoch {e.epoch}, {self.epochs.get(e.source)} is the newest")
            hold(e.run == self._runs.get(e.source), "I14", f"{e.source} speaks in run {e.run}, {self._runs.get(e.source)} is the newest")
        self._names[name] = e.n
        self.head, self.now = e.seq, e.ts_ns
        self.times.append(e.ts_ns)
        handler = self._handlers.get(type(e.event))
        if handler is not None:
            self.seen[type(e.event).__name__] += 1
            handler(e.event, e)

    def _lease(self, e: ev.LeaseGranted, _: Envelope) -> None:
        hold(e.lease_epoch > self.epochs.get(e.name, 0), "I14", f"epoch {e.lease_epoch} of {e.name} is granted twice")
        self.epochs[e.name] = e.lease_epoch

    def _run(self, e: ev.RunStarted, _: Envelope) -> None:
        self._runs[e.name] = e.name_run

    # -- intents and decisions

    def _intent(self, e: ev.OrderIntent, at: Envelope) -> None:
        hold(e.order_id not in self.intents, "I3", f"{e.order_id} is wanted twice")
        self.intents[e.order_id] = (at.seq, e.terms)

    def _approved(self, e: ev.OrderApproved, at: Envelope) -> None:
        hold(e.order_id not in self.orders, "I4", f"{e.order_id} is approved twice")
        hold(e.terms.quantity > 0, "I4", e)
        caused = self.times[at.cause]
        if e.strategy != OWNER:
            hold(e.order_id in self.intents and self.intents[e.order_id][1] == e.terms, "I4", f"{e.order_id} is approved as nobody wanted it")
            hold(self.intents[e.order_id][0] == at.cause, "I4", f"{e.order_id} is approved by another cause")
            hold(caused - e.reference_ns <= QUOTE_AGE_NS, "I10", f"{e.order_id} is valued at a price {(caused - e.reference_ns) / 1e9} s old")
            for key in self._scopes(e.strategy, e.terms.symbol):
                hold(not self._wants_halt(key, at.cause), "I8", f"{e.order_id} is approved while {key} is halted")
        self.answered.add(e.order_id)
        order = Order(e.order_id, e.strategy, e.terms, at.seq, e.deadline_ns, e.halt_epoch, e.terms.quantity)
        self.orders[e.order_id] = order
        self._exposed(order, "approval")

    def _denied(self, e: ev.OrderDenied, _: Envelope) -> None:
        hold(e.order_id not in self.orders or self.orders[e.order_id].ended, "I4", f"{e.order_id} is approved and denied")
        self.answered.add(e.order_id)

    def _replace_approved(self, e: ev.ReplaceApproved, at: Envelope) -> None:
        order = self.orders[e.order_id]
        self.asked[e.order_id].discard(e.replace_no)
        hold(e.replace_no not in order.asked, "I4", f"replace {e.replace_no} of {e.order_id} is approved twice")
        for key in self._scopes(order.strategy, order.terms.symbol):
            hold(not self._wants_halt(key, at.cause), "I8", f"a replace of {e.order_id} is approved while {key} is halted")
        order.asked[e.replace_no] = e.terms
        if e.terms.quantity > order.terms.quantity:
            self._exposed(order, "replace")

    def _exposed(self, order: Order, why: str) -> None:
        """I9: what is held and all that may still fill on the order's side, unknown ones included."""
        if order.strategy == OWNER:
            return
        symbol, side = order.terms.symbol, order.terms.side
        open_ = sum((o.leaves for o in self.orders.values() if o.terms.side is side and o.terms.symbol == symbol), ZERO)
        held = self.positions[symbol] if side is OrderSide.BUY else -self.positions[symbol]
        worst = held + open_
        limit = self.position_max() + self._excess.get((symbol, side), ZERO)
        hold(worst <= limit or worst <= 0, "I9", f"{why} of {order.order_id}: {side} {symbol} may reach {worst}, the limit is {limit}")

    # -- the router's write-aheads

    def _sending(self, e: ev.OrderSending, at: Envelope) -> None:
        order = self.orders.get(e.order_id)
        if order is None:
            raise Broken(f"I4: {e.order_id} is sent without an approval")
        hold(not order.sent, "I3", f"{e.order_id} is written ahead twice")
        hold(order.terms == e.terms and order.deadline == e.deadline_ns, "I4", f"{e.order_id} is sent as it was not approved")
        hold(self.times[at.cause] <= e.deadline_ns, "I4", f"{e.order_id} is sent past its deadline")
        hold(e.client_order_id not in self.by_client, "I3", f"{e.client_order_id} is used twice")
        for key in self._scopes(order.strategy, order.terms.symbol):
            halt = self._commands.get(key, 0)
            hold(not order.seq < halt < at.cause, "I8", f"{e.order_id}, approved before the halt at seq {halt}, is sent after it")
        self.by_client[e.client_order_id] = e.order_id
        order.sent, order.epoch, order.client_id = at.seq, at.epoch, e.client_order_id

    def _replace_sending(self, e: ev.ReplaceSending, at: Envelope) -> None:
        order = self.orders[e.order_id]
        hold(order.asked.get(e.replace_no) == e.terms, "I4", f"replace {e.replace_no} of {e.order_id} is sent as it was not approved")
        hold(e.replace_no not in order.replaces_sent, "I3", f"replace {e.replace_no} of {e.order_id} is written ahead twice")
        hold(e.client_order_id not in self.by_client, "I3", f"{e.client_order_id} is used twice")
        order.replaces_sent.add(e.replace_no)
        order.most = max(order.most, e.terms.quantity)
        self.by_client[e.client_order_id] = e.order_id

    def wire(self, method: str, message: Any, epoch: int, log_time: int) -> None:
        """A request as it is written: after its write-ahead, by the epoch that made it, which is still the newest; once."""
        self.seen[f"wire {method}"] += 1
        name = message.client_order_id
        order_id = self.by_client.get(name)
        hold(order_id is not None, "R2", f"{method} {name} is on the wire without a durable write-ahead")
        assert order_id is not None
        order = self.orders[order_id]
        hold(
            epoch == self.epochs.get("order_router"),
            "R3",
            f"{method} {name} is written under epoch {epoch}, {self.epochs.get('order_router')} is the newest",
        )
        if method == "cancel":
            return
        hold(name not in self._wire, "I3", f"{method} {name} is on the wire a second time")
        self._wire.add(name)
        if method == "submit":
            hold(message.terms == order.terms, "I4", f"{name} leaves with other terms than were approved")
            hold(order.epoch == epoch, "R3", f"{name} was written ahead under epoch {order.epoch} and leaves under {epoch}")
            hold(self.jumped or log_time <= order.deadline + LAG_NS, "R3", f"{name} leaves past its deadline")

    # -- what became of orders

    def _unknown(self, e: ev.OrderUnknown, _: Envelope) -> None:
        order = self.orders[e.order_id]
        hold(not order.ended or order.ended == "OrderAbandoned", "I5", f"{e.order_id} is unknown after {order.ended}")
        self._revive(order)
        order.unknown = True

    def _accepted(self, e: ev.OrderAccepted, _: Envelope) -> None:
        order = self.orders[e.order_id]
        hold(order.sent, "I5", f"{e.order_id} is accepted and was never sent")
        self._revive(order)
        order.unknown = False

    def _filled(self, e: ev.OrderFilled, _: Envelope) -> None:
        self.truth.read()
        order = self.orders[e.order_id]
        row = self.truth.executions.get(e.execution_id)
        hold(row is not None, "I5", f"{e.execution_id} is booked and the venue never made it")
        assert row is not None
        booked = (e.symbol, e.side, e.quantity, e.price, e.commission)
        hold(booked == (row.symbol, row.side, row.quantity, row.price, row.commission), "I5", f"{e.execution_id} is booked as {booked}")
        hold(self.by_client.get(row.client_order_id) == e.order_id, "I5", f"{e.execution_id} is booked for {e.order_id}")
        hold(e.execution_id not in self.executions, "I5", f"{e.execution_id} is booked twice")
        self.executions.add(e.execution_id)
        self._revive(order)
        order.unknown = False
        order.filled += e.quantity
        hold(order.filled == e.cumulative, "I5", f"fills of {e.order_id} sum to {order.filled}, booked as {e.cumulative}")
        hold(order.filled <= order.most, "I5", f"{e.order_id} is filled {order.filled} of {order.most}")
        quantity = signed(e.side, e.quantity)
        self.positions[e.symbol] += quantity  # type: ignore[assignment]  # Decimals
        self.books[e.strategy][e.symbol] += quantity  # type: ignore[assignment]
        self.cash -= quantity * e.price + e.commission
        for symbol, held in self.positions.items():
            hold(held == sum(book[symbol] for book in self.books.values()), "I6", f"books of {symbol} do not add up")

    def _ended(self, e: Any, _: Envelope) -> None:
        order = self.orders[e.order_id]
        kind = type(e).__name__
        hold(not order.ended, "I5", f"{e.order_id} ends as {order.ended} and as {kind}")
        if kind != "OrderAbandoned":
            hold(order.sent, "I5", f"{e.order_id} ends as {kind} and was never sent")
        if hasattr(e, "filled"):
            hold(e.filled == order.filled, "I5", f"{e.order_id} ends with {e.filled} done, {order.filled} are booked")
        if kind == "OrderAbandoned" and order.sent and not self.jumped:
            self.truth.read()
            hold(order.client_id not in self.truth.orders, "R3", f"{e.order_id} is abandoned and the venue has it")
        order.ended, order.unknown = kind, False

    def _replaced(self, e: ev.OrderReplaced, _: Envelope) -> None:
        order = self.orders[e.order_id]
        hold(e.replace_no in order.replaces_sent, "I5", f"replace {e.replace_no} of {e.order_id} is confirmed and was never sent")
        order.terms, order.client_id = e.terms, e.client_order_id
        self._drop(order, e.replace_no)

    def _replace_over(self, e: ev.ReplaceRejected, _: Envelope) -> None:
        self._drop(self.orders[e.order_id], e.replace_no)

    def _drop(self, order: Order, number: int) -> None:
        order.asked = {no: terms for no, terms in order.asked.items() if no != number}

    def _revive(self, order: Order) -> None:
        """What is counted again was free for others meanwhile."""
        if order.ended == "OrderAbandoned":
            order.ended = ""
            key = (order.terms.symbol, order.terms.side)
            self._excess[key] = self._excess.get(key, ZERO) + order.leaves

    # -- halts

    def _scopes(self, strategy: str, symbol: str) -> tuple[tuple[str, str], ...]:
        return (("global", ""), ("strategy", strategy), ("symbol", symbol))

    def _wants_halt(self, key: tuple[str, str], seq: int) -> bool:
        """Whether a halt of the scope is in force before this seq: an operator's that none resumed since, or the engine's own."""
        before = [halt for at, halt in self._wishes[key] if at < seq]
        return (bool(before) and before[-1]) or self._halts.get(key, seq) < seq

    def _halted(self, e: ev.HaltRequested, at: Envelope) -> None:
        key = (str(e.scope), e.key)
        self._wishes[key].append((at.seq, True))
        if key not in self._halts:
            self._commands[key] = at.seq

    def _resumed(self, e: ev.ResumeRequested, at: Envelope) -> None:
        self._resumes[(str(e.scope), e.key)].add(at.seq)
        self._wishes[(str(e.scope), e.key)].append((at.seq, False))

    def _state(self, e: ev.TradingStateChanged, at: Envelope) -> None:
        key = (str(e.scope), e.key)
        halted = self._halts.get(key)
        if e.state is TradingState.HALTED:
            self._halts.setdefault(key, at.cause)
        elif halted is not None:
            hold(at.cause in self._resumes[key], "I8", f"the halt of {key} at seq {halted} is gone and nobody resumed")
            del self._halts[key]

    # -- evidence, which must be true

    def _reading(self, e: ev.BrokerStateReported, _: Envelope) -> None:
        self.truth.read()
        told = {row.symbol: row.quantity for row in e.positions}
        cash = self.opened_cash + self.truth.at[e.report][1]
        hold(e.totals.cash == cash, "evidence", f"a reading of report {e.report} shows cash {e.totals.cash}, the venue had {cash}")
        hold(told == self.truth.held(e.report), "evidence", f"a reading of report {e.report} shows {told}, the venue had {self.truth.held(e.report)}")

    def _order_told(self, e: ev.BrokerOrderReported, _: Envelope) -> None:
        self.truth.read()
        if e.report:
            hold((e.report, e.order) in self.truth.rows, "evidence", f"report {e.report} is told as the venue did not make it")

    def _execution_told(self, e: ev.BrokerExecutionReported, _: Envelope) -> None:
        self.truth.read()
        hold(self.truth.executions.get(e.execution.execution_id) == e.execution, "evidence", f"{e.execution} is told as the venue did not make it")

    def _opened(self, e: ev.AccountOpened, _: Envelope) -> None:
        hold(self.opened is None, "I6", "the account is opened twice")
        self.opened = e

    def _reconciled(self, e: ev.ReconcileCompleted, _: Envelope) -> None:
        self.clean = e if e.clean else None

    def _alert(self, e: ev.Alert, _: Envelope) -> None:
        self.alerts[e.key] += 1
        hold(not e.key.startswith("invariant:") or (self.jumped and ":I4:" in e.key), "auditor", e.text)

    # -- at the end

    def unfinished(self) -> str:
        """What has not converged with the venue; empty when all has (I12, I13)."""
        truth = self.truth
        open_ = truth.open()
        missing = set(truth.executions) - self.executions
        if missing:
            return f"{len(missing)} executions are not booked, such as {truth.executions[min(missing)]}"
        if waiting := set(self.intents) - self.answered:
            return f"intents without a decision: {sorted(waiting)[:3]}"
        if replaces := [order_id for order_id, numbers in self.asked.items() if numbers]:
            return f"replaces without a decision: {replaces[:3]}"
        for order in self.orders.values():
            if order.unknown:
                return f"{order.order_id} is unknown"
            if order.ended or order.filled >= order.terms.quantity:
                if order.client_id in open_:
                    return f"{order.order_id} is over here and open at the venue"
                continue
            if not order.sent:
                return f"{order.order_id} is approved and neither sent nor abandoned"
            row = open_.get(order.client_id)
            if row is None:
                return f"{order.order_id} is open here and not at the venue, which has {truth.orders.get(order.client_id)}"
            if row.terms != order.terms or row.filled != order.filled:
                return f"{order.order_id} differs: {order.terms}, {order.filled} filled; at the venue {row.terms}, {row.filled}"
            if order.asked:
                return f"a replace of {order.order_id} is neither confirmed nor refused"
        known = {order.client_id for order in self.orders.values()}
        if strangers := set(open_) - known:
            return f"open at the venue and not here: {sorted(strangers)}"
        held = {symbol: quantity for symbol, quantity in self.positions.items() if quantity}
        if held != {symbol: quantity for symbol, quantity in truth.positions.items() if quantity}:
            return f"positions {held}, the venue has {truth.positions}"
        if self.cash != truth.cash:
            return f"cash moved by {self.cash}, at the venue by {truth.cash}"
        if self.clean is None:
            return "the newest reconciliation is not clean"
        return ""
