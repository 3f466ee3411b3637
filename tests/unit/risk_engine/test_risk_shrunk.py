"""A trade by hand makes a holding smaller: what works at the venue to close it shrinks with it. With the real venue, router and reconciler."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.risk_engine.core import RiskCore
from shared.events import Alert, CancelSending, ExitsReduced, InstrumentHalted, OrderSide, Quote, ReplaceSending, Severity
from tests.support.account_world import AccountWorld

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def bracketed(*quantities: int) -> AccountWorld:
    """Strategy a holds so much of X at 100 in brackets, targets at 120, stops at 90."""
    w = AccountWorld(external_policy="reduce_holder")
    w.quote("X", 100.0)
    assert w.settle().clean
    for quantity in quantities:
        w.bracket("a", "X", quantity, "120", "90")
        w.step()
        w.deliver()
    assert w.held("a", "X") == sum(quantities)
    return w


def halt(w: AccountWorld, *, halted: bool) -> None:
    """At the venue alone: what is at the market rests there."""
    w.venue.service.advance(0, InstrumentHalted("X", halted=halted, reason="test"), w.now)


def agrees(w: AccountWorld) -> None:
    assert w.settle().clean
    w.assert_whole()


@pytest.mark.parametrize("sold", [1, 60, 99])
def test_the_exits_of_a_bracket_are_replaced_for_what_is_left(sold: int) -> None:
    w = bracketed(100)

    w.by_hand("X", SELL, sold)

    assert w.held("a", "X") == 100 - sold
    w.deliver()
    assert w.working("a") == {"sell limit": 100 - sold, "sell stop": 100 - sold}
    agrees(w)


def test_they_count_in_full_until_the_venue_has_proven_it() -> None:
    w = bracketed(100)

    def may_sell() -> Decimal:
        risk = w.cores["risk_engine"]
        assert isinstance(risk, RiskCore)
        return risk._desk.value.line("X").sells

    w.by_hand("X", SELL, 60)

    assert [e.quantity for e in w.log if isinstance(e, ExitsReduced)] == [60]
    assert may_sell() == 100
    w.deliver()
    w.deliver()
    assert may_sell() == 40


def test_with_nothing_left_they_are_cancelled() -> None:
    w = bracketed(100)

    w.by_hand("X", SELL, 100)

    w.deliver()
    assert w.working("a") == {}
    agrees(w)


def test_the_stop_then_closes_what_is_left_and_no_more() -> None:
    w = bracketed(100)
    w.by_hand("X", SELL, 60)
    w.by_hand("X", SELL, 10)
    w.deliver()

    w.step()
    w.quote("X", 89.0)
    w.deliver()

    assert (w.held("a", "X"), w.ledger().net("X"), w.working("a")) == (0, 0, {})
    agrees(w)


def test_of_two_brackets_the_older_gives_way_first() -> None:
    w = bracketed(100, 50)

    w.by_hand("X", SELL, 120)

    assert [(e.order_id, e.quantity) for e in w.log if isinstance(e, ExitsReduced)] == [("a:1:1", 100), ("a:1:4", 20)]
    w.deliver()
    assert w.working("a") == {"sell limit": 30, "sell stop": 30}
    agrees(w)


def test_what_no_exit_protects_goes_first() -> None:
    w = bracketed(100)
    w.order("a", "X", BUY, 50)
    w.step()
    w.deliver()

    w.by_hand("X", SELL, 50)

    assert not [e for e in w.log if isinstance(e, ExitsReduced)]
    assert w.working("a") == {"sell limit": 100, "sell stop": 100}


def test_units_given_back_shrink_exits_too() -> None:
    w = bracketed(100)

    w.claim("a", "X", "-30")

    w.deliver()
    assert w.working("a") == {"sell limit": 70, "sell stop": 70}
    agrees(w)


def test_buying_by_hand_or_unassigned_units_change_nothing() -> None:
    w = bracketed(100)
    before = len([e for e in w.log if isinstance(e, ReplaceSending | CancelSending)])

    w.by_hand("X", BUY, 40)
    w.by_hand("X", SELL, 40)

    assert len([e for e in w.log if isinstance(e, ReplaceSending | CancelSending)]) == before
    agrees(w)


def test_an_exit_of_risks_own_is_cancelled_and_what_is_left_is_closed_anew() -> None:
    w = AccountWorld(external_policy="reduce_holder", stops={"stop_loss_pct": "0.05"})
    w.quote("X", 100.0)
    assert w.settle().clean
    w.order("a", "X", BUY, 100)
    w.step()
    w.deliver()
    w.step()
    halt(w, halted=True)
    w.put(Quote("X", w.now, 94.0, 94.0, 1e6, 1e6))
    assert w.working("a") == {"sell market": 100}

    w.by_hand("X", SELL, 60)

    w.deliver()
    assert w.working("a") == {"sell market": 40}
    assert not [e for e in w.log if isinstance(e, Alert) and e.severity is Severity.CRITICAL and e.key.startswith("stop_failed")]
    w.step()
    halt(w, halted=False)
    w.quote("X", 94.0)
    w.deliver()
    assert (w.held("a", "X"), w.ledger().net("X")) == (0, 0)
    agrees(w)
