"""What was approved while no run of the router was there to act is acted on, or refused, as a run begins; and replaces that change nothing."""

from __future__ import annotations

import pytest

from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from shared.events import Envelope, Event, LeaseGranted, OrderReplaced, OrderSending, OrderStatus, ReplaceApproved, ReplaceRejected, RunStarted
from tests.unit.order_router.world import T0, World, approved, client, kinds, log_started, only, opened, reading, reported, row, terms

BEGINS = RunStarted("order_router", 2, "g")


def world() -> World:
    return World(RouterCore(RouterSettings()), "order_router").given(log_started(), LeaseGranted("order_router", "h", 1), opened())


def folded(w: World, event: Event) -> World:
    """As before a run begins: told, not asked."""
    w.seq += 1
    w.core.apply(Envelope(w.seq, w.now, event.topic, "risk_engine", 1, w.seq, 0, 1, event))
    return w


@pytest.mark.parametrize(("after", "answer"), [(1, "OrderSending"), (60, "OrderAbandoned")])
def test_an_approval_nobody_acted_on_is_sent_in_time_or_abandoned(after: float, answer: str) -> None:
    w = folded(world(), approved(1))

    outputs = w.when(BEGINS, after)

    assert kinds(outputs) == [answer]
    assert [e.terms for e in outputs if isinstance(e, OrderSending)] == ([terms()] if after == 1 else [])
    assert not [e for e in w.when(RunStarted("order_router", 3, "h")) if isinstance(e, OrderSending)]


def test_a_replace_nobody_acted_on_is_refused() -> None:
    w = world().given(approved(1), reported())
    folded(w, ReplaceApproved("ma:1:1", "ma", 1, terms(150), T0 + 10**12, 0))

    assert only(w.when(BEGINS), ReplaceRejected).replace_no == 1
    assert w.when(RunStarted("order_router", 3, "h")) == []


def test_a_replace_by_the_same_terms_is_not_confirmed_by_a_row_from_before_it() -> None:
    w = world().given(approved(1), reported(), ReplaceApproved("ma:1:1", "ma", 1, terms(), T0 + 10**12, 0))

    assert w.when(reading(orders=[row()])) == []
    replaced = only(w.when(reported(OrderStatus.NEW, client_id=client(1, replace=1), broker_id="B1b")), OrderReplaced)
    assert (replaced.client_order_id, replaced.broker_order_id) == (client(1, replace=1), "B1b")
