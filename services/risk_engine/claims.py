"""Whose a holding is: unassigned units given to a strategy on command, and what a trade by hand takes from strategies.

A claim changes no account figure and is no profit or loss of the strategy: its book pays the average price, and the base of its loss limit
moves with what the claim makes its equity. A refusal is one alert that names the command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from shared.domain.exact import ZERO, add, magnitude, negate, text
from shared.domain.instrument import exact_number, signed
from shared.domain.ledger import UNASSIGNED, Ledger
from shared.domain.order_ids import EXTERNAL_STRATEGY
from shared.events import Alert, ClaimRequested, Envelope, Event, HoldingAssigned, OrderFilled, Severity

from . import shrunk
from .desk import Desk
from .flatten import closed
from .settings import ExternalPolicy, RiskSettings


class ClaimRefused(ValueError):
    """Why, in one line."""


def on_claim(e: Envelope, desk: Desk) -> Sequence[Event]:
    claim: ClaimRequested = e.event  # type: ignore[assignment]  # dispatched by type
    try:
        moved = assigned(claim, desk.settings, desk.ledger)
    except ClaimRefused as refused:
        return (Alert(Severity.WARNING, f"claim:{claim.command}", f"claim of {claim.symbol} for {claim.strategy} refused: {refused}"),)
    return (moved, *shrunk.exits(moved, desk))


def assigned(claim: ClaimRequested, settings: RiskSettings, ledger: Ledger) -> HoldingAssigned:
    """The move a claim asks for. Quantities count in the direction of the holding they come from. Raises ClaimRefused."""
    entry = settings.strategy(claim.strategy)
    if entry is None or claim.symbol not in entry.symbols:
        raise ClaimRefused(f"{claim.strategy or 'no strategy'} does not trade {claim.symbol}; it could not close it")
    try:
        quantity = exact_number(claim.quantity) if claim.quantity else None
    except ValueError as error:
        raise ClaimRefused(str(error)) from None
    giving = quantity is not None and quantity < 0
    source = claim.strategy if giving else UNASSIGNED
    book = ledger.book(source) if source in ledger.books else None
    held = book.quantity(claim.symbol) if book is not None else ZERO
    units = magnitude(held) if quantity is None else magnitude(quantity)
    if not held or book is None:
        raise ClaimRefused(f"{'it holds' if giving else 'unassigned is'} nothing of {claim.symbol}")
    if not units or units > magnitude(held):
        raise ClaimRefused(f"{text(units)} is not within the {text(magnitude(held))} {'it holds' if giving else 'unassigned'}")
    moved = units if (held > 0) != giving else negate(units)
    return HoldingAssigned(claim.symbol, claim.strategy, moved, book.positions[claim.symbol].average_price, claim.command)


def by_hand(e: OrderFilled, desk: Desk) -> Iterator[Event]:
    """What a trade that was not ours closes of strategies' holdings, where that is the policy: unassigned units first, then strategies by id."""
    if e.strategy != EXTERNAL_STRATEGY or desk.settings.external_policy is not ExternalPolicy.REDUCE_HOLDER:
        return
    change = signed(e.side, e.quantity)
    yield from closed(desk.ledger, e.symbol, _past(change, desk.ledger.quantity(UNASSIGNED, e.symbol)), e.price)


def _past(change: Decimal, held: Decimal) -> Decimal:
    """What of a change is left once it has closed a holding."""
    if not held or (held > 0) == (change > 0):
        return change
    left = add(change, held)
    return left if (left > 0) == (change > 0) else ZERO
