"""One order at the venue while it works: its terms, what it has done, and what role it plays against the next price."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Final

import msgspec

from shared.domain.exact import ZERO, share
from shared.events import OrderRow, OrderSide, OrderStatus, OrderTerms, OrderType, TimeInForce

_PLACES: Final = Decimal("0.00000001")


class Role(Enum):
    """TAKER takes the price there is. LIMIT waits for its price. STOP waits to be elected. AUCTION waits for the open or the close."""

    TAKER = 1
    LIMIT = 2
    STOP = 3
    AUCTION = 4


_PLAIN: Final = {OrderType.LIMIT: Role.LIMIT, OrderType.MARKET: Role.TAKER}
_AUCTIONS: Final = frozenset({OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE})
_IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class Working(msgspec.Struct, array_like=True, gc=False):
    """number: arrival at the book, the order's time priority. active: it has reached the book (latency over). elected: its stop has
    triggered. rested: it has seen a price it could not trade at, so it provides liquidity. paid: sum of quantity x price. taken: quantity
    filled as taker. charged: commission so far. given: quantity its OCO siblings filled in its stead. trail: best price a trailing stop
    has seen. reference: price it reserves buying power at. updated_ns: when it last changed. requoted: the price a price-drift policy made of the
    one it was sent at."""

    number: int
    client_order_id: str
    broker_order_id: str
    terms: OrderTerms
    accepted_ns: int
    effective_ns: int
    reference: Decimal
    group: str = ""
    status: OrderStatus = OrderStatus.NEW
    active: bool = False
    elected: bool = False
    rested: bool = False
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    taken: Decimal = ZERO
    charged: Decimal = ZERO
    tier_base: Decimal = ZERO
    given: Decimal = ZERO
    trail: Decimal | None = None
    replaces: str = ""
    replaced_by: str = ""
    code: str = ""
    text: str = ""
    updated_ns: int = 0
    requoted: Decimal | None = None

    @property
    def is_buy(self) -> bool:
        return self.terms.side is OrderSide.BUY

    @property
    def leaves(self) -> Decimal:
        return self.terms.quantity - self.filled - self.given

    @property
    def immediate(self) -> bool:
        return self.terms.tif in _IMMEDIATE

    @property
    def asked(self) -> Decimal | None:
        """The price the order was sent at: a market order's reference, a stop's level. None: its own limit or trail protects it."""
        if self.requoted is not None:
            return self.requoted
        if self.terms.type is OrderType.STOP:
            return self.terms.stop_price
        return self.reference if self.terms.type is OrderType.MARKET else None

    @property
    def for_the_day(self) -> bool:
        return self.terms.tif is TimeInForce.DAY

    @property
    def role(self) -> Role:
        kind = self.terms.type
        plain = _PLAIN.get(kind)
        if plain is not None:
            return plain
        if kind in _AUCTIONS:
            return Role.AUCTION
        if not self.elected:
            return Role.STOP
        return Role.LIMIT if kind is OrderType.STOP_LIMIT else Role.TAKER

    def working_status(self) -> OrderStatus:
        """NEW or PARTIALLY_FILLED, by what it has done."""
        return OrderStatus.PARTIALLY_FILLED if self.filled else OrderStatus.NEW

    def row(self) -> OrderRow:
        """The order as a broker tells it."""
        return OrderRow(
            self.client_order_id,
            self.broker_order_id,
            self.status,
            self.terms,
            self.filled,
            average(self.paid, self.filled),
            self.updated_ns,
            self.code,
            self.text,
            self.replaces,
            self.replaced_by,
        )


def average(paid: Decimal, quantity: Decimal) -> Decimal | None:
    """Average price, exact where it ends within eight decimals, else rounded there; None without a fill."""
    if not quantity:
        return None
    exact = share(paid, Decimal(1), quantity)
    short = exact.quantize(_PLACES)
    return exact if short == exact else short
