"""A bar that concerns nobody, in one call: what `decide` and the fold of a bar make of it, where they make nothing but a newer price.

For a driver that does nothing between the two (the backtest). Whatever is not plainly quiet - a loss limit near, a new peak, a quote that stands,
a gap to close, several watches or protective stops of the symbol - goes to the two themselves, which are the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from shared.events import Envelope, Event

if TYPE_CHECKING:
    from .desk import Desk

Decider = Callable[[Envelope], Sequence[Event]]
Folder = Callable[[Envelope], None]


def quiet_bars(decide: Decider, fold: Folder, desk: Desk) -> Decider | None:
    """`decide` and `fold` of a bar as one; None where a bar means more to this desk than a price."""
    s = desk.settings
    if desk.protective.enabled or s.returns_kept or s.counts_volume:
        return None
    lasts, quotes = desk.prices.state.lasts, desk.prices.state.quotes
    active, gaps, marking, moved = desk.watches.active, desk.gates.gaps, s.mark_interval_ms > 0, desk.marking.moved

    def both(e: Envelope) -> Sequence[Event]:
        outputs = decide(e)
        fold(e)
        return outputs

    def bar(e: Envelope) -> Sequence[Event]:
        event: Any = e.event
        symbol, price, ns = event.symbol, event.close, event.end
        old = lasts.get(symbol)
        if not 0.0 < price < inf or old is None or ns < old[1] or gaps or symbol in quotes:
            return both(e)
        watches = active.get(symbol)
        if watches is not None:
            if len(watches) > 1 or not watches[0].follow(symbol, price):
                return both(e)
            if marking and watches[0].holds(symbol):
                moved(e.ts_ns)
        lasts[symbol] = (price, ns if ns < e.ts_ns else e.ts_ns)  # noqa: FURB136 - the hot path: min() costs a call
        return ()

    return bar
