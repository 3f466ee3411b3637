"""What traders ask of the venue: submit, cancel, replace; and the trade a person makes outside. Money and corporate actions: `office`.

A client_order_id is unique for ever: the same id with the same terms is answered with what became of it and changes nothing, with other
terms it is refused. A replace makes a new order that carries on the old one's fills (as FIX does: `quantity` and `cumulative` are of the
whole chain), loses time priority, and has its own client_order_id and broker_order_id.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from shared.events import OrderSide, OrderStatus, OrderTerms, OrderType, TimeInForce

from .account import reference_price, shortage
from .book import Act, Book, Replacement
from .office import Office
from .orders import Working
from .reports import NOTHING, Verdict
from .terms import Fault, fault_of

ID_CHARS_MAX: Final = 64
_WAITING: Final = frozenset({OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE})


class Desk(Office):
    """Requests. Used through `MatchingCore`."""

    def submit(self, client_order_id: str, terms: OrderTerms, now_ns: int, group: str = "", refusal: Fault | None = None) -> Verdict:
        """A new order. group: orders of one group and symbol exclude each other (OCO). refusal: reject it with this (code, text), as a broker
        that restricts the account would."""
        repeated = self._repeated(client_order_id, terms)
        if repeated is not None:
            return repeated
        self.version += 1
        book = self.books.get(terms.symbol)
        if book is not None:
            self._run_due(book, now_ns)
        order = self._new_order(client_order_id, terms, now_ns, group)
        fault = refusal or self._undefined(terms.symbol) or fault_of(terms, self.market.tick(terms.symbol), self.market.lot(terms.symbol), now_ns)
        fault = fault or self._unaffordable(order, now_ns, without=None)
        if fault is not None:
            row = self._clerk.refuse(order, *fault, now_ns)
            self._settle_if_open(terms.symbol)
            return Verdict(row, self._recorder.take(), *fault)
        book = self.books.setdefault(terms.symbol, Book(terms.symbol))
        self._clerk.open(book, order, now_ns)
        self._enter(book, order, now_ns)
        self._settle(book)
        return Verdict(self.order(client_order_id), self._recorder.take())

    def cancel(self, client_order_id: str, now_ns: int) -> Verdict:
        """Take an order out. With latency it may still trade until the cancel arrives."""
        order = self._clerk.working.get(client_order_id)
        if order is not None:
            self.version += 1
            self._run_due(self.books[order.terms.symbol], now_ns)
        code, text = self._why_untouchable(client_order_id)
        if code:
            self._settle_all()
            return Verdict(None, self._recorder.take(), code, text)
        assert order is not None, client_order_id
        book = self.books[order.terms.symbol]
        if self.settings.latency_ns:
            order.status = OrderStatus.PENDING_CANCEL
            self._clerk.report(order, now_ns)
            self._plan(book, now_ns + self.settings.latency_ns, Act.CANCEL, client_order_id)
        else:
            self._clerk.end(book, order, OrderStatus.CANCELLED, now_ns)
        self._settle(book)
        return Verdict(self.order(client_order_id), self._recorder.take())

    def replace(self, client_order_id: str, replaces: str, terms: OrderTerms, now_ns: int) -> Verdict:
        """Put an order with new terms in the place of `replaces`. Refused: the old order stays, the new id is spent."""
        repeated = self._repeated(client_order_id, terms)
        if repeated is not None:
            return repeated
        self.version += 1
        old = self._clerk.working.get(replaces)
        if old is not None:
            self._run_due(self.books[old.terms.symbol], now_ns)
        order = self._new_order(client_order_id, terms, now_ns, "")
        order.replaces = replaces
        code, text = self._why_untouchable(replaces)
        fault = (code, text) if code else self._bad_replacement(order, self._clerk.working[replaces], now_ns)
        if fault is not None:
            row = self._clerk.refuse(order, *fault, now_ns)
            self._settle_if_open(terms.symbol)
            return Verdict(row, self._recorder.take(), *fault)
        old = self._clerk.working[replaces]
        book = self.books[terms.symbol]
        replacement = Replacement(client_order_id, order.broker_order_id, replaces, terms, now_ns)
        if self.settings.latency_ns:
            self.replacements[client_order_id] = replacement
            old.status = OrderStatus.PENDING_REPLACE
            self._clerk.report(old, now_ns)
            self._plan(book, now_ns + self.settings.latency_ns, Act.REPLACE, replaces, client_order_id)
        else:
            self._put_in_place(book, replacement, now_ns)
        self._settle(book)
        return Verdict(self.order(client_order_id), self._recorder.take())

    def trade_outside(self, client_order_id: str, symbol: str, side: OrderSide, quantity: Decimal, price: Decimal, now_ns: int) -> Verdict:
        """An execution that no order of ours asked for: a person traded in the broker's own application."""
        terms = OrderTerms(symbol, side, OrderType.MARKET, quantity, tif=TimeInForce.GTC)
        repeated = self._repeated(client_order_id, terms)
        if repeated is not None:
            return repeated
        self.version += 1
        order = self._new_order(client_order_id, terms, now_ns, "")
        book = self.books.setdefault(symbol, Book(symbol))
        self._clerk.open(book, order, now_ns)
        self._clerk.execute(order, price, quantity, now_ns, maker=False)
        self._clerk.end(book, order, OrderStatus.FILLED, now_ns)
        self._settle(book)
        return Verdict(self.order(client_order_id), self._recorder.take())

    def _repeated(self, client_order_id: str, terms: OrderTerms) -> Verdict | None:
        if not 0 < len(client_order_id) <= ID_CHARS_MAX:
            return Verdict(None, NOTHING, "bad_client_order_id", f"client_order_id must have 1 to {ID_CHARS_MAX} characters")
        known = self.order(client_order_id)
        if known is None:
            return None
        if known.terms != terms:
            return Verdict(None, NOTHING, "duplicate", f"{client_order_id} was used for other terms")
        return Verdict(known, NOTHING, known.code if known.status is OrderStatus.REJECTED else "", known.text)

    def _new_order(self, client_order_id: str, terms: OrderTerms, now_ns: int, group: str) -> Working:
        number = self._take_number()
        return Working(number, client_order_id, f"p{number}", terms, now_ns, now_ns + self.settings.latency_ns, Decimal(0), group)

    def _undefined(self, symbol: str) -> Fault | None:
        """Nobody said what it is, so its money might be of any currency."""
        if not self.settings.defined_only or symbol in self.market.instruments:
            return None
        return "unknown_instrument", f"nobody said yet what {symbol} is"

    def _unaffordable(self, order: Working, now_ns: int, without: Working | None) -> Fault | None:
        """Set the order's reserve price and judge it against the account. without: an order it takes the place of."""
        terms = order.terms
        reference = reference_price(terms, self._seen(terms, now_ns))
        if reference is None:
            return "no_reference_price", f"no price of {terms.symbol} was seen yet"
        order.reference = reference
        books = self._open_by_symbol()
        books[terms.symbol] = [o for o in books.get(terms.symbol, ()) if o is not without]
        shortable = self.market.shortable(terms.symbol)
        return shortage(self.settings, self._clerk.account, books, self.market, order, shortable=shortable)

    def _bad_replacement(self, new: Working, old: Working, now_ns: int) -> Fault | None:
        terms = new.terms
        if (terms.symbol, terms.side, terms.type) != (old.terms.symbol, old.terms.side, old.terms.type):
            return "bad_replace", "symbol, side and type cannot be replaced"
        fault = fault_of(terms, self.market.tick(terms.symbol), self.market.lot(terms.symbol), now_ns)
        if fault is None and terms.quantity <= old.filled + old.given:
            fault = "quantity_done", f"{old.filled} of {terms.quantity} is filled"
        if fault is not None:
            return fault
        new.filled, new.given, new.group = old.filled, old.given, old.group
        fault = self._unaffordable(new, now_ns, without=old)
        new.filled, new.given = Decimal(0), Decimal(0)
        return fault

    def _why_untouchable(self, client_order_id: str) -> Fault:
        """("", "") when the order is open and nothing is pending on it."""
        order = self._clerk.working.get(client_order_id)
        if order is not None:
            return (str(order.status), f"{client_order_id} already waits for its {order.status}") if order.status in _WAITING else ("", "")
        done = self._clerk.done.get(client_order_id)
        if done is not None:
            return "order_done", f"{client_order_id} is {done.status}"
        return "unknown_order", f"no open order {client_order_id}"
