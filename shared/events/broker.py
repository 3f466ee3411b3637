"""Broker family (tags 260-299): evidence. What a session saw at the broker, word for word; nothing here is a decision.

Sessions of the router and the reconciler append these as outside facts on `t.b.`; only the router core books outcomes and fills from
them. An answer that failed is its own type, never an empty list: a failed positions call cannot look like a flat account.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from .base import TOPIC_BROKER, Event, Value
from .enums import ErrorClass, OrderSide, OrderStatus
from .orders import OrderTerms


class BrokerEvent(Event, frozen=True):
    """Evidence of one account; session: `router` | `reconciler`."""

    account: str
    session: str

    @property
    def topic(self) -> str:
        return TOPIC_BROKER


class ExecutionRow(Value, frozen=True):
    """One execution as the broker tells it. previous_id: set when it corrects that execution; quantity 0 with it: busted."""

    execution_id: str
    broker_order_id: str
    client_order_id: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    commission: Decimal
    currency: str
    cumulative: Decimal
    broker_ns: int
    is_maker: bool = False
    venue: str = ""
    previous_id: str = ""


class OrderRow(Value, frozen=True):
    """One order as the broker tells it. replaced_by / replaces: client_order_ids of a replace chain."""

    client_order_id: str
    broker_order_id: str
    status: OrderStatus
    terms: OrderTerms
    filled: Decimal
    average_price: Decimal | None
    broker_ns: int
    code: str = ""
    text: str = ""
    replaces: str = ""
    replaced_by: str = ""


class PositionRow(Value, frozen=True):
    """A holding; quantity signed, average_price in the instrument's currency."""

    symbol: str
    quantity: Decimal
    average_price: Decimal


class UnsettledRow(Value, frozen=True):
    """Proceeds of sales, part of the cash, that may be spent once the calendar's trading date begins. currency: empty for the account's own."""

    calendar: str
    date: str
    amount: Decimal
    currency: str = ""


class BalanceRow(Value, frozen=True):
    """Money of a currency that is not the account's own; negative: owed."""

    currency: str
    amount: Decimal


class AccountRow(Value, frozen=True):
    """Account totals in its base currency, in which cash is what there is of that currency alone. unsettled: what of the cash may not be spent
    yet; None where the broker does not say or every sale settles at once. balances: money of other currencies, none of them zero."""

    currency: str
    cash: Decimal
    equity: Decimal
    buying_power: Decimal
    unsettled: tuple[UnsettledRow, ...] | None = None
    balances: tuple[BalanceRow, ...] = ()


class BrokerOrderReported(BrokerEvent, frozen=True):
    """State of one order, from a stream, an answer or a look-up. report: the broker's own number of the report, 0 where it has none."""

    TAG: ClassVar[int] = 260
    order: OrderRow
    report: int = 0


class BrokerExecutionReported(BrokerEvent, frozen=True):
    """One execution."""

    TAG: ClassVar[int] = 261
    execution: ExecutionRow
    report: int = 0


class BrokerRequestRefused(BrokerEvent, frozen=True):
    """A definite no to one request. request: submit | cancel | replace; replace_no: 0 unless replace."""

    TAG: ClassVar[int] = 262
    request: str
    client_order_id: str
    error: ErrorClass
    code: str
    text: str
    replace_no: int = 0


class BrokerRequestAmbiguous(BrokerEvent, frozen=True):
    """The outcome of one request is not known: time-out, 5xx, cut line, unreadable answer after the first byte was sent."""

    TAG: ClassVar[int] = 263
    request: str
    client_order_id: str
    error: ErrorClass
    text: str
    replace_no: int = 0


class BrokerRequestNotSent(BrokerEvent, frozen=True):
    """Nothing left this machine: deadline or lease gone at the socket write, no connection, throttle, dry run."""

    TAG: ClassVar[int] = 264
    request: str
    client_order_id: str
    text: str
    replace_no: int = 0


class BrokerOrderNotFound(BrokerEvent, frozen=True):
    """A look-up by client_order_id that the broker answered with a definite `no such order`."""

    TAG: ClassVar[int] = 265
    client_order_id: str
    attempt: int


class BrokerQueryFailed(BrokerEvent, frozen=True):
    """A read failed: says nothing about what it asked for. query: order | orders | executions | positions | account."""

    TAG: ClassVar[int] = 266
    query: str
    subject: str
    error: ErrorClass
    text: str


class ActionRow(Value, frozen=True):
    """What a corporation or an exchange did to a symbol, as the broker tells it. kind: split | symbol_change | expiry; ratio new units for
    `per` old ones, holdings kept in whole `lot`s (0: as they come) and what is past them paid out: `price` a new unit, `cash` in all, signed.
    expiry: settled at `price`. reference: the broker's own id of it, used once."""

    kind: str
    symbol: str
    reference: str
    broker_ns: int
    ratio: Decimal = Decimal(1)
    per: Decimal = Decimal(1)
    new_symbol: str = ""
    lot: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    cash: Decimal = Decimal(0)


class ActionPlaced(Value, frozen=True):
    """An action among the executions of a reading. after: how many of them came before it."""

    action: ActionRow
    after: int


class BrokerClock(Value, frozen=True):
    """The broker's wall clock less ours, and by how much that may be wrong (half the round trip), both ns."""

    offset_ns: int
    error_ns: int


class BrokerStateReported(BrokerEvent, frozen=True):
    """One whole reading of the account by the reconciler: open orders, executions and actions since its cursor, positions, totals; complete or
    not at all. query: the `ReconcileRequested` it answers; as_of: ns broker time when the broker has it, else log time before the first read;
    report: the broker's report number it reflects, 0 where it has none; next_cursor: what to pass as the next `since`; clock: None where the
    broker's answers tell no time."""

    TAG: ClassVar[int] = 267
    VERSION: ClassVar[int] = 2
    query: int
    orders: tuple[OrderRow, ...]
    executions: tuple[ExecutionRow, ...]
    positions: tuple[PositionRow, ...]
    totals: AccountRow
    as_of: int
    report: int
    next_cursor: str
    actions: tuple[ActionPlaced, ...] = ()
    clock: BrokerClock | None = None


class BrokerConnectionChanged(BrokerEvent, frozen=True):
    """A session's connection came up or went, or an attempt to bring it back failed. capabilities: JSON of `shared.brokers.Capabilities` when up.
    attempts: failed ones since the last good connection, 0 at the loss itself; given_up: there is none by itself any more."""

    TAG: ClassVar[int] = 268
    VERSION: ClassVar[int] = 2
    connected: bool
    text: str = ""
    capabilities: str = ""
    attempts: int = 0
    given_up: bool = False


class CashRow(Value, frozen=True):
    """Money that moved without a trade, as the broker tells it. kind: deposit | withdrawal | dividend | interest | fee; amount signed, in
    `currency`; reference: the broker's own id of it, used once. symbol, units: what a dividend was paid on, signed; empty and 0 for none."""

    kind: str
    currency: str
    amount: Decimal
    reference: str
    broker_ns: int
    symbol: str = ""
    units: Decimal = Decimal(0)


class BrokerCashReported(BrokerEvent, frozen=True):
    """One cash movement."""

    TAG: ClassVar[int] = 269
    cash: CashRow
    report: int = 0


class BrokerActionReported(BrokerEvent, frozen=True):
    """One corporate action."""

    TAG: ClassVar[int] = 270
    action: ActionRow
    report: int = 0
