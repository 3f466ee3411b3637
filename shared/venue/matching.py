"""At which price one order trades, given one thing the market did. Decides nothing about quantity, cost or account.

Three things can happen to an order: a print at a price, a continuous move from one price to another, a quote. Each function answers with
a `Hit` or None and keeps what the order remembers: that its stop was elected, the best price its trail has seen, that it rested.

Rules
* A taker gets the price there is: the print, the far side of the quote.
* A limit order that has not rested yet, or meets the first print after a gap, gets the print when that is better than its limit; a resting
  one gets its limit.
* A stop is elected at its level: inside a move it trades at the level, through a gap at the price beyond it. A stop-limit is then a limit
  order that has not rested.
* A trailing stop follows the best price seen and is checked before it follows: the level is that of the price before.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from .orders import Role, Working
from .prices import against

_HUNDRED = Decimal(100)


class Hit(NamedTuple):
    """maker: the order was resting and the market came to it."""

    price: Decimal
    maker: bool


def at_print(order: Working, price: Decimal, tick: Decimal, *, opening: bool, through: bool) -> Hit | None:
    """One print. opening: first print after a gap (a bar's open). through: a resting limit order wants the price beyond its limit."""
    role = order.role
    if role is Role.STOP:
        if not _elected(order, price, tick):
            _follow(order, price)
            return None
        order.elected = True
        role = order.role
    if role is Role.TAKER:
        return Hit(price, maker=False)
    if role is not Role.LIMIT:
        return None
    limit = _limit(order)
    if not _reached(order, price, limit, through=through and order.rested):
        order.rested = True
        return None
    return Hit(price if opening or not order.rested else limit, maker=order.rested)


def along(order: Working, start: Decimal, end: Decimal, tick: Decimal, *, through: bool) -> Hit | None:
    """A continuous move from start to end; the order was already there at start."""
    role = order.role
    if role is Role.TAKER:
        return Hit(end, maker=False)
    if role is Role.LIMIT:
        limit = _limit(order)
        if not _reached(order, end, limit, through=through):
            order.rested = True
            return None
        return Hit(start if _reached(order, start, limit, through=False) else limit, maker=True)
    if role is not Role.STOP:
        return None
    if not _elected(order, end, tick):
        _follow(order, end)
        return None
    level = _level(order, tick)
    order.elected = True
    price = start if level is None or _past(order, start, level) else level
    if order.role is Role.TAKER:
        return Hit(price, maker=False)
    if _reached(order, price, _limit(order), through=False):
        return Hit(price, maker=False)
    order.rested = True  # the stop-limit's limit is behind the move that elected it
    return None


def at_quote(order: Working, far: Decimal, tick: Decimal, *, elects: bool) -> Hit | None:
    """A quote whose side opposite the order is `far`. elects: quotes elect stops here."""
    role = order.role
    if role is Role.STOP:
        if not elects:
            return None
        if not _elected(order, far, tick):
            _follow(order, far)
            return None
        order.elected = True
        role = order.role
    if role is Role.TAKER:
        return Hit(far, maker=False)
    if role is not Role.LIMIT:
        return None
    limit = _limit(order)
    if not _reached(order, far, limit, through=False):
        order.rested = True
        return None
    return Hit(limit if order.rested else far, maker=order.rested)


def within_limit(order: Working, price: Decimal) -> Decimal:
    """A slipped price, held at the limit where the order has one."""
    if order.role is not Role.LIMIT:
        return price
    limit = _limit(order)
    return min(price, limit) if order.is_buy else max(price, limit)


def _limit(order: Working) -> Decimal:
    limit = order.terms.limit_price
    assert limit is not None, order.client_order_id
    return limit


def _reached(order: Working, price: Decimal, limit: Decimal, *, through: bool) -> bool:
    if through:
        return price < limit if order.is_buy else price > limit
    return price <= limit if order.is_buy else price >= limit


def _past(order: Working, price: Decimal, level: Decimal) -> bool:
    """The price is at or beyond the stop level."""
    return price >= level if order.is_buy else price <= level


def _elected(order: Working, price: Decimal, tick: Decimal) -> bool:
    level = _level(order, tick)
    return level is not None and _past(order, price, level)


def _level(order: Working, tick: Decimal) -> Decimal | None:
    """Where the stop stands now; None for a trailing stop that has seen no price."""
    terms = order.terms
    if terms.stop_price is not None:
        return terms.stop_price
    if order.trail is None:
        return None
    if terms.trail_price is not None:
        distance = terms.trail_price
    else:
        assert terms.trail_percent is not None, order.client_order_id
        distance = order.trail * terms.trail_percent / _HUNDRED
    return against(terms.side, order.trail + distance if order.is_buy else order.trail - distance, tick)


def _follow(order: Working, price: Decimal) -> None:
    if order.terms.stop_price is not None:
        return
    if order.trail is None:
        order.trail = price
    else:
        order.trail = min(order.trail, price) if order.is_buy else max(order.trail, price)
