"""What comes while no run of the risk engine is there to decide."""

from __future__ import annotations

from shared.events import Envelope, Event
from tests.support.risk_desk import RiskDesk


def folded(desk: RiskDesk, *events: Event, source: str = "control.cli") -> None:
    """Told, not asked."""
    for event in events:
        desk.wait(1)
        desk.core.apply(Envelope(desk.seq + 1_000, desk.now, event.topic, source, 1, 1, 0, 1, event))
