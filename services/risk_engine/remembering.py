"""What limits need of past bars, folded with each bar: nothing where no such limit is configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.events import Envelope

if TYPE_CHECKING:
    from .desk import Desk


def remembering(fold: Callable[[Envelope], None], d: Desk) -> Callable[[Envelope], None]:
    """The fold of a bar with what later limits need of it; the fold itself where none does."""
    pairs, volumes = d.settings.correlation, d.settings.order_adv_fraction_max is not None
    if pairs is None and not volumes:
        return fold

    def remembered(e: Envelope) -> None:
        fold(e)
        bar: Any = e.event
        if pairs is not None:
            d.closes.add(bar, pairs.window)
        if volumes:
            d.volumes.add(bar)

    return remembered
