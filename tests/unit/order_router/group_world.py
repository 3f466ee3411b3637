"""Builders for scenarios of groups: a bracket long 100 AAPL (`ma:1:1` entry, `:2` target, `:3` stop), an OCO pair of sales."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from shared.events import Event, LeaseGranted, OrderApproved, OrderSide, OrderTerms, OrderType
from tests.unit.order_router.world import SECOND, World, executed, log_started, opened, reported

ENTRY, TARGET, STOP = 1, 2, 3
SELL = OrderSide.SELL


def world(*, oco: bool = True, **settings: object) -> World:
    """oco: the broker keeps one-cancels-other groups itself."""
    core = RouterCore(RouterSettings(native_oco=oco, **settings))
    return World(core, "order_router").given(log_started(), LeaseGranted("order_router", "h", 1), opened())


def leg_terms(n: int, quantity: object = 100) -> OrderTerms:
    d = Decimal(str(quantity))
    if n == ENTRY:
        return OrderTerms("AAPL", OrderSide.BUY, OrderType.LIMIT, d, Decimal(10))
    if n == TARGET:
        return OrderTerms("AAPL", SELL, OrderType.LIMIT, d, Decimal(12))
    return OrderTerms("AAPL", SELL, OrderType.STOP, d, None, Decimal(9))


def bracket(w: World, quantity: object = 100) -> list[OrderApproved]:
    """Approvals of the three legs, good for five seconds."""
    roles = {ENTRY: "entry", TARGET: "take_profit", STOP: "stop_loss"}
    return [_approved(w, n, leg_terms(n, quantity), role, 3) for n, role in roles.items()]


def pair(w: World, quantity: object = 100) -> list[OrderApproved]:
    """Approvals of two sales of which one cancels the other: `ma:1:1` a target, `ma:1:2` a stop."""
    return [_approved(w, 1, leg_terms(TARGET, quantity), "oco", 2), _approved(w, 2, leg_terms(STOP, quantity), "oco", 2)]


def _approved(w: World, n: int, terms: OrderTerms, role: str, size: int) -> OrderApproved:
    return OrderApproved(f"ma:1:{n}", "ma", terms, w.now + 5 * SECOND, 0, 10.0, w.now, "ma:1:1", role, size)


def entered(w: World, quantity: object = 100) -> World:
    """A bracket whose entry the broker has."""
    return w.given(*bracket(w, quantity), reported(n=ENTRY, t=leg_terms(ENTRY, quantity)))


def filled(quantity: object, n: int, eid: str, **more: Any) -> Event:
    """An execution of a leg."""
    return executed(quantity, n, eid=eid, side=OrderSide.BUY if n == ENTRY else SELL, **more)


def at_broker(n: int, quantity: object = 100, **more: Any) -> Event:
    """The broker shows a leg working."""
    return reported(n=n, t=leg_terms(n, quantity), **more)


def protected(w: World, quantity: object = 100) -> World:
    """A bracket whose entry is filled and whose exits work."""
    return entered(w, quantity).given(filled(quantity, ENTRY, "E1"), at_broker(STOP, quantity), at_broker(TARGET, quantity))
