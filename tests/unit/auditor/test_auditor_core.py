"""The auditor's fold: what the queries answer, and which invariants raise an alarm, once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from services.auditor import advice
from services.auditor.core import AuditorCore
from services.auditor.settings import AuditorSettings
from services.auditor.views import NAMES
from services.control.tables import render
from shared.domain.exact import ZERO
from shared.domain.order_fold import DENIED_MAX
from shared.events import (
    AccountOpened,
    AccountReported,
    Alert,
    Bar,
    Break,
    BrokerConnectionChanged,
    CashFlow,
    EquityMarked,
    Event,
    FillCorrected,
    HealthReported,
    HealthState,
    InstrumentLocked,
    LeaseEnded,
    LeaseGranted,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderIntent,
    OrderSending,
    OrderSide,
    OrdersRetired,
    OrderUnknown,
    Quote,
    Reason,
    ReconcileCompleted,
    ReplaceSending,
    Scope,
    Severity,
    StrategyBlocked,
    StrategyFailed,
    StrategyRevised,
    StrategyStarted,
    TradingState,
    TradingStateChanged,
    UnsettledRow,
)
from tests.unit.order_router.world import ACCOUNT, T0, World, approved, client, kinds, log_started, only, opened, terms


def world(**settings: Any) -> World:
    return World(AuditorCore(AuditorSettings(**settings)), "auditor").given(log_started(), opened())


def sending(n: int = 1, quantity: object = 100, name: str | None = None) -> OrderSending:
    return OrderSending(f"ma:1:{n}", "ma", name or client(n), terms(quantity), T0 + 10**12)


def sent(n: int = 1) -> list[Event]:
    return [approved(n, deadline=1000), sending(n), OrderAccepted(f"ma:1:{n}", "ma", f"B{n}", T0)]


def filled(
    quantity: object, n: int = 1, eid: str = "E1", cumulative: object = None, price: object = 10, side: OrderSide = OrderSide.BUY
) -> OrderFilled:
    d = Decimal(str(quantity))
    total = d if cumulative is None else Decimal(str(cumulative))
    return OrderFilled(f"ma:1:{n}", "ma", "AAPL", side, d, Decimal(str(price)), Decimal("0.5"), "USD", eid, f"B{n}", total, ZERO, T0)


def test_every_answer_is_plain_and_ready_for_json() -> None:
    w = world().given(*sent(), filled("0.000000001"), OrderUnknown("ma:1:1", "ma", "?"))

    for name in NAMES:
        assert orjson.loads(orjson.dumps(w.core.view(name)))


def test_status_says_what_stops_trading_and_what_to_do_about_each() -> None:
    w = world().given(
        TradingStateChanged(Scope.GLOBAL, "", TradingState.HALTED, Reason.DAY_LOSS, "lost too much", 1),
        OrderDenied("ma:1:9", "ma", Reason.ORDER_NOTIONAL, "order_notional_max", "1000", "2000"),
        InstrumentLocked("AAPL", Reason.RECONCILE_BREAK, "break"),
        approved(1, deadline=1000),
        sending(),
        OrderUnknown("ma:1:1", "ma", "timeout"),
        ReconcileCompleted(4, clean=False, breaks=(Break("position", "AAPL", "0", "5"),), pending=0, report=0),
        StrategyStarted("ma", 1, "moving_average_cross", ("AAPL",), deterministic=True),
        StrategyFailed("ma", 1, "on_bar", "ZeroDivisionError"),
        Alert(Severity.CRITICAL, "k", "look"),
    )

    s = w.core.view("status")

    assert (s["trading_state"], s["trading_enabled"], s["open_orders"]) == ("halted", False, 1)
    found = [s["trading"][0], s["denials"][0], s["locks"][0], s["unknown_orders"][0], s["reconciliation"]["breaks"][0], s["strategies"][0]]
    assert all(item["what_to_do"] for item in found)
    assert s["denials"][0]["limit"] == "1000"
    assert s["alerts"][0]["text"] == "look"


def test_what_is_settled_is_shown_with_when_the_rest_will_be() -> None:
    rows = (UnsettledRow("XNYS", "2024-01-17", Decimal(200)), UnsettledRow("XNYS", "2024-01-16", Decimal("100.5")))
    w = world().given(AccountReported(ACCOUNT, "USD", Decimal(1000), Decimal(1000), Decimal("699.5"), rows))
    for name in ("status", "positions"):
        answer = w.core.view(name)
        assert answer["settled_cash"] == "699.5"
        assert [(row["amount"], row["settles"], row["calendar"]) for row in answer["unsettled"]] == [
            ("100.5", "2024-01-16", "XNYS"),
            ("200", "2024-01-17", "XNYS"),
        ]
        assert "2024-01-17" in render(name, answer)
    w.given(AccountReported(ACCOUNT, "USD", Decimal(1000), Decimal(1000), Decimal(2000)))
    assert w.core.view("status")["settled_cash"] is None, "nobody said"


def test_before_anything_is_known_trading_is_not_enabled() -> None:
    assert AuditorCore().view("status")["trading_enabled"] is False


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_says_what_to_do(reason: Reason) -> None:
    assert advice.for_reason(reason)


def test_orders_shows_what_is_open_with_its_terms_in_full() -> None:
    w = world().given(*sent(1), *sent(2), OrderCanceled("ma:1:2", "ma", ZERO), filled("40.000000001"))

    rows = w.core.view("orders")["orders"]

    assert [(r["order_id"], r["status"], r["filled"], r["leaves"]) for r in rows] == [("ma:1:1", "partially_filled", "40.000000001", "59.999999999")]


def test_positions_show_whose_they_are_and_what_they_are_worth() -> None:
    w = world().given(*sent(), filled(100), Quote("AAPL", T0, 10.9, 11.1, 1.0, 1.0))

    row = w.core.view("positions")["positions"][0]

    assert (row["quantity"], row["average_price"], row["mark"], row["unrealised"]) == ("100", "10", 11.0, "100.0")
    assert row["books"] == [{"owner": "ma", "quantity": "100"}]


def test_fills_are_newest_first_and_bounded() -> None:
    w = world(fills_kept=2)
    w.given(*sent(), filled(1, eid="a"), filled(1, eid="b", cumulative=2), filled(1, eid="c", cumulative=3))

    assert [f["execution_id"] for f in w.core.view("fills")["fills"]] == ["c", "b"]
    assert w.core.view("status")["counts"]["fills"] == 3


def test_health_has_regimeflows_keys_and_each_service() -> None:
    w = world().given(
        LeaseGranted("risk_engine", "h", 3),
        HealthReported("risk_engine", HealthState.READY, 10, 0, 0, 12.5, 40.0, 1.5),
        LeaseGranted("order_router", "h", 1),
        LeaseEnded("order_router", 1, expired=True),
        BrokerConnectionChanged(ACCOUNT, "router", connected=True),
        EquityMarked(Decimal(101), Decimal(1), Decimal(5), Decimal(101), 0.0, ZERO, ZERO),
        Bar("AAPL", T0, T0, 1.0, 1.0, 1.0, 1.0, 1.0),
    )

    h = w.core.view("health")

    assert (h["cpu_usage_pct"], h["memory_mb"], h["connected"], h["equity"], h["daily_pnl"]) == (12.5, 40.0, True, "101", "5")
    assert h["last_market_data"] == h["last_update"] != ""
    services = {s["service"]: s for s in h["services"]}
    assert (services["risk_engine"]["state"], services["risk_engine"]["epoch"]) == ("ready", 3)
    assert services["order_router"]["state"] == "gone"
    assert "order_router" in services["order_router"]["what_to_do"]


def test_a_blocked_strategy_is_named() -> None:
    w = world().given(StrategyBlocked("ma", 1, "on_bar", 5000))

    assert "5000 ms" in w.core.view("status")["strategies"][0]["text"]


# Invariants.


def alarms(w: World, event: Event) -> list[str]:
    return [a.key for a in w.when(event) if isinstance(a, Alert)]


def test_a_plain_life_raises_nothing() -> None:
    w = world()
    story = [*sent(), filled(40, eid="a"), filled(60, eid="b", cumulative=100), *sent(2), OrderCanceled("ma:1:2", "ma", ZERO)]

    assert not [e for event in story for e in w.when(event)]


def test_i3_one_client_id_one_order() -> None:
    w = world().given(*sent(), approved(2, deadline=1000))

    assert alarms(w, sending(2, name=client(1))) == ["invariant:I3:abcdef-ma-1-1"]


def test_i3_one_broker_order_one_of_ours() -> None:
    w = world().given(*sent(), approved(2, deadline=1000), sending(2))

    assert alarms(w, OrderAccepted("ma:1:2", "ma", "B1", T0)) == ["invariant:I3:B1"]


@pytest.mark.parametrize(
    ("given", "sending_", "text"),
    [
        ([], sending(), "without an approval"),
        ([approved(1, deadline=1000)], sending(quantity=101), "other terms"),
    ],
)
def test_i4_what_is_sent_was_approved_so_and_in_time(given: list[Event], sending_: OrderSending, text: str) -> None:
    w = world().given(*given)

    assert text in only(w.when(sending_), Alert).text


def test_i4_a_late_write_ahead_sends_nothing_and_an_acceptance_proves_that_it_did() -> None:
    w = world().given(approved(1, deadline=-1))

    assert not alarms(w, sending())
    assert alarms(w, OrderAccepted("ma:1:1", "ma", "B1", T0)) == ["invariant:I4:ma:1:1"]


def test_i5_an_illegal_step_is_our_bug() -> None:
    w = world().given(*sent())

    assert "invariant:I5:ma:1:1:OrderSending" in alarms(w, sending())


def test_i5_an_execution_is_booked_once() -> None:
    w = world().given(*sent(), filled(40))

    assert "invariant:I5:B1/E1" in alarms(w, filled(40, cumulative=80))


def test_i5_fills_add_up() -> None:
    w = world().given(*sent())

    assert alarms(w, filled(40, cumulative=41)) == ["invariant:I5:ma:1:1:sum"]


def test_i5_overfill() -> None:
    w = world().given(*sent())

    assert alarms(w, filled(101)) == ["invariant:I5:ma:1:1:over"]


def test_i5_a_fill_nobody_ordered() -> None:
    assert alarms(world(), filled(1)) == ["invariant:I5:ma:1:1"]


def test_an_alarm_is_raised_once() -> None:
    w = world().given(*sent(), filled(101))

    assert alarms(w, filled(1, eid="E2", cumulative=102)) == []


def test_i6_a_book_that_lost_a_unit_is_found_at_the_next_fill() -> None:
    w = world().given(*sent(), filled(10))
    w.core._ledger.books["ma"].positions["AAPL"].quantity -= 1

    assert alarms(w, filled(10, eid="E2", cumulative=20)) == ["invariant:I6:AAPL"]


def test_i6_cash_that_went_missing_is_found_at_the_next_fill() -> None:
    w = world().given(*sent(), filled(10))
    w.core._ledger.books["ma"].cash -= Decimal("0.01")

    assert alarms(w, filled(10, eid="E2", cumulative=20)) == ["invariant:I6:cash"]


@pytest.mark.parametrize(("tolerance", "found"), [("0.01", []), ("0.0099", ["invariant:I6:cash"])])
def test_i6_within_its_tolerance_is_no_alarm(tolerance: str, found: list[str]) -> None:
    w = world(conservation_tolerance=Decimal(tolerance)).given(*sent(), filled(10))
    w.core._ledger.books["ma"].cash -= Decimal("0.01")

    assert alarms(w, filled(10, eid="E2", cumulative=20)) == found


def test_i6_holds_through_corrections_flips_cash_flows_and_a_second_opening() -> None:
    w = world()
    story = [
        *sent(1),
        filled(60, eid="a", price="10.01"),
        FillCorrected(
            "ma:1:1", "ma", "AAPL", OrderSide.BUY, "a2", "a", Decimal(50), Decimal("10.02"), ZERO, Decimal(60), Decimal("10.01"), Decimal("0.5")
        ),
        CashFlow("dividend", "USD", Decimal("3.33"), "d1"),
        AccountOpened(ACCOUNT, "USD", Decimal(5), Decimal(5), (), (), ()),
        *sent(2),
        filled(70, 2, eid="c", side=OrderSide.SELL, price="9.99"),
        *sent(3),
        filled(1, 3, eid="d"),
    ]

    assert kinds([e for event in story for e in w.when(event)]) == []


def test_market_data_costs_nothing_but_its_mark() -> None:
    w = world()

    assert w.when(Bar("AAPL", T0, T0, 1.0, 1.0, 1.0, 2.0, 1.0)) == []
    assert w.core._picture.marks == {"AAPL": 2.0}


def test_snapshot_half_way_goes_on_the_same() -> None:
    straight, stopped = world(), world()
    story = [
        *sent(),
        filled(40),
        OrderDenied("ma:1:9", "ma", Reason.POSITION, "k", "1", "2"),
        filled(40),
        Alert(Severity.INFO, "k", "t"),
        filled(99, eid="z"),
    ]
    for i, event in enumerate(story):
        if i == 5:
            fresh = AuditorCore()
            fresh.restore(stopped.core.snapshot())
            stopped.core = fresh
        assert straight.when(event, 1) == stopped.when(event, 1)
    assert straight.core.snapshot() == stopped.core.snapshot()
    assert straight.core.view("status") == stopped.core.view("status")


def test_of_retired_orders_nothing_is_left_and_sending_one_again_is_an_alarm() -> None:
    w = world().given(*sent(), filled(100), OrdersRetired(T0, ("ma:1:1",)))

    seen = w.core._seen
    assert not any((w.core._orders.orders, seen.by_broker, seen.executions, seen.deadlines, seen.late))
    assert alarms(w, sending()) == ["invariant:I4:ma:1:1"]


def test_i3_a_replace_goes_out_under_its_orders_name() -> None:
    for name, found in ((client(1), ["invariant:I3:abcdef-ma-1-1"]), (client(1, replace=1), [])):
        assert alarms(world().given(*sent()), ReplaceSending("ma:1:1", "ma", name, "B1", 1, terms(), T0)) == found


def test_of_denied_orders_the_newest_are_remembered() -> None:
    w = world()
    for n in range(1, DENIED_MAX + 3):
        w.given(OrderIntent(f"ma:1:{n}", "ma", terms()), OrderDenied(f"ma:1:{n}", "ma", Reason.POSITION, "k", "1", "2"))

    assert len(w.core._orders.orders) == DENIED_MAX
    assert "ma:1:2" not in w.core._orders.orders
    assert len(w.core.view("status")["denials"]) > 0


def test_what_commands_make_of_strategies_is_in_status_with_the_place_and_what_to_do() -> None:
    w = world(budgets={"ma": Decimal(500)}).given(StrategyStarted("ma", 1, "moving_average_cross", ("AAPL",), deterministic=True))
    w.given(LeaseGranted("strategy.ma", "w1", 1), LeaseEnded("strategy.ma", 1, expired=False))
    w.given(StrategyRevised("c1", "added", "late", 40, '{"id":"late"}', Decimal(100), "ann: trial"))
    w.given(StrategyRevised("c2", "removed", "ma", 41, "", Decimal(0), "ann: weak"))
    w.given(TradingStateChanged(Scope.STRATEGY, "ma", TradingState.HALTED, Reason.OPERATOR, "ann: weak: removed", 1))
    w.given(StrategyRevised("c3", "refused", "ma", 42, "", Decimal(0), "removed already: ma"))
    core = AuditorCore(AuditorSettings(budgets={"ma": Decimal(500)}))
    core.restore(w.core.snapshot())
    for auditor in (w.core, core):
        status = auditor.view("status")
        rows = [(r["strategy"], r["state"], r["changed"], r["in_force_from"]) for r in status["strategies"]]
        assert rows == [("late", "waiting", "added", 40), ("ma", "removed", "removed", 41)]
        assert [(r["command"], r["outcome"]) for r in status["strategy_changes"]] == [("c3", "refused"), ("c2", "removed"), ("c1", "added")]
        assert "strategy add --id ma" in next(r["what_to_do"] for r in status["trading"] if r["key"] == "ma")
        books = {b["owner"]: b["cash"] for b in auditor.view("positions")["books"]}
        assert (books["late"], books.get("ma", "0")) == ("100", "0")
        assert status["services_missing"] == []
        assert "strategy.ma" not in [row["service"] for row in auditor.view("health")["services"]]
