"""How an approved order goes to the broker: RegimeFlow's `routing` keys, judged once, as it is sent.

Promises: the parts together are exactly what was approved, no limit is worse than `Market.worst`, prices and quantities stand on the grid; the same
approval and settings give the same parts. A market order becomes a passive limit order where the spread is at most `max_spread_bps`, and a
limit order of the style its strategy named; a split order has one part a venue, by weight. Never: another side, symbol or time in force; an
order of a group, a stop or an all-or-nothing order is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

import msgspec

from shared.domain.exact import ONE, ZERO, add, multiply, of_float, subtract
from shared.events import Market, OrderSide, OrderTerms, OrderType, RoutedChild, TimeInForce

PASSIVE: Final = "passive"
AGGRESSIVE: Final = "aggressive"

_BPS: Final = Decimal("0.0001")
_ROUTED: Final = (OrderType.MARKET, OrderType.LIMIT)


@dataclass(frozen=True, slots=True)
class Venue:
    name: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Routing:
    """max_spread_bps: None never makes a limit order by itself. venues: the heaviest takes an order that is not split. max_children: 1 splits
    nothing. min_child_qty: none is smaller. sequential: one part after the other."""

    max_spread_bps: Decimal | None = None
    passive_offset_bps: Decimal = ZERO
    aggressive_offset_bps: Decimal = ZERO
    default_venue: str = ""
    venues: tuple[Venue, ...] = ()
    max_children: int = 1
    min_child_qty: Decimal = ZERO
    sequential: bool = False


def parts(routing: Routing, order_id: str, terms: OrderTerms, market: Market) -> tuple[RoutedChild, ...]:
    """What goes to the broker in the order's place; nothing where the order goes as it is."""
    if terms.type not in _ROUTED or terms.tif is TimeInForce.FOK:
        return ()
    routed = _priced(routing, terms, market)
    shares = _shares(routing, routed.quantity, market.lot)
    if routed == terms and len(shares) == 1:
        return ()
    return tuple(
        RoutedChild(f"{order_id}/{k}", msgspec.structs.replace(routed, quantity=quantity), name) for k, (name, quantity) in enumerate(shares, 1)
    )


def venue_of(routing: Routing) -> str:
    """Where an order goes that is not split."""
    return max(routing.venues, key=lambda venue: venue.weight).name if routing.venues else routing.default_venue


def over(terms: OrderTerms, market: Market | None, children: Sequence[RoutedChild]) -> bool:
    """Whether the parts are more, or worse, than what was approved."""
    total = ZERO
    for child in children:
        t = child.terms
        total = add(total, t.quantity)
        same = (t.symbol, t.side, t.stop_price, t.tif, t.expire_at) == (terms.symbol, terms.side, terms.stop_price, terms.tif, terms.expire_at)
        if not same or ((t.type, t.limit_price) != (terms.type, terms.limit_price) and not _within(terms, market, t)):
            return True
    return total > terms.quantity


def _within(terms: OrderTerms, market: Market | None, routed: OrderTerms) -> bool:
    """Whether a limit order in a market order's place is no worse."""
    if terms.type is not OrderType.MARKET or routed.type is not OrderType.LIMIT or routed.limit_price is None or market is None:
        return False
    return routed.limit_price <= market.worst if terms.side is OrderSide.BUY else routed.limit_price >= market.worst


def _priced(routing: Routing, terms: OrderTerms, market: Market) -> OrderTerms:
    """The order with the limit it is routed with; as it is where that is no improvement on a market order."""
    if terms.type is not OrderType.MARKET:
        return terms
    style = market.style or (PASSIVE if _tight(routing, market) and terms.tif is not TimeInForce.IOC else "")
    if not style:
        return terms
    price = _limit(routing, terms.side is OrderSide.BUY, market, aggressive=style == AGGRESSIVE)
    return terms if price is None else msgspec.structs.replace(terms, type=OrderType.LIMIT, limit_price=price)


def _tight(routing: Routing, market: Market) -> bool:
    if routing.max_spread_bps is None or not 0 < market.bid <= market.ask:
        return False
    bid, ask = of_float(market.bid), of_float(market.ask)
    return multiply(subtract(ask, bid), Decimal(20_000)) <= multiply(routing.max_spread_bps, add(bid, ask))


def _limit(routing: Routing, buy: bool, market: Market, *, aggressive: bool) -> Decimal | None:
    """On the grid, never beyond `worst`: an aggressive price is rounded away from us, a patient one towards patience."""
    quoted = 0 < market.bid <= market.ask
    near = of_float((market.ask if buy is aggressive else market.bid) if quoted else market.last)
    offset = multiply(routing.aggressive_offset_bps if aggressive else routing.passive_offset_bps, _BPS) if quoted else ZERO
    up = buy is aggressive
    wanted = multiply(near, add(ONE, offset) if up else subtract(ONE, offset))
    price = _on_grid(wanted, market.tick, up=up)
    bound = _on_grid(market.worst, market.tick, up=not buy)
    price = min(price, bound) if buy else max(price, bound)
    return price if price > 0 else None


def _shares(routing: Routing, quantity: Decimal, lot: Decimal) -> list[tuple[str, Decimal]]:
    """(venue, quantity) a part; whole lots, the last has what is left. Fewer parts rather than one that is too small."""
    venues = [venue for venue in routing.venues if venue.weight > 0][: routing.max_children]
    least = max(routing.min_child_qty, lot)
    while len(venues) > 1:
        total = sum((of_float(venue.weight) for venue in venues), ZERO)
        sizes = [_on_grid(quantity * of_float(venue.weight) / total, lot, up=False) for venue in venues[:-1]]
        sizes.append(subtract(quantity, sum(sizes, ZERO)))
        if min(sizes) >= least:
            return [(venue.name, size) for venue, size in zip(venues, sizes, strict=True)]
        venues.pop()
    return [(venue_of(routing), quantity)]


def _on_grid(value: Decimal, step: Decimal, *, up: bool) -> Decimal:
    return multiply((value / step).to_integral_value(rounding=ROUND_CEILING if up else ROUND_FLOOR), step)
