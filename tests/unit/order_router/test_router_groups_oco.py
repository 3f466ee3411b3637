"""OCO pairs: the second leg goes once the broker has the first; what one fills the other need not."""

from __future__ import annotations

from typing import Any

from shared.events import (
    Alert,
    BrokerRequestRefused,
    CancelSending,
    ErrorClass,
    Event,
    OrderCanceled,
    OrderSending,
    OrderStatus,
    ReplaceSending,
)
from tests.unit.order_router.group_world import STOP, TARGET, filled, leg_terms, pair, world
from tests.unit.order_router.world import ACCOUNT, SECOND, World, client, kinds, only, reported

FIRST, SECOND_LEG = 1, 2


def leg(n: int, quantity: object = 100, status: OrderStatus = OrderStatus.NEW, **more: Any) -> Event:
    """The broker shows a leg: the first is the target, the second the stop."""
    return reported(status, n, t=leg_terms(TARGET if n == FIRST else STOP, quantity), **more)


def working(w: World) -> World:
    return w.given(*pair(w), leg(FIRST), leg(SECOND_LEG))


def test_the_first_goes_at_once_and_the_second_once_the_broker_has_it() -> None:
    w = world()
    first, second = pair(w)

    assert only(w.when(first), OrderSending).group == "ma:1:1"
    assert w.when(second) == []
    sending = only(w.when(leg(FIRST)), OrderSending)
    assert (sending.order_id, sending.terms, sending.group) == ("ma:1:2", leg_terms(STOP), "ma:1:1")


def test_a_first_leg_that_fills_at_once_ends_the_second_unsent() -> None:
    w = world()
    w.given(*pair(w))

    out = w.when(filled(100, 1, "X1"))

    assert [e.order_id for e in out if isinstance(e, OrderCanceled)] == ["ma:1:2"]
    assert not any(isinstance(e, OrderSending) for e in out)


def test_a_first_leg_that_filled_in_part_at_once_leaves_the_second_the_rest() -> None:
    w = world()
    w.given(*pair(w), filled(30, 1, "X1"))

    assert only(w.when(leg(FIRST, filled=30)), OrderSending).terms.quantity == 70


def test_a_first_leg_the_broker_rejects_ends_the_second() -> None:
    w = world()
    w.given(*pair(w))

    out = w.when(BrokerRequestRefused(ACCOUNT, "router", "submit", client(1), ErrorClass.REJECTION, "no", "no"))

    assert kinds(out) == ["OrderRejected", "OrderCanceled"]


def test_a_first_leg_past_its_deadline_takes_the_second_with_it() -> None:
    w = world()
    first, second = pair(w)
    w.now += 60 * SECOND

    assert kinds(w.when(first)) == ["OrderAbandoned"]
    assert kinds(w.when(second)) == ["OrderCanceled"]


def test_at_a_broker_with_groups_the_router_sends_nothing_when_one_fills() -> None:
    w = working(world())

    assert kinds(w.when(filled(40, 1, "X1"))) == ["OrderFilled"]
    assert kinds(w.when(filled(60, 1, "X2"))) == ["OrderFilled"]
    assert kinds(w.when(leg(SECOND_LEG, status=OrderStatus.CANCELLED))) == ["OrderCanceled"]


def test_elsewhere_a_part_reduces_the_other_and_the_whole_cancels_it() -> None:
    w = working(world(oco=False))

    assert only(w.when(filled(40, 1, "X1")), ReplaceSending).terms.quantity == 60
    w.given(leg(SECOND_LEG, 60, client_id=client(2, replace=1000), broker_id="B2b"))
    assert only(w.when(filled(60, 1, "X2")), CancelSending).order_id == "ma:1:2"


def test_both_filled_is_a_fact_booked_and_alerted() -> None:
    w = working(world(oco=False))

    w.given(filled(100, 1, "X1"))
    out = w.when(filled(100, 2, "X2"))

    assert kinds(out) == ["OrderFilled", "Alert"]
    assert only(out, Alert).key.startswith("group_overfilled:")


def test_a_leg_that_is_cancelled_or_expires_leaves_the_other() -> None:
    for end in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        w = working(world())
        assert len(w.when(leg(FIRST, status=end))) == 1
        assert w.tick(60) == []
