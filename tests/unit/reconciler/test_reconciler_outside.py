"""What was not ours: cash and splits that a reading shows before or after the log, another log, trades by hand."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from shared.domain.order_ids import external_order_id
from shared.events import (
    ActionPlaced,
    ActionRow,
    BrokerActionReported,
    BrokerCashReported,
    CashFlow,
    CashRow,
    CorporateAction,
    Event,
    ExternalOrderSeen,
    InstrumentLocked,
    OrderFilled,
    OrderSide,
    Reason,
    ReconcileNow,
    ReconcileRequested,
    ResumeRequested,
    Scope,
)
from tests.unit.order_router.world import (
    ACCOUNT,
    SECOND,
    T0,
    execution,
    kinds,
    only,
    reading,
    terms,
)

from .desk import booked, completed, read, sent, world


def test_cash_that_moved_after_a_numbered_reading_is_left_out_of_it() -> None:
    w = world(cash_exact=True)
    w.given(BrokerCashReported(ACCOUNT, "router", CashRow("fee", "USD", Decimal(-2), "f1", T0), 9), CashFlow("fee", "USD", Decimal(-2), "f1"))

    assert completed(read(w, cash=100_000, report=8)) == (True, [], 0)
    assert completed(read(w, cash=99_998, report=9)) == (True, [], 0)


SPLIT = ActionRow("split", "AAPL", "s1", T0 + SECOND, Decimal(3), Decimal(2), lot=Decimal(1), price=Decimal(6), cash=Decimal(3))


def booked_split() -> CorporateAction:
    return CorporateAction("split", "AAPL", Decimal(3), "", "s1", Decimal(2), Decimal(1), Decimal(6), Decimal(3))


def test_a_split_after_a_numbered_reading_is_left_out_of_it() -> None:
    w = world(cash_exact=True)
    w.given(*sent(quantity=15), booked(15), BrokerActionReported(ACCOUNT, "router", SPLIT, 9), booked_split())

    assert completed(read(w, positions=[("AAPL", 15)], cash=100_000 - 150, report=8)) == (True, [], 0)
    assert completed(read(w, positions=[("AAPL", 22)], cash=100_000 - 147, report=9)) == (True, [], 0)


def test_a_split_that_a_reading_shows_and_nobody_booked_is_named_and_its_position_waits() -> None:
    w = world(cash_exact=True)
    w.given(*sent(quantity=15), booked(15))

    def ahead() -> list[Event]:
        (asked,) = [e for e in w.when(ReconcileNow("c", "op", "why")) if isinstance(e, ReconcileRequested)]
        shown = reading(query=asked.query, positions=[("AAPL", 22)], cash=100_000 - 147, as_of=2)
        return w.when(msgspec.structs.replace(shown, actions=(ActionPlaced(SPLIT, 0),)))

    assert completed(ahead()) == (False, [], 1)
    w.given(booked_split())
    assert completed(read(w, positions=[("AAPL", 22)], cash=100_000 - 147, as_of=60)) == (True, [], 0)


def test_another_log_that_traded_here_is_a_break_until_an_operator_says_that_it_is_gone() -> None:
    """Its trade is over and shows in one reading only; that it may be alive does not pass with the reading."""
    w = world()
    rival = execution(5, eid="R1", client_id="zzzzzz-ma-1-1", broker_id="B7", at=2)
    first = completed(read(w, executions=[rival], positions=[("AAPL", 5)], as_of=3))
    w.given(ExternalOrderSeen(external_order_id("B7"), "external", "B7", terms(5), Decimal(0), False))
    w.given(
        OrderFilled(
            external_order_id("B7"),
            "external",
            "AAPL",
            OrderSide.BUY,
            Decimal(5),
            Decimal(10),
            Decimal(0),
            "USD",
            "R1",
            "B7",
            Decimal(5),
            Decimal(0),
            0,
        )
    )

    assert "rival_log" in first[1]
    assert completed(read(w, positions=[("AAPL", 5)], as_of=90)) == (False, ["rival_log"], 0)
    w.given(ResumeRequested("c9", "op", "it is stopped", Scope.GLOBAL, ""))
    assert completed(read(w, positions=[("AAPL", 5)], as_of=120)) == (True, [], 0)


def test_with_the_policy_lock_a_trade_by_hand_locks_its_instrument_until_it_is_resumed() -> None:
    fill = OrderFilled(
        external_order_id("B7"), "external", "AAPL", OrderSide.SELL, Decimal(5), Decimal(10), Decimal(0), "USD", "H1", "B7", Decimal(5), Decimal(0), 0
    )
    seen = ExternalOrderSeen(external_order_id("B7"), "external", "B7", terms(5), Decimal(0), False)

    assert kinds(world().given(seen).when(fill)) == []
    w = world(lock_on_external=True).given(seen)
    assert only(w.when(fill), InstrumentLocked).reason is Reason.EXTERNAL_TRADE
    assert kinds(w.when(ResumeRequested("c", "op", "seen to", Scope.SYMBOL, "AAPL"))) == ["InstrumentUnlocked"]


def test_a_trade_by_hand_that_goes_on_is_no_overfill_and_locks_nothing() -> None:
    def fill(n: int) -> OrderFilled:
        done = Decimal(5 * n)
        return OrderFilled(
            external_order_id("B7"),
            "external",
            "AAPL",
            OrderSide.SELL,
            Decimal(5),
            Decimal(10),
            Decimal(0),
            "USD",
            f"H{n}",
            "B7",
            done,
            Decimal(0),
            0,
        )

    w = world().given(ExternalOrderSeen(external_order_id("B7"), "external", "B7", terms(5), Decimal(0), False), fill(1))

    assert kinds(w.when(fill(2))) == []
