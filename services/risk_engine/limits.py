"""Pre-trade limits of size, price and exposure; and the list of all checks in their order.

Exposure is worst case: holdings plus every order that may still fill, this one included. Only what grows a figure can meet its limit, so
an order that reduces passes above every exposure limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from shared.domain.exact import ONE, ZERO, add, multiply, negate, of_float, share, subtract, text
from shared.events import LimitBreached, OrderSide, OrderType, Reason

from . import admission
from .proposal import BPS, Denial, Proposal, distance_bps, value_price
from .reservations import Line, value_of

if TYPE_CHECKING:
    from .desk import Desk

Check = Callable[[Proposal, "Desk"], Denial | None]
Growth = tuple[Decimal, Decimal]  # a figure before the proposal and with it


def order_quantity(p: Proposal, desk: Desk) -> Denial | None:
    """Units of one order."""
    most = desk.settings.order_qty_max
    if most is not None and p.terms.quantity > most:
        return Denial(Reason.ORDER_QUANTITY, "order_qty_max", text(most), text(p.terms.quantity))
    return None


def order_notional(p: Proposal, desk: Desk) -> Denial | None:
    """Money of one order, at what it is counted at; without a price, or a rate to the account's currency, nothing can be said of it."""
    assert p.instrument is not None
    if p.reference is None:
        return Denial(Reason.NO_REFERENCE, "order_notional_max", "", p.symbol[:32])
    if not desk.gates.has_rate(p.instrument) and desk.opening(p.symbol, p.terms.side, p.added):
        return Denial(Reason.NO_REFERENCE, "fx_rate", desk.gates.currency, p.instrument.currency)
    most = desk.settings.order_notional_max
    notional = p.instrument.notional(p.terms.quantity, _price(p, desk))
    if most is not None and notional > most:
        return Denial(Reason.ORDER_NOTIONAL, "order_notional_max", text(most), text(notional))
    return None


def price_collar(p: Proposal, desk: Desk) -> Denial | None:
    """A limit may not be more eager than the collar around what it would meet. A patient limit, however far, harms nobody."""
    collar, limit = desk.settings.collar_bps, p.terms.limit_price
    if collar is None or limit is None or p.reference is None:
        return None
    base, width = of_float(p.reference.price), multiply(collar, BPS)
    too_high = p.is_buy and limit > multiply(base, add(ONE, width))
    too_low = not p.is_buy and limit < multiply(base, subtract(ONE, width))
    if too_high or too_low:
        return Denial(Reason.PRICE_COLLAR, "collar_bps", text(collar), text(distance_bps(limit, p.reference.price)))
    return None


def exposure(p: Proposal, desk: Desk) -> Denial | None:
    """Worst-case holding of the symbol on the order's side, then worst-case sums over the account: units, money, shares of equity."""
    if not p.added:
        return None
    before, unit = desk.value.line(p.symbol), desk.value.unit(p.symbol)
    after = before._replace(buys=add(before.buys, p.added)) if p.is_buy else before._replace(sells=add(before.sells, p.added))
    return _position(p, desk, before, after, unit) or _gross_and_net(p, desk, after, unit)


def _position(p: Proposal, desk: Desk, before: Line, after: Line, unit: Decimal) -> Denial | None:
    s = desk.settings
    size = _reach(before, p), _reach(after, p)
    money = multiply(size[0], unit), multiply(size[1], unit)
    return (
        _within(s.position_max, size, Reason.POSITION, "position_max", p, desk)
        or _within(s.position_notional_max, money, Reason.POSITION_NOTIONAL, "position_notional_max", p, desk)
        or _within_equity(s.position_pct_max, money, Reason.POSITION_PCT, "position_pct_max", desk)
    )


def _gross_and_net(p: Proposal, desk: Desk, after: Line, unit: Decimal) -> Denial | None:
    s, total = desk.settings, desk.value.sums.total()
    changed = total.exchange(desk.value.sums.part(p.symbol), desk.value.worst(after, unit))
    gross = total.gross, changed.gross
    net = (total.longest, changed.longest) if p.is_buy else (negate(total.shortest), negate(changed.shortest))
    return (
        _within(s.gross_notional_max, gross, Reason.GROSS_EXPOSURE, "gross_notional_max", p, desk)
        or _within_equity(s.gross_pct_max, gross, Reason.GROSS_EXPOSURE, "gross_pct_max", desk)
        or _within(s.net_notional_max, net, Reason.NET_EXPOSURE, "net_notional_max", p, desk)
        or _within_equity(s.net_pct_max, net, Reason.NET_EXPOSURE, "net_pct_max", desk)
        or _within_equity(s.leverage_max, gross, Reason.LEVERAGE, "leverage_max", desk)
    )


def buying_power(p: Proposal, desk: Desk) -> Denial | None:
    """Money the opening part of all open orders needs, out of what the broker lends or the account has, less a hair-cut."""
    fraction = desk.settings.buying_power_fraction_max
    if fraction is None:
        return None
    assert p.instrument is not None
    unit = multiply(_price(p, desk), p.instrument.multiplier)
    needed = multiply(desk.opening(p.symbol, p.terms.side, p.added), unit)
    if p.replacing is not None and unit > p.replacing.unit_value:
        needed = add(needed, share(value_of(p.replacing), subtract(unit, p.replacing.unit_value), p.replacing.unit_value))
    if not needed:
        return None
    free = subtract(multiply(fraction, desk.buying_power()), desk.reservations.value)
    return Denial(Reason.BUYING_POWER, "buying_power_fraction_max", text(free), text(needed)) if needed > free else None


def short_sale(p: Proposal, desk: Desk) -> Denial | None:
    """A sale may not be able to take the account below nothing where shorts are not allowed or not to be borrowed."""
    assert p.instrument is not None
    if p.is_buy or not p.added or (desk.settings.short_allowed and p.instrument.shortable):
        return None
    shortest = subtract(desk.reservations.account.shortest(p.symbol), p.added)
    key = "shortable" if desk.settings.short_allowed else "short_allowed"
    return Denial(Reason.SHORT_SALE, key, "0", text(shortest)) if shortest < 0 else None


def self_trade(p: Proposal, desk: Desk) -> Denial | None:
    """It may not meet a resting limit order of our own, of any strategy."""
    if desk.settings.self_trade_allowed or p.reference is None or p.terms.type in _WAITING:
        return None
    price = p.terms.limit_price if p.terms.limit_price is not None else of_float(p.reference.price)
    for order in desk.reservations.in_symbol(p.symbol):
        for terms in (order.terms, *(terms for _, terms in order.pending)):
            if order.side is p.terms.side or terms.limit_price is None or terms.type is not OrderType.LIMIT:
                continue
            if price >= terms.limit_price if p.is_buy else price <= terms.limit_price:
                return Denial(Reason.SELF_TRADE, "self_trade_allowed", f"{order.order_id} at {text(terms.limit_price)}", text(price))
    return None


_WAITING: Final = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP, OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE)

# RISK_AND_FAULTS 2.1, cheap and absolute first; `reducing` counts with the quantity and so comes after validity
CHECKS: Final[Sequence[Check]] = (
    admission.trading_state,
    admission.authorised,
    admission.valid,
    admission.reducing,
    admission.in_time,
    admission.duplicate,
    order_quantity,
    order_notional,
    price_collar,
    admission.not_halted,
    admission.in_session,
    admission.fresh,
    admission.throttled,
    admission.few_open,
    exposure,
    buying_power,
    short_sale,
    self_trade,
)


def judge(p: Proposal, desk: Desk) -> Denial | None:
    """The first check that denies, or nothing."""
    for check in CHECKS:
        denial = check(p, desk)
        if denial is not None:
            return denial
    return None


def _price(p: Proposal, desk: Desk) -> Decimal:
    assert p.reference is not None
    return value_price(p.terms, p.reference.price, desk.settings.collar_bps)


def _reach(line: Line, p: Proposal) -> Decimal:
    """How far the line reaches on the proposal's side; at least nothing."""
    reach = add(line.position, line.buys) if p.terms.side is OrderSide.BUY else subtract(line.sells, line.position)
    return max(ZERO, reach)


def _within(limit: Decimal | None, grows: Growth, reason: Reason, key: str, p: Proposal, desk: Desk) -> Denial | None:
    """Deny above the limit what grows; note the crossing of its soft part."""
    before, after = grows
    if limit is None or after <= before:
        return None
    if after > limit:
        return Denial(reason, key, text(limit), text(after))
    if before <= multiply(desk.settings.soft_fraction, limit) < after:
        p.soft.append(LimitBreached(reason, key, text(limit), text(after), hard=False))
    return None


def _within_equity(fraction: Decimal | None, grows: Growth, reason: Reason, key: str, desk: Desk) -> Denial | None:
    """The same against a fraction of equity, without a soft part: equity moves it all the time."""
    before, after = grows
    if fraction is None or after <= before:
        return None
    equity = desk.value.equity()
    if after <= multiply(fraction, equity):
        return None
    return Denial(reason, key, text(fraction), text(round(after / equity, 4)) if equity > 0 else "inf")
