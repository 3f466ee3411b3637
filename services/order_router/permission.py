"""Whether what risk approved may still be sent: rule R2, judged in log time."""

from __future__ import annotations

from .fold_control import scopes_of
from .orders import Draft
from .state import RouterOrder


def out_of_time(draft: Draft, order: RouterOrder, deadline_ns: int, halt_epoch: int) -> str:
    """Why what was approved may not be sent any more; empty when it may."""
    if draft.now > deadline_ns:
        return "past its deadline"
    halts = draft.standing.halts
    if halts and any(halts.get(key, 0) > halt_epoch for key in scopes_of(order)):
        return "approved before a halt"
    return ""
