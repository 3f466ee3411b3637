"""Price bands and halts of single instruments: what the venue publishes, and what follows of it.

Limit-up limit-down bands bound the price of an order; `luld_required` denies where none are known, and they are forgotten with their trading
day. A halted instrument's working orders are cancelled (`halt_policy: cancel`), but those that close for risk itself; once it trades again,
new orders wait for a price that is newer than the halt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from shared.domain.exact import of_float, text
from shared.domain.order_ids import is_external
from shared.events import CancelApproved, CorporateAction, DayEnded, Envelope, Event, InstrumentHalted, PriceBandsChanged, Reason

from .flatten import OWNER
from .proposal import Denial, Proposal

if TYPE_CHECKING:
    from .desk import Desk
    from .gates import Gates


class HaltPolicy(StrEnum):
    """What becomes of working orders when the venue halts their instrument."""

    CANCEL = "cancel"
    LEAVE = "leave"


class Bands(msgspec.Struct):
    """bands: by symbol (lower, upper), 0.0 where there is none. resumed: by symbol, ns at which its newest halt ended."""

    bands: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    resumed: dict[str, int] = msgspec.field(default_factory=dict)

    def changed(self, e: PriceBandsChanged) -> None:
        """What is no band (crossed, negative, NaN) is none: it is not known to hold."""
        if e.lower >= 0.0 and e.upper >= 0.0 and (not e.upper or e.lower < e.upper) and (e.lower or e.upper):
            self.bands[e.symbol] = (e.lower, e.upper)
        else:
            self.bands.pop(e.symbol, None)

    def halted(self, e: InstrumentHalted, now: int, gates: Gates) -> None:
        """Before the gate folds it."""
        if not e.halted and e.symbol in gates.halted:
            self.resumed[e.symbol] = now

    def acted(self, e: CorporateAction, _ratio: float) -> None:
        """Bands of old units, or of an old name, say nothing of the new ones."""
        if e.kind in ("split", "symbol_change"):
            self.bands.pop(e.symbol, None)

    def end_day(self, e: DayEnded, gates: Gates) -> None:
        over = [symbol for symbol in self.bands if (i := gates.instruments.get(symbol)) is not None and i.calendar == e.calendar]
        for symbol in over:
            del self.bands[symbol]


def within_bands(p: Proposal, desk: Desk) -> Denial | None:
    """Its limit, or the price it would meet, lies within the published bands, both included."""
    bands = desk.bands.bands.get(p.symbol)
    if bands is None:
        return Denial(Reason.PRICE_BAND, "luld_required", "published bands", "none") if desk.settings.luld_required else None
    price = p.terms.limit_price if p.terms.limit_price is not None else of_float(p.reference.price) if p.reference is not None else None
    lower, upper = bands
    if price is None or (price >= of_float(lower) and (not upper or price <= of_float(upper))):
        return None
    return Denial(Reason.PRICE_BAND, "luld", f"{lower:g} to {upper:g}", text(price))


def priced_since_halt(p: Proposal, desk: Desk) -> Denial | None:
    """After a halt the first word is the market's."""
    resumed = desk.bands.resumed.get(p.symbol)
    if resumed is None or p.reference is None or p.reference.ns > resumed:
        return None
    return Denial(Reason.INSTRUMENT_HALTED, "halt", "a price since the halt", "none")


def on_instrument_halted(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Working orders of the instrument go, where the policy says so; what others placed at the broker is theirs."""
    event: InstrumentHalted = e.event  # type: ignore[assignment]  # dispatched by type
    if not event.halted or event.symbol in desk.gates.halted or desk.settings.halt_policy is HaltPolicy.LEAVE:
        return ()
    orders = [o for o in desk.reservations.in_symbol(event.symbol) if not is_external(o.order_id) and not o.order_id.startswith(f"{OWNER}:")]
    return tuple(CancelApproved(order.order_id, order.strategy, Reason.INSTRUMENT_HALTED) for order in orders)


ON: Final[Mapping[type[Event], Callable[[Envelope, Desk], Sequence[Event]]]] = {InstrumentHalted: on_instrument_halted}
