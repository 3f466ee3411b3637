"""From an envelope to lines of the audit log: RegimeFlow's types and ours, one plain function a type. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from shared.domain.exact import ZERO
from shared.events import Command, Envelope

from .line import Line
from .lines_orders import ORDER_LINES
from .lines_system import SYSTEM_LINES, command_line

_LINES: Final = {**ORDER_LINES, **SYSTEM_LINES}


def audit_lines(e: Envelope, net: Decimal = ZERO) -> list[Line]:
    """The lines of one event, none for most. net: the account's holding of the event's symbol before it, for opened and closed positions."""
    make = _LINES.get(type(e.event))
    if make is None and isinstance(e.event, Command):
        make = command_line
    if make is None:
        return []
    return [Line(e.seq, e.ts_ns, *entry) for entry in make(e.event, net)]
