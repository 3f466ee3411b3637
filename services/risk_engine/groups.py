"""Judging a bracket or an OCO pair: all of it or none of it.

A bracket is judged by its entry, as any order, for as many messages and open orders as it has legs. Its exits close what the entry opens and no
more, so they are judged for what they are (instrument, type, prices, size), not for exposure, buying power, or against each other. An
entry that would close what the strategy's own book holds has nothing for exits to close, and is denied. The legs of an OCO pair are judged
each as if it were alone; only one of them trades, so the worse one is what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from shared.domain.order_group import EXITS, OCO_ROLES, STOP_LOSS, TAKE_PROFIT, is_beginning
from shared.events import Envelope, Event, OrderDenied, OrderIntent, OrderSide, Reason, RunStarted

from . import admission, limits
from .desk import Desk
from .legs import Leg
from .proposal import Denial, Proposal, shown

Propose = Callable[[Leg, Envelope, Desk], Proposal]
Approve = Callable[[OrderIntent, Proposal, Envelope, Desk], Sequence[Event]]

_OF_AN_EXIT: Final[Sequence[limits.Check]] = (
    admission.trading_state,
    admission.authorised,
    admission.valid,
    limits.order_quantity,
    limits.order_notional,
    limits.price_collar,
)
_SOURCE_PREFIX: Final = "strategy."


def incomplete(strategy: str, desk: Desk, group: str = "") -> list[Event]:
    """Denials of a strategy's undecided legs, but for those of one group that is still being said."""
    return [_denied(leg, _part(leg, "incomplete")) for leg in desk.legs.of(strategy) if not group or leg.intent.group != group]


def on_run(e: Envelope, desk: Desk) -> Sequence[Event]:
    """A new run of a strategy says nothing of an older run's group."""
    run: RunStarted = e.event  # type: ignore[assignment]  # dispatched by type
    return incomplete(run.name.removeprefix(_SOURCE_PREFIX), desk) if run.name.startswith(_SOURCE_PREFIX) else ()


def on_leg(intent: OrderIntent, e: Envelope, desk: Desk, propose: Propose, approve: Approve) -> Sequence[Event]:
    """One more leg: nothing while others are to come, every leg's decision with the last."""
    out = incomplete(intent.strategy, desk, intent.group)
    legs = [*(leg for leg in desk.legs.of(intent.strategy) if leg.intent.group == intent.group), Leg(intent, e.source, e.cause)]
    fault = _shape(legs)
    if fault is not None:
        return [*out, *(_denied(leg, fault) for leg in legs)]
    if len(legs) < intent.group_size:
        return out
    proposals = [propose(leg, e, desk) for leg in legs]
    for leg, proposal in zip(legs, proposals, strict=True):
        proposal.orders = len(legs)
        denial = _whole(legs, desk) or _judge(leg, proposal, desk)
        if denial is not None:
            why = f"{leg.intent.order_id}: {denial.reason.name}"
            return [*out, *(_denied(other, denial if other is leg else _part(other, why)) for other in legs)]
    for leg, proposal in zip(legs, proposals, strict=True):
        out += approve(leg.intent, proposal, e, desk)
    return out


def _judge(leg: Leg, proposal: Proposal, desk: Desk) -> Denial | None:
    if leg.intent.group_role not in EXITS:
        return limits.judge(proposal, desk)
    return next((denial for check in _OF_AN_EXIT if (denial := check(proposal, desk)) is not None), None)


def _shape(legs: Sequence[Leg]) -> Denial | None:
    """Whether these are the first legs of a group there is."""
    first, newest = legs[0].intent, legs[-1].intent
    roles, size = tuple(leg.intent.group_role for leg in legs), first.group_size
    if first.group == first.order_id and newest.group_size == size and is_beginning(roles, size):
        return None
    return Denial(Reason.GROUP, "group", "a bracket or an OCO pair", f"{' '.join(roles)} of {size}"[:64])


def _whole(legs: Sequence[Leg], desk: Desk) -> Denial | None:
    """Whether the legs fit together."""
    first = legs[0].intent.terms
    if any(leg.intent.terms.symbol != first.symbol for leg in legs):
        return Denial(Reason.GROUP, "symbol", first.symbol, "another")
    if len(legs) == len(OCO_ROLES):
        return None
    by_role = {leg.intent.group_role: leg.intent.terms for leg in legs}
    target, stop = by_role[TAKE_PROFIT], by_role[STOP_LOSS]
    if target.side is first.side or stop.side is first.side:
        return Denial(Reason.GROUP, "side", "exits close what the entry opens", first.side.value)
    if not target.quantity == stop.quantity == first.quantity:
        return Denial(Reason.GROUP, "quantity", shown(first.quantity), f"{shown(target.quantity)} {shown(stop.quantity)}")
    long = first.side is OrderSide.BUY
    if target.limit_price is not None and stop.stop_price is not None and (target.limit_price > stop.stop_price) is not long:
        return Denial(Reason.BAD_PRICE, "take_profit", f"{'above' if long else 'below'} {shown(stop.stop_price)}", shown(target.limit_price))
    held = desk.ledger.quantity(legs[0].intent.strategy, first.symbol)
    if held and (held > 0) is not long:
        return Denial(Reason.REDUCING_ONLY, "bracket", "an entry that opens", f"holds {shown(held)}")
    return None


def _part(leg: Leg, why: str) -> Denial:
    return Denial(Reason.GROUP, "group", leg.intent.group[:64], why[:64])


def _denied(leg: Leg, denial: Denial) -> OrderDenied:
    return OrderDenied(leg.intent.order_id, leg.intent.strategy, *denial)
