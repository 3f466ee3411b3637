"""Protective exits: risk's own market orders that close a strategy's holding once one of its stops is met.

Judged at each good datum of the symbol inside its session, at what the holding would fetch (bid to sell, ask to buy, the last price where no
quote stands). Once met, the strategy's working orders in the symbol are cancelled, its new ones denied, and what no working order may close
is closed; what a cancel sets free follows at once, until the holding is gone: one exit at a time, none while the last one's outcome is open,
never through zero. An exit bears risk's order id and the strategy's name, so its fills are booked and told as the strategy's own.

| state | an exit is |
|---|---|
| ACTIVE, REDUCING, strategy HALTED or paused | sent: it reduces, and a strategy that is stopped is not left alone |
| global or symbol HALTED, symbol locked | not sent: nothing leaves then but what a person asks for (flatten, `loss_flattens`); an alert says so |
| DISARMED, market closed or halted, symbol being flattened | waits for the first good datum after |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from shared.domain.exact import magnitude, of_float, text
from shared.events import (
    Alert,
    CancelApproved,
    Envelope,
    Event,
    ExternalOrderSeen,
    LimitBreached,
    OrderAbandoned,
    OrderApproved,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderRejected,
    OrderSide,
    Reason,
    Scope,
    Severity,
    TradingState,
    TradingStateChanged,
)

from .open_order import after
from .prices import MILLISECOND, Reference
from .proposal import Denial, Proposal
from .protective import FAILED, LOSSES, RETRY_NS, SECOND, WAITS, Guard
from .reservations import Line

if TYPE_CHECKING:
    from .desk import Desk

_UNFILLED: Final = (OrderRejected, OrderAbandoned, OrderCanceled, OrderExpired)
_KEYS: Final = {
    Reason.STOP_LOSS: "stop_loss",
    Reason.TRAILING_STOP: "trailing_stop",
    Reason.ATR_STOP: "atr_stop",
    Reason.TIME_STOP: "time_stop",
    **dict.fromkeys(LOSSES, "loss_flattens"),
}

Decider = Callable[[Envelope], Sequence[Event]]


def not_exiting(p: Proposal, desk: Desk) -> Denial | None:
    """A strategy adds nothing to, and closes nothing of, a holding that is being closed for it."""
    guard = desk.protective.guard(p.strategy, p.symbol)
    if guard is None or guard.met is None:
        return None
    return Denial(Reason.EXIT_WORKING, _KEYS[guard.met], "", guard.order)


def guarding(decide: Decider, marks: Callable[[Any], tuple[float, float]], desk: Desk) -> Decider:
    """What a datum decides, with what it means for stops. A symbol nobody guards costs one look-up."""
    if not desk.protective.enabled:
        return decide
    guards = desk.protective.guards

    def decided(e: Envelope) -> Sequence[Event]:
        out = decide(e)
        of_symbol = guards.get(e.event.symbol)  # type: ignore[attr-defined]  # market data has one
        if of_symbol is None:
            return out
        bid, ask = marks(e.event)
        concerned = sorted(strategy for strategy, guard in of_symbol.items() if guard.meets(bid, ask, e.ts_ns))
        if not concerned:
            return out
        states = _restricted_to(out)
        if any(isinstance(event, OrderApproved) for event in out):
            return out  # a loss closes it already
        return out if TradingState.HALTED in states else (*out, *_on_datum(e, sorted(concerned), desk, reducing=bool(states)))

    return decided


def next_exit(e: Envelope, desk: Desk, decided: Sequence[Event] = ()) -> Iterator[Event]:
    """An order of a holding that is being closed changed: close what that set free, or tell that the exit came to nothing. decided: what else
    follows from the event."""
    states = _restricted_to(decided)
    if not desk.protective.guards or TradingState.HALTED in states:
        return
    event: OrderEvent = e.event  # type: ignore[assignment]  # dispatched by type
    line = None if isinstance(event, ExternalOrderSeen) else desk.reservations.preview(event, desk.reservations.strategy(event.strategy))
    guard = None if line is None else desk.protective.guard(event.strategy, line.symbol)
    if line is None or guard is None or guard.met is None or (line.position > 0) is not (guard.sign > 0.0):
        return  # nothing is left of it, or the strategy's own order turned it over: another holding
    order = desk.reservations.orders.get(guard.order)
    if order is not None and not (event.order_id == guard.order and after(order, event).ended):
        return  # it works: what another order's end sets free follows when it is done
    too_large = order is not None and order.leaves > magnitude(line.position)  # cancelled because the holding shrank without it
    if event.order_id == guard.order and isinstance(event, _UNFILLED) and not too_large and (order is None or not order.filled):
        again = f"tried again in {RETRY_NS // SECOND} s; `flatten {line.symbol}` or close it at the broker"
        text = f"the exit of {event.strategy} from {line.symbol} ended as {type(event).__name__}: {again}"
        yield Alert(Severity.CRITICAL, f"{FAILED}.{event.strategy}.{line.symbol}", text)
    elif desk.protective.in_session(line.symbol) and not _forbidden(guard, line.symbol, desk):
        side = OrderSide.SELL if line.position > 0 else OrderSide.BUY
        account = desk.reservations.preview(event) or line
        turns = not states and _may_turn(line.symbol, side, desk)
        yield from close(e, event.strategy, line, account if not turns else line, desk.prices.reference(line.symbol, side), 1, desk)


def _on_datum(e: Envelope, strategies: Sequence[str], desk: Desk, *, reducing: bool) -> Iterator[Event]:
    """Of the guards a datum concerns: judge it as it will be stored, and act. reducing: the datum itself restricts trading to that."""
    symbol: str = e.event.symbol  # type: ignore[attr-defined]  # as above
    if not desk.protective.in_session(symbol):
        return
    number, account = 1, desk.value.line(symbol)
    for strategy in strategies:
        guard = desk.protective.guards[symbol][strategy]
        side = OrderSide.SELL if guard.sign > 0.0 else OrderSide.BUY
        reference = desk.prices.reference_after(e, side)
        if reference is None or not _is_good(reference, desk.prices.reference(symbol, side), e.ts_ns, desk):
            continue
        reason = guard.met or _met(guard, reference.price, e.ts_ns)
        if reason is None or guard.again > e.ts_ns or guard.order in desk.reservations.orders:
            continue
        forbidden = _forbidden(guard, symbol, desk)
        if forbidden:
            yield from _waits(guard, strategy, symbol, reason, forbidden)
            continue
        if guard.met is None:
            yield _breach(guard, strategy, symbol, reason, reference.price, e.ts_ns)
            yield from _cancels(strategy, symbol, reason, desk)
        open_ = desk.reservations.strategy(strategy).open(symbol)
        line = Line(symbol, desk.ledger.quantity(strategy, symbol), open_.buys, open_.sells)
        turns = not reducing and _may_turn(symbol, side, desk)
        for order in close(e, strategy, line, line if turns else account, reference, number, desk):
            number, units = number + 1, order.terms.quantity
            account = account.grown(side, units)
            yield order


def _is_good(new: Reference, old: Reference | None, now: int, desk: Desk) -> bool:
    """The datum counts (a crossed, zero or NaN one, or one older than what is known, is not stored), and is young enough."""
    most = desk.settings.quote_age_ms_max
    return new != old and (most is None or now - new.ns <= most * MILLISECOND)


def _met(guard: Guard, price: float, now: int) -> Reason | None:
    if (price - guard.level) * guard.sign <= 0.0:
        return guard.reason
    return Reason.TIME_STOP if now >= guard.due else None


def _forbidden(guard: Guard, symbol: str, desk: Desk) -> str:
    """Why no exit may leave now: empty when it may; `-` where there is nothing to tell a person. A strategy's own state stops the strategy, not
    its protection."""
    overall = desk.states.of(Scope.GLOBAL, "")
    if overall is TradingState.DISARMED or symbol in desk.flattening.state.symbols:
        return "-"
    if guard.met not in LOSSES and TradingState.HALTED in (overall, desk.states.of(Scope.SYMBOL, symbol)):
        return "trading is halted: resume, or flatten it"
    return "the instrument is locked: resolve its break, or flatten it" if symbol in desk.gates.locked else ""


def _waits(guard: Guard, strategy: str, symbol: str, reason: Reason, why: str) -> Iterator[Event]:
    if why != "-" and not guard.warned:
        yield Alert(Severity.CRITICAL, f"{WAITS}.{strategy}.{symbol}", f"{_KEYS[reason]} of {strategy} in {symbol} is met, and {why}")


def _breach(guard: Guard, strategy: str, symbol: str, reason: Reason, price: float, now: int) -> LimitBreached:
    key = f"{_KEYS[reason]}.{strategy}.{symbol}"
    if reason is Reason.TIME_STOP:
        return LimitBreached(reason, key, str(guard.due), str(now), hard=True)
    return LimitBreached(reason, key, text(of_float(guard.level)), text(of_float(price)), hard=True)


def _cancels(strategy: str, symbol: str, reason: Reason, desk: Desk) -> Iterator[Event]:
    for order in desk.reservations.in_symbol(symbol):
        if order.strategy == strategy:
            yield CancelApproved(order.order_id, strategy, reason)


def close(e: Envelope, strategy: str, line: Line, account: Line, reference: Reference | None, number: int, desk: Desk) -> Iterator[OrderApproved]:
    """The approval of what closes as much of the book's line as nothing else may, and no more than the account's. number: of this decision's
    exits, from 1."""
    side = OrderSide.SELL if line.position > 0 else OrderSide.BUY
    quantity = min(line.room_to_reduce(side), account.room_to_reduce(side))
    if quantity > 0:
        order_id, terms = desk.flattening.closing_order(line.symbol, side, quantity, number)
        price, ns = reference if reference is not None else (0.0, 0)
        deadline = e.ts_ns + desk.settings.deadline_ms * MILLISECOND
        yield OrderApproved(order_id, strategy, terms, deadline, desk.states.halt_epoch, price, ns)


def _may_turn(symbol: str, side: OrderSide, desk: Desk) -> bool:
    """Whether the account may be turned over by it, where other books hold the other way."""
    if TradingState.REDUCING in (desk.states.of(Scope.GLOBAL, ""), desk.states.of(Scope.SYMBOL, symbol)):
        return False
    return side is OrderSide.BUY or not desk.why_not_short(desk.gates.instruments[symbol])


def _restricted_to(decided: Sequence[Event]) -> set[TradingState]:
    """Trading states that follow from the event at hand, before they are folded."""
    return {event.state for event in decided if isinstance(event, TradingStateChanged)}
