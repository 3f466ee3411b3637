"""One figure against one limit: deny above it what grows, note the crossing of its soft part.

Only what grows a figure can meet its limit, so an order that reduces passes above every limit of exposure. A soft part is told as it is
crossed, by the order that crosses it; while the figure stays above, no order tells it again. Of a limit of one order each order's figure begins at nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from shared.domain.exact import ZERO, add, multiply, subtract, text
from shared.events import LimitBreached, Reason
from shared.events.enums import BUY

from .proposal import Denial, Proposal
from .reservations import Line

if TYPE_CHECKING:
    from .desk import Desk

Growth = tuple[Decimal, Decimal]  # a figure before the proposal and with it


def within(limit: Decimal | None, grows: Growth, reason: Reason, key: str, p: Proposal, desk: Desk) -> Denial | None:
    """Against a limit in the figure's own unit."""
    before, after = grows
    if limit is None or after <= before:
        return None
    if after > limit:
        return Denial(reason, key, text(limit), text(after))
    if before <= multiply(desk.settings.soft_fraction, limit) < after:
        p.soft.append(LimitBreached(reason, key, text(limit), text(after), hard=False))
    return None


def within_equity(fraction: Decimal | None, grows: Growth, reason: Reason, key: str, equity: Decimal, p: Proposal, desk: Desk) -> Denial | None:
    """Against a fraction of equity, as it is now."""
    before, after = grows
    if fraction is None or after <= before:
        return None
    limit = multiply(fraction, equity)
    if after > limit:
        return Denial(reason, key, text(fraction), text(round(after / equity, 4)) if equity > 0 else "inf")
    if before <= multiply(desk.settings.soft_fraction, limit) < after:
        p.soft.append(LimitBreached(reason, key, text(fraction), text(round(after / equity, 4)), hard=False))
    return None


def afforded(power: Decimal, reserved: Decimal, needed: Decimal, key: str, p: Proposal, desk: Desk) -> Denial | None:
    """Money an order needs against what of `power` is not reserved yet. A denial tells what is free, the soft part what is taken of the whole."""
    free = subtract(power, reserved)
    if needed > free:
        return Denial(Reason.BUYING_POWER, key, text(free), text(needed))
    taken = add(reserved, needed)
    if reserved <= multiply(desk.settings.soft_fraction, power) < taken:
        p.soft.append(LimitBreached(Reason.BUYING_POWER, key, text(power), text(taken), hard=False))
    return None


def reach(line: Line, p: Proposal) -> Decimal:
    """How far the line reaches on the proposal's side; at least nothing."""
    far = add(line.position, line.buys) if p.terms.side is BUY else subtract(line.sells, line.position)
    return max(ZERO, far)


def grown(line: Line, p: Proposal) -> Line:
    """The line with what the proposal adds."""
    return line.grown(p.terms.side, p.added)
