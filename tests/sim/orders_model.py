"""Orders, written a second way: what was wanted, approved, written ahead, put on the wire, and what became of it (I3-I5, I8-I10, R2, R3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from shared import events as ev
from shared.events import Envelope, OrderSide, OrderTerms

from .account_model import AccountModel
from .exits_model import ExitsModel
from .groups_model import EXITS, OWN_REPLACES, GroupsModel
from .halts_model import Halts
from .limits_model import LimitsModel
from .locks_model import Locks
from .log_model import LogModel
from .truth import ZERO, Broken, Truth, hold

OWNER: Final = "risk"
EXTERNAL: Final = "external"
LAG_NS: Final = 200_000_000  # a writer knows the log's time by its quickest event, which was on its way that long at most
QUOTE_AGE_NS: Final = 5_000_000_000
_ENDS: Final = (ev.OrderRejected, ev.OrderCanceled, ev.OrderExpired, ev.OrderAbandoned)
Handler = Callable[[Any, Envelope], None]
Handlers = dict[type[ev.Event], Handler]
_DRIFTING: Final = frozenset({ev.OrderFilled, ev.OrderAccepted, ev.OrderUnknown, ev.ExternalOrderSeen, ev.CorporateAction, ev.OrderReplaced})


@dataclass(slots=True)
class Order:
    """One of ours. seq, cause, halt_epoch: of its approval. over: seq of its end, 0 before. most: largest quantity the broker may have been given.
    asked: replaces approved and not yet over, by number. ended: by the log; revived: it showed after it was abandoned."""

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
    group: str = ""
    role: str = ""
    approved: Decimal = ZERO
    cause: int = 0
    over: int = 0
    asked: dict[int, OrderTerms] = field(default_factory=dict)
    replaces_sent: set[int] = field(default_factory=set)

    def worked(self, at: int) -> bool:
        """Whether it did as risk had it when this seq came."""
        return self.cause < at and (self.over > at or (not self.ended and self.leaves > ZERO))

    @property
    def shares(self) -> bool:
        """Whether it is counted with its group and not by itself."""
        return self.role not in ("", "entry")

    @property
    def largest(self) -> Decimal:
        """By what was approved and is not over."""
        return max([self.approved, self.terms.quantity, *(t.quantity for t in self.asked.values())])

    @property
    def leaves(self) -> Decimal:
        """What may still fill, as the worst case counts it."""
        if self.ended:
            return ZERO
        return max([self.terms.quantity, *(t.quantity for t in self.asked.values())]) - self.filled


def is_exit(order_id: str, strategy: str) -> bool:
    """Whether it is one of risk's own orders that closes a strategy's holding."""
    return strategy != OWNER and order_id.startswith(f"{OWNER}:")


class OrdersModel:
    """seen: requests on the wire, counted. jumped: the wall clock has jumped, so real time
    bounds nothing in log time."""

    def __init__(
        self, log: LogModel, truth: Truth, halts: Halts, account: AccountModel, groups: GroupsModel, limits: LimitsModel, seen: Counter[str]
    ) -> None:
        self._log, self._truth, self.halts, self.account = log, truth, halts, account
        self.groups, self.limits = groups, limits
        self.seen = seen
        self.jumped = False
        self.orders: dict[str, Order] = {}
        self.by_client: dict[str, str] = {}
        self.intents: dict[str, tuple[int, ev.OrderIntent]] = {}
        self.answered: set[str] = set()
        self.asked: dict[str, set[int]] = defaultdict(set)  # replaces that strategies wanted and nobody answered
        self.locks = Locks()
        self.exits = ExitsModel(self)
        self._drift: dict[tuple[str, OrderSide], list[tuple[int, Decimal]]] = defaultdict(list)  # what raised the worst case and was no approval
        self._wire: set[str] = set()

    def handlers(self) -> Handlers:
        return {
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
            ev.ExternalOrderSeen: self._external,
            ev.LimitBreached: self.exits.breached,
            ev.OrderReplaced: self._replaced,
            ev.ReplaceRejected: self._replace_over,
            **dict.fromkeys(_ENDS, self._ended),
        }

    # -- intents and decisions

    def noting(self, handlers: Handlers) -> Handlers:
        """The model's handlers, with what they do to the worst case noted."""
        return {kind: self.drifting(handler) if kind in _DRIFTING else handler for kind, handler in handlers.items()}

    def _intent(self, e: ev.OrderIntent, at: Envelope) -> None:
        hold(e.order_id not in self.intents, "I3", f"{e.order_id} is wanted twice")
        self.intents[e.order_id] = (at.seq, e)

    def _approved(self, e: ev.OrderApproved, at: Envelope) -> None:
        hold(e.order_id not in self.orders, "I4", f"{e.order_id} is approved twice")
        hold(e.terms.quantity > 0, "I4", e)
        caused = self._log.times[at.cause]
        if is_exit(e.order_id, e.strategy):
            self.exits.approved(e, at)
        elif e.strategy != OWNER:
            self._as_wanted(e, at)
            hold(caused - e.reference_ns <= QUOTE_AGE_NS, "I10", f"{e.order_id} is valued at a price {(caused - e.reference_ns) / 1e9} s old")
            for key in self.halts.scopes(e.strategy, e.terms.symbol):
                hold(not self.halts.wanted(key, at.cause), "I8", f"{e.order_id} is approved while {key} is halted")
            hold(not self.locks.held(e.terms.symbol, at.cause), "lock", f"{e.order_id} is approved while {e.terms.symbol} is locked")
        self.answered.add(e.order_id)
        order = Order(e.order_id, e.strategy, e.terms, at.seq, e.deadline_ns, e.halt_epoch, e.terms.quantity)
        order.group, order.role, order.approved, order.cause = e.group, e.group_role, e.terms.quantity, at.cause
        self.orders[e.order_id] = order
        if e.group:
            self.groups.joined(order, e.group_size)
        self._exposed(order, "approval", at.cause)

    def _as_wanted(self, e: ev.OrderApproved, at: Envelope) -> None:
        seq, wanted = self.intents.get(e.order_id, (0, None))
        hold(wanted is not None and wanted.terms == e.terms, "I4", f"{e.order_id} is approved as nobody wanted it")
        assert wanted is not None
        grouped = (wanted.group, wanted.group_role, wanted.group_size)
        hold(grouped == (e.group, e.group_role, e.group_size), "I4", f"{e.order_id} is approved in another group")
        whole = [s for s, intent in self.intents.values() if intent.group == e.group] if e.group else [seq]
        hold(at.cause == max(whole), "I4", f"{e.order_id} is approved by another cause")
        largest = self.limits.of("order_qty_max", e.terms.symbol, at.cause)
        hold(largest is None or e.terms.quantity <= largest, "I9", f"{e.order_id} is approved for {e.terms.quantity}, the limit is {largest}")

    def _denied(self, e: ev.OrderDenied, _: Envelope) -> None:
        hold(e.order_id not in self.orders or self.orders[e.order_id].ended, "I4", f"{e.order_id} is approved and denied")
        self.answered.add(e.order_id)

    def _replace_approved(self, e: ev.ReplaceApproved, at: Envelope) -> None:
        order = self.orders[e.order_id]
        self.asked[e.order_id].discard(e.replace_no)
        hold(e.replace_no not in order.asked, "I4", f"replace {e.replace_no} of {e.order_id} is approved twice")
        for key in self.halts.scopes(order.strategy, order.terms.symbol):
            hold(not self.halts.wanted(key, at.cause), "I8", f"a replace of {e.order_id} is approved while {key} is halted")
        order.asked[e.replace_no] = e.terms
        if e.terms.quantity > order.terms.quantity:
            self._exposed(order, "replace", at.cause)

    def _exposed(self, order: Order, why: str, cause: int) -> None:
        """I9: what is held and all that may still fill on the order's side, unknown ones included; as whoever approved could know it."""
        if order.order_id.startswith(f"{OWNER}:") or order.role in EXITS:  # an exit closes what its entry opens
            return
        symbol, side = order.terms.symbol, order.terms.side
        unseen = sum((by for seq, by in self._drift[(symbol, side)] if seq > cause), ZERO)
        worst = self._worst(symbol, side) - unseen
        limit = self.limits.of("position_max", symbol, cause)
        hold(
            limit is None or worst <= limit or worst <= 0, "I9", f"{why} of {order.order_id}: {side} {symbol} may reach {worst}, the limit is {limit}"
        )

    def _worst(self, symbol: str, side: OrderSide) -> Decimal:
        held = Decimal(self.account.positions[symbol])
        orders = [o for o in self.orders.values() if o.terms.symbol == symbol]
        open_ = sum((o.leaves for o in orders if o.terms.side is side and not o.shares), ZERO) + self.groups.open(orders, side)
        return (held if side is OrderSide.BUY else -held) + open_

    def drifting(self, handler: Handler) -> Handler:
        """A handler of what is no approval, with what it adds to the worst case noted."""

        def noted(e: Any, at: Envelope) -> None:
            symbols = [s for s in {getattr(e, "symbol", ""), *(o.terms.symbol for o in (self.orders.get(getattr(e, "order_id", "")),) if o)} if s]
            symbols += [e.terms.symbol] if isinstance(e, ev.ExternalOrderSeen) else []
            lines = [(symbol, side) for symbol in sorted(set(symbols)) for side in OrderSide]
            before = [self._worst(*line) for line in lines]
            handler(e, at)
            for line, was in zip(lines, before, strict=True):
                if (by := self._worst(*line) - was) > 0:
                    self._drift[line].append((at.seq, by))

        return noted

    # -- the router's write-aheads

    def _sending(self, e: ev.OrderSending, at: Envelope) -> None:
        order = self.orders.get(e.order_id)
        if order is None:
            raise Broken(f"I4: {e.order_id} is sent without an approval")
        hold(not order.sent, "I3", f"{e.order_id} is written ahead twice")
        if self.groups.is_held(order):
            self._released(order, e, at)
        hold(order.terms == e.terms and order.deadline == e.deadline_ns, "I4", f"{e.order_id} is sent as it was not approved")
        hold(self._log.times[at.cause] <= e.deadline_ns, "I4", f"{e.order_id} is sent past its deadline")
        hold(e.client_order_id not in self.by_client, "I3", f"{e.client_order_id} is used twice")
        for key in self.halts.scopes(order.strategy, order.terms.symbol):
            halt = self.halts.commanded(key)
            hold(not order.seq < halt < at.cause, "I8", f"{e.order_id}, approved before the halt at seq {halt}, is sent after it")
        self.by_client[e.client_order_id] = e.order_id
        order.sent, order.epoch, order.client_id = at.seq, at.epoch, e.client_order_id

    def _released(self, order: Order, e: ev.OrderSending, at: Envelope) -> None:
        """A leg that waited goes out for what there is for it, with its time from then on."""
        room = self.groups.room(order)
        hold(ZERO < e.terms.quantity <= min(room, order.approved), "group", f"{e.order_id} is sent for {e.terms.quantity}, it may have {room}")
        order.terms = replace(order.terms, quantity=e.terms.quantity)
        order.most = e.terms.quantity
        order.deadline += self._log.times[at.cause] - self._log.times[order.seq]

    def _resized(self, order: Order, e: ev.ReplaceSending) -> None:
        """The router itself gives a leg another quantity."""
        room = self.groups.room(order) if order.group else ZERO
        hold(e.terms == replace(order.terms, quantity=e.terms.quantity), "I4", f"{e.order_id} is replaced by other terms than it has")
        hold(e.terms.quantity <= min(room, order.approved), "group", f"{e.order_id} is replaced for {e.terms.quantity}, it may have {room}")
        self.seen["leg resized"] += 1

    def _replace_sending(self, e: ev.ReplaceSending, at: Envelope) -> None:
        order = self.orders[e.order_id]
        if e.replace_no >= OWN_REPLACES:
            self._resized(order, e)
        else:
            hold(order.asked.get(e.replace_no) == e.terms, "I4", f"replace {e.replace_no} of {e.order_id} is sent as it was not approved")
        hold(e.replace_no not in order.replaces_sent, "I3", f"replace {e.replace_no} of {e.order_id} is written ahead twice")
        hold(e.client_order_id not in self.by_client, "I3", f"{e.client_order_id} is used twice")
        order.replaces_sent.add(e.replace_no)
        order.most = max(order.most, e.terms.quantity)
        self.by_client[e.client_order_id] = e.order_id

    def wire(self, method: str, message: Any, epoch: int, log_time: int) -> None:
        """A request as it is written: after its write-ahead, by the epoch that made it, which is still the newest; once."""
        self.seen[f"wire {method}"] += 1
        name = message.client_order_id or self._truth.clients.get(getattr(message, "broker_order_id", ""), "")  # somebody else's order
        order_id = self.by_client.get(name)
        hold(order_id is not None, "R2", f"{method} {name} is on the wire without a durable write-ahead")
        assert order_id is not None
        order = self.orders[order_id]
        hold(
            epoch == self._log.epochs.get("order_router"),
            "R3",
            f"{method} {name} is written under epoch {epoch}, {self._log.epochs.get('order_router')} is the newest",
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

    def _external(self, e: ev.ExternalOrderSeen, at: Envelope) -> None:
        self._truth.read()
        name = self._truth.clients.get(e.broker_order_id, "")
        known = self.orders.get(e.order_id)
        if known is not None:  # it was known by its executions alone
            hold(known.ended == "over" and e.working and e.filled == known.filled, "I3", f"{e.order_id} is seen twice")
            hold(self._truth.orders[name].terms == e.terms, "I3", f"{e.order_id} is seen as it is not: {e}")
            known.terms, known.ended = e.terms, ""
            return
        hold(name and name not in self.by_client, "I3", f"an order of ours is taken for somebody else's: {e}")
        hold(e.strategy == EXTERNAL, "I3", f"nobody's order is {e.strategy}'s: {e}")
        self.by_client[name] = e.order_id
        quantity = e.terms.quantity
        order = Order(e.order_id, e.strategy, e.terms, at.seq, 0, 0, quantity, sent=at.seq, client_id=name, filled=e.filled)
        order.ended = "" if e.working else "over"
        self.orders[e.order_id] = order

    def _accepted(self, e: ev.OrderAccepted, _: Envelope) -> None:
        order = self.orders[e.order_id]
        hold(order.sent, "I5", f"{e.order_id} is accepted and was never sent")
        self._revive(order)
        order.unknown = False

    def _filled(self, e: ev.OrderFilled, at: Envelope) -> None:
        self._truth.read()
        order = self.orders[e.order_id]
        row = self._truth.executions.get(e.execution_id)
        hold(row is not None, "I5", f"{e.execution_id} is booked and the venue never made it")
        assert row is not None
        booked = (e.symbol, e.side, e.quantity, e.price, e.commission)
        hold(booked == (row.symbol, row.side, row.quantity, row.price, row.commission), "I5", f"{e.execution_id} is booked as {booked}")
        hold(self.by_client.get(row.client_order_id) == e.order_id, "I5", f"{e.execution_id} is booked for {e.order_id}")
        self._revive(order)
        order.unknown = False
        order.filled += e.quantity
        if order.group:
            self.groups.filled(order)
            self.seen[f"{order.role} filled"] += 1
        hold(order.filled == e.cumulative, "I5", f"fills of {e.order_id} sum to {order.filled}, booked as {e.cumulative}")
        if order.strategy != EXTERNAL:  # of theirs only what was told so far is known
            hold(order.filled <= order.most, "I5", f"{e.order_id} is filled {order.filled} of {order.most}")
        order.over = 0 if order.leaves else at.seq
        self.account.filled(e, at, order.cause)

    def _ended(self, e: Any, at: Envelope) -> None:
        order = self.orders[e.order_id]
        kind = type(e).__name__
        hold(not order.ended, "I5", f"{e.order_id} ends as {order.ended} and as {kind}")
        if kind == "OrderCanceled" and self.groups.is_held(order) and not order.sent:
            self.seen["leg ended unsent"] += 1
        elif kind != "OrderAbandoned":
            hold(order.sent, "I5", f"{e.order_id} ends as {kind} and was never sent")
        if hasattr(e, "filled"):
            hold(e.filled == order.filled, "I5", f"{e.order_id} ends with {e.filled} done, {order.filled} are booked")
        if kind == "OrderExpired":
            self._truth.read()
            row = self._truth.orders.get(order.client_id)
            hold(row is not None and row.status == "expired", "I5", f"{e.order_id} expired, the venue has {row}")
        if kind == "OrderAbandoned" and order.sent and not self.jumped:
            self._truth.read()
            hold(order.client_id not in self._truth.orders, "R3", f"{e.order_id} is abandoned and the venue has it")
        order.ended, order.unknown, order.over = kind, False, at.seq

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
        """It is counted again."""
        if order.ended == "OrderAbandoned":
            order.ended, order.over = "", 0
