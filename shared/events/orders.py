"""Order family (tags 200-259): intents, risk decisions, the router's write-ahead and bookings.

Order id: `<strategy>:<run>:<n>`, the n-th order of a strategy run, the same in every replay. Quantities, prices, fees are exact.
The road: OrderIntent -> OrderApproved | OrderDenied -> OrderSending -> OrderAccepted | OrderRejected | OrderUnknown -> OrderFilled* /
OrderCanceled / OrderExpired / OrderReplaced / OrderAbandoned.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from .base import TOPIC_BROKER, Event, Value, topic_orders
from .enums import OrderSide, OrderType, Reason, TimeInForce


class OrderTerms(Value, frozen=True):
    """What is to be traded. quantity > 0. expire_at: ns UTC, GTD only. trail_*: TRAILING_STOP only, one of the two."""

    symbol: str
    side: OrderSide
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    tif: TimeInForce = TimeInForce.DAY
    expire_at: int = 0
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None


class Market(Value, frozen=True):
    """What an order may be routed by. bid, ask: the quote it was valued by, 0 where none stood; last: the price it was valued at; worst: the
    farthest limit within what was approved; tick, lot: the grid of prices and quantities. style: passive | aggressive, or empty: by spread."""

    bid: float
    ask: float
    last: float
    worst: Decimal
    tick: Decimal
    lot: Decimal
    style: str = ""


class RoutedChild(Value, frozen=True):
    """A part of an order as it goes to the broker. order_id: `<order id>/<k>`; venue: where it is directed to, empty: nowhere."""

    order_id: str
    terms: OrderTerms
    venue: str = ""


class OrderEvent(Event, frozen=True):
    """An event of one order, on its strategy's topic."""

    order_id: str
    strategy: str

    @property
    def topic(self) -> str:
        return topic_orders(self.strategy)


class OrderIntent(OrderEvent, frozen=True):
    """A strategy wants to trade. group: bracket or OCO group id, empty for a plain order; group_role: entry | take_profit | stop_loss |
    oco. reduce_only: refused rather than allowed to add. group_size: orders of the group, 0 where nobody holds it together. style: how it is
    routed, passive | aggressive, or empty: by the spread."""

    TAG: ClassVar[int] = 200
    VERSION: ClassVar[int] = 3
    terms: OrderTerms
    group: str = ""
    group_role: str = ""
    reduce_only: bool = False
    group_size: int = 0
    style: str = ""


class CancelIntent(OrderEvent, frozen=True):
    """A strategy, operator or risk wants an order gone."""

    TAG: ClassVar[int] = 201
    reason: Reason | None = None


class ReplaceIntent(OrderEvent, frozen=True):
    """A strategy wants other terms for a working order; None keeps a field. replace_no: dense from 1 an order."""

    TAG: ClassVar[int] = 202
    replace_no: int
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


class OrderApproved(OrderEvent, frozen=True):
    """Risk's permission for exactly these terms until deadline_ns (log time) in this halt epoch. reference: price the order was valued
    at; reference_ns: that price's time. group_size: orders of the group the router holds together; an order it holds back may be sent for
    less than its quantity, and its time runs from when it is released. market: where orders are routed, what by."""

    TAG: ClassVar[int] = 210
    VERSION: ClassVar[int] = 3
    terms: OrderTerms
    deadline_ns: int
    halt_epoch: int
    reference: float
    reference_ns: int
    group: str = ""
    group_role: str = ""
    group_size: int = 0
    market: Market | None = None


class OrderDenied(OrderEvent, frozen=True):
    """Risk refused an intent: reason code, the limit's key and value, and the value that met it."""

    TAG: ClassVar[int] = 211
    reason: Reason
    key: str
    limit: str
    value: str


class CancelApproved(OrderEvent, frozen=True):
    """Permission to cancel; cancels always pass risk."""

    TAG: ClassVar[int] = 212
    reason: Reason | None = None


class ReplaceApproved(OrderEvent, frozen=True):
    """Permission to replace: the whole new terms (checked at the larger of old and new)."""

    TAG: ClassVar[int] = 213
    replace_no: int
    terms: OrderTerms
    deadline_ns: int
    halt_epoch: int


class ReplaceDenied(OrderEvent, frozen=True):
    """The order keeps its old terms."""

    TAG: ClassVar[int] = 214
    replace_no: int
    reason: Reason
    key: str
    limit: str
    value: str


class OrderSending(OrderEvent, frozen=True):
    """Write-ahead of the submission: durable before the first byte leaves. Only the epoch that journaled it may send it. group: name of the
    one-cancels-other group at a broker that knows such, else empty. venue: where it is directed to, empty: nowhere."""

    TAG: ClassVar[int] = 220
    VERSION: ClassVar[int] = 3
    client_order_id: str
    terms: OrderTerms
    deadline_ns: int
    group: str = ""
    venue: str = ""


class CancelSending(OrderEvent, frozen=True):
    """Write-ahead of a cancel request."""

    TAG: ClassVar[int] = 221
    client_order_id: str
    broker_order_id: str
    attempt: int


class ReplaceSending(OrderEvent, frozen=True):
    """Write-ahead of a replace request; client_order_id: the new one, replaces the old at the broker."""

    TAG: ClassVar[int] = 222
    client_order_id: str
    broker_order_id: str
    replace_no: int
    terms: OrderTerms
    deadline_ns: int


class OrderQuerySending(OrderEvent, frozen=True):
    """The router asks the broker for an order by client_order_id: how an unknown outcome ends. attempt: dense from 1 an order."""

    TAG: ClassVar[int] = 223
    client_order_id: str
    attempt: int


class OrderAccepted(OrderEvent, frozen=True):
    """The broker has it."""

    TAG: ClassVar[int] = 230
    broker_order_id: str
    broker_ns: int


class OrderRejected(OrderEvent, frozen=True):
    """The broker's definite no to the whole order."""

    TAG: ClassVar[int] = 231
    code: str
    text: str


class OrderUnknown(OrderEvent, frozen=True):
    """The outcome is not proven: exposure stays counted, the router looks it up, nothing is sent again."""

    TAG: ClassVar[int] = 232
    text: str


class OrderFilled(OrderEvent, frozen=True):
    """One execution, booked once. commission in `currency`; cumulative and leaves are the order's after it. late: it came after
    the order was thought done. child: the part of the order that filled, where it was routed in parts."""

    TAG: ClassVar[int] = 233
    VERSION: ClassVar[int] = 2
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    commission: Decimal
    currency: str
    execution_id: str
    broker_order_id: str
    cumulative: Decimal
    leaves: Decimal
    broker_ns: int
    is_maker: bool = False
    venue: str = ""
    late: bool = False
    child: str = ""


class OrderCanceled(OrderEvent, frozen=True):
    """Ended by cancel with `filled` done."""

    TAG: ClassVar[int] = 234
    filled: Decimal
    text: str = ""


class OrderExpired(OrderEvent, frozen=True):
    """Ended by its time in force with `filled` done."""

    TAG: ClassVar[int] = 235
    filled: Decimal


class OrderReplaced(OrderEvent, frozen=True):
    """The broker confirmed new terms."""

    TAG: ClassVar[int] = 236
    replace_no: int
    terms: OrderTerms
    client_order_id: str
    broker_order_id: str


class OrderAbandoned(OrderEvent, frozen=True):
    """Never reached the broker: proven absent after deadline + request timeout + settle time (rule R3). Booked all the same if it shows."""

    TAG: ClassVar[int] = 237
    text: str


class CancelRejected(OrderEvent, frozen=True):
    """The broker refused the cancel; the order lives (or is already done, which its own report says)."""

    TAG: ClassVar[int] = 238
    code: str
    text: str


class ReplaceRejected(OrderEvent, frozen=True):
    """The broker refused the replace; the old terms stand."""

    TAG: ClassVar[int] = 239
    replace_no: int
    code: str
    text: str


class FillMismatch(OrderEvent, frozen=True):
    """Two reports of one execution differ: nothing is booked a second time, the instrument is locked, an operator decides. symbol: its
    instrument, where the order is one that nobody keeps any more (`OrdersRetired`); booked is empty then."""

    TAG: ClassVar[int] = 240
    VERSION: ClassVar[int] = 2
    execution_id: str
    booked: str
    reported: str
    symbol: str = ""


class FillCorrected(OrderEvent, frozen=True):
    """The broker corrected an execution: the old one is taken back and this stands in its place (quantity 0: busted). Both commissions are in
    `currency`; empty: the account's."""

    TAG: ClassVar[int] = 241
    VERSION: ClassVar[int] = 3
    symbol: str
    side: OrderSide
    execution_id: str
    previous_id: str
    quantity: Decimal
    price: Decimal
    commission: Decimal
    previous_quantity: Decimal
    previous_price: Decimal
    previous_commission: Decimal
    child: str = ""
    currency: str = ""


class OrderRouted(OrderEvent, frozen=True):
    """The router works an order as these parts, which together are no more than was approved and no worse. The parts are orders of their own
    at the broker; what becomes of them is told of them and, as one order, of this one. sequential: each begins when the one before is done."""

    TAG: ClassVar[int] = 251
    children: tuple[RoutedChild, ...]
    sequential: bool = False


class OrderHeld(OrderEvent, frozen=True):
    """A message of an order waits in the router for room under the broker's limits; sent, or abandoned past its deadline. request: submit |
    cancel | replace | query; client_order_id: of what is asked about, query only."""

    TAG: ClassVar[int] = 250
    request: str
    client_order_id: str = ""


class ExternalOrderSeen(OrderEvent, frozen=True):
    """An order at the broker that is not ours (another log_id or no id): counted in exposure, unassigned. order_id: `ext:<broker id>`."""

    TAG: ClassVar[int] = 242
    broker_order_id: str
    terms: OrderTerms
    filled: Decimal
    working: bool


class OrdersRetired(Event, frozen=True):
    """Orders that ended long ago are kept by nobody any more; the log has them. They all ended by as_of_ns, log time. What the broker still says of
    them is booked where it is certainly news, else told to a person (docs/operating.md)."""

    TAG: ClassVar[int] = 252
    as_of_ns: int
    order_ids: tuple[str, ...]

    @property
    def topic(self) -> str:
        return TOPIC_BROKER


class ExitsReduced(OrderEvent, frozen=True):
    """Units that the exits of a bracket, or an OCO pair, protect are gone without them: a trade by hand, units given back. order_id: the first of
    the group; quantity: in all so far. Its legs are replaced for what is left, or cancelled."""

    TAG: ClassVar[int] = 253
    quantity: Decimal
