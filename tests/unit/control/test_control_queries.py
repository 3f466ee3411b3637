"""Queries: the auditor's answer as it is for scripts, tables with what to do for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from services.control.tables import render
from shared.events import (
    Event,
    LeaseEnded,
    LeaseGranted,
    OrderAccepted,
    OrderApproved,
    OrderDenied,
    OrderFilled,
    OrderIntent,
    OrderSending,
    OrderSide,
    OrderTerms,
    OrderType,
    Reason,
    Scope,
    TradingState,
    TradingStateChanged,
)
from tests.unit.control.conftest import Run, Stack

TERMS = OrderTerms("ACME", OrderSide.BUY, OrderType.LIMIT, Decimal(10), limit_price=Decimal("99.5"))
ORDER = "cross:1:1"
STORY: tuple[Event, ...] = (
    LeaseGranted("gateway", "slot", 3),
    LeaseGranted("risk_engine", "slot", 2),
    LeaseEnded("risk_engine", 2, expired=True),
    LeaseGranted("control.0011223344", "me@here", 1),
    LeaseEnded("control.0011223344", 1, expired=False),
    TradingStateChanged(Scope.GLOBAL, "", TradingState.HALTED, Reason.OPERATOR, "me: looks wrong", 1),
    OrderIntent(ORDER, "cross", TERMS),
    OrderApproved(ORDER, "cross", TERMS, 10**19, 0, 99.0, 0),
    OrderSending(ORDER, "cross", "c1", TERMS, 10**19),
    OrderAccepted(ORDER, "cross", "b1", 0),
    OrderFilled(ORDER, "cross", "ACME", OrderSide.BUY, Decimal(4), Decimal("99.5"), Decimal(1), "USD", "e1", "b1", Decimal(4), Decimal(6), 0),
    OrderIntent("cross:1:2", "cross", TERMS),
    OrderDenied("cross:1:2", "cross", Reason.HALTED, "", "", ""),
)
Audited = Callable[[Sequence[Event]], Stack]


@pytest.mark.parametrize("name", ["status", "orders", "positions", "fills", "health"])
def test_json_is_the_auditors_answer(run: Run, audited: Audited, name: str) -> None:
    stack = audited(STORY)
    done = run(name, "--json", "--config", stack.config)
    assert (done.status, done.err) == (0, "")
    assert isinstance(json.loads(done.out), dict)
    assert done.out.count("\n") == 1


def test_status_says_what_blocks_and_what_to_do(run: Run, audited: Audited) -> None:
    stack = audited(STORY)
    text = run("status", "--config", stack.config).out
    for part in ("trading state", "halted", "me: looks wrong", "HALTED", "what to do", "`regimeflow resume"):
        assert part in text


def test_orders_positions_and_fills_are_tables(run: Run, audited: Audited) -> None:
    stack = audited(STORY)
    assert "cross:1:1  ACME    buy   limit  10        4       99.5" in run("orders", "--config", stack.config).out
    assert "cross 4" in run("positions", "--config", stack.config).out
    assert "99.5" in run("fills", "--config", stack.config).out


def test_health_names_who_is_gone_but_no_finished_command(run: Run, audited: Audited) -> None:
    stack = audited(STORY)
    text = run("health", "--config", stack.config).out
    assert "risk_engine" in text
    assert "gone" in text
    assert "start `regimeflow service risk_engine`" in text
    assert "control" not in text


def test_an_empty_stack_has_words_too(run: Run, audited: Audited) -> None:
    stack = audited(())
    assert run("orders", "--config", stack.config).out.endswith("no orders\n")
    assert "no fills" in run("fills", "--config", stack.config).out
    assert "disarmed" in run("status", "--config", stack.config).out


def test_watch_asks_until_ctrl_c(run: Run, audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    stack, looks = audited(()), []

    def sleep(_: float) -> None:
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("services.control.queries.time.sleep", sleep)
    done = run("orders", "--watch", "--json", "--config", stack.config)
    assert (done.status, len(done.out.splitlines())) == (0, 3)


def test_no_auditor_is_one_line(run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.control.queries.ANSWER_S", 0.1)
    done = run("status", "--config", stack.config)
    assert (done.status, done.err) == (5, "regimeflow: the auditor does not answer: no connection. Does the stack run here?\n")


def test_what_others_wrote_moves_no_cursor_and_breaks_no_line() -> None:
    row = {"order_id": "ext:1", "symbol": "ACME", "text": "lost\x1b[2J\nall is well", "what_to_do": "look"}
    assert "lost?[2J?all is well" in render("status", {"now": "t", "unknown_orders": [row]})


def test_an_answer_of_another_build_with_keys_missing_is_still_shown() -> None:
    assert render("status", {"now": "t", "trading_state": "active"}) == "now            t\ntrading state  active"
