"""Orders that ended long ago are kept no more, and what the broker still says of them is booked or told to a person, never lost or doubled."""

from __future__ import annotations

from typing import Any

import pytest

from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from shared.events import (
    Alert,
    CancelApproved,
    CancelRejected,
    DayEnded,
    Event,
    ExternalOrderSeen,
    FillCorrected,
    FillMismatch,
    OrderFilled,
    OrderSending,
    OrdersRetired,
    OrderStatus,
)

from .group_world import STOP, TARGET, leg_terms, protected, world
from .router import LEASE, at_broker, decides_the_same_at_once, goes_on_when_restored
from .world import World, approved, client, executed, kinds, log_started, only, opened, reported

DAY = 86_400.0
NS = 1_000_000_000
SMALL: dict[str, Any] = {"kept_orders_max": 2, "kept_ns_min": 2 * int(DAY) * NS, "kept_ns_max": 10 * int(DAY) * NS}
END = DayEnded("XNYS", "2023-11-14")


def ended(n: int, **settings: Any) -> World:
    """n orders of 100 that filled on the first day, one a second."""
    w = at_broker(n, **{**SMALL, **settings})
    for i in range(1, n + 1):
        w.when(executed(100, i, eid=f"E{i}", cumulative=100, at=float(i)), 1.0)
    return w


def retired() -> World:
    """The first of three orders that filled on the first day is kept no more."""
    w = ended(3)
    assert only(w.when(END, 3 * DAY), OrdersRetired).order_ids == ("ma:1:1",)
    return w


class TestWhen:
    def test_nothing_is_retired_before_the_least_time_however_much_there_is(self) -> None:
        assert ended(5).when(END, DAY) == []

    def test_then_the_oldest_beyond_the_count_are(self) -> None:
        e = only(ended(5).when(END, 3 * DAY), OrdersRetired)

        assert e.order_ids == ("ma:1:1", "ma:1:2", "ma:1:3")

    def test_and_everything_past_the_longest_time(self) -> None:
        assert len(only(ended(2).when(END, 11 * DAY), OrdersRetired).order_ids) == 2

    def test_what_works_or_is_unknown_stays(self) -> None:
        w = at_broker(3, **SMALL)
        w.tick(60.0)

        assert w.when(END, 100 * DAY) == []

    def test_a_late_fill_makes_it_young_again(self) -> None:
        w = ended(3)
        w.when(executed(1, 1, eid="late", cumulative=101, at=DAY), 2 * DAY)

        assert only(w.when(END, DAY), OrdersRetired).order_ids == ("ma:1:2",)

    def test_a_day_with_many_is_told_in_events_of_bounded_size(self) -> None:
        out = ended(600, kept_orders_max=0).when(END, 3 * DAY)

        assert [len(e.order_ids) for e in out if isinstance(e, OrdersRetired)] == [256, 256, 88]

    def test_a_bracket_goes_together_and_not_while_a_leg_works(self) -> None:
        w = protected(world(**SMALL))

        assert w.when(END, 50 * DAY) == []

        w.given(*(reported(OrderStatus.CANCELLED, n, t=leg_terms(n)) for n in (TARGET, STOP)))
        assert only(w.when(END, 50 * DAY), OrdersRetired).order_ids == ("ma:1:1", "ma:1:2", "ma:1:3")
        assert not w.core._state.groups


class TestWhileKept:
    def test_a_repeat_is_recognised_a_late_fill_and_a_bust_are_booked(self) -> None:
        w = ended(1)
        w.when(END, 9 * DAY)

        assert w.when(executed(100, 1, eid="E1", cumulative=100)) == []
        assert only(w.when(executed(1, 1, eid="E9", cumulative=101, at=9 * DAY)), OrderFilled).late
        assert only(w.when(executed(0, 1, eid="B1", previous="E1")), FillCorrected).previous_quantity == 100


class TestAfterwards:
    def test_it_is_never_sent_again(self) -> None:
        w = retired()

        out = w.when(approved(1, deadline=1e9))

        assert kinds(out) == ["Alert"]
        assert "not sent again" in out[0].text

    def test_its_number_is_a_strategys_own(self) -> None:
        w = retired()

        assert only(w.when(approved(1, strategy="other", deadline=1e9)), OrderSending).order_id == "other:1:1"

    def test_a_cancel_finds_it_done(self) -> None:
        assert only(retired().when(CancelApproved("ma:1:1", "ma")), CancelRejected).code == "order_done"

    def test_the_repeat_of_an_execution_is_not_booked_and_told_once(self) -> None:
        w = retired()

        out = w.when(executed(100, 1, eid="E1", cumulative=100))

        assert only(out, FillMismatch).symbol == "AAPL"
        assert (only(out, FillMismatch).order_id, only(out, FillMismatch).strategy) == ("ma:1:1", "ma")
        assert "not booked" in only(out, Alert).text
        assert w.when(executed(100, 1, eid="E1", cumulative=100)) == []

    def test_so_is_one_that_bears_no_name_of_ours(self) -> None:
        out = retired().when(executed(100, 1, eid="E1", client_id=""))

        assert only(out, FillMismatch).strategy == "external"

    @pytest.mark.parametrize("at", [1.0, 3 * DAY])
    def test_a_bust_is_not_booked_and_locks(self, at: float) -> None:
        out = retired().when(executed(0, 1, eid="B1", previous="E1", at=at))

        assert kinds(out) == ["FillMismatch", "Alert"]
        assert "correction of E1" in out[1].text

    def test_what_was_certainly_executed_since_is_booked_for_its_strategy(self) -> None:
        w = retired()

        out = w.when(executed(5, 1, eid="E9", at=3 * DAY))

        fill = only(out, OrderFilled)
        assert (fill.order_id, fill.strategy, fill.quantity) == ("ext:B1", "ma", 5)
        assert "is of ma:1:1" in next(e.text for e in out if isinstance(e, Alert))
        assert w.when(executed(5, 1, eid="E9", at=3 * DAY)) == []

    def test_one_adopted_so_knows_nothing_of_what_was_before(self) -> None:
        w = retired()
        w.when(executed(5, 1, eid="E9", at=3 * DAY))

        for old in (executed(100, 1, eid="E1"), executed(0, 1, eid="B1", previous="E1", at=3 * DAY)):
            assert kinds(w.when(old)) == ["FillMismatch", "Alert"]
        assert only(w.when(executed(0, 1, eid="B9", previous="E9", at=3 * DAY)), FillCorrected).previous_quantity == 5

    def test_that_it_ended_is_no_news_and_that_it_works_is(self) -> None:
        w = retired()

        assert w.when(reported(OrderStatus.FILLED, 1, filled=100)) == []
        seen = only(w.when(reported(OrderStatus.NEW, 1)), ExternalOrderSeen)
        assert (seen.strategy, seen.working) == ("ma", True)

    def test_an_order_of_others_that_worked_all_along_is_followed_as_before(self) -> None:
        w = ended(3).given(reported(OrderStatus.NEW, 9, client_id="", broker_id="X"))
        w.when(END, 3 * DAY)

        assert only(w.when(executed(5, 9, eid="X1", client_id="", broker_id="X", at=1.0)), OrderFilled).order_id == "ext:X"


def _story() -> list[tuple[Event, float]]:
    story: list[tuple[Event, float]] = [(log_started(), 0.0), (LEASE, 0.0), (opened(), 0.0)]
    for i in range(1, 6):
        story += [(approved(i), 0.0), (reported(OrderStatus.NEW, i), 0.1), (executed(100, i, eid=f"E{i}", cumulative=100, at=float(i)), 0.1)]
    story += [(END, 3 * DAY), (executed(100, 1, eid="E1"), 0.0), (executed(3, 2, eid="N", at=3 * DAY), 1.0), (approved(2), 0.0)]
    return [*story, (executed(0, 4, eid="B", previous="E4"), 0.0), (END, 3 * DAY), (reported(OrderStatus.FILLED, 3, filled=100), 0.0)]


@pytest.mark.parametrize("at", range(3, len(_story()), 2))
def test_a_restart_changes_nothing(at: int) -> None:
    settings = RouterSettings(**SMALL)
    goes_on_when_restored(lambda: World(RouterCore(settings), "order_router"), settings, _story(), at)


def test_deciding_at_once_is_deciding_and_then_folding() -> None:
    decides_the_same_at_once(RouterSettings(**SMALL), _story())


def test_a_replaced_order_leaves_no_name_behind() -> None:
    w = ended(1)
    w.when(END, 11 * DAY)

    state = w.core._state
    assert not any((state.orders, state.by_client, state.by_broker, state.ended, state.open, state.due))
    assert state.standing.retired == {"ma": (1, 1)}
    assert client(1) not in state.by_client
