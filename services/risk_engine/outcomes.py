"""What follows from the market and from what became of orders: loss limits, exposure nobody asked us for, the next step of a flatten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from math import nan
from typing import Any, Final

from shared.domain.exact import ZERO, add, magnitude, multiply, subtract, text
from shared.events import (
    Bar,
    Envelope,
    Event,
    ExternalOrderSeen,
    FillCorrected,
    HoldingAssigned,
    LimitBreached,
    OrderAbandoned,
    OrderBook,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    Quote,
    Reason,
    ReplaceRejected,
    Scope,
    Trade,
    TradingState,
    TradingStateChanged,
)

from . import claims, shrunk
from .commands import closing_orders
from .desk import Desk
from .flatten import OWNER
from .loss import ACCOUNT, Level, Watch
from .loss_exits import closing
from .protective_exits import guarding, next_exit
from .reservations import Line


def on_market(desk: Desk) -> Mapping[type[Event], Callable[[Envelope], Sequence[Event]]]:
    """By data type, what a datum decides. The hot path: a symbol without holding or order costs one look-up, a held one a float or two."""
    return {kind: guarding(_on_datum(desk, marks), marks, desk) for kind, marks in _MARKS.items()}


def _on_datum(desk: Desk, marks: Callable[[Any], tuple[float, float]]) -> Callable[[Envelope], Sequence[Event]]:
    active, watches = desk.watches.active, desk.watches

    def decide(e: Envelope) -> Sequence[Event]:
        symbol = e.event.symbol  # type: ignore[attr-defined]  # market data has one
        if symbol not in active:
            return ()
        bid, ask = marks(e.event)
        for watch in active[symbol]:
            if watch.might_breach(symbol, bid, ask):
                return loss_events(watches.judge(e), desk, e)
        return ()

    return decide


def on_filled(e: Envelope, desk: Desk) -> Sequence[Event]:
    fill: OrderFilled = e.event  # type: ignore[assignment]  # dispatched by type
    out: list[Event] = [*desk.flattening.assignments(fill), *claims.by_hand(fill, desk)]
    out += [e for moved in out if isinstance(moved, HoldingAssigned) for e in shrunk.exits(moved, desk)]
    out += loss_events(desk.watches.judge_fill(fill), desk, e)
    if not any(isinstance(c, TradingStateChanged) and c.key == fill.strategy and c.state is TradingState.HALTED for c in out):
        out += _repeated(fill, e.ts_ns, desk)
    if not desk.reservations.covers(fill):
        out += exposure_events(fill, desk)
    out += next_closing(e, desk, max((c.halt_epoch for c in out if isinstance(c, TradingStateChanged)), default=desk.states.halt_epoch))
    out += next_exit(e, desk, tuple(out))
    return out


def on_external(e: Envelope, desk: Desk) -> Sequence[Event]:
    seen: ExternalOrderSeen = e.event  # type: ignore[assignment]
    return (*exposure_events(seen, desk), *next_closing(e, desk, desk.states.halt_epoch))


def on_routed(e: Envelope, desk: Desk) -> Sequence[Event]:
    """`child_qty_over_parent_max: 0`: what the router works is no more than what was approved, or everything stops."""
    routed: OrderRouted = e.event  # type: ignore[assignment]
    order, total = desk.reservations.orders.get(routed.order_id), ZERO
    for child in routed.children:
        total = add(total, child.terms.quantity)
    if order is not None and total <= order.counted and all((c.terms.symbol, c.terms.side) == (order.symbol, order.side) for c in routed.children):
        return ()
    most = order.counted if order is not None else ZERO
    text_ = f"{routed.order_id} is routed as {text(total)}, {text(most)} were approved"
    changed = desk.states.restrict(Scope.GLOBAL, "", TradingState.HALTED, Reason.CHILD_OVER_PARENT, text_)
    breach = LimitBreached(Reason.CHILD_OVER_PARENT, "child_qty_over_parent_max", "0", text(subtract(total, most)), hard=True)
    return (breach,) if changed is None else (breach, changed)


def on_rejected(e: Envelope, desk: Desk) -> Sequence[Event]:
    rejected: OrderRejected = e.event  # type: ignore[assignment]
    return (*_repeated(rejected, e.ts_ns, desk), *on_order_changed(e, desk))


def _repeated(e: OrderEvent, now: int, desk: Desk) -> Sequence[Event]:
    """Nothing more of a strategy that is halted already: what is still filled of it widens no halt an operator has lifted."""
    met = desk.repeats.judge(e, now)
    if met is None:
        return desk.repeats.crossing(e, now)
    if desk.states.of(Scope.STRATEGY, e.strategy) is TradingState.HALTED:
        return ()
    return desk.restrict_strategy(e.strategy, TradingState.HALTED, *met)


def on_order_changed(e: Envelope, desk: Desk) -> Sequence[Event]:
    return (*next_closing(e, desk, desk.states.halt_epoch), *next_exit(e, desk))


def loss_events(found: Sequence[tuple[Watch, Level, LimitBreached]], desk: Desk, e: Envelope) -> list[Event]:
    """The breaches, then for each scope the strictest state they ask for, then what closes it where that is configured."""
    out: list[Event] = [breach for _, _, breach in found]
    asked: dict[str, Level] = {}
    for watch, level, breach in found:
        if breach.hard and (watch.key not in asked or level.state is TradingState.HALTED):
            asked[watch.key] = level
    for key, level in asked.items():
        why = f"{level.key} of {text(level.limit)} is met"
        if key != ACCOUNT:
            out += desk.restrict_strategy(key, level.state, level.reason, why)
        elif (changed := desk.states.restrict(Scope.GLOBAL, "", level.state, level.reason, why)) is not None:
            out.append(changed)
    if asked and desk.settings.stops.loss:
        out += closing(asked, out, e, desk)
    return out


def exposure_events(e: OrderFilled | ExternalOrderSeen, desk: Desk) -> list[Event]:
    """A trade or order that no approval reserved for: where it takes worst-case exposure above a limit, only reducing goes on."""
    line = desk.reservations.preview(e)
    if line is None:
        return []
    s, unit, before = desk.settings, desk.value.unit(line.symbol), desk.value.sums.total()
    total = before.exchange(desk.value.sums.part(line.symbol), desk.value.worst(line, unit))
    size, was = _size(line), _size(desk.value.line(line.symbol))
    net = max(magnitude(total.longest), magnitude(total.shortest))
    judged = (
        (Reason.POSITION, "position_max", s.position_max, was, size, Scope.SYMBOL),
        (Reason.POSITION_NOTIONAL, "position_notional_max", s.position_notional_max, multiply(was, unit), multiply(size, unit), Scope.SYMBOL),
        (Reason.GROSS_EXPOSURE, "gross_notional_max", s.gross_notional_max, before.gross, total.gross, Scope.GLOBAL),
        (Reason.NET_EXPOSURE, "net_notional_max", s.net_notional_max, max(magnitude(before.longest), magnitude(before.shortest)), net, Scope.GLOBAL),
    )
    out: list[Event] = []
    done: set[Scope] = set()
    for reason, key, limit, old, new, scope in judged:
        if limit is None or new <= limit or new <= old:
            continue
        out.append(LimitBreached(reason, key, text(limit), text(new), hard=True))
        subject = line.symbol if scope is Scope.SYMBOL else ""
        changed = desk.states.reduce(scope, subject, reason, f"{key} of {text(limit)} is exceeded by {e.order_id}")
        if changed is not None and scope not in done:
            out.append(changed)
            done.add(scope)
    return out


def next_closing(e: Envelope, desk: Desk, halt_epoch: int) -> Sequence[Event]:
    """In a symbol being flattened: close what this event set free, or tell that a closing order failed."""
    event: OrderEvent = e.event  # type: ignore[assignment]
    if not desk.flattening.state.symbols:
        return ()
    failed = desk.flattening.failed(event, e.ts_ns, desk.states.halt_epoch)
    if failed is not None:
        return (failed,)
    if isinstance(event, OrderAbandoned) and event.strategy == OWNER and not desk.compared():
        return ()  # too late, and nobody has looked at the broker since: the first reading that agrees closes
    line = desk.reservations.preview(event)
    if line is None or line.symbol not in desk.flattening.state.symbols:
        return ()
    return tuple(closing_orders([line], e, desk, halt_epoch))


def _size(line: Line) -> Decimal:
    return max(magnitude(add(line.position, line.buys)), magnitude(subtract(line.position, line.sells)))


_NO_MARKET: Final = (nan, nan)
_MARKS: Final[Mapping[type[Event], Callable[[Any], tuple[float, float]]]] = {
    Bar: lambda bar: (bar.close, bar.close),
    Trade: lambda trade: (trade.price, trade.price),
    Quote: lambda quote: (quote.bid, quote.ask),
    OrderBook: lambda book: (book.bids[0][0], book.asks[0][0]) if book.bids and book.asks else _NO_MARKET,
}
ON: Final[Mapping[type[Event], Callable[[Envelope, Desk], Sequence[Event]]]] = {
    OrderFilled: on_filled,
    ExternalOrderSeen: on_external,
    FillCorrected: on_order_changed,
    OrderRouted: on_routed,
    OrderRejected: on_rejected,
    OrderCanceled: on_order_changed,
    OrderExpired: on_order_changed,
    OrderAbandoned: on_order_changed,
    OrderReplaced: on_order_changed,
    ReplaceRejected: on_order_changed,
}
