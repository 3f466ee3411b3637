"""The account at the venue: cash, holdings, what open orders reserve, and whether a new order may add to it.

Kept apart from `shared.domain` on purpose: reconciliation compares our books with these, and two copies of one mistake would agree.

An instrument of another currency is paid for in that currency: its balance moves, cash does not; commissions are taken from cash. A rate says what
a balance or a holding is worth and moves no money.

Margin: every symbol counts with the worse of (position + open buys) and (open sells - position), at the newest rates; the sum may not grow past
equity x multiplier; a balance may be owed. Cash: open buys of a currency within settled money of that currency, sells within what is held. An order
that only reduces is never refused for lack of money.
Orders of one OCO group exclude each other, so a group counts once a side.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

import msgspec

from shared.domain.exact import ZERO, add, magnitude, multiply, negate, share, subtract, total
from shared.events import AccountRow, BalanceRow, OrderSide, OrderTerms, PositionRow, UnsettledRow
from shared.events.enums import BUY

from .orders import Working, average
from .settings import AccountKind, VenueSettings

_EPOCH: Final = dt.date(1970, 1, 1)
_DAY_NS: Final = 86_400_000_000_000


class Holding(msgspec.Struct, array_like=True):
    """quantity signed; cost: signed sum of quantity x price of what is held (points, without the multiplier)."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO


class Worth(NamedTuple):
    """Of a point and unit of an instrument. contract: money of `currency`; multiplier: account currency, at the newest rate."""

    contract: Decimal
    currency: str
    multiplier: Decimal


class Account(msgspec.Struct, array_like=True):
    """month, month_shares: shares traded in the calendar month (UTC), which volume tiers are by. unsettled: proceeds that may not be spent yet, by
    when they may. dates: by calendar, the trading date that began last. balances: by currency other than the account's, none of them zero.

    A currency is named everywhere below as in `balances`: empty for the account's own."""

    cash: Decimal
    holdings: dict[str, Holding]
    month: str = ""
    month_shares: Decimal = ZERO
    unsettled: list[UnsettledRow] = msgspec.field(default_factory=list)
    dates: dict[str, str] = msgspec.field(default_factory=dict)
    balances: dict[str, Decimal] = msgspec.field(default_factory=dict)

    def money(self, currency: str) -> Decimal:
        """Cash, or the balance of another currency."""
        return self.balances.get(currency, ZERO) if currency else self.cash

    def pay(self, amount: Decimal, currency: str) -> None:
        """Money in, or out (negative)."""
        if not currency:
            self.cash = add(self.cash, amount)
            return
        self.balances[currency] = add(self.money(currency), amount)
        if not self.balances[currency]:
            del self.balances[currency]

    def settled(self, currency: str) -> Decimal:
        """Money that may be spent."""
        return subtract(self.money(currency), total(row.amount for row in self.unsettled if row.currency == currency))

    def wait(self, calendar: str, date: str, amount: Decimal, currency: str) -> None:
        """So much of the money may be spent once that date begins."""
        if date <= self.dates.get(calendar, ""):
            return
        for i, row in enumerate(self.unsettled):
            if (row.calendar, row.date, row.currency) == (calendar, date, currency):
                self.unsettled[i] = UnsettledRow(calendar, date, add(row.amount, amount), currency)
                return
        self.unsettled.append(UnsettledRow(calendar, date, amount, currency))

    def date_begins(self, calendar: str, date: str) -> bool:
        """What waited for it is settled. False: it, or a later one, had begun."""
        if date <= self.dates.get(calendar, ""):
            return False
        self.dates[calendar] = date
        self.unsettled = [row for row in self.unsettled if row.calendar != calendar or row.date > date]
        return True

    def quantity(self, symbol: str) -> Decimal:
        holding = self.holdings.get(symbol)
        return holding.quantity if holding else ZERO

    def shares_this_month(self, ns: int) -> Decimal:
        month = _month(ns // _DAY_NS)
        if month != self.month:
            self.month, self.month_shares = month, ZERO
        return self.month_shares

    def trade(self, symbol: str, side: OrderSide, quantity: Decimal, price: Decimal, worth: Worth, commission: Decimal, ns: int) -> None:
        """Book one execution."""
        signed = quantity if side is BUY else negate(quantity)
        self.pay(negate(multiply(multiply(signed, price), worth.contract)), worth.currency)
        self.cash = subtract(self.cash, commission)
        self.month_shares = add(self.shares_this_month(ns), quantity)
        holding = self.holdings.setdefault(symbol, Holding())
        held, after = holding.quantity, add(holding.quantity, signed)
        if not held or (held > 0) == (signed > 0):
            holding.cost = add(holding.cost, multiply(signed, price))
        elif not after or (after > 0) == (held > 0):
            holding.cost = share(holding.cost, after, held)
        else:
            holding.cost = multiply(after, price)
        holding.quantity = after
        if not after:
            del self.holdings[symbol]

    def rows(self) -> tuple[PositionRow, ...]:
        return tuple(PositionRow(symbol, h.quantity, average(h.cost, h.quantity) or ZERO) for symbol, h in sorted(self.holdings.items()))


class Pricing(Protocol):
    """mark: the newest price of a symbol, None while there is none; worth: of its points; rate: account currency a unit of another one."""

    def mark(self, symbol: str) -> Decimal | None: ...
    def worth(self, symbol: str) -> Worth: ...
    def rate(self, currency: str) -> Decimal: ...


def position_value(pricing: Pricing, symbol: str, holding: Holding) -> Decimal:
    """Signed, in account currency; at cost while no price is known."""
    mark = pricing.mark(symbol)
    return multiply(holding.cost if mark is None else multiply(holding.quantity, mark), pricing.worth(symbol).multiplier)


class Side(msgspec.Struct, frozen=True, gc=False):
    quantity: Decimal
    value: Decimal


NOTHING_OPEN: Final = Side(ZERO, ZERO)


def open_side(orders: Sequence[Working], side: OrderSide, point: Decimal) -> Side:
    """What the open orders of one symbol and side can still trade, a group counted by its largest member. point: money a point and unit."""
    if not orders:
        return NOTHING_OPEN
    quantity, value = ZERO, ZERO
    groups: dict[str, Side] = {}  # most orders are of none
    for order in orders:
        if order.terms.side is not side:
            continue
        leaves = order.leaves
        one = Side(leaves, multiply(multiply(leaves, order.reference), point))
        if order.group:
            known = groups.get(order.group, Side(ZERO, ZERO))
            groups[order.group] = Side(max(known.quantity, one.quantity), max(known.value, one.value))
        else:
            quantity, value = add(quantity, one.quantity), add(value, one.value)
    if not groups:
        return Side(quantity, value)
    return Side(total((g.quantity for g in groups.values()), quantity), total((g.value for g in groups.values()), value))


def worst_value(value: Decimal, orders: Sequence[Working], point: Decimal) -> Decimal:
    """Largest exposure in money a symbol can reach if its open orders fill. value: of what is held of it."""
    if not orders:
        return magnitude(value)
    return max(add(value, open_side(orders, OrderSide.BUY, point).value), subtract(open_side(orders, OrderSide.SELL, point).value, value))


def spendable(settings: VenueSettings, account: Account, books: Mapping[str, Sequence[Working]], pricing: Pricing, currency: str) -> Decimal:
    """Money of a currency that no open buy of a cash account waits to spend."""
    free = account.settled(currency) if settings.settlement_days else account.money(currency)
    for symbol, orders in books.items():
        worth = pricing.worth(symbol)
        if worth.currency == currency:
            free = subtract(free, open_side(orders, OrderSide.BUY, worth.contract).value)
    return free


def totals(settings: VenueSettings, account: Account, books: Mapping[str, Sequence[Working]], pricing: Pricing) -> AccountRow:
    """Cash, equity at the newest prices and rates, balances, and what may still be bought: of a cash account, for its own currency."""
    values = {s: position_value(pricing, s, h) for s, h in account.holdings.items()}
    equity = total((multiply(amount, pricing.rate(currency)) for currency, amount in account.balances.items()), total(values.values(), account.cash))
    unsettled = None
    if settings.account_kind is AccountKind.CASH:
        unsettled = tuple(account.unsettled) if settings.settlement_days else None
        free = spendable(settings, account, books, pricing, "")
    else:
        used = total(worst_value(values.get(s, ZERO), books.get(s, ()), pricing.worth(s).multiplier) for s in sorted({*values, *books}))
        free = subtract(multiply(equity, settings.margin_multiplier), used)
    balances = tuple(BalanceRow(currency, amount) for currency, amount in sorted(account.balances.items()))
    return AccountRow(settings.currency, account.cash, equity, max(free, ZERO), unsettled, balances)


def shortage(
    settings: VenueSettings, account: Account, books: Mapping[str, Sequence[Working]], pricing: Pricing, order: Working, *, shortable: bool
) -> tuple[str, str] | None:
    """Why the account cannot carry one more order (code, text), or None."""
    terms, worth = order.terms, pricing.worth(order.terms.symbol)
    others = books.get(terms.symbol, ())
    both = (*others, order)
    if terms.side is OrderSide.SELL:
        missing = subtract(open_side(both, OrderSide.SELL, worth.contract).quantity, max(account.quantity(terms.symbol), ZERO))
        if missing > 0 and (settings.account_kind is AccountKind.CASH or not settings.short_allowed or not shortable):
            return "short_not_allowed", f"{missing} more than held and not yet on sale"
    if settings.account_kind is AccountKind.CASH:
        if terms.side is not BUY:
            return None
        need = subtract(open_side(both, OrderSide.BUY, worth.contract).value, open_side(others, OrderSide.BUY, worth.contract).value)
        free, currency = max(spendable(settings, account, books, pricing, worth.currency), ZERO), worth.currency or settings.currency
    else:
        holding = account.holdings.get(terms.symbol)
        value = position_value(pricing, terms.symbol, holding) if holding else ZERO
        need = subtract(worst_value(value, both, worth.multiplier), worst_value(value, others, worth.multiplier))
        if need <= 0:
            return None
        free, currency = totals(settings, account, books, pricing).buying_power, settings.currency
    return ("insufficient_buying_power", f"needs {need}, has {free} {currency}") if need > free else None


def reference_price(terms: OrderTerms, seen: Decimal | None) -> Decimal | None:
    """The price an order reserves buying power at: its own limit, else its stop or what is seen, whichever costs more."""
    if terms.limit_price is not None:
        return terms.limit_price
    prices = [price for price in (terms.stop_price, seen) if price is not None]
    return max(prices) if prices else None


@lru_cache(maxsize=64)
def _month(day: int) -> str:
    """`YYYY-MM` of a day counted from 1970 (UTC)."""
    return (_EPOCH + dt.timedelta(days=day)).strftime("%Y-%m")
