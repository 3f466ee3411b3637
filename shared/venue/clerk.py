"""Books what matching decided: executions, the ends of orders, what siblings owe each other; and says so in reports.

Promises: an execution never exceeds what its order has left; every change of an order is one report; an ended order leaves its book at
once and its last row is kept for ever, because a client_order_id is unique for ever.
"""

from __future__ import annotations

from decimal import Decimal

from shared.domain.calendar import settles_on
from shared.domain.exact import add, multiply, subtract
from shared.events import ExecutionRow, OrderRow, OrderSide, OrderStatus

from .account import Account
from .book import Book
from .costs import Executed, commission_of
from .market import Market
from .matching import Hit, within_limit
from .orders import Working
from .reports import Recorder
from .settings import AccountKind, VenueSettings
from .slippage import slipped

_PENDING = frozenset({OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE})


class Clerk:
    """working: open orders by client_order_id; done: last row of every ended one."""

    def __init__(self, settings: VenueSettings, market: Market, account: Account, recorder: Recorder) -> None:
        self._settings = settings
        self._market = market
        self._recorder = recorder
        self.account = account
        self.working: dict[str, Working] = {}
        self.done: dict[str, OrderRow] = {}
        self.next_execution = 1

    def open(self, book: Book, order: Working, ns: int) -> None:
        """Take an order into its book."""
        book.orders.append(order)
        self.working[order.client_order_id] = order
        self.report(order, ns)

    def report(self, order: Working, ns: int) -> OrderRow:
        """Say how an order stands now."""
        order.updated_ns = ns
        row = order.row()
        self._recorder.add(ns, order=row)
        return row

    def refuse(self, order: Working, code: str, text: str, ns: int) -> OrderRow:
        """End an order that never reached a book."""
        order.status, order.code, order.text = OrderStatus.REJECTED, code, text
        row = self.done[order.client_order_id] = self.report(order, ns)
        return row

    def end(self, book: Book, order: Working, status: OrderStatus, ns: int, text: str = "") -> None:
        """Take an order out of its book."""
        order.status, order.text = status, text
        book.remove(order)
        del self.working[order.client_order_id]
        self.done[order.client_order_id] = self.report(order, ns)

    def fill(self, book: Book, order: Working, hit: Hit, quantity: Decimal, ns: int, *, volume: float, quoted: bool, auction: bool = False) -> None:
        """One execution. An auction has one price for everybody, so nobody slips in it."""
        assert 0 < quantity <= order.leaves, (order.client_order_id, quantity, order.leaves)
        terms = order.terms
        price = hit.price
        if not hit.maker and not auction:
            tick = self._market.tick(terms.symbol)
            price = within_limit(order, slipped(self._settings.slippage, terms.side, price, quantity, volume, tick, quoted=quoted))
        self.execute(order, price, quantity, ns, maker=hit.maker)
        if order.leaves > 0:
            if order.status not in _PENDING:
                order.status = OrderStatus.PARTIALLY_FILLED
            self.report(order, ns)
        elif order.given:
            self.end(book, order, OrderStatus.CANCELLED, ns, "the rest was done by its oco sibling")
        else:
            self.end(book, order, OrderStatus.FILLED, ns)
        if order.group:
            self._spare_siblings(book, order, quantity, ns)

    def execute(self, order: Working, price: Decimal, quantity: Decimal, ns: int, *, maker: bool) -> None:
        """Book an execution in order and account, with the commission it adds to the order's."""
        terms = order.terms
        worth = self._market.worth(terms.symbol)
        if not order.filled:
            order.tier_base = self.account.shares_this_month(ns)
        order.filled = add(order.filled, quantity)
        order.paid = add(order.paid, multiply(quantity, price))
        if not maker:
            order.taken = add(order.taken, quantity)
        is_sell = terms.side is OrderSide.SELL
        charged = commission_of(
            self._settings.commission, Executed(is_sell, order.filled, multiply(order.paid, worth.multiplier), order.taken, order.tier_base)
        )
        commission, order.charged = charged - order.charged, charged
        before = self.account.money(worth.currency)
        self.account.trade(terms.symbol, terms.side, quantity, price, worth, commission, ns)
        self._wait(terms.symbol, subtract(self.account.money(worth.currency), before), ns, worth.currency)
        row = ExecutionRow(
            f"x{self.next_execution}",
            order.broker_order_id,
            order.client_order_id,
            terms.symbol,
            terms.side,
            quantity,
            price,
            commission,
            self._settings.currency,
            order.filled,
            ns,
            maker,
            "PAPER",
        )
        self.next_execution += 1
        self._recorder.add(ns, execution=row)

    def _wait(self, symbol: str, brought: Decimal, ns: int, currency: str) -> None:
        """What a trade brought in of its currency settles later; what it cost is gone at once."""
        if brought > 0 and self._settings.account_kind is AccountKind.CASH:
            calendar, days = self._market.settlement(symbol)
            if days:
                self.account.wait(calendar, settles_on(calendar, ns, days), brought, currency)

    def _spare_siblings(self, book: Book, order: Working, quantity: Decimal, ns: int) -> None:
        """What one order of a group did, the others need not do."""
        for sibling in tuple(book.orders):
            if sibling.group != order.group or sibling is order:
                continue
            sibling.given = add(sibling.given, quantity)
            if sibling.leaves <= 0:
                self.end(book, sibling, OrderStatus.CANCELLED, ns, f"oco: {order.client_order_id} traded")
