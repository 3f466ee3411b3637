"""This machine's clock against the broker's: while they differ, nobody can say how old a price or an order is, and trading does not arm.

Measured with each reading of the account whose answer tells the broker's time; what the round trip may explain does not count. Told as it
passes `clock_offset_ms_max`, and not again before it was back within four fifths. While trading is armed it is only told: order is by
sequence number, never by clock. Under the feed clock there is one time, and no broker tells another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from shared.domain.exact import text
from shared.events import BrokerClock, BrokerStateReported, Envelope, Event, LimitBreached, Reason

from .prices import MILLISECOND

if TYPE_CHECKING:
    from .desk import Desk

KEY: Final = "clock_offset_ms_max"


class ClockOffset(msgspec.Struct):
    """off_ns: the offset that was told, broker's less ours; 0 while within the limit."""

    off_ns: int = 0

    def reported(self, e: BrokerStateReported, most_ms: int | None, soft: Decimal) -> None:
        if e.clock is not None:
            self.off_ns = self.after(e.clock, most_ms, soft)

    def after(self, clock: BrokerClock, most_ms: int | None, soft: Decimal) -> int:
        """`off_ns` once this is measured. An offset that is neither beyond the limit nor back stays as it was told."""
        if most_ms is None:
            return 0
        proven = max(0, abs(clock.offset_ns) - clock.error_ns)
        if proven > most_ms * MILLISECOND:
            return clock.offset_ns
        return self.off_ns if proven > soft * most_ms * MILLISECOND else 0

    def why_not_arm(self) -> str:
        """Empty while trading may arm."""
        return explained(self.off_ns) if self.off_ns else ""


def explained(off_ns: int) -> str:
    side = "behind" if off_ns > 0 else "ahead of"
    return f"this machine's clock is {abs(off_ns) // MILLISECOND} ms {side} the broker's: set it by NTP; trading does not arm meanwhile"


def on_state_reported(e: Envelope, desk: Desk) -> Sequence[Event]:
    """The breach as it begins, and the state it keeps trading in where that was not armed."""
    clock, most = e.event.clock, desk.settings.clock_offset_ms_max  # type: ignore[attr-defined]  # dispatched by type
    if clock is None or most is None:
        return ()
    off = desk.clock.after(clock, most, desk.settings.soft_fraction)
    if not off or desk.clock.off_ns:
        return ()
    breach = LimitBreached(Reason.CLOCK_OFFSET, KEY, str(most), text(Decimal(abs(off)) / MILLISECOND), hard=True)
    waits = desk.states.keep_disarmed(Reason.CLOCK_OFFSET, explained(off))
    return (breach,) if waits is None else (breach, waits)


ON: Final[Mapping[type[Event], Callable[[Envelope, Desk], Sequence[Event]]]] = {BrokerStateReported: on_state_reported}
