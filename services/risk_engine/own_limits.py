"""Limits of one strategy's own book, and of one symbol, beside the account's: the stricter one decides.

Worst case as everywhere: what the book holds plus every order of the strategy that may still fill. Equity is the book's. Where neither
the strategy nor the symbol has a limit of its own this costs two look-ups; sums over a book are made only for a limit on a sum, and cost
its symbols. Rate and loss are `throttle` and `loss`, which know the same bounds.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from shared.domain.exact import ZERO, add, magnitude, multiply, negate, subtract, text
from shared.domain.exposure import Exposure
from shared.events import LimitBreached, Reason

from .proposal import Denial, Proposal
from .reservations import Line, value_of
from .settings import Bounds
from .valuation import StrategyValue
from .within import Growth, grown, reach, within, within_equity

if TYPE_CHECKING:
    from .desk import Desk


def own_limits(p: Proposal, desk: Desk) -> Denial | None:
    """The strategy's bounds, then the symbol's."""
    book, symbol = desk.bounds.get(p.strategy), desk.symbol_bounds.get(p.symbol)
    denial = None if book is None else _of_book(p, desk, book, f"strategies.{p.strategy}.")
    if denial is not None or symbol is None:
        return denial
    return _of_symbol(p, desk, symbol, f"symbols.{p.symbol}.")


def _of_book(p: Proposal, desk: Desk, b: Bounds, name: str) -> Denial | None:
    exposure = desk.reservations.strategy(p.strategy)
    orders = exposure.orders, exposure.open(p.symbol).orders
    denial = _one_order(p, desk, b, name) or _open_orders(p, desk, b, name, *orders)
    if denial is not None or not p.added:
        return denial
    line = _line(p.symbol, exposure)
    equity = _Equity(p.strategy, desk)
    return _position(p, desk, b, name, line, equity) or _sums(p, desk, b, name, exposure, equity) or _buying_power(p, desk, b, name, exposure, equity)


def _of_symbol(p: Proposal, desk: Desk, b: Bounds, name: str) -> Denial | None:
    orders = desk.reservations.account.open(p.symbol).orders
    denial = _one_order(p, desk, b, name) or _open_orders(p, desk, b, name, orders, orders)
    if denial is not None or not p.added:
        return denial
    return _position(p, desk, b, name, desk.value.line(p.symbol), _Equity("", desk))


def _one_order(p: Proposal, desk: Desk, b: Bounds, name: str) -> Denial | None:
    if b.order_qty_max is not None and p.terms.quantity > b.order_qty_max:
        return Denial(Reason.ORDER_QUANTITY, f"{name}order_qty_max", text(b.order_qty_max), text(p.terms.quantity))
    if b.order_notional_max is None:
        return None
    assert p.instrument is not None
    notional = p.instrument.notional(p.terms.quantity, p.counted_at(desk.settings.collar_bps))
    if notional > b.order_notional_max:
        return Denial(Reason.ORDER_NOTIONAL, f"{name}order_notional_max", text(b.order_notional_max), text(notional))
    return None


def _open_orders(p: Proposal, desk: Desk, b: Bounds, name: str, of_all: int, of_symbol: int) -> Denial | None:
    if p.replacing is not None:
        return None
    for key, most, count in (("orders_open_max", b.orders_open_max, of_all), ("symbol_orders_open_max", b.symbol_orders_open_max, of_symbol)):
        if most is None:
            continue
        if count + p.orders > most:
            return Denial(Reason.OPEN_ORDERS, name + key, str(most), str(count + p.orders))
        if count <= desk.settings.soft_fraction * most < count + p.orders:
            p.soft.append(LimitBreached(Reason.OPEN_ORDERS, name + key, str(most), str(count + p.orders), hard=False))
    return None


def _position(p: Proposal, desk: Desk, b: Bounds, name: str, line: Line, equity: _Equity) -> Denial | None:
    unit = desk.value.unit(p.symbol)
    size = reach(line, p), reach(grown(line, p), p)
    money = multiply(size[0], unit), multiply(size[1], unit)
    return (
        within(b.position_max, size, Reason.POSITION, f"{name}position_max", p, desk)
        or within(b.position_notional_max, money, Reason.POSITION_NOTIONAL, f"{name}position_notional_max", p, desk)
        or equity.within(b.position_pct_max, money, Reason.POSITION_PCT, f"{name}position_pct_max", p)
    )


def _sums(p: Proposal, desk: Desk, b: Bounds, name: str, exposure: Exposure, equity: _Equity) -> Denial | None:
    """Gross, net and leverage of the whole book."""
    if not b.limits_sums:
        return None
    before, after = [(ZERO, ZERO, ZERO)] * 2
    for symbol in sorted({*_held(p.strategy, desk), *exposure.symbols(), p.symbol}):
        line, unit = _line(symbol, exposure), desk.value.unit(symbol)
        before = _plus(before, line, unit)
        after = _plus(after, grown(line, p) if symbol == p.symbol else line, unit)
    gross = before[0], after[0]
    net = (before[1], after[1]) if p.is_buy else (negate(before[2]), negate(after[2]))
    return (
        within(b.gross_notional_max, gross, Reason.GROSS_EXPOSURE, f"{name}gross_notional_max", p, desk)
        or equity.within(b.gross_pct_max, gross, Reason.GROSS_EXPOSURE, f"{name}gross_pct_max", p)
        or within(b.net_notional_max, net, Reason.NET_EXPOSURE, f"{name}net_notional_max", p, desk)
        or equity.within(b.net_pct_max, net, Reason.NET_EXPOSURE, f"{name}net_pct_max", p)
        or equity.within(b.leverage_max, gross, Reason.LEVERAGE, f"{name}leverage_max", p)
    )


def _buying_power(p: Proposal, desk: Desk, b: Bounds, name: str, exposure: Exposure, equity: _Equity) -> Denial | None:
    """Money the opening part of the strategy's open orders needs, out of the part of its book that is not bound in holdings."""
    fraction = b.buying_power_fraction_max
    opening = max(ZERO, subtract(p.added, exposure.room_to_reduce(p.symbol, p.terms.side)))
    if fraction is None or not opening:
        return None
    assert p.instrument is not None
    needed = multiply(opening, multiply(p.counted_at(desk.settings.collar_bps), p.instrument.multiplier))
    free = equity.now
    for symbol in _held(p.strategy, desk):
        free = subtract(free, magnitude(multiply(exposure.position(symbol), desk.value.unit(symbol))))
    free = multiply(fraction, free)
    for symbol in exposure.symbols():
        for order in desk.reservations.in_symbol(symbol):
            if order.strategy == p.strategy:
                free = subtract(free, value_of(order))
    return Denial(Reason.BUYING_POWER, f"{name}buying_power_fraction_max", text(free), text(needed)) if needed > free else None


class _Equity:
    """Equity a fraction is taken of: a strategy's book, or the account (no strategy). Summed when a limit asks for it, once."""

    def __init__(self, strategy: str, desk: Desk) -> None:
        self._strategy = strategy
        self._desk = desk
        self._known: Decimal | None = None

    @property
    def now(self) -> Decimal:
        if self._known is None:
            self._known = self._desk.value.equity() if not self._strategy else self._of_book()
        return self._known

    def within(self, fraction: Decimal | None, grows: Growth, reason: Reason, key: str, p: Proposal) -> Denial | None:
        return None if fraction is None else within_equity(fraction, grows, reason, key, self.now, p, self._desk)

    def _of_book(self) -> Decimal:
        value = StrategyValue(self._strategy, self._desk.ledger, self._desk.prices)
        for symbol in _held(self._strategy, self._desk):
            value.sums.note(symbol)
        return value.equity()


def _held(strategy: str, desk: Desk) -> list[str]:
    book = desk.ledger.books.get(strategy)
    return [] if book is None else [symbol for symbol, position in book.positions.items() if position.quantity]


def _line(symbol: str, exposure: Exposure) -> Line:
    open_ = exposure.open(symbol)
    return Line(symbol, exposure.position(symbol), open_.buys, open_.sells)


def _plus(sums: tuple[Decimal, Decimal, Decimal], line: Line, unit: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Gross, longest and shortest money with one more line."""
    longest, shortest = multiply(add(line.position, line.buys), unit), multiply(subtract(line.position, line.sells), unit)
    return add(sums[0], max(magnitude(longest), magnitude(shortest))), add(sums[1], longest), add(sums[2], shortest)
