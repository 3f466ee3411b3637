"""What the venue says: reports, numbered densely from 1 for ever. A listener that sees a hole knows what to ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.events import ActionRow, CashRow, ExecutionRow, OrderRow


class Report(msgspec.Struct, frozen=True, array_like=True):
    """Report number n at ns (UTC): exactly one of the four rows."""

    n: int
    ns: int
    order: OrderRow | None = None
    execution: ExecutionRow | None = None
    cash: CashRow | None = None
    action: ActionRow | None = None


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """The venue's word on one request. code empty: it took the request, `order` is the order as it stands after it. code set: a definite no;
    `order` is there when the no is itself an order's end (a rejected submission), and absent when no order of ours is concerned."""

    order: OrderRow | None
    reports: Sequence[Report] = ()
    code: str = ""
    text: str = ""


NOTHING: Final[tuple[Report, ...]] = ()


class Recorder:
    """Numbers reports and gathers those of the act in progress."""

    def __init__(self, next_number: int = 1) -> None:
        self.next_number = next_number
        self._out: list[Report] = []

    def add(
        self,
        ns: int,
        *,
        order: OrderRow | None = None,
        execution: ExecutionRow | None = None,
        cash: CashRow | None = None,
        action: ActionRow | None = None,
    ) -> None:
        self._out.append(Report(self.next_number, ns, order, execution, cash, action))
        self.next_number += 1

    def take(self) -> Sequence[Report]:
        """The reports since the last call; the shared empty tuple when there are none."""
        if not self._out:
            return NOTHING
        out, self._out = self._out, []
        return out
