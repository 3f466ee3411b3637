"""The account as books: one a strategy, one for what is assigned to none; the account is their exact sum.

Promises: folding the same events gives the same books on any machine; account cash, holdings and profit are exactly the sum over books,
after partial closes, trades through zero, corrections and busts; nothing is de-duplicated here, because only the router books fills.
Orders of risk (flatten) and of others at the broker (external) trade for no strategy: their fills are unassigned until `HoldingAssigned`
moves them. Commissions and cash flows are taken in the currency they are told in; an instrument of another currency is paid for in it. A
dividend goes to who holds the symbol when it is booked. A strategy that is removed leaves its cash and its holdings, at what they cost,
unassigned; what its orders still fill is unassigned too. Its book stays, empty, with what it earned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.events import (
    AccountOpened,
    CashFlow,
    CorporateAction,
    CurrencyRate,
    Event,
    FillCorrected,
    HoldingAssigned,
    InstrumentDefined,
    OrderFilled,
    StrategyRevised,
)

from . import actions
from .book import Book
from .exact import ONE, ZERO, add, multiply, negate, share, subtract, total
from .instrument import signed
from .money import Unit, Units
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
    balances: tuple[PositionState, ...] = ()


class LedgerState(msgspec.Struct, frozen=True, array_like=True):
    """Everything a ledger holds, in canonical order: equal ledgers give equal states. contracts: symbol, money of its currency a point, currency;
    rates: by currency."""

    books: tuple[BookState, ...]
    contracts: tuple[tuple[str, Decimal, str], ...]
    budgets: tuple[tuple[str, Decimal], ...]
    accounts: tuple[str, ...]
    revised: tuple[tuple[str, Decimal | None], ...] = ()
    currency: str = ""
    rates: tuple[tuple[str, Decimal], ...] = ()
    earlier: tuple[tuple[str, int, tuple[int, int]], ...] = ()


class Ledger:
    """books: by strategy id, UNASSIGNED for the rest. A strategy's book opens with its budget as cash, moved there from unassigned cash,
    so the account's own cash never depends on how it is divided."""

    def __init__(self, budgets: Mapping[str, Decimal] | None = None) -> None:
        self.books: dict[str, Book] = {UNASSIGNED: Book()}
        self._budgets: dict[str, Decimal] = {}
        self._revised: dict[str, Decimal | None] = {}  # budgets that commands gave, over the given ones; None: removed
        self._units = Units()
        self._earlier: dict[str, tuple[int, tuple[int, int]]] = {}  # of strategies added by command: their runs before, risk's own orders before
        self._net: dict[str, Decimal] = {}
        self._accounts: set[str] = set()
        self._cash: Decimal | None = None  # of all books, while nothing was folded since it was summed
        self._money: Decimal | None = None  # as it
        self._set_budgets(budgets or {})
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            OrderFilled: self._filled,
            FillCorrected: self._corrected,
            CashFlow: self._cash_flow,
            HoldingAssigned: self._assigned,
            CorporateAction: self._corporate_action,
            AccountOpened: self._opened,
            InstrumentDefined: self._defined,
            CurrencyRate: self._rated,
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
            self._cash = self._money = None
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
        if self._cash is None:
            self._cash = total(book.cash for book in self.books.values())
        return self._cash

    @property
    def money(self) -> Decimal:
        """Cash, and what balances of other currencies are worth at their rates."""
        if self._money is None:
            self._money = total(book.money for book in self.books.values())
        return self._money

    def balances(self) -> dict[str, Decimal]:
        """The account's money of other currencies that is not zero, by currency in order."""
        found: dict[str, Decimal] = {}
        for book in self.books.values():
            for currency, held in book.balances.items():
                found[currency] = add(found.get(currency, ZERO), held.quantity)
        return {currency: found[currency] for currency in sorted(found) if found[currency]}

    def equity(self, marks: Mapping[str, float]) -> Decimal:
        """Account value at marks; holdings without a mark count at cost."""
        return total(book.equity(marks) for book in self.books.values())

    def multiplier(self, symbol: str) -> Decimal:
        """Account currency a point and unit, at the newest rate."""
        return self._units.multiplier(symbol)

    def unit(self, symbol: str) -> Unit:
        return self._units.of(symbol)

    @property
    def currency(self) -> str:
        """The account's own; empty before it was opened."""
        return self._units.base

    def symbols_in(self, currency: str) -> list[str]:
        """Instruments that are priced in it, in order."""
        return self._units.priced_in(currency)

    def rate(self, currency: str) -> Decimal | None:
        """Account currency a unit of it, one of the account's own; None where nobody told it."""
        if currency == self._units.base:
            return ONE
        return self._units.rates.get(currency)

    def worth(self, amount: Decimal, currency: str) -> Decimal:
        """Money in account currency at the newest rate."""
        foreign = self._units.foreign(currency)
        return multiply(amount, self._units.rate(foreign)) if foreign else amount

    def has_opened(self, account: str) -> bool:
        """Whether its `AccountOpened` was folded."""
        return account in self._accounts

    def _filled(self, e: OrderFilled) -> None:
        owner = self._owner(e)
        self._trade(owner, e.symbol, signed(e.side, e.quantity), e.price)
        self._charge(owner, e.symbol, e.commission, e.currency)

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
        self._trade(owner, e.symbol, signed(e.side, negate(e.previous_quantity)), e.previous_price)
        self._trade(owner, e.symbol, signed(e.side, e.quantity), e.price)
        self._charge(owner, e.symbol, subtract(e.commission, e.previous_commission), e.currency)

    def shares_of(self, e: CashFlow) -> dict[str, Decimal]:
        """Whose money a flow is, by book and in its currency: exactly the amount in all. A strategy's part needs nothing but its own holding."""
        parts, left = {}, e.amount
        if e.symbol and e.units:
            for strategy in sorted(self.books):
                held = self.books[strategy].quantity(e.symbol) if strategy != UNASSIGNED else ZERO
                if held:
                    parts[strategy] = share(e.amount, held, e.units)
                    left = subtract(left, parts[strategy])
        return {**parts, UNASSIGNED: left}

    def _cash_flow(self, e: CashFlow) -> None:
        currency = self._units.foreign(e.currency)
        for strategy, amount in self.shares_of(e).items():
            self.books[strategy].fund(amount, currency, self._units.rate(currency))

    def _assigned(self, e: HoldingAssigned) -> None:
        """A trade between the strategy's book and the unassigned one at the given price: the account does not change."""
        self._trade(e.strategy, e.symbol, e.quantity, e.price)
        self._trade(UNASSIGNED, e.symbol, negate(e.quantity), e.price)

    def _opened(self, e: AccountOpened) -> None:
        if e.account in self._accounts:
            return
        self._accounts.add(e.account)
        self._revalue(self._units.open(e.currency))
        rest = self.books[UNASSIGNED]
        rest.fund(e.cash)
        for row in e.balances:
            rest.fund(row.amount, row.currency, self._units.rate(row.currency))
        for symbol, quantity, price in zip(e.symbols, e.quantities, e.average_prices, strict=True):
            rest.endow(symbol, quantity, price, self.unit(symbol))
            self._net[symbol] = add(self.net(symbol), quantity)

    def _defined(self, e: InstrumentDefined) -> None:
        """What was found before anybody said what a point is worth is counted anew, at what was paid; that is no profit."""
        is_new = e.symbol not in self._units.contracts
        self._units.define(e.symbol, e.multiplier, "" if e.fx_rate else e.currency)
        if is_new:
            for book in self.books.values():
                book.learn(e.symbol, self.unit(e.symbol))
        self._revalue([e.symbol])

    def _rated(self, e: CurrencyRate) -> None:
        """The first rate of a currency says what was paid in it; each later one is profit or loss."""
        is_first = e.currency not in self._units.rates
        self._revalue(self._units.move(e.currency, e.rate))
        symbols = self.symbols_in(e.currency) if is_first else ()
        for book in self.books.values():
            book.rate(e.currency, e.rate)
            if is_first:
                book.learn_rate(e.currency, e.rate, symbols)

    def _revalue(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            unit = self.unit(symbol)
            for book in self.books.values():
                position = book.positions.get(symbol)
                if position is not None:
                    position.count_in(unit)

    def _corporate_action(self, e: CorporateAction) -> None:
        """split: as `actions`. symbol_change: the holding moves to new_symbol as it is. expiry: every book's holding is settled at the price."""
        if e.kind == "split":
            actions.split(self.books, UNASSIGNED, self.net(e.symbol), self.unit(e.symbol), e)
        elif e.kind == "symbol_change":
            if e.symbol in self._units.contracts and e.new_symbol not in self._units.contracts:
                self._units.define(e.new_symbol, *self._units.contracts[e.symbol])
            actions.rename(self.books, e.symbol, e.new_symbol, self.unit(e.new_symbol))
            self._recount(e.new_symbol)
        elif e.kind == "expiry":
            actions.settle(self.books, e.symbol, e.price, self.unit(e.symbol))
        self._recount(e.symbol)

    def _trade(self, owner: str, symbol: str, signed: Decimal, price: Decimal) -> None:
        self.book(owner).trade(symbol, signed, price, self._units.of(symbol))
        self._net[symbol] = add(self.net(symbol), signed)

    def _charge(self, owner: str, symbol: str, commission: Decimal, currency: str) -> None:
        if commission:
            foreign = self._units.foreign(currency)
            self.book(owner).charge(symbol, commission, foreign, self._units.rate(foreign))

    def _recount(self, symbol: str) -> None:
        self._net[symbol] = total(book.quantity(symbol) for book in self.books.values())

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
                self._trade(strategy, symbol, negate(held), price)
                self._trade(UNASSIGNED, symbol, held, price)
        rest = self.books[UNASSIGNED]
        for currency, balance in book.balances.items():
            amount, rate = balance.quantity, self._units.rate(currency)
            rest.fund(amount, currency, rate)
            book.fund(negate(amount), currency, rate)
        rest.fund(book.cash)
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
            books=tuple(_book_state(name, self.books[name]) for name in sorted(self.books) if name == UNASSIGNED or not self.books[name].untouched),
            contracts=tuple((symbol, *told) for symbol, told in sorted(self._units.contracts.items())),
            budgets=tuple(sorted(self._budgets.items())),
            accounts=tuple(sorted(self._accounts)),
            revised=tuple(sorted(self._revised.items())),
            currency=self._units.base,
            rates=tuple(sorted(self._units.rates.items())),
            earlier=tuple((strategy, *before) for strategy, before in sorted(self._earlier.items())),
        )

    @classmethod
    def from_state(cls, state: LedgerState, budgets: Mapping[str, Decimal] | None = None) -> Ledger:
        """The ledger of a state. budgets: today's, where they differ from the state's the difference moves; None keeps the state's."""
        ledger = cls()
        for b in state.books:
            ledger.books[b.strategy] = Book(b.cash, _held(b.positions), b.realised, b.fees, b.funding, _held(b.balances))
        contracts = {symbol: (contract, currency) for symbol, contract, currency in state.contracts}
        ledger._units = Units(state.currency, contracts, dict(state.rates))
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
    return BookState(strategy, book.cash, book.realised, book.fees, book.funding, _holding_states(book.positions), _holding_states(book.balances))


def _holding_states(held: Mapping[str, Position]) -> tuple[PositionState, ...]:
    return tuple(PositionState(name, msgspec.structs.replace(held[name])) for name in sorted(held))


def _held(states: Iterable[PositionState]) -> dict[str, Position]:
    return {s.symbol: msgspec.structs.replace(s.position) for s in states}
