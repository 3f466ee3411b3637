"""The account as books: one a strategy, one for what is assigned to none; the account is their exact sum.

Promises: folding the same events gives the same books on any machine; account cash, holdings and profit are exactly the sum over books,
after partial closes, trades through zero, corrections and busts; nothing is de-duplicated here, because only the router books fills.
Orders of risk (flatten) and of others at the broker (external) trade for no strategy: their fills are unassigned until `HoldingAssigned`
moves them. Commissions and cash flows are taken in the account's currency. A dividend goes to who holds the symbol when it is booked. A strategy
that is removed leaves its cash and its holdings, at what they cost, unassigned; what its orders still fill is unassigned too. Its book stays,
empty, with what it earned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.events import (
    AccountOpened,
    CashFlow,
    CorporateAction,
    Event,
    FillCorrected,
    HoldingAssigned,
    InstrumentDefined,
    OrderFilled,
    StrategyRevised,
)

from . import actions
from .book import Book
from .exact import ONE, ZERO, add, negate, share, subtract
from .instrument import signed
from .order_ids import place_of
from .position import Position

__all__ = ["OWNERLESS", "UNASSIGNED", "Book", "Ledger", "LedgerState", "Position"]

UNASSIGNED: Final = ""
OWNERLESS: Final = frozenset({UNASSIGNED, "risk", "external"})  # order owners whose fills belong to no strategy's book


class PositionState(msgspec.Struct, frozen=True, array_like=True):
    symbol: str
    position: Position


class BookState(msgspec.Struct, frozen=True, array_like=True):
    strategy: str
    cash: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal
    positions: tuple[PositionState, ...]


class LedgerState(msgspec.Struct, frozen=True, array_like=True):
    """Everything a ledger holds, in canonical order: equal ledgers give equal states."""

    books: tuple[BookState, ...]
    multipliers: tuple[tuple[str, Decimal], ...]
    budgets: tuple[tuple[str, Decimal], ...]
    accounts: tuple[str, ...]
    revised: tuple[tuple[str, Decimal | None], ...] = ()
    earlier: tuple[tuple[str, int, tuple[int, int]], ...] = ()


class Ledger:
    """books: by strategy id, UNASSIGNED for the rest. A strategy's book opens with its budget as cash, moved there from unassigned cash,
    so the account's own cash never depends on how it is divided."""

    def __init__(self, budgets: Mapping[str, Decimal] | None = None) -> None:
        self.books: dict[str, Book] = {UNASSIGNED: Book()}
        self._budgets: dict[str, Decimal] = {}
        self._revised: dict[str, Decimal | None] = {}  # budgets that commands gave, over the given ones; None: removed
        self._earlier: dict[str, tuple[int, tuple[int, int]]] = {}  # of strategies added by command: their runs before, risk's own orders before
        self._multipliers: dict[str, Decimal] = {}
        self._net: dict[str, Decimal] = {}
        self._accounts: set[str] = set()
        self._cash: Decimal | None = None  # of all books, while nothing was folded since it was summed
        self._set_budgets(budgets or {})
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            OrderFilled: self._filled,
            FillCorrected: self._corrected,
            CashFlow: self._cash_flow,
            HoldingAssigned: self._assigned,
            CorporateAction: self._corporate_action,
            AccountOpened: self._opened,
            InstrumentDefined: self._defined,
            StrategyRevised: self._strategy_revised,
        }

    @property
    def kinds(self) -> frozenset[type[Event]]:
        """Types of events that change a ledger."""
        return frozenset(self._handlers)

    def apply(self, event: Event) -> None:
        """Fold one event; others than the account's facts change nothing."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            self._cash = None
            handler(event)

    def book(self, strategy: str) -> Book:
        """The book an order of this owner trades for; opened empty for a strategy not met before."""
        key = self._key(strategy)
        book = self.books.get(key)
        if book is None:
            book = self.books[key] = Book()
        return book

    def _key(self, owner: str) -> str:
        if owner in OWNERLESS or (owner in self._revised and self._revised[owner] is None):
            return UNASSIGNED
        return owner

    def net(self, symbol: str) -> Decimal:
        """The account's signed holding of a symbol: the sum over books. O(1)."""
        return self._net.get(symbol, ZERO)

    def quantity(self, strategy: str, symbol: str) -> Decimal:
        """Signed holding in the book of an order's owner; opens no book."""
        book = self.books.get(self._key(strategy))
        return book.quantity(symbol) if book is not None else ZERO

    def positions(self) -> dict[str, Decimal]:
        """Signed account holdings that are not flat, by symbol in order."""
        return {symbol: self._net[symbol] for symbol in sorted(self._net) if self._net[symbol]}

    @property
    def cash(self) -> Decimal:
        total = self._cash
        if total is None:
            total = ZERO
            for book in self.books.values():
                total = add(total, book.cash)
            self._cash = total
        return total

    def equity(self, marks: Mapping[str, float]) -> Decimal:
        """Account value at marks; holdings without a mark count at cost."""
        total = ZERO
        for book in self.books.values():
            total = add(total, book.equity(marks))
        return total

    def multiplier(self, symbol: str) -> Decimal:
        return self._multipliers.get(symbol, ONE)

    def has_opened(self, account: str) -> bool:
        """Whether its `AccountOpened` was folded."""
        return account in self._accounts

    def _filled(self, e: OrderFilled) -> None:
        self._trade(self._owner(e), e.symbol, signed(e.side, e.quantity), e.price, e.commission)

    def _owner(self, e: OrderFilled | FillCorrected) -> str:
        """What an order of an earlier life of its strategy trades is nobody's, wherever in the log its fill stands."""
        earlier = self._earlier.get(e.strategy) if self._earlier else None
        place = place_of(e.order_id) if earlier is not None else None
        if earlier is None or place is None:
            return e.strategy
        author, run, n = place
        over = run <= earlier[0] if author == e.strategy else (run, n) <= earlier[1]
        return UNASSIGNED if over else e.strategy

    def _corrected(self, e: FillCorrected) -> None:
        """The old execution is traded back at its own price and fee, then the new one is booked: cash and holdings end as if only the new
        one had been, and profit follows from them."""
        owner = self._owner(e)
        self._trade(owner, e.symbol, signed(e.side, negate(e.previous_quantity)), e.previous_price, negate(e.previous_commission))
        self._trade(owner, e.symbol, signed(e.side, e.quantity), e.price, e.commission)

    def shares_of(self, e: CashFlow) -> dict[str, Decimal]:
        """Whose money a flow is, by book: exactly the amount in all. A strategy's part needs nothing but its own holding."""
        parts, left = {}, e.amount
        if e.symbol and e.units:
            for strategy in sorted(self.books):
                held = self.books[strategy].quantity(e.symbol) if strategy != UNASSIGNED else ZERO
                if held:
                    parts[strategy] = share(e.amount, held, e.units)
                    left = subtract(left, parts[strategy])
        return {**parts, UNASSIGNED: left}

    def _cash_flow(self, e: CashFlow) -> None:
        for strategy, amount in self.shares_of(e).items():
            self.books[strategy].fund(amount)

    def _assigned(self, e: HoldingAssigned) -> None:
        """A trade between the strategy's book and the unassigned one at the given price: the account does not change."""
        self._trade(e.strategy, e.symbol, e.quantity, e.price, ZERO)
        self._trade(UNASSIGNED, e.symbol, negate(e.quantity), e.price, ZERO)

    def _opened(self, e: AccountOpened) -> None:
        if e.account in self._accounts:
            return
        self._accounts.add(e.account)
        rest = self.books[UNASSIGNED]
        rest.fund(e.cash)
        for symbol, quantity, price in zip(e.symbols, e.quantities, e.average_prices, strict=True):
            rest.endow(symbol, quantity, price, self.multiplier(symbol))
            self._net[symbol] = add(self.net(symbol), quantity)

    def _defined(self, e: InstrumentDefined) -> None:
        self._multipliers[e.symbol] = e.multiplier
        for book in self.books.values():
            position = book.positions.get(e.symbol)
            if position is not None:
                position.multiplier = e.multiplier

    def _corporate_action(self, e: CorporateAction) -> None:
        """split: as `actions`. symbol_change: the holding moves to new_symbol as it is. expiry: every book's holding is settled at the price."""
        if e.kind == "split":
            actions.split(self.books, UNASSIGNED, self.net(e.symbol), self.multiplier(e.symbol), e)
        elif e.kind == "symbol_change":
            self._multipliers.setdefault(e.new_symbol, self.multiplier(e.symbol))
            actions.rename(self.books, e.symbol, e.new_symbol, self.multiplier(e.new_symbol))
            self._recount(e.new_symbol)
        elif e.kind == "expiry":
            actions.settle(self.books, e.symbol, e.price)
        self._recount(e.symbol)

    def _trade(self, owner: str, symbol: str, signed: Decimal, price: Decimal, commission: Decimal) -> None:
        self.book(owner).trade(symbol, signed, price, commission, self.multiplier(symbol))
        self._net[symbol] = add(self.net(symbol), signed)

    def _recount(self, symbol: str) -> None:
        total = ZERO
        for book in self.books.values():
            total = add(total, book.quantity(symbol))
        self._net[symbol] = total

    def _strategy_revised(self, e: StrategyRevised) -> None:
        if e.outcome == "added":
            self._revised[e.strategy] = e.budget
            self._earlier[e.strategy] = (e.runs, e.exits)
            self._set_budgets(self._budgets)
        elif e.outcome == "removed" and self._key(e.strategy) != UNASSIGNED:
            self._release(e.strategy)

    def _release(self, strategy: str) -> None:
        """Cash and holdings of a book become unassigned; the account does not change."""
        book = self.book(strategy)
        for symbol, position in book.positions.items():
            if held := position.quantity:
                price = position.average_price
                self._trade(strategy, symbol, negate(held), price, ZERO)
                self._trade(UNASSIGNED, symbol, held, price, ZERO)
        self.books[UNASSIGNED].fund(book.cash)
        book.fund(negate(book.cash))
        self._budgets.pop(strategy, None)
        self._revised[strategy] = None

    def _set_budgets(self, given: Mapping[str, Decimal]) -> None:
        """Move what changed between unassigned cash and the strategies' books."""
        budgets = {k: v for k, v in {**given, **self._revised}.items() if v is not None}
        for strategy in sorted(set(budgets) | set(self._budgets)):
            change = subtract(budgets.get(strategy, ZERO), self._budgets.get(strategy, ZERO))
            self.book(strategy).fund(change)
            self.books[UNASSIGNED].fund(negate(change))
        self._budgets = dict(budgets)

    def to_state(self) -> LedgerState:
        return LedgerState(
            # a book somebody only looked at is no state
            books=tuple(_book_state(name, self.books[name]) for name in sorted(self.books) if name == UNASSIGNED or self.books[name] != Book()),
            multipliers=tuple(sorted(self._multipliers.items())),
            budgets=tuple(sorted(self._budgets.items())),
            accounts=tuple(sorted(self._accounts)),
            revised=tuple(sorted(self._revised.items())),
            earlier=tuple((strategy, *before) for strategy, before in sorted(self._earlier.items())),
        )

    @classmethod
    def from_state(cls, state: LedgerState, budgets: Mapping[str, Decimal] | None = None) -> Ledger:
        """The ledger of a state. budgets: today's, where they differ from the state's the difference moves; None keeps the state's."""
        ledger = cls()
        for b in state.books:
            positions = {p.symbol: msgspec.structs.replace(p.position) for p in b.positions}
            ledger.books[b.strategy] = Book(b.cash, positions, b.realised, b.fees, b.funding)
        ledger._multipliers = dict(state.multipliers)
        ledger._budgets = dict(state.budgets)
        ledger._accounts = set(state.accounts)
        ledger._revised = dict(state.revised)
        ledger._earlier = {strategy: (runs, exits) for strategy, runs, exits in state.earlier}
        for symbol in {symbol for book in ledger.books.values() for symbol in book.positions}:
            ledger._recount(symbol)  # the order of this set decides nothing
        if budgets is not None:
            ledger._set_budgets(budgets)
        return ledger


def _book_state(strategy: str, book: Book) -> BookState:
    positions = tuple(PositionState(symbol, msgspec.structs.replace(book.positions[symbol])) for symbol in sorted(book.positions))
    return BookState(strategy, book.cash, book.realised, book.fees, book.funding, positions)
