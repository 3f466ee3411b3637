"""The collar over time: how far our own prices may walk in a window, one order a small step after another.

Of every approved order the price it was ready to meet is kept for `collar_window_ms`: its limit where that is more eager than the market, else
the market. A new one may buy no higher than `collar_window_bps` above the lowest of the window's buys, and sell no lower than as much below
the highest of its sells. What is sure to shrink the account's holding passes: getting out is not walking.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from shared.domain.exact import ONE, add, multiply, of_float, subtract, text
from shared.events import OrderTerms, Reason
from shared.events.enums import BUY

from .admission import shrinks
from .prices import MILLISECOND
from .proposal import BPS, Denial, Proposal, distance_bps

if TYPE_CHECKING:
    from .desk import Desk


class Walks(msgspec.Struct):
    """met: by symbol and side, (ns, price) oldest first and each better for us than all before it, so the first is the window's best."""

    met: dict[str, list[tuple[int, Decimal]]] = msgspec.field(default_factory=dict)

    def approved(self, terms: OrderTerms, reference: float, now: int, window_ns: int) -> None:
        """An order or replace may meet this price."""
        price, key, buys = _eager(terms, reference), _key(terms), terms.side is BUY
        kept = [(ns, other) for ns, other in self.met.get(key, ()) if ns > now - window_ns and (other < price if buys else other > price)]
        self.met[key] = [*kept, (now, price)]

    def best(self, terms: OrderTerms, now: int, window_ns: int) -> Decimal | None:
        """The lowest buy, or highest sale, of the window."""
        return next((price for ns, price in self.met.get(_key(terms), ()) if ns > now - window_ns), None)


def price_walk(p: Proposal, desk: Desk) -> Denial | None:
    most = desk.settings.collar_window_bps
    if most is None or p.reference is None:
        return None
    best = desk.walks.best(p.terms, p.now, desk.settings.collar_window_ms * MILLISECOND)
    if best is None:
        return None
    price, width = _eager(p.terms, p.reference.price), multiply(most, BPS)
    far = price > multiply(best, add(ONE, width)) if p.is_buy else price < multiply(best, subtract(ONE, width))
    if not far or shrinks(p, desk.reservations.account):
        return None
    return Denial(Reason.PRICE_WALK, "collar_window_bps", text(most), text(distance_bps(price, float(best))))


def _eager(terms: OrderTerms, reference: float) -> Decimal:
    """The worst price the order is ready to meet at once; the market's for one that waits behind it, or when nothing is known its own."""
    market, limit = of_float(reference), terms.limit_price
    if limit is None or not market:
        return market if limit is None else limit
    return max(limit, market) if terms.side is BUY else min(limit, market)


def _key(terms: OrderTerms) -> str:
    return f"{terms.side} {terms.symbol}"
