"""What happens to the account without an order: booked once, in the broker's order, nothing lost around the opening."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from services.order_router.core import RouterCore
from shared.events import (
    ActionPlaced,
    ActionRow,
    BrokerActionReported,
    BrokerCashReported,
    BrokerExecutionReported,
    CashFlow,
    CashRow,
    CorporateAction,
    OrderAccepted,
    OrderFilled,
    OrderSending,
)
from tests.unit.order_router.world import ACCOUNT, SECOND, T0, World, approved, client, execution, kinds, log_started, opened, reading, row, terms

D = Decimal
SPLIT = ActionRow("split", "AAPL", "s1", T0 + 2 * SECOND, D(3), D(2), lot=D(1), price=D("6.66"), cash=D("3.33"))
BOOKED = CorporateAction("split", "AAPL", D(3), "", "s1", D(2), D(1), D("6.66"), D("3.33"))


def told(reference: str, report: int, amount: int = 7) -> BrokerCashReported:
    return BrokerCashReported(ACCOUNT, "router", CashRow("deposit", "USD", D(amount), reference, T0), report)


def test_what_came_between_the_openings_reading_and_its_event_is_booked_with_the_opening() -> None:
    """The reading was made at report 4, reports 5 and 6 overtook it on their way into the log."""
    w = World(RouterCore(), "order_router").given(
        log_started(), told("in it", 4), told("after", 5), BrokerActionReported(ACCOUNT, "router", SPLIT, 6)
    )
    w.given(reading(report=4))

    booked = w.when(opened())

    assert [e for e in booked if isinstance(e, CashFlow)] == [CashFlow("deposit", "USD", D(7), "after")]
    assert [e for e in booked if isinstance(e, CorporateAction)] == [BOOKED]
    assert w.when(opened()) == w.when(told("after", 5)) == w.when(BrokerActionReported(ACCOUNT, "router", SPLIT, 6)) == []


def test_a_restart_in_between_loses_none_of_it() -> None:
    w = World(RouterCore(), "order_router").given(log_started(), told("after", 5), reading(report=4))
    fresh = RouterCore()
    fresh.restore(w.core.snapshot())
    w.core = fresh

    assert w.when(opened()) == [CashFlow("deposit", "USD", D(7), "after")]


def test_a_dividend_says_what_it_was_paid_on() -> None:
    w = World(RouterCore(), "order_router").given(log_started(), reading(report=1), opened())
    row = CashRow("dividend", "USD", D("2.50"), "d1", T0, "AAPL", D(10))

    assert w.when(BrokerCashReported(ACCOUNT, "router", row, 2)) == [CashFlow("dividend", "USD", D("2.50"), "d1", "AAPL", D(10))]


def test_money_of_another_currency_is_booked_in_it() -> None:
    w = World(RouterCore(), "order_router").given(log_started(), reading(report=1), opened())
    row = CashRow("fee", "EUR", D("-2.50"), "f1", T0)

    assert w.when(BrokerCashReported(ACCOUNT, "router", row, 2)) == [CashFlow("fee", "EUR", D("-2.50"), "f1")]


def test_an_action_is_booked_once_and_told_to_people() -> None:
    w = World(RouterCore(), "order_router").given(log_started(), reading(report=1), opened())
    action, alert = w.when(BrokerActionReported(ACCOUNT, "router", SPLIT, 2))

    assert action == BOOKED
    assert alert.text.startswith("AAPL split 3 for 2: holdings and average prices follow")
    assert w.when(BrokerActionReported(ACCOUNT, "reconciler", SPLIT)) == []


def test_a_reading_ahead_of_the_stream_books_fill_split_fill_in_that_order() -> None:
    """Three units bought before the split and three after it are no nine."""
    w = World(RouterCore(), "order_router").given(log_started(), reading(report=1), opened(), approved(1, t=terms(6)))
    w.given(OrderSending("ma:1:1", "ma", client(1), terms(6), T0 + 5 * SECOND), OrderAccepted("ma:1:1", "ma", "B1", T0))
    fills = [execution(3, eid="E1", cumulative=3, at=1), execution(3, eid="E2", cumulative=6, at=2)]
    ahead = msgspec.structs.replace(reading(executions=fills, report=9, positions=[("AAPL", 7)]), actions=(ActionPlaced(SPLIT, 1),))

    said = w.when(ahead)

    assert kinds([e for e in said if isinstance(e, OrderFilled | CorporateAction)]) == ["OrderFilled", "CorporateAction", "OrderFilled"]
    assert not [e for e in w.when(BrokerActionReported(ACCOUNT, "router", SPLIT, 8)) if isinstance(e, CorporateAction)]


def test_what_others_executed_between_the_openings_reading_and_its_event_is_booked_before_a_split_that_followed() -> None:
    """Booked from a later reading instead, three old units would count as three new ones."""
    hand = execution(3, eid="h1", client_id="", broker_id="X9")
    w = World(RouterCore(), "order_router").given(
        log_started(), BrokerExecutionReported(ACCOUNT, "router", hand, 5), BrokerActionReported(ACCOUNT, "router", SPLIT, 6), reading(report=4)
    )
    fresh = RouterCore()
    fresh.restore(w.core.snapshot())
    w.core = fresh

    booked = w.when(opened())

    assert [type(e) for e in booked if isinstance(e, OrderFilled | CorporateAction)] == [OrderFilled, CorporateAction]
    assert w.when(opened()) == w.when(BrokerExecutionReported(ACCOUNT, "router", hand, 5)) == []


def test_the_same_of_an_order_the_openings_reading_showed() -> None:
    hand = execution(3, eid="h1", client_id="", broker_id="X9", at=1)
    shown = reading(orders=[row(client_id="", broker_id="X9")], report=4, as_of=5)  # by the clock it would be in it
    w = World(RouterCore(), "order_router").given(log_started(), shown, BrokerExecutionReported(ACCOUNT, "router", hand, 5))

    assert [e.execution_id for e in w.when(opened()) if isinstance(e, OrderFilled)] == ["h1"]


def test_an_opening_before_the_brokers_first_report_contains_nothing_whatever_the_clocks_say() -> None:
    hand = execution(3, eid="h1", client_id="", broker_id="X9", at=1)
    early = BrokerExecutionReported(ACCOUNT, "router", hand, 1)
    w = World(RouterCore(), "order_router").given(log_started(), reading(report=0, as_of=5), early)

    assert [e.execution_id for e in w.when(opened()) if isinstance(e, OrderFilled)] == ["h1"]


def test_what_others_executed_before_the_openings_reading_is_never_booked() -> None:
    hand = execution(3, eid="h1", client_id="", broker_id="X9")
    w = World(RouterCore(), "order_router").given(log_started(), BrokerExecutionReported(ACCOUNT, "router", hand, 4), reading(report=4))

    assert w.when(opened()) == w.when(BrokerExecutionReported(ACCOUNT, "router", hand, 4)) == []
