"""What counts as exposure and until when: from the approval to the proof of its end."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from shared.events import (
    Event,
    ExternalOrderSeen,
    FillCorrected,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    OrderSending,
    OrderTerms,
    OrderType,
    OrderUnknown,
    ReplaceRejected,
)
from tests.support.risk_desk import BUY, SELL, RiskDesk


def line(desk: RiskDesk, symbol: str = "X") -> tuple[int, int, int]:
    """(position, open buys, open sells) of the account."""
    found = desk.core._desk.value.line(symbol)
    return int(found.position), int(found.buys), int(found.sells)


def about(kind: type[Event], *rest: object) -> Event:
    return kind("a:1:1", "a", *rest)


STILL_COUNTS = [about(OrderAccepted, "b", 0), about(OrderUnknown, "t"), about(OrderSending, "c", OrderTerms("X", BUY, OrderType.MARKET, D(10)), 0)]
RELEASES = [about(OrderRejected, "c", "t"), about(OrderCanceled, D(0)), about(OrderExpired, D(0)), about(OrderAbandoned, "t")]


def name(event: Event) -> str:
    return type(event).__name__


@pytest.mark.parametrize("event", STILL_COUNTS, ids=name)
def test_what_is_not_proven_ended_counts(event: Event) -> None:
    desk = RiskDesk()
    desk.buy(10, 90)
    desk.tell(event)
    assert line(desk) == (0, 10, 0)


@pytest.mark.parametrize("event", RELEASES, ids=name)
@pytest.mark.parametrize("filled", [0, 4])
def test_only_proof_releases_and_only_what_is_left(event: Event, filled: int) -> None:
    desk = RiskDesk()
    order = desk.buy(10, 90)
    if filled:
        desk.fill(order, filled)
    desk.tell(event)
    assert line(desk) == (filled, 0, 0)
    assert desk.core._desk.reservations.value == 0
    desk.tell(event)
    assert line(desk) == (filled, 0, 0)


def test_fills_turn_reservation_into_holding() -> None:
    desk = RiskDesk()
    order = desk.buy(10, 90)
    desk.fill(order, 4)
    assert line(desk) == (4, 6, 0)
    desk.fill(order, 6, leaves=0)
    assert line(desk) == (10, 0, 0)


@pytest.mark.parametrize("ending", [about(OrderRejected, "c", "t"), about(OrderAbandoned, "t")], ids=name)
def test_an_order_thought_absent_that_shows_up_counts_again(ending: Event) -> None:
    desk = RiskDesk()
    order = desk.buy(10, 90)
    desk.tell(ending)
    desk.accept(order)
    assert line(desk) == (0, 10, 0)


def test_a_fill_of_an_order_thought_absent_brings_the_rest_back() -> None:
    desk = RiskDesk()
    order = desk.buy(10, 90)
    desk.abandon(order)
    desk.fill(order, 4)
    assert line(desk) == (4, 6, 0)


def test_a_late_fill_of_a_canceled_order_is_a_holding_and_no_more() -> None:
    desk = RiskDesk()
    order = desk.buy(10, 90)
    desk.cancel(order)
    desk.fill(order, 4)
    assert line(desk) == (4, 0, 0)


def test_more_filled_than_ordered_is_booked() -> None:
    desk = RiskDesk()
    desk.fill(desk.buy(10, 90), 15, leaves=0)
    assert line(desk) == (15, 0, 0)


def test_a_correction_gives_back_what_was_not_filled() -> None:
    desk = RiskDesk()
    desk.fill(desk.buy(10, 90), 6)
    desk.tell(FillCorrected("a:1:1", "a", "X", BUY, "e2", "e", D(2), D(90), D(0), D(6), D(90), D(0)))
    assert line(desk) == (2, 8, 0)


class TestReplaces:
    def replacing(self, quantity: int) -> tuple[RiskDesk, OrderApproved, OrderTerms]:
        desk = RiskDesk()
        order = desk.buy(10, 90)
        answer = desk.replace(order, 1, quantity=quantity)
        assert isinstance(order, OrderApproved)
        return desk, order, answer.terms  # type: ignore[attr-defined]

    @pytest.mark.parametrize(("quantity", "before", "confirmed"), [(15, 15, 15), (5, 10, 5)])
    def test_the_larger_counts_until_confirmed(self, quantity: int, before: int, confirmed: int) -> None:
        desk, _, terms = self.replacing(quantity)
        assert line(desk) == (0, before, 0)
        desk.tell(about(OrderReplaced, 1, terms, "c", "b"))
        assert line(desk) == (0, confirmed, 0)

    def test_refused_leaves_the_old(self) -> None:
        desk, _, _ = self.replacing(15)
        desk.tell(about(ReplaceRejected, 1, "c", "t"))
        assert line(desk) == (0, 10, 0)

    def test_filled_before_the_answer_still_counts_the_new_terms(self) -> None:
        desk, order, terms = self.replacing(15)
        desk.fill(order, 10, leaves=0)
        assert line(desk) == (10, 5, 0)
        desk.tell(about(OrderReplaced, 1, terms, "c", "b"))
        assert line(desk) == (10, 5, 0)
        desk.fill(order, 5, leaves=0)
        assert line(desk) == (15, 0, 0)

    def test_filled_and_refused_is_done(self) -> None:
        desk, order, _ = self.replacing(15)
        desk.fill(order, 10, leaves=0)
        desk.tell(about(ReplaceRejected, 1, "c", "t"))
        assert line(desk) == (10, 0, 0)

    def test_filled_beyond_a_replace_down_that_came_too_late(self) -> None:
        desk, order, terms = self.replacing(5)
        desk.fill(order, 8, leaves=2)
        desk.tell(about(OrderReplaced, 1, terms, "c", "b"))
        assert line(desk) == (8, 0, 0)

    def test_a_cancel_ends_order_and_replace(self) -> None:
        desk, order, _ = self.replacing(15)
        desk.cancel(order)
        assert line(desk) == (0, 0, 0)


class TestExternal:
    terms = OrderTerms("X", SELL, OrderType.LIMIT, D(10), D(120))

    def seen(self, filled: int, working: bool) -> ExternalOrderSeen:
        return ExternalOrderSeen("ext:9", "external", "9", self.terms, D(filled), working=working)

    def test_an_order_of_others_counts_while_it_works(self) -> None:
        desk = RiskDesk()
        desk.tell(self.seen(0, working=True))
        assert line(desk) == (0, 0, 10)
        desk.tell(self.seen(4, working=True))
        assert line(desk) == (0, 0, 6)
        desk.tell(self.seen(4, working=False))
        assert line(desk) == (0, 0, 0)

    def test_one_first_seen_when_it_was_over_counts_nothing(self) -> None:
        desk = RiskDesk()
        desk.tell(self.seen(10, working=False))
        assert line(desk) == (0, 0, 0)
