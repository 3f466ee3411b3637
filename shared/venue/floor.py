"""The venue's floor: its state, what can be read of it, and the acts that are due later (arrivals, cancels, replaces, expiries, closes).

Times: an act happens at its own time, before the next price of its symbol; `_flush` makes it happen when time has passed it. The end of a
session ends each symbol on its own, because symbols whose last bar of the session is still to come must trade it first.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from shared.events import AccountRow, OrderRow, OrderStatus, OrderTerms, OrderType, PositionRow, TimeInForce

from .account import Account, reference_price, totals
from .book import NEVER, Act, Book, Due, Replacement
from .clerk import Clerk
from .market import Hours, Market
from .matcher import Matcher, far_side
from .orders import Working
from .reports import Recorder
from .settings import VenueSettings

CARRIED: Final = ("group", "elected", "filled", "paid", "taken", "charged", "tier_base", "given", "trail", "reference")  # over a replace


class Floor:
    """version grows whenever something other than a newest price changed, so a ledger knows when to write. Used through `MatchingCore`."""

    def __init__(self, settings: VenueSettings) -> None:
        self.settings = settings
        self.version = 0
        self.market = Market(settings)
        self.books: dict[str, Book] = {}
        self.replacements: dict[str, Replacement] = {}
        self._recorder = Recorder()
        self._clerk = Clerk(
            settings, self.market, Account(settings.initial_cash, {}, balances={c: a for c, a in settings.balances.items() if a}), self._recorder
        )
        self._matcher = Matcher(settings, self.market, self._clerk)
        self._next_order = 1
        self._next_act = 1
        self._now = 0
        self._due = NEVER

    # --- readings

    @property
    def report_number(self) -> int:
        """Newest report."""
        return self._recorder.next_number - 1

    @property
    def now_ns(self) -> int:
        """Newest time told by the market or the clock."""
        return max(self._now, self.market.newest_ns())

    def order(self, client_order_id: str) -> OrderRow | None:
        """The order as it stands, or None: no order was ever known under this id."""
        working = self._clerk.working.get(client_order_id)
        if working is not None:
            return working.row()
        coming = self.replacements.get(client_order_id)
        if coming is not None:
            return OrderRow(
                client_order_id,
                coming.broker_order_id,
                OrderStatus.PENDING_NEW,
                coming.terms,
                Decimal(0),
                None,
                coming.asked_ns,
                replaces=coming.replaces,
            )
        return self._clerk.done.get(client_order_id)

    def client_of(self, broker_order_id: str) -> str:
        """The client_order_id of an open order, empty where there is none."""
        return next((name for name, order in self._clerk.working.items() if order.broker_order_id == broker_order_id), "")

    def open_orders(self) -> tuple[OrderRow, ...]:
        """In order of arrival."""
        return tuple(o.row() for o in sorted(self._clerk.working.values(), key=lambda o: o.number))

    def positions(self) -> tuple[PositionRow, ...]:
        return self._clerk.account.rows()

    def account(self) -> AccountRow:
        return totals(self.settings, self._clerk.account, self._open_by_symbol(), self.market)

    def next_due(self) -> int:
        """ns before which nothing happens without market data or a request; far in the future when nothing is planned."""
        return self._due

    def skip_numbers(self, count: int) -> int:
        """Spend report numbers on repeats of known facts (fault modes). The first of them."""
        self.version += 1
        first = self._recorder.next_number
        self._recorder.next_number += count
        return first

    # --- what is due

    def _flush(self, upto_ns: int) -> None:
        """Everything due at or before upto_ns happens."""
        self._due = NEVER
        for calendar, hours in self.market.hours.items():
            if not hours.swept:
                if hours.close_ns + self.settings.close_grace_ns <= upto_ns:
                    self._sweep(calendar, hours)
                else:
                    self._due = min(self._due, hours.close_ns + self.settings.close_grace_ns)
        for book in tuple(self.books.values()):
            if book.acts and book.acts[0].ns <= upto_ns:
                self.version += 1
                self._run_acts(book, upto_ns)
                self._settle(book)
            if book.acts:
                self._due = min(self._due, book.acts[0].ns)

    def _run_due(self, book: Book, ns: int) -> None:
        """Acts of one symbol up to ns, its session's end among them."""
        self.version += 1
        hours = self.market.hours_of(book.symbol)
        if hours is not None and hours.close_ns + self.settings.close_grace_ns <= ns:
            self._run_acts(book, hours.close_ns - 1)
            self._end_session(book, hours)
        self._run_acts(book, ns)

    def _run_acts(self, book: Book, upto_ns: int) -> None:
        while book.acts and book.acts[0].ns <= upto_ns:
            due = book.acts.pop(0)
            order = book.find(due.client_order_id)
            if due.act == Act.REPLACE.value:
                self._put_in_place(book, self.replacements.pop(due.replacement), due.ns)
            elif order is None:
                continue
            elif due.act == Act.ARRIVE.value:
                self._matcher.arrive(book, order, due.ns)
            elif due.act == Act.CANCEL.value:
                self._clerk.end(book, order, OrderStatus.CANCELLED, due.ns)
            else:
                self._clerk.end(book, order, OrderStatus.EXPIRED, due.ns)

    def _sweep(self, calendar: str, hours: Hours) -> None:
        """A session is over for every symbol of its calendar."""
        self.version += 1
        hours.swept = True
        for book in tuple(self.books.values()):
            instrument = self.market.instruments.get(book.symbol)
            if (instrument.calendar if instrument else self.settings.calendar) == calendar:
                self._run_acts(book, hours.close_ns - 1)
                self._end_session(book, hours)
                self._settle(book)

    def _end_session(self, book: Book, hours: Hours) -> None:
        self._matcher.late_close_auction(book, hours)
        for order in tuple(book.orders):
            opens = order.terms.type is OrderType.MARKET_ON_OPEN
            if order.for_the_day and (order.effective_ns <= hours.open_ns if opens else order.effective_ns < hours.close_ns):
                self._clerk.end(book, order, OrderStatus.EXPIRED, hours.close_ns)

    def _put_in_place(self, book: Book, coming: Replacement, ns: int) -> None:
        old = book.find(coming.replaces)
        new = Working(
            self._take_number(),
            coming.client_order_id,
            coming.broker_order_id,
            coming.terms,
            coming.asked_ns,
            ns,
            Decimal(0),
            replaces=coming.replaces,
        )
        if old is None:
            self._clerk.refuse(new, "order_done", f"{coming.replaces} ended before it could be replaced", ns)
            return
        if coming.terms.quantity <= old.filled + old.given:
            old.status = old.working_status()
            self._clerk.report(old, ns)
            self._clerk.refuse(new, "quantity_done", f"{old.filled} of {coming.terms.quantity} is filled", ns)
            return
        for name in CARRIED:
            setattr(new, name, getattr(old, name))
        new.reference = reference_price(new.terms, self._seen(new.terms, ns)) or old.reference
        new.status = new.working_status()
        old.replaced_by = new.client_order_id
        self._clerk.end(book, old, OrderStatus.REPLACED, ns)
        self._clerk.open(book, new, ns)
        if new.terms.tif is TimeInForce.GTD:
            self._plan(book, new.terms.expire_at, Act.EXPIRE, new.client_order_id)
        self._matcher.arrive(book, new, ns)

    def _enter(self, book: Book, order: Working, now_ns: int) -> None:
        if order.terms.tif is TimeInForce.GTD:
            self._plan(book, order.terms.expire_at, Act.EXPIRE, order.client_order_id)
        if order.effective_ns > now_ns:
            self._plan(book, order.effective_ns, Act.ARRIVE, order.client_order_id)
        else:
            self._matcher.arrive(book, order, now_ns)

    def _plan(self, book: Book, ns: int, act: Act, client_order_id: str, replacement: str = "") -> None:
        book.plan(Due(ns, self._next_act, act.value, client_order_id, replacement))
        self._next_act += 1
        self._due = min(self._due, ns)

    def _settle(self, book: Book) -> None:
        """After anything happened to a book: forget it when empty, else work out when it must be looked at again."""
        if not book.orders and not book.acts:
            self.books.pop(book.symbol, None)
            return
        hours = self.market.hours_of(book.symbol)
        book.settle(float(self.market.tick(book.symbol)), NEVER if hours is None else hours.close_ns)

    def _settle_if_open(self, symbol: str) -> None:
        book = self.books.get(symbol)
        if book is not None:
            self._settle(book)

    def _settle_all(self) -> None:
        for book in tuple(self.books.values()):
            self._settle(book)
        for hours in self.market.hours.values():
            if not hours.swept:
                self._due = min(self._due, hours.close_ns + self.settings.close_grace_ns)

    def _take_number(self) -> int:
        number = self._next_order
        self._next_order += 1
        return number

    def _seen(self, terms: OrderTerms, now_ns: int) -> Decimal | None:
        quote = self.market.usable_quote(terms.symbol, now_ns)
        return far_side(quote, terms.side, self.market.tick(terms.symbol)) if quote is not None else self.market.mark(terms.symbol)

    def _open_by_symbol(self) -> dict[str, list[Working]]:
        return {symbol: book.orders for symbol, book in self.books.items()}
