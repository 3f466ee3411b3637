"""Whatever stops trading is seen in `status`, with what to do about it: a real risk engine is driven into each, and the auditor asked.

Every advice names commands that exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import typer

from services.auditor import advice
from services.auditor.core import AuditorCore
from services.auditor.denials import KINDS_MAX
from services.control.main import app
from services.control.tables import render
from shared.events import (
    Break,
    ClockTicked,
    DataGap,
    Envelope,
    Event,
    HaltRequested,
    InstrumentDefined,
    InstrumentHalted,
    InstrumentLocked,
    LeaseEnded,
    LeaseGranted,
    LimitChanged,
    OrderAccepted,
    OrderApproved,
    OrderDenied,
    OrderSending,
    OrderUnknown,
    Reason,
    ReconcileCompleted,
    ReduceRequested,
    RunStarted,
    Scope,
    SessionChanged,
    SessionPhase,
    StrategyBlocked,
    StrategyFailed,
    StrategyPaused,
    StrategyStarted,
)
from tests.support.risk_desk import RiskDesk

COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group
TEXT = re.compile(r"`(?:regimeflow )?([a-z]+)[^`]*`")


class Stack(RiskDesk):
    """A risk engine and the auditor that hears it and everybody."""

    def __init__(self, **limits: Any) -> None:
        self.auditor, self._heard = AuditorCore(), 0
        super().__init__(**limits)

    def tell(self, event: Event, source: str = "outside", cause: int = 0) -> list[Event]:
        outputs = super().tell(event, source, cause)
        for said in (event, *outputs):
            self._heard += 1
            envelope = Envelope(self._heard, self.now, said.topic, source, 1, self._heard, cause, 1, said)
            self.auditor.decide(envelope)
            self.auditor.apply(envelope)
        return outputs

    def status(self) -> dict[str, Any]:
        return self.auditor.view("status")


def advice_of(row: dict[str, Any], answer: dict[str, Any]) -> str:
    """What to do about a row: there, naming commands that exist, and printed for people."""
    text: str = row["what_to_do"]
    assert text
    named = [word for word in TEXT.findall(text) if word not in {"live", "instruments", "command", "arm", "allow"}]
    assert set(named) <= COMMANDS, text
    assert text in render("status", answer)
    return text


def sell_unsettled(s: Stack) -> None:
    """All cash is spent, and what a sale brings waits for tomorrow."""
    s.tell(InstrumentDefined("X", "equity", "USD", Decimal("0.01"), Decimal(1), Decimal(1), "XNYS"))
    s.tell(SessionChanged("XNYS", SessionPhase.OPEN, "2023-11-14", 1, 2))
    s.hold(9_900, price=101)
    s.fill(s.sell(100))


# reason: (limits, what is done so that an order of strategy a is denied, the key that denied)
DENIALS: dict[Reason, tuple[dict[str, Any], Callable[[Stack], object], str]] = {
    Reason.HALTED: ({}, lambda s: s.tell(HaltRequested("c", "ann", "drill", Scope.STRATEGY, "a")), "state.strategy"),
    Reason.REDUCING_ONLY: ({}, lambda s: s.tell(ReduceRequested("c", "ann", "drill", Scope.SYMBOL, "X")), "state.symbol"),
    Reason.DISARMED: ({}, lambda s: s.tell(RunStarted("risk_engine", 2, "g"), "bus"), "state.global"),
    Reason.STRATEGY_PAUSED: ({}, lambda s: s.tell(StrategyPaused("a", paused=True, text="behind")), "state.strategy"),
    Reason.INSTRUMENT_LOCKED: ({}, lambda s: s.tell(InstrumentLocked("X", Reason.FILL_MISMATCH, "drill")), "lock"),
    Reason.INSTRUMENT_HALTED: ({}, lambda s: s.tell(InstrumentHalted("X", halted=True, reason="news")), "halt"),
    Reason.DATA_GAP: ({}, lambda s: s.tell(DataGap("X", s.now, s.now + 10**12, "lost")), "gap_blocks_trading"),
    Reason.STALE_DATA: ({"quote_age_ms_max": 10}, lambda s: s.wait(11), "quote_age_ms_max"),
    Reason.THROTTLED: ({"msgs_per_s_max": 1}, lambda s: s.buy(1, 90), "msgs_per_s_max"),
    Reason.OPEN_ORDERS: ({"orders_open_max": 1}, lambda s: s.buy(1, 90), "orders_open_max"),
    Reason.ORDER_QUANTITY: ({"order_qty_max": 1}, lambda _: None, "order_qty_max"),
    Reason.PRICE_COLLAR: ({"collar_bps": 10}, lambda _: None, "collar_bps"),
    Reason.POSITION: ({"position_max": 1}, lambda _: None, "position_max"),
    Reason.BUYING_POWER: ({"buying_power_fraction_max": "0.0001"}, lambda _: None, "buying_power_fraction_max"),
    Reason.UNSETTLED_CASH: (
        {"account_kind": "cash", "settlement_days": 1, "buying_power_fraction_max": 1},
        sell_unsettled,
        "settlement_days",
    ),
    Reason.SELF_TRADE: ({"self_trade_allowed": False}, lambda s: s.sell(5, 102, strategy="b"), "self_trade"),
}


@pytest.mark.parametrize("why", DENIALS, ids=lambda why: why.name)
def test_a_denial_is_counted_with_its_limit_and_what_to_do(why: Reason) -> None:
    limits, done, key = DENIALS[why]
    stack = Stack(**limits)
    done(stack)
    for quantity in (3, 4):
        stack.buy(quantity, 105)

    answer = stack.status()

    (row,) = answer["denials_last_hour"]
    assert (row["reason"], row["strategy"], row["key"], row["count"]) == (why.name, "a", key, 2)
    assert row["limit"] or row["value"]
    advice_of(row, answer)


def test_denials_are_of_the_last_hour_and_bounded() -> None:
    stack = Stack(order_qty_max=1)
    stack.buy(2)
    assert [row["count"] for row in stack.wait(59 * 60_000).status()["denials_last_hour"]] == [1]
    stack.wait(61 * 60_000).tell(ClockTicked())
    assert stack.status()["denials_last_hour"] == []
    for n in range(KINDS_MAX + 5):
        stack.tell(OrderDenied("a:1:1", f"s{n}", Reason.HALTED, "state.global", "", "halted"))
    assert len(stack.status()["denials_last_hour"]) == KINDS_MAX


@pytest.mark.parametrize("why", [Reason.RECONCILE_BREAK, Reason.FILL_MISMATCH, Reason.UNKNOWN_ORDER_AGE], ids=lambda why: why.name)
def test_a_lock_is_shown_with_its_cause(why: Reason) -> None:
    stack = Stack()
    stack.tell(InstrumentLocked("X", why, "drill"))
    answer = stack.status()
    (row,) = answer["locks"]
    assert (row["symbol"], row["reason"], row["text"]) == ("X", why.name, "drill")
    said = advice_of(row, answer)
    assert why is Reason.UNKNOWN_ORDER_AGE or "`regimeflow resume --symbol X --reason TEXT`" in said


def test_an_unknown_order_is_shown_with_its_age_and_what_is_done() -> None:
    stack = Stack()
    order = stack.buy(10, 90)
    assert isinstance(order, OrderApproved)
    stack.tell(OrderSending(order.order_id, "a", "client-1", order.terms, order.deadline_ns))
    stack.tell(OrderUnknown(order.order_id, "a", "time-out"))
    stack.wait(12_000).tell(ClockTicked())
    answer = stack.status()
    (row,) = answer["unknown_orders"]
    assert (row["order_id"], row["client_order_id"], row["age_s"], row["text"]) == ("a:1:1", "client-1", 12, "time-out")
    assert "`regimeflow cancel a:1:1`" in advice_of(row, answer)
    stack.tell(OrderAccepted(order.order_id, "a", "b1", stack.now))
    (row,) = stack.auditor.view("orders")["orders"]
    assert (row["status"], row["text"]) == ("new", ""), "what is proven has no doubt beside it"


@pytest.mark.parametrize(
    ("why", "word"),
    [
        (Reason.SELF_TRADE, "cancel_old"),
        (Reason.SHORT_SALE, "working sale"),
        (Reason.PRICE_BAND, "bands"),
        (Reason.EXIT_WORKING, "`orders`"),
        (Reason.REGIME, "regime"),
        (Reason.CLOSE_BUFFER, "close"),
        (Reason.DUPLICATE_ID, "stands"),
        (Reason.DUPLICATE_MISMATCH, "bug"),
        (Reason.CHILD_OVER_PARENT, "`regimeflow resume --reason TEXT`"),
    ],
)
def test_what_no_limit_lifts_has_advice_of_its_own(why: Reason, word: str) -> None:
    said = advice.for_reason(why)
    assert word in said
    assert "limit set" not in said
    assert "see `status`" not in said, "that is where it is read"


def test_a_break_is_shown_with_both_sides() -> None:
    stack = Stack()
    stack.tell(ReconcileCompleted(4, clean=False, breaks=(Break("position", "X", "0", "5"),), pending=0, report=0))
    answer = stack.status()
    (row,) = answer["reconciliation"]["breaks"]
    assert (row["kind"], row["subject"], row["ours"], row["theirs"]) == ("position", "X", "0", "5")
    advice_of(row, answer)
    assert "ours 0, theirs 5" in render("status", answer)


@pytest.mark.parametrize(
    ("event", "scope", "state", "command"),
    [
        (HaltRequested("c", "ann", "drill", Scope.GLOBAL, ""), "global", "halted", "`regimeflow resume --reason TEXT`"),
        (HaltRequested("c", "ann", "drill", Scope.STRATEGY, "a"), "strategy", "halted", "`regimeflow resume --strategy a --reason TEXT`"),
        (ReduceRequested("c", "ann", "drill", Scope.SYMBOL, "X"), "symbol", "reducing", "`regimeflow resume --symbol X --reason TEXT`"),
        (StrategyFailed("a", 1, "on_bar", "ZeroDivisionError"), "strategy", "halted", "`regimeflow resume --strategy a --reason TEXT`"),
        (StrategyBlocked("a", 1, "on_bar", 5000), "strategy", "halted", "`regimeflow resume --strategy a --reason TEXT`"),
    ],
)
def test_a_stopped_scope_is_shown_with_the_command_that_lifts_it(event: Event, scope: str, state: str, command: str) -> None:
    stack = Stack()
    stack.tell(event)
    answer = stack.status()
    (row,) = (row for row in answer["trading"] if row["scope"] == scope)
    assert (row["state"], bool(row["text"])) == (state, True)
    assert command in advice_of(row, answer)


def test_a_start_that_is_not_armed_says_what_it_waits_for() -> None:
    stack = Stack(ready=False)
    answer = stack.status()
    (row,) = answer["trading"]
    assert row["state"] == "disarmed"
    assert "reconciliation" in advice_of(row, answer)


@pytest.mark.parametrize("state", ["failed", "blocked"])
def test_a_strategy_that_ended_says_how_it_goes_on(state: str) -> None:
    stack = Stack()
    stack.tell(StrategyStarted("a", 1, "cross", ("X",), deterministic=True))
    stack.tell(StrategyFailed("a", 1, "on_bar", "x") if state == "failed" else StrategyBlocked("a", 1, "on_bar", 5000))
    answer = stack.status()
    (row,) = answer["strategies"]
    assert row["state"] == state
    assert "`regimeflow resume --strategy a --reason TEXT`" in advice_of(row, answer)


def test_a_loss_limit_shows_its_soft_part_then_the_state_it_led_to() -> None:
    stack = Stack(day_loss_max=1000, cash="100000")
    stack.hold(100)
    stack.quote("X", 91.0, 93.0)
    assert [(row["level"], row["key"], row["value"]) for row in stack.status()["limits_met"]] == [("soft", "day_loss_max", "900")]
    stack.quote("X", 89.0, 91.0)
    answer = stack.status()
    advice_of(answer["limits_met"][0], answer)
    assert [row["level"] for row in answer["limits_met"]] == ["hard", "soft"]
    (row,) = answer["trading"]
    assert row["reason"] == "DAY_LOSS"
    assert "`limit set`" in advice_of(row, answer)


def test_an_override_is_shown_with_the_command_that_ends_it() -> None:
    stack = Stack(order_qty_max=100)
    stack.tell(LimitChanged("c1", "ann", "thin", "order_qty_max", "50"))
    answer = stack.status()
    (row,) = answer["overrides"]
    assert (row["key"], row["value"], row["before"], row["text"]) == ("limits.order_qty_max", "50", "100", "ann: thin")
    advice_of(row, answer)
    stack.tell(LimitChanged("c2", "ann", "back", "order_qty_max", ""))
    assert stack.status()["overrides"] == []


def test_a_service_that_is_gone_is_named() -> None:
    stack = Stack()
    for name in ("order_router", "strategy.a"):
        stack.tell(LeaseGranted(name, "h", 1))
        stack.tell(LeaseEnded(name, 1, expired=True))
    answer = stack.status()
    assert [row["service"] for row in answer["services_missing"]] == ["order_router", "strategy.a"]
    assert "`regimeflow service strategy_runner`" in advice_of(answer["services_missing"][1], answer)
