"""The account at the venue: cash, holdings, what open orders reserve, and whether a new order may add to it.

Kept apart from `shared.domain` on purpose: reconciliation compares our books with these, and two copies of one mistake would agree.

Margin: every symbol counts with the worse of (position + open buys) and (open sells - position); the sum may not grow past equity x
multiplier. Cash: open buys within settled cash, sells within what is held. An order that only reduces is never refused for lack of money.
Orders of one OCO group exclude each other, so a group counts once a side.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from shared.domain.exact import ZERO, add, multiply, share, subtract
from shared.events import AccountRow, OrderSide, OrderTerms, PositionRow, UnsettledRow
from shared.events.enums import BUY

from .orders import Working, average
from .settings import AccountKind, VenueSettings

_EPOCH: Final = dt.date(1970, 1, 1)
_DAY_NS: Final = 86_400_000_000_000


class Holding(msgspec.Struct, array_like=True):
    """quantity signed; cost: signed sum of quantity x price of what is held (points, without the multiplier)."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO


class Account(msgspec.Struct, array_like=True):
    """month, month_shares: shares traded in the calendar month (UTC), which volume tiers are by. unsettled: proceeds in cash that may not be
    spent yet, by when they may. dates: by calendar, the trading date that began last."""

    cash: Decimal
    holdings: dict[str, Holding]
    month: str = ""
    month_shares: Decimal = ZERO
    unsettled: list[UnsettledRow] = msgspec.field(default_factory=list)
    dates: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def settled(self) -> Decimal:
        """Cash that may be spent."""
        total = self.cash
        for row in self.unsettled:
            total = subtract(total, row.amount)
        return total

    def wait(self, calendar: str, date: str, amount: Decimal) -> None:
        """So much of the cash may be spent once that date begins."""
        if date <= self.dates.get(calendar, ""):
            return
        for i, row in enumerate(self.unsettled):
            if (row.calendar, row.date) == (calendar, date):
                self.unsettled[i] = UnsettledRow(calendar, date, add(row.amount, amount))
                return
        self.unsettled.append(UnsettledRow(calendar, date, amount))

    def date_begins(self, calendar: str, date: str) -> None:
        """What waited for it is settled."""
        if date > self.dates.get(calendar, ""):
            self.dates[calendar] = date
            self.unsettled = [row for row in self.unsettled if row.calendar != calendar or row.date > date]

    def quantity(self, symbol: str) -> Decimal:
        holding = self.holdings.get(symbol)
        return holding.quantity if holding else ZERO

    def shares_this_month(self, ns: int) -> Decimal:
        month = _month(ns // _DAY_NS)
        if month != self.month:
            self.month, self.month_shares = month, ZERO
        return self.month_shares

    def trade(self, symbol: str, side: OrderSide, quantity: Decimal, price: Decimal, multiplier: Decimal, commission: Decimal, ns: int) -> None:
        """Book one execution."""
        signed = quantity if side is BUY else -quantity
        self.cash = subtract(subtract(self.cash, multiply(multiply(signed, price), multiplier)), commission)
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
    """mark: the newest price of a symbol, None while there is none; multiplier: money a point and unit."""

    def mark(self, symbol: str) -> Decimal | None: ...
    def multiplier(self, symbol: str) -> Decimal: ...


def position_value(pricing: Pricing, symbol: str, holding: Holding) -> Decimal:
    """Signed; at cost while no price is known."""
    mark = pricing.mark(symbol)
    return multiply(holding.cost if mark is None else multiply(holding.quantity, mark), pricing.multiplier(symbol))


class Side(msgspec.Struct, frozen=True, gc=False):
    quantity: Decimal
    value: Decimal


NOTHING_OPEN: Final = Side(ZERO, ZERO)


def open_side(orders: Sequence[Working], side: OrderSide, pricing: Pricing) -> Side:
    """What the open orders of one symbol and side can still trade, a group counted by its largest member."""
    if not orders:
        return NOTHING_OPEN
    quantity, value = ZERO, ZERO
    groups: dict[str, Side] = {}  # most orders are of none
    for order in orders:
        if order.terms.side is not side:
            continue
        leaves = order.leaves
        one = Side(leaves, multiply(multiply(leaves, order.reference), pricing.multiplier(order.terms.symbol)))
        if order.group:
            known = groups.get(order.group, Side(ZERO, ZERO))
            groups[order.group] = Side(max(known.quantity, one.quantity), max(known.value, one.value))
        else:
            quantity, value = quantity + one.quantity, value + one.value
    if not groups:
        return Side(quantity, value)
    return Side(quantity + sum((g.quantity for g in groups.values()), ZERO), value + sum((g.value for g in groups.values()), ZERO))


def worst_value(value: Decimal, orders: Sequence[Working], pricing: Pricing) -> Decimal:
    """Largest exposure in money a symbol can reach if its open orders fill. value: of what is held of it."""
    if not orders:
        return max(value, -value)
    return max(value + open_side(orders, OrderSide.BUY, pricing).value, open_side(orders, OrderSide.SELL, pricing).value - value)


def totals(settings: VenueSettings, account: Account, books: Mapping[str, Sequence[Working]], pricing: Pricing) -> AccountRow:
    """Cash, equity at the newest prices, and what may still be bought."""
    values = {s: position_value(pricing, s, h) for s, h in account.holdings.items()}
    equity = sum(values.values(), account.cash)
    unsettled = None
    if settings.account_kind is AccountKind.CASH:
        unsettled = tuple(account.unsettled) if settings.settlement_days else None
        spendable = account.settled if settings.settlement_days else account.cash
        free = spendable - sum((open_side(orders, OrderSide.BUY, pricing).value for orders in books.values()), ZERO)
    else:
        symbols = sorted({*values, *books})
        used = sum((worst_value(values.get(s, ZERO), books.get(s, ()), pricing) for s in symbols), ZERO)
        free = equity * settings.margin_multiplier - used
    return AccountRow(settings.currency, account.cash, equity, max(free, ZERO), unsettled)


def shortage(
    settings: VenueSettings, account: Account, books: Mapping[str, Sequence[Working]], pricing: Pricing, order: Working, *, shortable: bool
) -> tuple[str, str] | None:
    """Why the account cannot carry one more order (code, text), or None."""
    terms = order.terms
    others = books.get(terms.symbol, ())
    both = (*others, order)
    if terms.side is OrderSide.SELL:
        missing = open_side(both, OrderSide.SELL, pricing).quantity - max(account.quantity(terms.symbol), ZERO)
        if missing > 0 and (settings.account_kind is AccountKind.CASH or not settings.short_allowed or not shortable):
            return "short_not_allowed", f"{missing} more than held and not yet on sale"
    if settings.account_kind is AccountKind.CASH:
        adds = terms.side is BUY
        need = open_side(both, OrderSide.BUY, pricing).value - open_side(others, OrderSide.BUY, pricing).value
    else:
        holding = account.holdings.get(terms.symbol)
        value = position_value(pricing, terms.symbol, holding) if holding else ZERO
        need = worst_value(value, both, pricing) - worst_value(value, others, pricing)
        adds = need > 0
    if not adds:
        return None
    free = totals(settings, account, books, pricing).buying_power
    if need > free:
        return "insufficient_buying_power", f"needs {need}, has {free} {settings.currency}"
    return None


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
