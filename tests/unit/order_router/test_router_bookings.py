"""Evidence to bookings: executions once, in any order and however told; endings when their fills are booked."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import msgspec
import pytest

from services.order_router.core import RouterCore
from shared.events import (
    BrokerCashReported,
    BrokerOrderReported,
    CashFlow,
    CashRow,
    ExternalOrderSeen,
    FillCorrected,
    FillMismatch,
    OrderCanceled,
    OrderFilled,
    OrderQuerySending,
    OrderStatus,
)
from tests.unit.order_router.router import at_broker
from tests.unit.order_router.world import (
    ACCOUNT,
    SECOND,
    T0,
    World,
    approved,
    client,
    executed,
    execution,
    kinds,
    log_started,
    only,
    opened,
    reading,
    reported,
    row,
)


def bookings(w: World) -> list[OrderFilled]:
    return [e.event for e in w.log if isinstance(e.event, OrderFilled)]


def test_a_fill_carries_what_is_done_and_what_is_left() -> None:
    w = at_broker()

    first = only(w.when(executed(40, eid="E1", cumulative=40, commission="0.35")), OrderFilled)
    second = only(w.when(executed(60, eid="E2", cumulative=100)), OrderFilled)

    assert (first.cumulative, first.leaves, first.commission, first.late) == (40, 60, Decimal("0.35"), False)
    assert (second.cumulative, second.leaves) == (100, 0)


def test_the_same_execution_is_booked_once_whatever_channel_tells_it() -> None:
    """Stream, answer, whole reading, and a channel that names it otherwise but agrees on the cumulative quantity."""
    w = at_broker()
    w.given(executed(40, eid="E1", cumulative=40))

    assert w.when(executed(40, eid="E1", cumulative=40)) == []
    assert w.when(reading(orders=[row(OrderStatus.PARTIALLY_FILLED, filled=40)], executions=[execution(40, eid="E1", cumulative=40)])) == []
    assert w.when(executed(40, eid="20231114::x", cumulative=40)) == []
    assert len(bookings(w)) == 1


def test_cumulatives_tell_executions_apart_even_when_they_come_out_of_order() -> None:
    w = at_broker()
    w.given(executed(60, eid="E2", cumulative=100), executed(40, eid="E1", cumulative=40))

    assert w.when(executed(60, eid="other-2", cumulative=100)) == []
    assert w.when(executed(40, eid="other-1", cumulative=40)) == []
    assert sum(f.quantity for f in bookings(w)) == 100


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_accept_fills_and_cancel_in_any_order_come_to_the_same_end(order: tuple[int, ...]) -> None:
    evidence = [
        reported(OrderStatus.NEW),
        executed(30, eid="E1", cumulative=30),
        executed(20, eid="E2", cumulative=50),
        reported(OrderStatus.CANCELLED, filled=50),
    ]
    w = World(RouterCore(), "order_router").given(log_started(), opened(), approved(1))
    w.given(*(evidence[i] for i in order))

    record = w.core._state.orders["ma:1:1"].record
    assert (record.status, record.filled) == (OrderStatus.CANCELLED, 50)
    assert not [f for f in bookings(w) if f.late]


def test_a_cancel_report_waits_for_the_fills_it_speaks_of() -> None:
    w = at_broker()

    assert w.when(reported(OrderStatus.CANCELLED, filled=50)) == []
    assert kinds(w.when(executed(50, cumulative=50))) == ["OrderFilled", "OrderCanceled"]


def test_fills_a_mute_stream_never_told_come_from_the_reading() -> None:
    w = at_broker()
    w.given(reported(OrderStatus.CANCELLED, filled=50))

    outputs = w.when(reading(executions=[execution(20, eid="b", at=2), execution(30, eid="a", at=1)]))

    assert kinds(outputs) == ["OrderFilled", "OrderFilled", "OrderCanceled"]
    assert [e.execution_id for e in outputs[:2]] == ["a", "b"]


def test_half_filled_at_the_broker_becomes_one_recovered_fill() -> None:
    """RISK_AND_FAULTS 6, scenario 1."""
    w = at_broker()

    outputs = w.when(reading(orders=[row(OrderStatus.PARTIALLY_FILLED, filled=50)], executions=[execution(50, cumulative=50)]))

    assert kinds(outputs) == ["OrderFilled"]
    assert w.core._state.orders["ma:1:1"].record.status is OrderStatus.PARTIALLY_FILLED


def test_several_missing_fills_are_all_booked_once_and_a_second_pass_emits_nothing() -> None:
    """Scenario 5."""
    w = at_broker()
    again = reading(
        orders=[row(OrderStatus.PARTIALLY_FILLED, filled=60)],
        executions=[execution(10 * i, eid=f"E{i}", cumulative=10 * i * (i + 1) // 2, at=i) for i in (1, 2, 3)],
    )

    assert kinds(w.when(again)) == ["OrderFilled"] * 3
    assert w.when(again) == []


def test_orders_missing_from_a_reading_are_looked_up_within_a_budget_and_all_resolved_over_cycles() -> None:
    """Scenario 6."""
    w = at_broker(10)
    for _ in range(2):
        asked = w.when(reading(), after=30)
        assert kinds(asked) == ["OrderQuerySending"] * 5
        for query in asked:
            assert isinstance(query, OrderQuerySending)
            n = int(query.order_id.split(":")[-1])
            assert kinds(w.when(reported(OrderStatus.CANCELLED, n))) == ["OrderCanceled"]

    assert w.when(reading(), after=30) == []


def test_an_order_newer_than_the_numbered_reading_is_not_missing_from_it() -> None:
    w = at_broker()
    w.given(reported(OrderStatus.NEW, report=7))

    assert w.when(reading(report=6), after=100) == []
    assert kinds(w.when(reading(report=7))) == ["OrderQuerySending"]


def test_same_execution_id_with_other_data_books_nothing_and_is_told_once() -> None:
    """Scenario 12, where the broker does not call it a correction."""
    w = at_broker()
    w.given(executed(40, eid="E1"))

    mismatch = only(w.when(executed(50, eid="E1")), FillMismatch)

    assert (mismatch.booked, mismatch.reported) == ("40 @ 10", "50 @ 10")
    assert w.when(executed(50, eid="E1")) == []
    assert len(bookings(w)) == 1


def test_a_correction_is_its_own_event_and_counts_once() -> None:
    """Scenario 12, where it does."""
    w = at_broker()
    w.given(executed(40, eid="E1", price=10))

    corrected = only(w.when(executed(30, eid="E1.1", previous="E1", price=11)), FillCorrected)

    assert (corrected.previous_quantity, corrected.quantity, corrected.price) == (40, 30, 11)
    assert w.when(executed(30, eid="E1.1", previous="E1", price=11)) == []
    assert w.when(executed(40, eid="E1", price=10)) == []
    assert w.core._state.orders["ma:1:1"].record.filled == 30


def test_a_bust_takes_the_execution_back() -> None:
    w = at_broker()
    w.given(executed(40, eid="E1"), executed(0, eid="E1", previous="E1"))

    assert w.core._state.orders["ma:1:1"].record.filled == 0
    assert w.when(executed(0, eid="E1", previous="E1")) == []
    assert w.when(executed(40, eid="E1")) == []


def test_a_correction_told_before_what_it_corrects_voids_it_in_advance() -> None:
    w = at_broker()
    w.given(executed(30, eid="E1.1", previous="E1"))

    assert w.when(executed(40, eid="E1")) == []
    assert w.core._state.orders["ma:1:1"].record.filled == 30


def test_a_commission_told_later_is_corrected_and_zero_means_not_told() -> None:
    w = at_broker()
    w.given(executed(40, eid="E1", commission=0))

    assert only(w.when(executed(40, eid="E1", commission="1.05")), FillCorrected).commission == Decimal("1.05")
    assert w.when(executed(40, eid="E1", commission=0)) == []
    assert w.when(executed(40, eid="E1", commission="1.05")) == []


def test_a_correction_takes_the_commission_back_in_the_currency_it_was_paid_in() -> None:
    w = at_broker()
    w.given(executed(40, eid="E1", commission=2, currency="EUR"))

    later = only(w.when(executed(40, eid="E1", commission=3, currency="EUR")), FillCorrected)
    bust = only(w.when(executed(0, eid="E1", previous="E1", currency="")), FillCorrected)

    assert (later.currency, later.previous_commission, later.commission) == ("EUR", 2, 3)
    assert (bust.currency, bust.previous_commission, bust.commission) == ("EUR", 3, 0)


def test_a_fill_after_the_cancel_is_booked_and_told() -> None:
    w = at_broker()
    w.given(reported(OrderStatus.CANCELLED))

    outputs = w.when(executed(40))

    assert kinds(outputs) == ["OrderFilled", "Alert"]
    assert only(outputs, OrderFilled).late


def test_an_overfill_is_booked_as_it_is_and_alarmed() -> None:
    w = at_broker()
    w.given(executed(90, eid="a"))

    outputs = w.when(executed(20, eid="b"))

    assert kinds(outputs) == ["OrderFilled", "Alert"]
    assert w.core._state.orders["ma:1:1"].record.status is OrderStatus.ERROR


def test_partial_then_expired_applies_the_fills_first() -> None:
    """Scenario 14."""
    w = at_broker()

    assert w.when(reported(OrderStatus.EXPIRED, filled=40)) == []
    assert kinds(w.when(executed(40))) == ["OrderFilled", "OrderExpired"]


def test_an_external_order_is_seen_once_and_its_fills_belong_to_nobody() -> None:
    """Scenario 3."""
    w = at_broker()
    foreign = {"client_id": "zzzzzz-ma-1-1", "broker_id": "X9"}

    outputs = w.when(reported(OrderStatus.NEW, **foreign))
    seen = only(outputs, ExternalOrderSeen)

    assert (seen.order_id, seen.strategy, seen.working, kinds(outputs)) == ("ext:X9", "external", True, ["ExternalOrderSeen", "Alert"])
    assert w.when(reported(OrderStatus.NEW, **foreign)) == []
    assert only(w.when(executed(10, eid="X1", **foreign)), OrderFilled).strategy == "external"
    assert kinds(w.when(reported(OrderStatus.CANCELLED, filled=10, **foreign))) == ["OrderCanceled"]


def test_an_order_of_this_log_that_it_does_not_know_is_given_to_the_strategy_its_id_names() -> None:
    w = at_broker()

    assert only(w.when(reported(OrderStatus.NEW, client_id=client(77, "pairs"), broker_id="X1")), ExternalOrderSeen).strategy == "pairs"


def test_an_execution_of_an_order_nobody_showed_is_booked_all_the_same() -> None:
    w = at_broker()

    outputs = w.when(executed(10, eid="X1", client_id="", broker_id="X9"))

    assert kinds(outputs) == ["ExternalOrderSeen", "Alert", "OrderFilled"]


def test_an_order_of_others_known_by_its_executions_alone_is_never_overfilled() -> None:
    """How large it was nobody told: what it does is what it is."""
    w = at_broker()
    first, second = (executed(10, eid=f"X{n}", client_id="", broker_id="X9", cumulative=10 * n) for n in (1, 2))

    w.given(first)

    assert kinds(w.when(second)) == ["OrderFilled"]


def test_an_order_of_others_whose_execution_came_first_works_once_the_broker_shows_it() -> None:
    w = at_broker()
    foreign = {"client_id": "", "broker_id": "X9"}
    w.given(executed(10, eid="X1", cumulative=10, **foreign))

    seen = only(w.when(reported(OrderStatus.PARTIALLY_FILLED, filled=10, **foreign)), ExternalOrderSeen)

    assert (seen.order_id, seen.filled, seen.terms.quantity, seen.working) == ("ext:X9", 10, 100, True)
    assert w.when(reported(OrderStatus.PARTIALLY_FILLED, filled=10, **foreign)) == []
    assert kinds(w.when(executed(90, eid="X2", cumulative=100, **foreign))) == ["OrderFilled"]
    assert w.when(reported(OrderStatus.PARTIALLY_FILLED, filled=10, **foreign)) == []


def test_what_was_executed_before_the_account_opened_is_in_its_opening_holdings() -> None:
    w = World(RouterCore(), "order_router").given(log_started())
    old = execution(30, eid="old", client_id="", broker_id="X9", at=1)
    first = reading(orders=[row(OrderStatus.PARTIALLY_FILLED, filled=30, client_id="", broker_id="X9")], executions=[old], as_of=5)

    assert only(w.when(first), ExternalOrderSeen).filled == 30
    w.given(opened())

    assert w.when(reading(query=2, orders=first.orders, executions=[old], as_of=6)) == []
    new = execution(20, eid="new", client_id="", broker_id="X9", at=7)
    assert kinds(w.when(reading(query=3, orders=first.orders, executions=[old, new], as_of=8))) == ["OrderFilled"]
    assert w.core._state.orders["ext:X9"].record.filled == 50


def test_what_the_stream_tells_of_orders_that_were_over_before_the_opening_is_nobodys_order() -> None:
    """A new log over a broker's old account hears its whole past: no order works any more that the opening's reading did not have."""
    foreign: dict[str, Any] = {"client_id": "", "broker_id": "X9"}
    for numbers, as_of in (((1, 3, 4), 0), ((0, 0, 0), 5)):
        w = World(RouterCore(), "order_router").given(log_started(), reading(as_of=as_of, report=3 if numbers[0] else 0), opened())
        first, last, later = numbers
        assert w.when(reported(OrderStatus.NEW, report=first, **foreign)) == []
        assert w.when(reported(OrderStatus.FILLED, filled=30, report=last, **foreign)) == []
        new = msgspec.structs.replace(row(OrderStatus.NEW, **foreign), broker_ns=T0 + 9 * SECOND)
        assert kinds(w.when(BrokerOrderReported(ACCOUNT, "router", new, later))) == ["ExternalOrderSeen", "Alert"]


def test_an_external_order_gone_from_a_reading_is_over() -> None:
    w = at_broker()
    w.given(reported(OrderStatus.NEW, client_id="", broker_id="X9"))

    outputs = w.when(reading(orders=[row()]), after=60)

    assert only(outputs, OrderCanceled).order_id == "ext:X9"


def test_a_reading_older_than_an_external_order_does_not_end_it() -> None:
    w = at_broker()
    w.given(reported(OrderStatus.NEW, client_id="", broker_id="X9", report=9))

    assert w.when(reading(orders=[row()], report=8), after=60) == []
    assert only(w.when(reading(query=2, orders=[row()], report=10)), OrderCanceled).order_id == "ext:X9"


def test_fills_belong_to_the_order_whose_broker_id_they_bear_when_they_bear_no_client_id() -> None:
    w = at_broker()

    assert only(w.when(executed(10, client_id="")), OrderFilled).order_id == "ma:1:1"


def test_a_row_that_proves_nothing_accepts_nothing() -> None:
    w = World(RouterCore(), "order_router").given(log_started(), opened(), approved(1))
    nothing = msgspec.structs.replace(row(OrderStatus.PENDING_NEW), broker_order_id="")

    assert w.when(BrokerOrderReported(ACCOUNT, "router", nothing)) == []


def test_cash_that_moved_is_booked_once_a_reference_and_only_after_the_opening() -> None:
    w = World(RouterCore(), "order_router").given(log_started())
    before = BrokerCashReported(ACCOUNT, "router", CashRow("deposit", "USD", Decimal(7), "d0", T0), 2)
    after = BrokerCashReported(ACCOUNT, "router", CashRow("dividend", "USD", Decimal("1.25"), "d1", T0), 5)
    w.given(before, reading(report=4), opened())

    assert w.when(before) == []
    assert w.when(after) == [CashFlow("dividend", "USD", Decimal("1.25"), "d1")]
    assert w.when(after) == []


def test_a_broker_whose_ids_begin_anew_fills_the_order_that_has_the_id_now() -> None:
    """Its gateway was started again: an old order's id is a new order's. Our own id says whose a fill is; an old fill stays where it was booked."""
    w = at_broker()
    w.given(executed(100, eid="E1", cumulative=100), approved(2), reported(OrderStatus.NEW, 2, broker_id="B1"))

    fill = only(w.when(executed(30, 2, eid="E2", cumulative=30, broker_id="B1")), OrderFilled)

    assert (fill.order_id, fill.leaves) == ("ma:1:2", 70)
    assert w.when(executed(100, eid="E1", cumulative=100)) == []
    assert only(w.when(executed(70, eid="E3", cumulative=100, client_id="", broker_id="B1")), OrderFilled).order_id == "ma:1:2"
