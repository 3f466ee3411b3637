"""A reconciler's core, asked for readings and given them: what its tests begin with."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from services.reconciler.core import ReconcilerCore
from services.reconciler.settings import ReconcilerSettings
from shared.events import (
    Event,
    LeaseGranted,
    OrderAccepted,
    OrderFilled,
    OrderSending,
    OrderSide,
    ReconcileCompleted,
    ReconcileNow,
    RunStarted,
)
from tests.unit.order_router.world import (
    T0,
    World,
    approved,
    client,
    log_started,
    only,
    reading,
    terms,
)


def start(**settings: object) -> World:
    w = World(ReconcilerCore(ReconcilerSettings(**settings)), "reconciler")
    return w.given(log_started(), LeaseGranted("reconciler", "h", 1), RunStarted("reconciler", 1, "f"))


def ask(w: World) -> int:
    """The number of a reading that is awaited, asked for now if need be."""
    if not w.core._readings.in_flight:
        w.given(ReconcileNow("c", "op", "test"))
    return w.core._readings.in_flight


def read(w: World, after: float = 0.0, **state: object) -> list[Event]:
    return w.when(reading(query=ask(w), **state), after)


def world(**settings: object) -> World:
    """The account is open and empty with 100,000."""
    w = start(**settings)
    read(w)
    return w


def sent(n: int = 1, quantity: object = 100) -> list[Event]:
    return [
        approved(n, t=terms(quantity)),
        OrderSending(f"ma:1:{n}", "ma", client(n), terms(quantity), T0),
        OrderAccepted(f"ma:1:{n}", "ma", f"B{n}", T0),
    ]


def booked(quantity: object, n: int = 1, eid: str = "E1", cumulative: object = 0, price: object = 10, side: OrderSide = OrderSide.BUY) -> OrderFilled:
    d = Decimal(str(quantity))
    return OrderFilled(
        f"ma:1:{n}", "ma", "AAPL", side, d, Decimal(str(price)), Decimal(0), "USD", eid, f"B{n}", Decimal(str(cumulative)) or d, Decimal(0), T0
    )


def completed(outputs: Sequence[Event]) -> tuple[bool, list[str], int]:
    done = only(outputs, ReconcileCompleted)
    return done.clean, [b.kind for b in done.breaks], done.pending
