"""What the reconciler makes of readings that speak of orders nobody keeps any more."""

from __future__ import annotations

from shared.events import (
    FillMismatch,
    InstrumentLocked,
    OrdersRetired,
    OrderStatus,
    Reason,
    ReconcileCompleted,
    ResumeRequested,
    Scope,
)
from tests.unit.order_router.world import SECOND, T0, World, executed, execution, only, row

from .desk import booked, completed, read, sent, world

DAY = 86_400


def retired() -> World:
    """Order 1 bought 100, ended, and is kept no more."""
    w = world(grace_ns=0)
    w.given(*sent(), booked(100), OrdersRetired(T0, ("ma:1:1",)))
    w.now += 30 * DAY * SECOND
    return w


def test_nothing_of_it_is_left() -> None:
    w = retired()
    read(w, positions=[("AAPL", 100)], cash=99_000)

    assert not any((w.core._orders.orders, w.core._books.executions, w.core._books.recent))


def test_the_repeat_of_its_execution_is_no_break_where_the_holding_agrees() -> None:
    assert completed(read(retired(), executions=[execution(100)], positions=[("AAPL", 100)])) == (True, [], 0)


def test_an_execution_nobody_booked_shows_in_the_holding() -> None:
    out = read(retired(), executions=[execution(5, eid="E9")], positions=[("AAPL", 105)])

    assert [b.kind for b in only(out, ReconcileCompleted).breaks] == ["position"]
    assert only(out, InstrumentLocked).symbol == "AAPL"


def test_one_that_is_certainly_news_is_awaited_until_the_router_booked_it() -> None:
    news = execution(5, eid="E9", at=20 * DAY)
    w = world(grace_ns=10 * SECOND)
    w.given(*sent(), booked(100), OrdersRetired(T0, ("ma:1:1",)))

    assert completed(read(w, executions=[news], positions=[("AAPL", 105)], after=20 * DAY)) == (False, [], 1)


def test_the_routers_word_that_nobody_can_tell_locks_until_an_operator_resumes() -> None:
    w = retired()

    out = w.when(FillMismatch("ma:1:1", "ma", "E1", "", "100 @ 10", "AAPL"))

    assert (only(out, InstrumentLocked).symbol, only(out, InstrumentLocked).reason) == ("AAPL", Reason.FILL_MISMATCH)
    assert w.when(FillMismatch("ma:1:1", "ma", "E1", "", "100 @ 10", "AAPL")) == []
    assert w.when(ResumeRequested("c", "op", "compared", Scope.SYMBOL, "AAPL"))


def test_repeats_leave_nothing_behind() -> None:
    w = retired().given(executed(100))

    assert not w.core._books.told


def test_an_order_of_it_that_works_is_a_break() -> None:
    assert completed(read(retired(), orders=[row(OrderStatus.NEW)], positions=[("AAPL", 100)]))[1] == ["order_external"]


def test_what_is_retired_stays_so_over_a_restart() -> None:
    w = retired()
    fresh = type(w.core)(w.core._settings)
    fresh.restore(w.core.snapshot())

    assert fresh.snapshot() == w.core.snapshot()
    assert fresh._books.retired_ns == T0


def test_an_order_still_kept_is_judged_as_ever() -> None:
    w = retired().given(*sent(2))

    out = read(w, executions=[execution(40, 2, eid="E2")], orders=[row(n=2, filled=40)], positions=[("AAPL", 140)])

    assert [b.kind for b in only(out, ReconcileCompleted).breaks] == ["execution_missing"]
