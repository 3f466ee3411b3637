"""What every broker adapter promises: outcomes, capabilities, sessions.

A request that changes something has one of four outcomes, and which one decides what may be done next:

    Accepted   the broker has it (a cancel: took the request; the order may still fill)
    Refused    a definite no: nothing will come of it
    Ambiguous  it left this machine and nobody knows: look it up by client_order_id, never send it again blindly
    NotSent    nothing left this machine

A reading either is whole or raises `ReadFailed`: an error can never look like an empty answer. Sessions are used by one thread, block no
longer than their time-outs, and never raise for what the broker does, except `ReadFailed` from a reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from shared.events import (
    AccountRow,
    ActionPlaced,
    ActionRow,
    BrokerClock,
    CashRow,
    ErrorClass,
    Event,
    ExecutionRow,
    OrderRow,
    OrderTerms,
    OrderType,
    PositionRow,
    TimeInForce,
)

DUPLICATE: Final = "duplicate"  # code of a Refused that means: an order of this client_order_id exists there

Permit = Callable[[], str]
"""Asked right before a request leaves (lease, deadline, halt epoch): empty to go, else the reason nothing is sent."""


def always() -> str:
    """The permit of whoever needs none."""
    return ""


class Value(msgspec.Struct, frozen=True):
    """Base of the values below."""


class Accepted(Value, frozen=True):
    """order: as the broker showed it in its answer, None where the answer shows none. report: newest report the broker had made by then, 0 where
    it numbers none."""

    order: OrderRow | None = None
    report: int = 0


class Refused(Value, frozen=True):
    """code: the broker's, stable; text: for people."""

    error: ErrorClass
    code: str
    text: str
    order: OrderRow | None = None
    report: int = 0


class Ambiguous(Value, frozen=True):
    error: ErrorClass
    text: str


class NotSent(Value, frozen=True):
    text: str


Outcome = Accepted | Refused | Ambiguous | NotSent


class ReadFailed(Exception):
    """A reading could not be made; it says nothing about what was asked."""

    def __init__(self, query: str, error: ErrorClass, text: str) -> None:
        super().__init__(f"{query}: {error}: {text}")
        self.query = query
        self.error = error
        self.text = text


class Capabilities(Value, frozen=True):
    """What a broker can do. orders: times in force by order type. idempotent_submit: the same client_order_id and terms are answered with the
    first outcome, so a submission may be repeated. numbered_reports: reports carry dense numbers, so a missed one is noticed."""

    broker: str
    asset_classes: tuple[str, ...]
    orders: dict[OrderType, tuple[TimeInForce, ...]]
    supports_fractional_quantity: bool = False
    supports_short_selling: bool = False
    supports_crypto: bool = False
    supports_bracket_orders: bool = False
    supports_oco_orders: bool = False
    supports_replace: bool = False
    max_orders_per_second: int = 0
    max_messages_per_second: int = 0
    idempotent_submit: bool = False
    numbered_reports: bool = False

    def takes(self, kind: OrderType, tif: TimeInForce) -> bool:
        return tif in self.orders.get(kind, ())

    def to_json(self) -> str:
        """For `BrokerConnectionChanged.capabilities`; keys sorted."""
        return msgspec.json.encode(self, order="sorted").decode()


class Submission(Value, frozen=True):
    """now_ns: log time of the decision, which a simulated broker trades at. group: OCO group, where supported. venue: where the
    order is to be directed, where the broker takes directions."""

    client_order_id: str
    terms: OrderTerms
    now_ns: int
    group: str = ""
    venue: str = ""


class Cancellation(Value, frozen=True):
    """attempt: dense from 1 an order."""

    client_order_id: str
    broker_order_id: str
    attempt: int
    now_ns: int


class Replacement(Value, frozen=True):
    """client_order_id: the new one; replaces: the one whose place it takes. terms: whole, quantity including what is filled."""

    client_order_id: str
    replaces: str
    broker_order_id: str
    terms: OrderTerms
    now_ns: int


class OrderSeen(Value, frozen=True):
    """report: the broker's number of it, 0 where it has none."""

    order: OrderRow
    report: int = 0


class ExecutionSeen(Value, frozen=True):
    execution: ExecutionRow
    report: int = 0


class CashSeen(Value, frozen=True):
    cash: CashRow
    report: int = 0


class ActionSeen(Value, frozen=True):
    action: ActionRow
    report: int = 0


class StreamUp(Value, frozen=True):
    """The stream speaks (again); everything from the last report on follows, where reports are numbered. Elsewhere: reconcile."""

    text: str = ""


class StreamDown(Value, frozen=True):
    """The stream is silent, broken or cannot be read; until StreamUp nothing is known to be whole. The last item of its batch: nobody listens on
    until the session was made anew, connected and resumed, when and as often as `live.reconnect` says. No adapter reconnects by itself."""

    text: str


StreamItem = OrderSeen | ExecutionSeen | CashSeen | ActionSeen | StreamUp | StreamDown


class Executions(Value, frozen=True):
    """next_cursor: pass it as the next cursor. more: there are further ones."""

    rows: tuple[ExecutionRow, ...]
    next_cursor: str
    more: bool = False


class WholeState(Value, frozen=True):
    """One reading of everything. report: newest report it reflects, 0 where the broker numbers none: then `orders` and `positions` may be of
    slightly different moments. actions: corporate actions among the executions. as_of: ns, the broker's time when it has one, else ours before the first read.
    clock: the broker's wall clock against ours, where its answers tell the time."""

    orders: tuple[OrderRow, ...]
    executions: tuple[ExecutionRow, ...]
    positions: tuple[PositionRow, ...]
    totals: AccountRow
    as_of: int
    report: int
    next_cursor: str
    actions: tuple[ActionPlaced, ...] = ()
    clock: BrokerClock | None = None


def clock_between(broker_ns: int, asked_ns: int, answered_ns: int, resolution_ns: int = 0) -> BrokerClock:
    """The broker's time in an answer against our wall clock before and after: taken somewhere between the two, and read to a resolution."""
    error = (answered_ns - asked_ns) // 2 + resolution_ns
    return BrokerClock(broker_ns - (asked_ns + answered_ns) // 2, error)


class Session(Protocol):
    """What every session has. account: known once connected. A session that was lost is closed, and another one made in its place."""

    def connect(self, timeout_s: float) -> str:
        """Come up; the account number. Raises ReadFailed."""

    def close(self) -> None: ...


class ExecutionSession(Session, Protocol):
    """Orders. One `submit` is one request on the wire: no adapter retries one by itself."""

    def capabilities(self) -> Capabilities: ...

    def submit(self, submission: Submission, permit: Permit = always) -> Outcome: ...

    def cancel(self, cancellation: Cancellation, permit: Permit = always) -> Outcome: ...

    def replace(self, replacement: Replacement, permit: Permit = always) -> Outcome: ...

    def order_by_client_id(self, client_order_id: str) -> OrderRow | None:
        """None: the broker's definite `no such order`. Raises ReadFailed."""

    def open_orders(self) -> Sequence[OrderRow]:
        """Raises ReadFailed."""

    def executions_since(self, cursor: str) -> Executions:
        """After a cursor of this broker (empty: from the beginning of what it keeps), oldest first. Raises ReadFailed."""

    def resume(self, report: int) -> None:
        """The newest report already known (0: none): the stream goes on after it. Raises ReadFailed when the broker never made that many."""

    def stream(self, timeout_s: float) -> Sequence[StreamItem]:
        """What arrived by itself, in order, waiting up to timeout_s when there is nothing."""


class AccountSession(Session, Protocol):
    """Readings of an account, by the reconciler's own connection."""

    def account(self) -> AccountRow:
        """Raises ReadFailed."""

    def positions(self) -> Sequence[PositionRow]:
        """Raises ReadFailed."""

    def whole_state(self, cursor: str) -> WholeState:
        """Everything, with the executions after a cursor. Raises ReadFailed when any part fails: whole or not at all."""


class MarketDataSession(Session, Protocol):
    """Live market data."""

    def subscribe(self, symbols: Sequence[str]) -> None: ...

    def unsubscribe(self, symbols: Sequence[str]) -> None: ...

    def events(self, timeout_s: float) -> Sequence[Event]:
        """Market events and feed states in order of arrival, waiting up to timeout_s when there are none. FeedStatus.DOWN is the last of its
        batch: the line is lost, and the next thing is `connect`."""
