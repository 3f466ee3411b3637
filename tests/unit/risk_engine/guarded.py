"""What the tests of protective stops share: a holding with stops, a price, and what risk said to it."""

from __future__ import annotations

from decimal import Decimal as D

from shared.events import Event, OrderApproved, OrderSide
from tests.support.risk_desk import RiskDesk

FIXED = {"stop_loss_pct": "0.05"}


def guarded(units: int = 100, stops: dict[str, object] | None = None, **limits: object) -> RiskDesk:
    """Strategy a holds so many units of X, got at 100."""
    desk = RiskDesk(stops=stops or FIXED, **limits)
    desk.wait(1000).quote("X", 100.0, 100.0)
    desk.hold(units, price=100)
    return desk


def at(desk: RiskDesk, price: float) -> list[Event]:
    """One unit of time later X trades at one price."""
    desk.wait(1000)
    return desk.quote("X", price, price)


def exits(outputs: list[Event]) -> list[tuple[str, str, OrderSide, D]]:
    return [(e.order_id, e.strategy, e.terms.side, e.terms.quantity) for e in outputs if isinstance(e, OrderApproved)]


def approval(outputs: list[Event]) -> OrderApproved:
    [found] = [event for event in outputs if isinstance(event, OrderApproved)]
    return found
