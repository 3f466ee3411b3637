"""Orders as a strategy writes and reads them, and their conversion to exact terms.

A strategy may pass floats, ints, strings or Decimals; `terms_of` converts each by its shortest representation, so 0.1 is a tenth. What
can be judged from the order alone is judged here, at the call, naming the argument; ticks, lots, symbols and limits are risk's to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from numbers import Real
from typing import Final, TypeVar

from shared.events import OrderSide, OrderStatus, OrderTerms, OrderType, TimeInForce

from .times import Timestamp

Number = Decimal | float | str
E = TypeVar("E", bound=StrEnum)

ROUTE_STYLES: Final = ("", "passive", "aggressive")
_NEEDS: Final = {  # prices each type takes: (limit, stop)
    OrderType.MARKET: (False, False),
    OrderType.LIMIT: (True, False),
    OrderType.STOP: (False, True),
    OrderType.STOP_LIMIT: (True, True),
    OrderType.MARKET_ON_OPEN: (False, False),
    OrderType.MARKET_ON_CLOSE: (False, False),
    OrderType.TRAILING_STOP: (False, False),
}


class OrderError(ValueError):
    """An order no broker could take, refused where it was written; the text starts with the argument's name."""


@dataclass(slots=True)
class Order:
    """side, type, tif: the enum or its value ("buy"). tif: `live.risk.default_tif` when None. expire_at: GTD only; ns UTC or a zone-aware datetime.
    trail_price, trail_percent: TRAILING_STOP only, one of the two. reduce_only: refused rather than allowed to add to the position.
    route_style: "passive" or "aggressive": how the router prices a MARKET order where routing is on; empty: by the spread.

    The rest is filled on the copies a strategy is given: id, status, filled_quantity and avg_fill_price so far, `event` (the name of the
    newest event of the order, such as "OrderDenied"), `text` (why, when it was refused) and group (bracket or OCO). Numbers are floats
    there. The object passed to `submit_order` is read once and stays as it was.
    """

    symbol: str
    side: OrderSide
    type: OrderType
    quantity: Number
    limit_price: Number | None = None
    stop_price: Number | None = None
    tif: TimeInForce | None = None
    expire_at: int | datetime | None = None
    trail_price: Number | None = field(default=None, kw_only=True)
    trail_percent: Number | None = field(default=None, kw_only=True)
    reduce_only: bool = field(default=False, kw_only=True)
    route_style: str = field(default="", kw_only=True)
    id: str = field(default="", kw_only=True)
    status: OrderStatus | None = field(default=None, kw_only=True)
    filled_quantity: float = field(default=0.0, kw_only=True)
    avg_fill_price: float = field(default=0.0, kw_only=True)
    event: str = field(default="", kw_only=True)
    text: str = field(default="", kw_only=True)
    group: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an own order. id: the broker's. slippage: price a unit paid above (sold below) what the order was valued at when
    approved; negative when better. timestamp: ns UTC. corrects: id of the execution this one takes the place of (quantity 0: it was busted);
    the portfolio already shows the corrected holding."""

    id: str
    order_id: str
    symbol: str
    side: OrderSide
    quantity: float
    price: float
    commission: float
    slippage: float
    is_maker: bool
    venue: str
    timestamp: int
    corrects: str = ""


def exact(value: object, name: str) -> Decimal:
    """The decimal a person reads in the number. Raises TypeError, OrderError naming the argument."""
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, bool) or not isinstance(value, Real | str):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    else:
        text = float.__repr__(value) if isinstance(value, float) else str(value).strip()  # not repr(): numpy's prints its type
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise OrderError(f"{name}: {value!r} is not a number") from None
    if not number.is_finite():
        raise OrderError(f"{name}: {value} is not finite")
    return number


def terms_of(order: Order, default_tif: TimeInForce = TimeInForce.DAY) -> OrderTerms:
    """The exact terms of what the strategy wrote. default_tif: where it names none. Raises TypeError, OrderError."""
    if not isinstance(order, Order):
        raise TypeError(f"order: expected an Order, got {type(order).__name__}")
    if not isinstance(order.symbol, str) or not order.symbol:
        raise TypeError(f"symbol: expected text, got {order.symbol!r}")
    if order.route_style not in ROUTE_STYLES:
        raise OrderError(f"route_style: {order.route_style!r} is not one of {', '.join(ROUTE_STYLES[1:])}")
    kind = _member(OrderType, order.type, "type")
    tif = default_tif if order.tif is None else _member(TimeInForce, order.tif, "tif")
    needs_limit, needs_stop = _NEEDS[kind]
    trail_price, trail_percent = _trail(order, kind)
    return OrderTerms(
        order.symbol,
        _member(OrderSide, order.side, "side"),
        kind,
        positive(order.quantity, "quantity"),
        _price(order.limit_price, "limit_price", kind, needed=needs_limit),
        _price(order.stop_price, "stop_price", kind, needed=needs_stop),
        tif,
        _expiry(order.expire_at, tif),
        trail_price,
        trail_percent,
    )


def positive(value: object, name: str) -> Decimal:
    """Raises TypeError, OrderError."""
    number = exact(value, name)
    if number <= 0:
        raise OrderError(f"{name}: {number} must be greater than 0")
    return number


def _member(vocabulary: type[E], value: object, name: str) -> E:
    if isinstance(value, vocabulary):
        return value
    try:
        return vocabulary(value)  # type: ignore[arg-type]  # what is no text is no member either
    except ValueError:
        raise OrderError(f"{name}: {value!r} is not one of {', '.join(m.name for m in vocabulary)}") from None


def _price(value: object, name: str, kind: OrderType, *, needed: bool) -> Decimal | None:
    if value is None or value == 0:  # RegimeFlow's orders carry 0.0 for "none"
        if needed:
            raise OrderError(f"{name}: a {kind.name} order needs one")
        return None
    if not needed:
        raise OrderError(f"{name}: a {kind.name} order takes none")
    return exact(value, name)  # may be negative: spreads and some futures trade below zero


def _trail(order: Order, kind: OrderType) -> tuple[Decimal | None, Decimal | None]:
    given = [name for name in ("trail_price", "trail_percent") if getattr(order, name) is not None]
    if kind is not OrderType.TRAILING_STOP:
        if given:
            raise OrderError(f"{given[0]}: a {kind.name} order takes none")
        return None, None
    if len(given) != 1:
        raise OrderError("trail_price: a TRAILING_STOP order needs either trail_price or trail_percent")
    amount = positive(getattr(order, given[0]), given[0])
    return (amount, None) if given[0] == "trail_price" else (None, amount)


def _expiry(value: object, tif: TimeInForce) -> int:
    if tif is not TimeInForce.GTD:
        if value:
            raise OrderError(f"expire_at: only a GTD order takes one, this is {tif.name}")
        return 0
    if isinstance(value, datetime):
        value = Timestamp.from_datetime(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expire_at: a GTD order needs ns UTC or a datetime, got {type(value).__name__}")
    if value <= 0:
        raise OrderError(f"expire_at: {value} is no moment")
    return int(value)
