"""Pre-trade checks of permission, form and time: who may, whether it is an order at all, whether now is the moment.

Each check is a function of (proposal, desk) that answers a denial or nothing, changes nothing and never raises for what a strategy sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.exposure import Exposure
from shared.domain.instrument import plausible
from shared.events import LimitBreached, OrderTerms, OrderType, Reason, Scope, SessionPhase, TimeInForce, TradingState

from .duplicates import OrderId
from .prices import MILLISECOND
from .proposal import Denial, Proposal, shown

if TYPE_CHECKING:
    from .desk import Desk

SECOND = 1_000 * MILLISECOND
_LIMIT_TYPES = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_STOP_TYPES = (OrderType.STOP, OrderType.STOP_LIMIT)


def trading_state(p: Proposal, desk: Desk) -> Denial | None:
    """HALTED, DISARMED, a paused strategy, a missing router deny; so does a lock, even of what would reduce: what is held there is in doubt."""
    if desk.states.unrestricted and not desk.gates.locked and not desk.presence.router_gone:
        return None
    scopes = ((Scope.GLOBAL, ""), (Scope.SYMBOL, p.symbol), (Scope.STRATEGY, p.strategy))
    states = {scope: desk.states.of(scope, key) for scope, key in scopes}
    for scope, state in states.items():
        if state is TradingState.HALTED:
            return Denial(Reason.HALTED, f"state.{scope}", value=state.value)
    if states[Scope.GLOBAL] is TradingState.DISARMED:
        return Denial(Reason.DISARMED, "state.global", value=TradingState.DISARMED.value)
    if p.strategy in desk.states.paused:
        return Denial(Reason.STRATEGY_PAUSED, "state.strategy", value="paused")
    if desk.presence.router_gone:
        return Denial(Reason.ROUTER_MISSING, "lease.order_router", value="ended")
    if p.symbol in desk.gates.locked:
        return Denial(Reason.INSTRUMENT_LOCKED, "lock", value=desk.gates.locked[p.symbol])
    return None


def reducing(p: Proposal, desk: Desk) -> Denial | None:
    """REDUCING lets pass what is sure to reduce: the account for global and symbol, the own book for a strategy and `reduce_only`."""
    if desk.states.unrestricted and not p.reduce_only:
        return None
    account, book = desk.reservations.account, desk.reservations.strategy(p.strategy)
    judged = (
        (desk.states.of(Scope.GLOBAL, "") is TradingState.REDUCING, account, "state.global"),
        (desk.states.of(Scope.SYMBOL, p.symbol) is TradingState.REDUCING, account, "state.symbol"),
        (desk.states.of(Scope.STRATEGY, p.strategy) is TradingState.REDUCING, book, "state.strategy"),
        (p.reduce_only, book, "reduce_only"),
    )
    for applies, exposure, key in judged:
        if not applies or (p.replacing is not None and p.terms.quantity < p.replacing.newest.quantity and _same_prices(p)):
            continue
        if not shrinks(p, exposure):
            return Denial(Reason.REDUCING_ONLY, key, shown(exposure.room_to_reduce(p.symbol, p.terms.side)), shown(p.terms.quantity))
    return None


def shrinks(p: Proposal, exposure: Exposure) -> bool:
    """Whether it is sure to shrink the holding and not to turn it over. An order that is part of what does may be repriced: its side has a
    holding to shrink and no open excess."""
    position = exposure.position(p.symbol)
    against = position < 0 if p.is_buy else position > 0
    within = exposure.longest(p.symbol) <= 0 if p.is_buy else exposure.shortest(p.symbol) >= 0
    return against and within and p.added <= exposure.room_to_reduce(p.symbol, p.terms.side)


def authorised(p: Proposal, desk: Desk) -> Denial | None:
    """The author is that strategy, and the strategy may trade that symbol."""
    if p.source != f"strategy.{p.strategy}":
        return Denial(Reason.NOT_AUTHORISED, "source", f"strategy.{p.strategy}", p.source[:32])
    traded = desk.traded.get(p.strategy)
    if traded is None:
        return Denial(Reason.NOT_AUTHORISED, "strategies", "", p.strategy[:32])
    if desk.revisions.earlier and (run := OrderId.parse(p.order_id)) and run.run <= desk.revisions.earlier.get(p.strategy, 0):
        return Denial(Reason.HALTED, f"strategies.{p.strategy}.run", f"> {desk.revisions.earlier[p.strategy]}", str(run.run))
    if p.symbol in traded:
        return None
    entry = desk.settings.strategy(p.strategy)
    named = () if entry is None else entry.symbols
    return Denial(Reason.NOT_AUTHORISED, f"strategies.{p.strategy}.symbols", " ".join(named)[:200], p.symbol[:32])


def valid(p: Proposal, desk: Desk) -> Denial | None:
    """A known instrument, a type and a time in force that are allowed, and numbers on its grid."""
    terms, instrument = p.terms, p.instrument
    if instrument is None:
        return Denial(Reason.UNKNOWN_INSTRUMENT, "instruments", "", p.symbol[:32])
    if terms.type not in desk.settings.order_types_allowed:
        return Denial(Reason.UNSUPPORTED_TYPE, "order_types_allowed", " ".join(desk.settings.order_types_allowed), terms.type.value)
    if terms.tif not in desk.settings.tifs_allowed:
        return Denial(Reason.UNSUPPORTED_TIF, "tifs_allowed", " ".join(desk.settings.tifs_allowed), terms.tif.value)
    takes = desk.gates.broker_takes
    if takes and terms.type not in takes:
        return Denial(Reason.UNSUPPORTED_TYPE, "broker", " ".join(takes), terms.type.value)
    if takes and terms.tif not in takes[terms.type]:
        return Denial(Reason.UNSUPPORTED_TIF, "broker", " ".join(takes[terms.type]), terms.tif.value)
    if not plausible(terms.quantity):
        return Denial(Reason.BAD_QUANTITY, "quantity", "> 0", shown(terms.quantity))
    if not instrument.on_lot(terms.quantity):
        return Denial(Reason.OFF_LOT, "lot_size", shown(instrument.lot_size), shown(terms.quantity))
    if p.replacing is not None and terms.quantity <= p.replacing.filled:
        return Denial(Reason.BAD_QUANTITY, "quantity", f"> {p.replacing.filled} filled", shown(terms.quantity))
    if (terms.tif is TimeInForce.GTD) != (terms.expire_at > p.now):
        return Denial(Reason.BAD_EXPIRY, "expire_at", f"> {p.now}" if terms.tif is TimeInForce.GTD else "0", str(terms.expire_at))
    return _prices_valid(p)


def _prices_valid(p: Proposal) -> Denial | None:
    terms, instrument = p.terms, p.instrument
    assert instrument is not None
    prices = (
        ("limit_price", terms.limit_price, terms.type in _LIMIT_TYPES),
        ("stop_price", terms.stop_price, terms.type in _STOP_TYPES),
    )
    for name, price, wanted in prices:
        if (price is not None) is not wanted:
            return Denial(Reason.BAD_PRICE, name, "required" if wanted else "none", shown(price))
        if price is None:
            continue
        if not plausible(price):
            return Denial(Reason.BAD_PRICE, name, "> 0", shown(price))
        if not instrument.on_tick(price):
            return Denial(Reason.OFF_TICK, "tick_size", shown(instrument.tick_size), shown(price))
    return _trail_valid(terms)


def _trail_valid(terms: OrderTerms) -> Denial | None:
    trails = [trail for trail in (terms.trail_price, terms.trail_percent) if trail is not None]
    if len(trails) != (1 if terms.type is OrderType.TRAILING_STOP else 0):
        return Denial(Reason.BAD_PRICE, "trail", "one of trail_price, trail_percent, for a trailing stop only", str(len(trails)))
    if trails and (not plausible(trails[0]) or (terms.trail_percent is not None and terms.trail_percent >= 100)):
        return Denial(Reason.BAD_PRICE, "trail", "> 0", shown(trails[0]))
    return None


def in_time(p: Proposal, desk: Desk) -> Denial | None:
    """What caused the intent is young enough."""
    age_ms = desk.ages.too_old(p.cause, p.now)
    return Denial(Reason.EXPIRED, "command_age_ms_max", str(desk.settings.command_age_ms_max), str(age_ms)) if age_ms else None


def duplicate(p: Proposal, desk: Desk) -> Denial | None:
    """No more than so many orders of one content in a window; a replace is no order."""
    if p.replacing is not None or not desk.settings.duplicate_order_window_ms:
        return None
    count, most = desk.duplicates.alike(p.strategy, p.terms, p.now) + 1, desk.settings.duplicate_order_count_max
    return Denial(Reason.DUPLICATE_ORDER, "duplicate_order_count_max", str(most), str(count)) if count > most else None


def not_halted(p: Proposal, desk: Desk) -> Denial | None:
    """The venue trades it."""
    why = desk.gates.halted.get(p.symbol)
    return Denial(Reason.INSTRUMENT_HALTED, "halt", value=why[:64]) if why is not None else None


def in_session(p: Proposal, desk: Desk) -> Denial | None:
    """Its calendar is in an allowed phase. An order for the open is meant to wait for it."""
    assert p.instrument is not None
    phase = desk.gates.phase(p.instrument)
    waits = p.terms.type is OrderType.MARKET_ON_OPEN and phase in (SessionPhase.CLOSED, SessionPhase.PRE)
    if phase in desk.settings.sessions_allowed or waits:
        return None
    return Denial(Reason.MARKET_CLOSED, "sessions_allowed", " ".join(desk.settings.sessions_allowed), phase.value if phase else "unknown")


def before_close(p: Proposal, desk: Desk) -> Denial | None:
    """No new risk in the last seconds of the regular session."""
    seconds = desk.settings.close_buffer_s
    if not seconds:
        return None
    assert p.instrument is not None
    close = desk.gates.closes.get(p.instrument.calendar, 0)
    left = close - p.now
    if not close or left >= seconds * SECOND or desk.gates.phase(p.instrument) is not SessionPhase.OPEN or shrinks(p, desk.reservations.account):
        return None
    return Denial(Reason.CLOSE_BUFFER, "close_buffer_s", str(seconds), f"{left / SECOND:.3f} left")


def fresh(p: Proposal, desk: Desk) -> Denial | None:
    """The price it is valued at is young enough, and none is missing before it. A closed market's last price does not age."""
    assert p.instrument is not None
    if desk.settings.gap_blocks_trading and p.symbol in desk.gates.gaps:
        return Denial(Reason.DATA_GAP, "gap_blocks_trading", "true", str(desk.gates.gaps[p.symbol]))
    if desk.gates.phase(p.instrument) is SessionPhase.CLOSED:
        return None
    if desk.settings.stale_denies and p.symbol in desk.gates.stale:
        return Denial(Reason.STALE_DATA, "freshness", "fresh", "stale")
    most = desk.settings.quote_age_ms_max
    if most is None or p.reference is None:
        return None
    age = p.now - p.reference.ns
    return Denial(Reason.STALE_DATA, "quote_age_ms_max", str(most), str(age // MILLISECOND)) if age > most * MILLISECOND else None


def rate_known(p: Proposal, desk: Desk) -> Denial | None:
    """What opens exposure in another currency has money that can be told in the account's."""
    currency = desk.ledger.unit(p.symbol).currency
    if not currency or currency in desk.rates or not desk.opening(p.symbol, p.terms.side, p.added):
        return None
    return Denial(Reason.NO_REFERENCE, "currencies", desk.ledger.currency, currency)


def rate_young(p: Proposal, desk: Desk) -> Denial | None:
    """The rate it is valued at, where a pair tells it, is young enough to open exposure. A fixed one does not age."""
    most, told = desk.settings.rate_age_ms_max, desk.rates.get(desk.ledger.unit(p.symbol).currency, 0)
    if most is None or not told or p.now - told <= most * MILLISECOND or not desk.opening(p.symbol, p.terms.side, p.added):
        return None
    return Denial(Reason.STALE_DATA, "rate_age_ms_max", str(most), str((p.now - told) // MILLISECOND))


def throttled(p: Proposal, desk: Desk) -> Denial | None:
    """Messages a second and a minute, of the account and the strategy."""
    blocking = desk.throttles.blocking(p.strategy, p.now, p.orders)
    if blocking is not None:
        return Denial(Reason.THROTTLED, blocking[0], str(blocking[1]), str(blocking[1] + 1))
    for key, most, held in desk.throttles.crossing(p.strategy, p.now, p.orders):
        p.soft.append(LimitBreached(Reason.THROTTLED, key, str(most), str(held), hard=False))
    return None


def few_open(p: Proposal, desk: Desk) -> Denial | None:
    """Orders that may still fill, unknown ones among them."""
    if p.replacing is not None:
        return None
    counts = (
        ("orders_open_max", desk.reservations.account.orders),
        ("strategy_orders_open_max", desk.reservations.strategy(p.strategy).orders),
        ("symbol_orders_open_max", desk.reservations.account.open(p.symbol).orders),
    )
    for key, count in counts:
        most = getattr(desk.settings, key)
        if most is None:
            continue
        if count + p.orders > most:
            return Denial(Reason.OPEN_ORDERS, key, str(most), str(count + p.orders))
        if count <= desk.soft_count(most) < count + p.orders:
            p.soft.append(LimitBreached(Reason.OPEN_ORDERS, key, str(most), str(count + p.orders), hard=False))
    return None


def _same_prices(p: Proposal) -> bool:
    assert p.replacing is not None
    old = p.replacing.newest
    return (p.terms.limit_price, p.terms.stop_price) == (old.limit_price, old.stop_price)
