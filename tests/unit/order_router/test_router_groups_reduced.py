"""What a group's exits protect is gone without them: each leg is replaced for the rest, or cancelled."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from shared.events import Alert, CancelSending, Event, ExitsReduced, OrderCanceled, OrderReplaced, OrderStatus, ReplaceSending

from .group_world import ENTRY, STOP, TARGET, at_broker, entered, filled, leg_terms, pair, protected, world
from .router import LEASE, decides_the_same_at_once, goes_on_when_restored
from .world import World, client, kinds, log_started, only, opened, reported


def reduced(quantity: int) -> ExitsReduced:
    return ExitsReduced("ma:1:1", "ma", Decimal(quantity))


def replaces(outputs: list[Event]) -> dict[str, Decimal]:
    return {e.order_id: e.terms.quantity for e in outputs if isinstance(e, ReplaceSending)}


def answered(n: int, quantity: int, replace: int = 1000) -> Event:
    return reported(n=n, t=leg_terms(n, quantity), client_id=client(n, replace=replace), broker_id=f"B{n}.{replace}")


def test_both_legs_are_replaced_for_the_rest_and_the_same_word_twice_says_nothing() -> None:
    w = protected(world())

    assert replaces(w.when(reduced(60))) == {"ma:1:3": 40, "ma:1:2": 40}
    assert w.when(reduced(60)) == []
    assert isinstance(w.when(answered(STOP, 40))[0], OrderReplaced)


def test_more_that_goes_while_a_replace_is_under_way_follows_its_answer() -> None:
    w = protected(world())
    w.when(reduced(60))

    assert w.when(reduced(90)) == []
    assert replaces(w.when(answered(STOP, 40))) == {"ma:1:3": 10}


def test_with_nothing_left_both_are_cancelled() -> None:
    out = protected(world()).when(reduced(100))

    assert [e.order_id for e in out if isinstance(e, CancelSending)] == ["ma:1:2", "ma:1:3"]


def test_a_broker_that_replaces_nothing_has_them_cancelled_and_a_person_is_told() -> None:
    w = protected(world(replaces=False))

    assert kinds(w.when(reduced(60))) == ["CancelSending", "CancelSending"]
    w.when(reported(OrderStatus.CANCELLED, TARGET, t=leg_terms(TARGET)))
    out = w.when(reported(OrderStatus.CANCELLED, STOP, t=leg_terms(STOP)))
    assert "40 AAPL of ma:1:1 stands without exits" in only(out, Alert).text


def test_the_entry_fills_no_further() -> None:
    w = entered(world()).given(filled(40, ENTRY, "E1"), at_broker(STOP, 40))

    out = w.when(reduced(10))

    assert only(out, CancelSending).order_id == "ma:1:1"
    assert replaces(out) == {"ma:1:3": 30}


def test_a_target_held_back_goes_out_for_the_rest() -> None:
    w = entered(world()).given(filled(100, ENTRY, "E1"), reduced(60))

    out = w.when(at_broker(STOP))

    assert replaces(out) == {"ma:1:3": 40}
    assert {e.order_id: e.terms.quantity for e in out if type(e).__name__ == "OrderSending"} == {"ma:1:2": 40}


def test_an_oco_pair_shrinks_too_and_a_held_leg_of_nothing_ends() -> None:
    w = world().given(*pair(world()))
    w.when(reported(n=1, t=leg_terms(TARGET)))
    assert replaces(w.when(reduced(60))) == {"ma:1:1": 40}

    held = world()
    held.given(*pair(held))
    assert only(held.when(reduced(100)), OrderCanceled).order_id == "ma:1:2"


def test_a_group_nobody_keeps_is_no_matter() -> None:
    assert world().when(reduced(5)) == []


def story() -> list[tuple[Event, float]]:
    w = protected(world())
    told = [e.event for e in w.log if e.source == "test" and e.n == e.seq][3:]
    return [
        (log_started(), 0.0),
        (LEASE, 0.0),
        (opened(), 0.0),
        *((e, 0.1) for e in told),
        (reduced(60), 0.1),
        (answered(STOP, 40), 0.1),
        (reduced(70), 0.1),
        (answered(TARGET, 40), 0.1),
        (filled(30, STOP, "X1", client_id=client(STOP, replace=1000), broker_id=f"B{STOP}.1000"), 0.1),
    ]


@pytest.mark.parametrize("at", range(3, len(story()), 2))
def test_a_restart_changes_nothing(at: int) -> None:
    settings = RouterSettings(native_oco=True)
    goes_on_when_restored(lambda: World(RouterCore(settings), "order_router"), settings, story(), at)


def test_deciding_at_once_is_deciding_and_then_folding() -> None:
    decides_the_same_at_once(RouterSettings(native_oco=True), story())


def test_no_alarm_is_raised_for_what_is_gone() -> None:
    w = protected(world())
    w.given(reduced(60), answered(STOP, 40), answered(TARGET, 40))

    out = w.when(filled(40, STOP, "X1", client_id=client(STOP, replace=1000), broker_id=f"B{STOP}.1000"))

    assert not [e for e in out if isinstance(e, Alert)]
