"""`regimeflow halt`: two ways to no working order, taken in turn, and a plain word about each.

First the bus: risk latches, the router cancels. Then, whether or not that went well, the reconciler's kill path, which looks at the broker with
a session of its own and cancels what still works: so the command is as good with the router or risk dead, and with the bus dead it is the
only way; it is journaled when the bus is back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .errors import AWAY, NO, CliError
from .options import StackHere
from .output import print_json

if TYPE_CHECKING:
    from shared.events import HaltRequested, Scope
    from shared.runtime.killpath import Swept

HURRY_S: Final = 2.0  # for the bus, where the kill path waits to be asked


@dataclass(slots=True)
class Way:
    """How it went. seq: in the journal, 0 where that file is not here; bus, kill: why that way was closed, else empty."""

    seq: int = 0
    bus: str = ""
    kill: str = ""
    swept: Swept | None = None


def halt_everywhere(stack: StackHere, reason: str, scope: Scope, key: str, what: str, *, as_json: bool) -> None:
    """Raises CliError when nobody was told, or when orders may still work."""
    from services.live.operator import new_command, operator
    from shared.events import HaltRequested

    begun = time.monotonic()
    event = HaltRequested(new_command(), operator(), reason, scope, key)
    way = _go(stack, event)
    took = time.monotonic() - begun
    if way.bus and way.swept is None:
        raise CliError(
            (f"the bus does not answer: {way.bus}", f"the kill path does not answer: {way.kill}", f"NOBODY WAS TOLD: {_AT_THE_BROKER}"), AWAY
        )
    if as_json:
        print_json(_facts(event, way, took))
    else:
        print(*_lines(event, way, what, took), sep="\n")
    if way.swept is not None and (way.swept.open_count or way.swept.failed):
        raise CliError((_left(way.swept), _AT_THE_BROKER), NO)


_AT_THE_BROKER: Final = "cancel at the broker itself"


def _go(stack: StackHere, event: HaltRequested) -> Way:
    from services.live.operator import tell
    from shared.bus.port import BusUnavailable
    from shared.runtime.killpath import HaltOrder, KillPathAway, KillPathClient, is_served

    from .commands import ACKNOWLEDGE_S

    way, served = Way(), is_served(stack.places)
    try:
        way.seq = tell(stack.places, event.command, [event], min(ACKNOWLEDGE_S, HURRY_S) if served else ACKNOWLEDGE_S)
    except BusUnavailable as error:
        way.bus = str(error)
    if not served:
        way.kill = "nobody serves it: does the reconciler run, and is live.deadman.broker_session on?"
        return way
    order = HaltOrder(event.command, event.operator, event.reason, event.scope, event.key, journaled=not way.bus)
    try:
        killpath = KillPathClient(stack.places)
        try:
            way.swept = killpath.halt(order)
        finally:
            killpath.close()
    except KillPathAway as error:
        way.kill = str(error)
    return way


def _lines(event: HaltRequested, way: Way, what: str, took: float) -> list[str]:
    if way.bus:
        told = f"{what}: the bus does not answer; halted by way of the reconciler, to be journaled when the bus is back"
    else:
        told = f"{what}: journaled{f' at seq {way.seq}' if way.seq else ''}"
    lines = [f"{told}, command {event.command} by {event.operator}"]
    s = way.swept
    if s is None:
        lines.append(f"nobody looked at the broker: {way.kill}. The router cancels; see `regimeflow orders`")
    if s is not None and s.lost:
        lines.append(f"NOT DURABLE ({s.lost}): should the reconciler end before the bus is back, halt again")
    if s is not None and not s.failed and not s.open_count:
        gone = f"{s.found} still worked when it was looked at: {s.asked} cancelled by the reconciler, {s.found - s.asked} by the router or ended"
        lines.append(f"no order works at the broker any more, after {took:.2f} s; {gone if s.found else 'none worked when it was looked at'}")
    return lines


def _left(s: Swept) -> str:
    failed = f"the broker could not be read: {s.failed}; " if s.failed else ""
    names = ", ".join(s.open) + (" ..." if s.open_count > len(s.open) else "")
    return f"{failed}{s.asked} of {s.found} orders cancelled, {s.open_count} STILL OPEN{': ' + names if names else ''}"


def _facts(event: HaltRequested, way: Way, took: float) -> dict[str, Any]:
    s = way.swept
    fields = {name: str(getattr(event, name)) for name in event.__struct_fields__}
    broker = None
    if s is not None:
        broker = {
            "found": s.found,
            "canceled_by_reconciler": s.asked,
            "open": s.open_count,
            "open_ids": list(s.open),
            "failed": s.failed or None,
            "lost": s.lost or None,
        }
    return {
        "event": type(event).__name__,
        **fields,
        "seq": way.seq or None,
        "way": "reconciler" if way.bus else "bus",
        "bus": way.bus or None,
        "kill_path": way.kill or None,
        "broker": broker,
        "took_s": round(took, 3),
    }
