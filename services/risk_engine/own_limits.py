"""Limits of one strategy's own book, and of one symbol, beside the account's: the stricter one decides.

Worst case as everywhere: what the book holds plus every order of the strategy that may still fill. Equity is the book's. Where neither
the strategy nor the symbol has a limit of its own this costs two look-ups; sums over a book are kept (`book_value`). Rate and loss are
`throttle` and `loss`, which know the same bounds.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from shared.domain.exact import ZERO, multiply, negate, subtract
from shared.events import LimitBreached, Reason

from .correlation import within_pairs
from .proposal import Denial, Proposal
from .reservations import Line
from .sectors import within_groups
from .settings import Bounds
from .volume import within_volume
from .within import Growth, afforded, grown, reach, within, within_equity

if TYPE_CHECKING:
    from .book_value import BookValue
    from .desk import Desk
    from .valuation import AccountValue


def own_limits(p: Proposal, desk: Desk) -> Denial | None:
    """The strategy's bounds, then the symbol's."""
    book, symbol = desk.bounds.get(p.strategy), desk.symbol_bounds.get(p.symbol)
    denial = None if book is None else _of_book(p, desk, book, f"strategies.{p.strategy}.")
    if denial is not None or symbol is None:
        return denial
    return _of_symbol(p, desk, symbol, f"symbols.{p.symbol}.")


def _of_book(p: Proposal, desk: Desk, b: Bounds, name: str) -> Denial | None:
    exposure, value = desk.reservations.strategy(p.strategy), desk.books[p.strategy]
    orders = exposure.orders, exposure.open(p.symbol).orders
    denial = _one_order(p, desk, b, name) or within_volume(p, desk, b.order_adv_fraction_max, name) or _open_orders(p, desk, b, name, *orders)
    if denial is not None or not p.added:
        return denial
    line, kin = value.line(p.symbol), desk.kin[p.strategy]
    return (
        _position(p, desk, b, name, line, value)
        or _sums(p, desk, b, name, line, value)
        or within_groups(p, desk, b, kin.groups, value, name)
        or within_pairs(p, desk, b.correlation, kin.ranking, value, name)
        or _buying_power(p, desk, b, name, value)
    )


def _of_symbol(p: Proposal, desk: Desk, b: Bounds, name: str) -> Denial | None:
    orders = desk.reservations.account.open(p.symbol).orders
    denial = _one_order(p, desk, b, name) or _open_orders(p, desk, b, name, orders, orders)
    if denial is not None or not p.added:
        return denial
    return _position(p, desk, b, name, desk.value.line(p.symbol), desk.value)


def _one_order(p: Proposal, desk: Desk, b: Bounds, name: str) -> Denial | None:
    denial = within(b.order_qty_max, (ZERO, p.terms.quantity), Reason.ORDER_QUANTITY, f"{name}order_qty_max", p, desk)
    if denial is not None or b.order_notional_max is None:
        return denial
    assert p.instrument is not None
    notional = p.instrument.notional(p.terms.quantity, p.counted_at(desk.settings.collar_bps))
    return within(b.order_notional_max, (ZERO, notional), Reason.ORDER_NOTIONAL, f"{name}order_notional_max", p, desk)


def _open_orders(p: Proposal, desk: Desk, b: Bounds, name: str, of_all: int, of_symbol: int) -> Denial | None:
    if p.replacing is not None:
        return None
    for key, most, count in (("orders_open_max", b.orders_open_max, of_all), ("symbol_orders_open_max", b.symbol_orders_open_max, of_symbol)):
        if most is None:
            continue
        if count + p.orders > most:
            return Denial(Reason.OPEN_ORDERS, name + key, str(most), str(count + p.orders))
        if count <= desk.soft_count(most) < count + p.orders:
            p.soft.append(LimitBreached(Reason.OPEN_ORDERS, name + key, str(most), str(count + p.orders), hard=False))
    return None


def _position(p: Proposal, desk: Desk, b: Bounds, name: str, line: Line, value: BookValue | AccountValue) -> Denial | None:
    unit = desk.value.unit(p.symbol)
    size = reach(line, p), reach(grown(line, p), p)
    money = multiply(size[0], unit), multiply(size[1], unit)
    return (
        within(b.position_max, size, Reason.POSITION, f"{name}position_max", p, desk)
        or within(b.position_notional_max, money, Reason.POSITION_NOTIONAL, f"{name}position_notional_max", p, desk)
        or _of_equity(b.position_pct_max, money, Reason.POSITION_PCT, f"{name}position_pct_max", value, p, desk)
    )


def _sums(p: Proposal, desk: Desk, b: Bounds, name: str, line: Line, value: BookValue) -> Denial | None:
    """Gross, net and leverage of the whole book."""
    if not b.limits_sums:
        return None
    before, after = value.total(), value.with_line(grown(line, p), desk.value.unit(p.symbol))
    gross = before.gross, after.gross
    net = (before.longest, after.longest) if p.is_buy else (negate(before.shortest), negate(after.shortest))
    return (
        within(b.gross_notional_max, gross, Reason.GROSS_EXPOSURE, f"{name}gross_notional_max", p, desk)
        or _of_equity(b.gross_pct_max, gross, Reason.GROSS_EXPOSURE, f"{name}gross_pct_max", value, p, desk)
        or within(b.net_notional_max, net, Reason.NET_EXPOSURE, f"{name}net_notional_max", p, desk)
        or _of_equity(b.net_pct_max, net, Reason.NET_EXPOSURE, f"{name}net_pct_max", value, p, desk)
        or _of_equity(b.leverage_max, gross, Reason.LEVERAGE, f"{name}leverage_max", value, p, desk)
    )


def _buying_power(p: Proposal, desk: Desk, b: Bounds, name: str, value: BookValue) -> Denial | None:
    """Money the opening part of the strategy's open orders needs, out of the part of its book that is not bound in holdings."""
    fraction = b.buying_power_fraction_max
    opening = max(ZERO, subtract(p.added, desk.reservations.strategy(p.strategy).room_to_reduce(p.symbol, p.terms.side)))
    if fraction is None or not opening:
        return None
    assert p.instrument is not None
    needed = multiply(opening, multiply(p.counted_at(desk.settings.collar_bps), p.instrument.multiplier))
    power = multiply(fraction, subtract(value.equity(), value.total().size))
    return afforded(power, desk.reservations.value_by(p.strategy), needed, f"{name}buying_power_fraction_max", p, desk)


def _of_equity(
    fraction: Decimal | None, grows: Growth, reason: Reason, key: str, value: BookValue | AccountValue, p: Proposal, desk: Desk
) -> Denial | None:
    """`within_equity` of the book's equity, or the account's; summed only where there is a limit."""
    return None if fraction is None else within_equity(fraction, grows, reason, key, value.equity(), p, desk)
