"""Pre-trade limits of size, price and exposure; and the list of all checks in their order.

Exposure is worst case: holdings plus every order that may still fill, this one included; `within` judges a figure, `own_limits` the bounds of
one strategy or symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from shared.domain.exact import ONE, ZERO, add, multiply, negate, of_float, share, subtract, text
from shared.events import OrderType, Reason

from . import admission
from .bands import priced_since_halt, within_bands
from .correlation import pair_exposure
from .open_order import OpenOrder
from .own_limits import own_limits
from .proposal import BPS, Denial, Proposal, distance_bps
from .protective_exits import not_exiting
from .regimes import permitted
from .reservations import Line, value_of
from .resting import prices
from .sectors import group_exposure
from .settings import AccountKind
from .volume import order_of_volume
from .walk import price_walk
from .within import afforded, grown, reach, within, within_equity

if TYPE_CHECKING:
    from .desk import Desk

Check = Callable[[Proposal, "Desk"], Denial | None]


def order_quantity(p: Proposal, desk: Desk) -> Denial | None:
    """Units of one order."""
    return within(desk.settings.order_qty_max, (ZERO, p.terms.quantity), Reason.ORDER_QUANTITY, "order_qty_max", p, desk)


def order_notional(p: Proposal, desk: Desk) -> Denial | None:
    """Money of one order, at what it is counted at; without a price nothing can be said of it."""
    assert p.instrument is not None
    if p.reference is None:
        return Denial(Reason.NO_REFERENCE, "order_notional_max", "", p.symbol[:32])
    notional = p.instrument.notional(p.terms.quantity, p.counted_at(desk.settings.collar_bps))
    return within(desk.settings.order_notional_max, (ZERO, notional), Reason.ORDER_NOTIONAL, "order_notional_max", p, desk)


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
    before, unit, equity = desk.value.line(p.symbol), desk.value.unit(p.symbol), desk.value.equity()
    after = grown(before, p)
    return _position(p, desk, before, after, unit, equity) or _gross_and_net(p, desk, after, unit, equity)


def _position(p: Proposal, desk: Desk, before: Line, after: Line, unit: Decimal, equity: Decimal) -> Denial | None:
    s = desk.settings
    size = reach(before, p), reach(after, p)
    money = multiply(size[0], unit), multiply(size[1], unit)
    return (
        within(s.position_max, size, Reason.POSITION, "position_max", p, desk)
        or within(s.position_notional_max, money, Reason.POSITION_NOTIONAL, "position_notional_max", p, desk)
        or within_equity(s.position_pct_max, money, Reason.POSITION_PCT, "position_pct_max", equity, p, desk)
    )


def _gross_and_net(p: Proposal, desk: Desk, after: Line, unit: Decimal, equity: Decimal) -> Denial | None:
    s, total = desk.settings, desk.value.sums.total()
    old, new = desk.value.sums.part(p.symbol), desk.value.worst(after, unit)
    gross = total.gross, add(subtract(total.gross, old.gross), new.gross)
    if p.is_buy:
        net = total.longest, add(subtract(total.longest, old.longest), new.longest)
    else:
        net = negate(total.shortest), negate(add(subtract(total.shortest, old.shortest), new.shortest))
    return (
        within(s.gross_notional_max, gross, Reason.GROSS_EXPOSURE, "gross_notional_max", p, desk)
        or within_equity(s.gross_pct_max, gross, Reason.GROSS_EXPOSURE, "gross_pct_max", equity, p, desk)
        or within(s.net_notional_max, net, Reason.NET_EXPOSURE, "net_notional_max", p, desk)
        or within_equity(s.net_pct_max, net, Reason.NET_EXPOSURE, "net_pct_max", equity, p, desk)
        or within_equity(s.leverage_max, gross, Reason.LEVERAGE, "leverage_max", equity, p, desk)
    )


def buying_power(p: Proposal, desk: Desk) -> Denial | None:
    """Money the opening part of all open orders needs, out of what the broker lends or the account has, less a hair-cut. A cash account pays in
    the instrument's currency, and with that of it alone."""
    fraction = desk.settings.buying_power_fraction_max
    if fraction is None:
        return None
    unit = desk.ledger.unit(p.symbol)
    price = multiply(p.counted_at(desk.settings.collar_bps), unit.contract)
    needed = multiply(desk.opening(p.symbol, p.terms.side, p.added), price)
    if p.replacing is not None and price > p.replacing.unit_value:
        needed = add(needed, share(value_of(p.replacing), subtract(price, p.replacing.unit_value), p.replacing.unit_value))
    if not needed:
        return None
    if desk.settings.account_kind is AccountKind.CASH:
        reserved = desk.reservations.needed(unit.currency)
    else:
        needed, reserved = multiply(needed, unit.rate), desk.reservations.value
    power = multiply(fraction, desk.buying_power(unit.currency))
    denial = afforded(power, reserved, needed, "buying_power_fraction_max", p, desk)
    if denial is not None and needed <= add(subtract(power, reserved), multiply(fraction, desk.settlement.unsettled_in(unit.currency))):
        return Denial(Reason.UNSETTLED_CASH, "settlement_days", denial.limit, denial.value)
    return denial


def short_sale(p: Proposal, desk: Desk) -> Denial | None:
    """A sale may not be able to take the account below nothing where shorts are not allowed or not to be borrowed."""
    assert p.instrument is not None
    key = "" if p.is_buy or not p.added else desk.why_not_short(p.instrument)
    if not key:
        return None
    shortest = subtract(desk.reservations.account.shortest(p.symbol), p.added)
    return Denial(Reason.SHORT_SALE, key, "0", text(shortest)) if shortest < 0 else None


def self_trade(p: Proposal, desk: Desk) -> Denial | None:
    """It may not meet a resting limit order of our own, of any strategy."""
    if desk.settings.self_trade_allowed:
        return None
    met = next(crossed(p, desk), None)
    if met is None:
        return None
    order, limit = met
    return Denial(Reason.SELF_TRADE, "self_trade", f"{order.order_id} at {text(limit)}", text(_meeting_price(p)))


def crossed(p: Proposal, desk: Desk) -> Iterator[tuple[OpenOrder, Decimal]]:
    """Our resting orders that it would meet, oldest first, each once with the price it rests at."""
    if p.reference is None or p.terms.type in _WAITING:
        return
    price = _meeting_price(p)
    if not desk.reservations.resting.meets(p.symbol, p.terms.side, price):
        return
    for order in desk.reservations.in_symbol(p.symbol):
        if order.side is p.terms.side:
            continue
        for limit in prices(order):
            if price >= limit if p.is_buy else price <= limit:
                yield order, limit
                break


def _meeting_price(p: Proposal) -> Decimal:
    assert p.reference is not None
    return p.terms.limit_price if p.terms.limit_price is not None else of_float(p.reference.price)


_WAITING: Final = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP, OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE)

# RISK_AND_FAULTS 2.1, cheap and absolute first; `reducing` counts with the quantity and so comes after validity
CHECKS: Final[Sequence[Check]] = (
    admission.trading_state,
    not_exiting,
    admission.authorised,
    admission.valid,
    admission.reducing,
    permitted,
    admission.in_time,
    admission.duplicate,
    order_quantity,
    order_of_volume,
    admission.rate_known,
    order_notional,
    price_collar,
    price_walk,
    within_bands,
    admission.not_halted,
    priced_since_halt,
    admission.in_session,
    admission.before_close,
    admission.fresh,
    admission.rate_young,
    admission.throttled,
    admission.few_open,
    own_limits,
    exposure,
    group_exposure,
    pair_exposure,
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
