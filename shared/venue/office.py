"""The venue's back office: money in and out, and what corporations and exchanges do to a symbol. Acts of its operator, never of a trader. Money that
comes of an instrument is of its currency.

A corporate action cancels the symbol's working orders first, as a broker's own desk does, because their prices and quantities mean something
else after it. A split leaves the account whole lots and pays the rest in cash at the newest price, rounded to the cent; prices told so far are
restated, so nothing jumps until the first trade after it.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Final

from msgspec.structs import replace

from shared.domain.exact import ZERO, add, multiply, share
from shared.events import ActionRow, CashRow, OrderStatus

from .account import Holding
from .floor import Floor
from .reports import Verdict

ACTIONS: Final = ("split", "symbol_change", "expiry")
_CENT: Final = Decimal("0.01")
_CURRENCY: Final = re.compile(r"[A-Z]{3,5}", re.ASCII).fullmatch


class Office(Floor):
    """Used through `MatchingCore`."""

    def cash_flow(self, kind: str, amount: Decimal, reference: str, now_ns: int, symbol: str = "", currency: str = "") -> Verdict:
        """Money in (positive) or out that is no trade. symbol: of a dividend, which is paid on what is held. currency: empty for the symbol's, or else
        the account's."""
        if currency and not _CURRENCY(currency):
            return Verdict(None, (), "bad_currency", f"a currency is three to five capital letters, not {currency[:20]!r}")
        self.version += 1
        account = self._clerk.account
        other = self.market.other(currency) if currency else self.market.worth(symbol).currency
        account.pay(amount, other)
        units = account.quantity(symbol) if symbol else ZERO
        self._recorder.add(now_ns, cash=CashRow(kind, other or self.settings.currency, amount, reference, now_ns, symbol, units))
        return Verdict(None, self._recorder.take())

    def corporate_action(self, asked: ActionRow, now_ns: int) -> Verdict:
        """A split (ratio for per), symbol_change (new_symbol) or expiry (price); what else the row says is worked out here. A definite no changes
        nothing."""
        fault = _fault_of(asked)
        if fault:
            return Verdict(None, (), "bad_action", fault)
        self.version += 1
        self._cancel_all(asked, now_ns)
        made = replace(asked, broker_ns=now_ns)
        if asked.kind == "split":
            made = self._split(made)
        elif asked.kind == "symbol_change":
            self._rename(asked.symbol, asked.new_symbol)
        else:
            self._expire(asked.symbol, asked.price)
        self._recorder.add(now_ns, action=made)
        return Verdict(None, self._recorder.take())

    def _cancel_all(self, asked: ActionRow, now_ns: int) -> None:
        book = self.books.get(asked.symbol)
        if book is None:
            return
        self._run_due(book, now_ns)
        for order in tuple(book.orders):
            self._clerk.end(book, order, OrderStatus.CANCELLED, now_ns, f"{asked.kind} of {asked.symbol}")
        self._settle(book)

    def _split(self, asked: ActionRow) -> ActionRow:
        symbol, lot = asked.symbol, self.market.lot(asked.symbol)
        ratio = Fraction(asked.ratio) / Fraction(asked.per)
        self.market.restate(symbol, float(ratio))
        price, cash = self.market.mark(symbol), ZERO
        holding = self._clerk.account.holdings.get(symbol)
        if holding is None:
            return replace(asked, lot=lot, price=price or ZERO)
        grown = Fraction(holding.quantity) * ratio
        kept = multiply(Decimal(int(grown / Fraction(lot))), lot)
        if price is None:
            price = share(holding.cost, asked.per, multiply(holding.quantity, asked.ratio))  # nobody told one: what was paid
        worth = self.market.worth(symbol)
        cash = _cents((grown - Fraction(kept)) * Fraction(price) * Fraction(worth.contract))
        cost = share(holding.cost, multiply(kept, asked.per), multiply(holding.quantity, asked.ratio))
        self._hold(symbol, Holding(kept, cost))
        self._clerk.account.pay(cash, worth.currency)
        return replace(asked, lot=lot, price=price, cash=cash)

    def _rename(self, old: str, new: str) -> None:
        account = self._clerk.account
        self.market.rename(old, new)
        moved, there = account.holdings.pop(old, Holding()), account.holdings.get(new, Holding())
        self._hold(new, Holding(add(there.quantity, moved.quantity), add(there.cost, moved.cost)))

    def _expire(self, symbol: str, price: Decimal) -> None:
        account, worth = self._clerk.account, self.market.worth(symbol)
        account.pay(multiply(multiply(account.quantity(symbol), price), worth.contract), worth.currency)
        self._hold(symbol, Holding())

    def _hold(self, symbol: str, holding: Holding) -> None:
        if holding.quantity:
            self._clerk.account.holdings[symbol] = holding
        else:
            self._clerk.account.holdings.pop(symbol, None)


def _fault_of(asked: ActionRow) -> str:
    if asked.kind not in ACTIONS:
        return f"kind is one of {', '.join(ACTIONS)}, not {asked.kind}"
    if not asked.symbol or not asked.reference:
        return "symbol and reference must not be empty"
    if asked.ratio <= 0 or asked.per <= 0 or asked.price < 0:
        return "ratio and per must be above 0, price not below"
    if (asked.kind == "symbol_change") != bool(asked.new_symbol) or asked.new_symbol == asked.symbol:
        return "a symbol_change, and nothing else, names another symbol"
    return ""


def _cents(amount: Fraction) -> Decimal:
    """Half even."""
    return (Decimal(round(amount * 100)) * _CENT).quantize(_CENT, ROUND_HALF_EVEN)
