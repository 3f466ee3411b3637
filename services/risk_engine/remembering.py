"""What limits need of past bars, folded with each bar: nothing where no such limit is configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.events import Envelope

if TYPE_CHECKING:
    from .desk import Desk


def remembering(fold: Callable[[Envelope], None], d: Desk) -> Callable[[Envelope], None]:
    """The fold of a bar with what later limits need of it; the fold itself where none does."""
    returns, volumes = d.settings.returns_kept, d.settings.counts_volume
    if not returns and not volumes:
        return fold

    def remembered(e: Envelope) -> None:
        fold(e)
        bar: Any = e.event
        if returns:
            d.closes.add(bar, returns)
        if volumes:
            d.volumes.add(bar)

    return remembered
