"""What operators command, written a second way: what worked then is cancelled, what was held is closed, a resume is answered; whether risk is there or
not, and nothing is cancelled in an operator's name that no operator named."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from shared import events as ev
from shared.events import Envelope, OrderSide, Reason, Severity

from .truth import ZERO, hold

if TYPE_CHECKING:
    from .orders_model import Order, OrdersModel

OWNER: Final = "risk"
RISK: Final = "risk_engine"
_COMMANDS: Final = (
    ev.HaltRequested,
    ev.ResumeRequested,
    ev.CancelRequested,
    ev.FlattenRequested,
    ev.LimitChanged,
    ev.ClaimRequested,
    ev.StrategyChanged,
)


class CommandsModel:
    """By order id, seqs of the commands that want it cancelled; by symbol, of those that want it flat; resumes without an answer, by seq."""

    def __init__(self, orders: OrdersModel, seen: Counter[str]) -> None:
        self._orders, self._seen = orders, seen
        self._cancels: dict[str, set[int]] = defaultdict(set)
        self._flattens: dict[str, int] = {}
        self._resumes: dict[int, ev.ResumeRequested] = {}
        self._asked: list[tuple[int, ev.CancelRequested | ev.FlattenRequested]] = []
        self._removals: list[tuple[int, str]] = []
        self._undecided: list[tuple[int, str]] = []
        self._handlers: dict[type[ev.Event], Callable[[Any, Envelope], None]] = {
            ev.RunStarted: self._begins,
            ev.CancelRequested: self._cancel,
            ev.FlattenRequested: self._flatten,
            ev.ResumeRequested: self._resume,
            ev.StrategyRevised: self._revised,
            ev.HaltRequested: self._halted,
            ev.OrderApproved: self._approved,
            ev.CancelApproved: self._cancelled,
            ev.OrderFilled: lambda e, _: self._settle(e.symbol),
            ev.CorporateAction: lambda e, _: self._settle(e.symbol),
            ev.TradingStateChanged: self._state,
            ev.LimitBreached: lambda _, at: self._answered(at.cause),
            ev.Alert: self._alert,
        }

    def take(self, e: Envelope) -> None:
        """One event, once the other models have it."""
        if e.source == RISK:
            while self._undecided and self._undecided[0][0] <= e.cause:
                self._undecided.pop(0)
        elif isinstance(e.event, _COMMANDS):
            self._undecided.append((e.seq, type(e.event).__name__))
        handler = self._handlers.get(type(e.event))
        if handler is not None:
            handler(e.event, e)

    def unfinished(self) -> str:
        """A command that was not carried out; empty for none."""
        for order_id, seqs in self._cancels.items():
            if seqs and _works(self._orders.orders[order_id]):
                return f"{order_id} worked at seq {min(seqs)}, was to be cancelled, and nobody did"
        if left := [symbol for symbol in self._flattens if self._uncovered(symbol)]:
            return f"a flatten is not carried out: {left}"
        return f"resumes without an answer: {self._resumes}" if self._resumes else ""

    def _uncovered(self, symbol: str) -> bool:
        """Whether something is held that no working order may close: strategies may trade on after a flatten."""
        held = self._orders.account.positions[symbol]
        side = OrderSide.SELL if held > 0 else OrderSide.BUY
        orders = [o for o in self._orders.orders.values() if o.terms.symbol == symbol and o.terms.side is side]
        return abs(held) > sum((o.leaves for o in orders if not o.shares), ZERO) + self._orders.groups.open(orders, side)

    # -- what is asked

    def _begins(self, e: ev.RunStarted, _: Envelope) -> None:
        if e.name == RISK:
            self._seen.update(f"between runs: {name}" for _, name in self._undecided)

    def _cancel(self, e: ev.CancelRequested, at: Envelope) -> None:
        self._asked.append((at.seq, e))
        for order in self._orders.orders.values():
            self._named(order, at.seq, e)

    def _flatten(self, e: ev.FlattenRequested, at: Envelope) -> None:
        self._asked.append((at.seq, e))
        for order in self._orders.orders.values():
            self._named(order, at.seq, e)
        for symbol, held in self._orders.account.positions.items():
            if held and e.symbol in ("", symbol):
                self._flattens[symbol] = at.seq

    def _named(self, order: Order, seq: int, e: ev.CancelRequested | ev.FlattenRequested) -> None:
        """Owed a cancel, where the command is about it."""
        if _works(order) and _about(order, e):
            self._cancels[order.order_id].add(seq)

    def _revised(self, e: ev.StrategyRevised, at: Envelope) -> None:
        """A strategy that is removed has what works for it cancelled."""
        if e.outcome == "removed":
            self._removals.append((at.cause, e.strategy))
            for order in self._orders.orders.values():
                if order.strategy == e.strategy and order.worked(at.cause):
                    self._cancels[order.order_id].add(at.cause)

    def _resume(self, e: ev.ResumeRequested, at: Envelope) -> None:
        self._resumes[at.seq] = e

    def _halted(self, e: ev.HaltRequested, at: Envelope) -> None:
        """What came before it and nobody answered is no longer wanted."""
        self._resumes = {s: r for s, r in self._resumes.items() if (r.scope, r.key) != (e.scope, e.key) or s > at.seq}

    # -- what comes of it

    def _approved(self, e: ev.OrderApproved, at: Envelope) -> None:
        """Approved before a command that overtook it in the log: risk knew of it."""
        for seq, command in self._asked:
            if at.cause < seq:
                self._named(self._orders.orders[e.order_id], seq, command)
        if e.strategy == OWNER and self._flattens.get(e.terms.symbol, at.cause + 1) <= at.cause:
            del self._flattens[e.terms.symbol]
            self._seen["flatten closes"] += 1

    def _cancelled(self, e: ev.CancelApproved, at: Envelope) -> None:
        if e.reason is not Reason.OPERATOR:
            return
        order = self._orders.orders[e.order_id]
        named = any(order.cause < seq <= at.cause and _about(order, command) for seq, command in self._asked)
        named = named or any(order.cause < seq <= at.cause and order.strategy == strategy for seq, strategy in self._removals)
        hold(named, "command", f"{e.order_id} is cancelled in the name of an operator who named it not, at seq {at.seq}")
        self._cancels[e.order_id] = {seq for seq in self._cancels[e.order_id] if seq > at.cause}
        self._seen["operator cancels"] += 1

    def _settle(self, symbol: str) -> None:
        if self._orders.account.positions[symbol] == ZERO:
            self._flattens.pop(symbol, None)

    def _state(self, e: ev.TradingStateChanged, at: Envelope) -> None:
        self._resumes = {s: r for s, r in self._resumes.items() if s > at.cause or (r.scope, r.key) != (e.scope, e.key)}

    def _answered(self, cause: int) -> None:
        self._resumes = {s: r for s, r in self._resumes.items() if s > cause}

    def _alert(self, e: ev.Alert, at: Envelope) -> None:
        kind, _, subject = e.key.partition(":")
        if kind == "resume":
            self._resumes = {s: r for s, r in self._resumes.items() if r.command != subject}
        if e.key.startswith("flatten.") and e.severity is Severity.CRITICAL:
            symbol = e.key.removeprefix("flatten.")
            if self._flattens.get(symbol, at.seq) < at.seq:
                del self._flattens[symbol]


def _works(order: Order) -> bool:
    return not order.ended and order.leaves > ZERO


def _about(order: Order, e: ev.CancelRequested | ev.FlattenRequested) -> bool:
    if isinstance(e, ev.FlattenRequested):
        return order.strategy != OWNER and e.symbol in ("", order.terms.symbol)
    return e.order_id in ("", order.order_id)
