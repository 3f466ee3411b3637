"""Runs the orders of one book against one thing the market did, in order of arrival or of price reached, within the size there is.

A symbol with a usable standing quote has its takers served by quotes alone: bars and prints of such a symbol fill resting limit orders
and elect stops. An immediate order (IOC, FOK) gets one chance: the standing quote when it arrives, else the first print.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from shared.domain.exact import ZERO, of_float
from shared.events import OrderSide, OrderStatus, OrderType, Quote, TimeInForce

from .book import Book
from .clerk import Clerk
from .market import Hours, Market
from .matching import Hit, along, at_print, at_quote
from .orders import Role, Working
from .policy import drifted_bps
from .prices import on_tick, whole_lots
from .settings import DriftAction, RestPolicy, StopTrigger, VenueSettings


class Pool:
    """Size left in one bar, print or side of a quote (None: no limit) and the volume that traded or was shown."""

    __slots__ = ("left", "volume")

    def __init__(self, left: Decimal | None, volume: float) -> None:
        self.left = left
        self.volume = volume


class Matcher:
    def __init__(self, settings: VenueSettings, market: Market, clerk: Clerk) -> None:
        self._settings = settings
        self._market = market
        self._clerk = clerk

    def pool(self, volume: float) -> Pool:
        """Our share of a bar's or print's volume."""
        share = self._settings.volume_share_max
        return Pool(None if share is None else of_float(volume) * share, volume)

    def arrive(self, book: Book, order: Working, ns: int) -> None:
        """The order reaches the book."""
        order.active = True
        role = order.role
        if role is Role.AUCTION:
            return
        if order.terms.type is OrderType.TRAILING_STOP and order.trail is None:
            last = self._market.last_print(book.symbol)
            order.trail = last[1] if last and self._settings.stop_trigger is not StopTrigger.QUOTE else None
        if not self._market.is_open(book.symbol, ns):
            if order.immediate:
                self._clerk.end(book, order, OrderStatus.CANCELLED, ns, "immediate order in a closed or halted market")
            return
        quote = self._market.usable_quote(book.symbol, ns)
        if quote is not None:
            self._serve_quote(book, order, quote, ns)
            self._end_immediate(book, order, ns)

    def on_print(self, book: Book, price: Decimal, ns: int, pool: Pool, *, opening: bool, live: bool) -> None:
        """One print. live: a trade as it happens, so a stop it elects meets the standing quote; a bar's prices lie before that quote."""
        quote = self._market.usable_quote(book.symbol, ns)
        tick = self._market.tick(book.symbol)
        for order in tuple(book.orders):
            if not self._takes_part(order, ns) or (quote is not None and order.role is Role.TAKER):
                continue
            waited = order.role is Role.STOP
            hit = at_print(order, price, tick, opening=opening, through=self._settings.limit_needs_through)
            if hit is not None:
                if waited and live and quote is not None:
                    self._serve_quote(book, order, quote, ns)
                else:
                    self._take(book, order, hit, ns, pool, quoted=False)
            self._end_immediate(book, order, ns)

    def on_move(self, book: Book, start: Decimal, end: Decimal, since: int, ns: int, pool: Pool) -> None:
        """A continuous move between since and ns. What lies nearer to its start happens first."""
        quoted = self._market.usable_quote(book.symbol, ns) is not None
        tick = self._market.tick(book.symbol)
        through = self._settings.limit_needs_through
        hits: list[tuple[Decimal, int, Working, Hit]] = []
        for order in book.orders:
            if not self._takes_part(order, ns) or (quoted and order.role is Role.TAKER):
                continue
            if order.effective_ns > since:  # it arrived inside the move: all it can know is where the move ended
                hit = at_print(order, end, tick, opening=False, through=through)
            else:
                hit = along(order, start, end, tick, through=through)
            if hit is not None:
                hits.append((abs(hit.price - start), order.number, order, hit))
        for _, _, order, hit in sorted(hits, key=lambda item: item[:2]):
            if self._is_open(order):
                self._take(book, order, hit, ns, pool, quoted=False)
        for order in tuple(book.orders):
            if self._takes_part(order, ns):
                self._end_immediate(book, order, ns)

    def on_quote(self, book: Book, quote: Quote, ns: int) -> None:
        for order in tuple(book.orders):
            if self._takes_part(order, ns):
                self._serve_quote(book, order, quote, ns)
                self._end_immediate(book, order, ns)

    def open_auction(self, book: Book, price: float, ns: int, hours: Hours | None, pool: Pool) -> None:
        """The first print of the open; without told hours every bar opens."""
        for order in self._at_open(book, ns, hours):
            self._auction(book, order, on_tick(price, self._market.tick(book.symbol)), ns, pool)

    def close_auction(self, book: Book, price: float, ns: int, pool: Pool) -> None:
        """The closing print at ns."""
        for order in self._at_close(book, ns):
            self._auction(book, order, on_tick(price, self._market.tick(book.symbol)), ns, pool)

    def open_auction_by_quote(self, book: Book, quote: Quote, ns: int, hours: Hours | None) -> None:
        """A symbol that never prints opens with its first quote of the session."""
        tick = self._market.tick(book.symbol)
        for order in self._at_open(book, ns, hours):
            self._auction(book, order, far_side(quote, order.terms.side, tick), ns, Pool(None, 0.0))

    def late_close_auction(self, book: Book, hours: Hours) -> None:
        """The session is over and no bar carried its close: the newest price of the session was the closing one."""
        if book.symbol in self._market.halted:
            return
        last = self._market.last_print(book.symbol)
        quote = self._market.usable_quote(book.symbol, hours.close_ns)
        since = self._market.close_auction_from(hours)
        for order in self._at_close(book, hours.close_ns):
            if last is not None and since <= last[0] <= hours.close_ns:
                self._auction(book, order, last[1], hours.close_ns, Pool(None, 0.0))
            elif quote is not None and since <= quote.timestamp:
                self._auction(book, order, far_side(quote, order.terms.side, self._market.tick(book.symbol)), hours.close_ns, Pool(None, 0.0))

    def _at_open(self, book: Book, ns: int, hours: Hours | None) -> Iterator[Working]:
        """Orders for an opening auction whose first print is at ns, while they are open."""
        latest = ns if hours is None else hours.open_ns
        if hours is not None and ns >= self._market.open_auction_until(hours):
            return
        for order in tuple(book.orders):
            if order.terms.type is OrderType.MARKET_ON_OPEN and order.active and order.effective_ns <= latest and self._is_open(order):
                yield order

    def _at_close(self, book: Book, ns: int) -> Iterator[Working]:
        """Orders for a closing auction at ns, while they are open."""
        for order in tuple(book.orders):
            if order.terms.type is OrderType.MARKET_ON_CLOSE and order.active and order.effective_ns < ns and self._is_open(order):
                yield order

    def _auction(self, book: Book, order: Working, price: Decimal, ns: int, pool: Pool) -> None:
        self._take(book, order, Hit(price, maker=False), ns, pool, quoted=False, auction=True)
        if self._is_open(order):
            self._clerk.end(book, order, OrderStatus.CANCELLED, ns, "the auction had no more")

    def _takes_part(self, order: Working, ns: int) -> bool:
        return order.active and order.effective_ns <= ns and order.role is not Role.AUCTION and self._is_open(order)

    def _is_open(self, order: Working) -> bool:
        """False once a sibling's fill earlier in the same turn has ended it."""
        return order.client_order_id in self._clerk.working

    def _serve_quote(self, book: Book, order: Working, quote: Quote, ns: int) -> None:
        market = self._market
        tick = market.tick(book.symbol)
        bid, ask = on_tick(quote.bid, tick), on_tick(quote.ask, tick)
        hit = at_quote(order, ask if order.is_buy else bid, tick, elects=self._quotes_elect(book.symbol))
        if hit is None:
            return
        size = quote.ask_size if order.is_buy else quote.bid_size
        if not self._settings.displayed_size:
            self._take(book, order, hit, ns, Pool(None, size), quoted=True)
            return
        known = market.taken.get(book.symbol)
        of_bid, of_ask = (known[1], known[2]) if known is not None and known[0] == quote else (ZERO, ZERO)
        left = of_float(size) - (of_ask if order.is_buy else of_bid)
        pool = Pool(left, size)
        self._take(book, order, hit, ns, pool, quoted=True)
        used = left - (pool.left or ZERO)
        market.taken[book.symbol] = (quote, of_bid, of_ask + used) if order.is_buy else (quote, of_bid + used, of_ask)

    def _quotes_elect(self, symbol: str) -> bool:
        trigger = self._settings.stop_trigger
        return trigger is StopTrigger.QUOTE or (trigger is StopTrigger.AUTO and symbol not in self._market.prints)

    def _take(self, book: Book, order: Working, hit: Hit, ns: int, pool: Pool, *, quoted: bool, auction: bool = False) -> None:
        """Fill what the pool has, in whole lots; a fill-or-kill order all or nothing."""
        if not hit.maker and not auction and self._drifts(book, order, hit.price, ns):
            return
        quantity = order.leaves
        rest = self._settings.rest_policy
        if pool.left is not None and quantity > pool.left:
            if order.terms.tif is TimeInForce.FOK:
                return
            if rest is RestPolicy.FOK and not order.immediate:
                self._clerk.end(book, order, OrderStatus.CANCELLED, ns, "execution policy fok: not all could trade")
                return
            quantity = whole_lots(pool.left, self._market.lot(book.symbol))
            if quantity <= 0:
                return
        if pool.left is not None:
            pool.left -= quantity
        self._clerk.fill(book, order, hit, quantity, ns, volume=pool.volume, quoted=quoted, auction=auction)
        if rest is RestPolicy.IOC and not auction and not order.immediate and self._is_open(order):
            self._clerk.end(book, order, OrderStatus.CANCELLED, ns, "execution policy ioc: the rest is not kept")

    def _drifts(self, book: Book, order: Working, price: Decimal, ns: int) -> bool:
        """Whether the price is too far against the order from the one it was sent at, so that it does not trade now: its end, or a new
        price to wait at."""
        limit = self._settings.deviation_bps_max
        action = self._settings.drift_action
        if limit is None or action is DriftAction.IGNORE:
            return False
        drift = drifted_bps(order, price)
        if drift is None or drift <= limit:
            return False
        if action is DriftAction.REJECT:
            self._clerk.end(book, order, OrderStatus.CANCELLED, ns, f"execution policy: {price} is more than {limit} bps from {order.asked}")
        else:
            order.requoted = price
            order.text = f"requoted at {price}"
            self._clerk.report(order, ns)
        return True

    def _end_immediate(self, book: Book, order: Working, ns: int) -> None:
        if order.immediate and self._is_open(order):
            self._clerk.end(book, order, OrderStatus.CANCELLED, ns, f"{order.terms.tif}: not all could trade at once")


def far_side(quote: Quote, side: OrderSide, tick: Decimal) -> Decimal:
    """What a taker of that side pays or gets."""
    return on_tick(quote.ask if side is OrderSide.BUY else quote.bid, tick)
