"""What a person sees: order lines from the audit log, changes from the auditor's answers, and never a secret."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console as RichConsole

from services.auditor.audit_log import FORMATS
from services.auditor.chain import ChainedWriter
from services.auditor.core import AuditorCore
from services.auditor.lines import audit_lines
from services.live.audit_tail import AuditTail, Entry
from services.live.console import PlainConsole
from services.live.narrator import ENTRIES_MAX, HEARTBEAT_S, Narrator, Said, feeds_ended
from services.live.screen import Screen
from services.live.view import ServiceView, View
from shared.config import Redactor
from shared.events import (
    BrokerConnectionChanged,
    CancelRequested,
    ClaimRequested,
    Envelope,
    Event,
    FeedStateChanged,
    FeedStatus,
    FlattenRequested,
    HaltRequested,
    OrderDenied,
    OrderFilled,
    OrderSending,
    OrderSide,
    OrderTerms,
    OrderType,
    Reason,
    ReconcileCompleted,
    Scope,
    StrategyRevised,
    TradingState,
    TradingStateChanged,
)

NS = 1_704_204_600_000_000_000
TERMS = OrderTerms("ACME", OrderSide.BUY, OrderType.MARKET, Decimal(10))
ZERO = Decimal(0)


def envelope(seq: int, event: Event) -> Envelope:
    return Envelope(seq, NS, event.topic, "x", 1, seq, 0, 0, event)


def fill(order: str = "s1:1:1") -> OrderFilled:
    return OrderFilled(order, "s1", "ACME", OrderSide.BUY, Decimal(10), Decimal("99.5"), ZERO, "USD", "e1", "b1", Decimal(10), ZERO, NS)


@pytest.mark.parametrize("layout", ["csv", "jsonl"])
def test_order_lines_are_read_from_the_audit_log_as_it_grows(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "audit.log"
    writer = ChainedWriter(path, FORMATS[layout]())

    def write(seq: int, event: Event) -> None:
        for line in audit_lines(envelope(seq, event)):
            writer.write(line)

    write(1, OrderSending("s1:1:9", "s1", "c9", TERMS, 0))  # of an earlier session
    tail = AuditTail(path)
    write(2, OrderSending("s1:1:1", "s1", "c1", TERMS, 0))
    write(3, OrderDenied("s1:1:2", "s1", Reason.THROTTLED, "max_orders_per_second", "5", "6"))
    write(4, fill())

    said = Narrator().audit(tail.entries())

    assert [(s.word, s.text, s.loud) for s in said] == [
        ("order", "s1:1:1 buy 10 ACME market day", False),
        ("DENIED", "s1:1:2 denied: THROTTLED", True),
        ("fill", "s1:1:1 buy 10 ACME @ 99.5", False),
        ("position", "ACME 10 opened @ 99.5", False),
    ]
    assert {s.time[:19] for s in said} == {"2024-01-02T14:10:00"}
    writer.close()


def entry(event: Event) -> list[Entry]:
    return [Entry("", line.type, line.details, dict(line.metadata)) for line in audit_lines(envelope(1, event))]


def test_a_halt_is_loud_and_names_its_scope() -> None:
    halted = TradingStateChanged(Scope.STRATEGY, "s1", TradingState.HALTED, Reason.OPERATOR, "me: looks wrong", 1)
    assert Narrator().audit(entry(halted)) == [Said("", "trading", "strategy s1 halted: me: looks wrong", loud=True)]


def test_every_attempt_to_reconnect_is_said_and_giving_up_is_loud() -> None:
    tried = BrokerConnectionChanged("A", "router", connected=False, text="attempt 1 failed: refused", attempts=1)
    ended = BrokerConnectionChanged("A", "router", connected=False, text="given up after 2 attempts: refused", attempts=2, given_up=True)
    back = BrokerConnectionChanged("A", "router", connected=True)
    assert Narrator().audit([e for event in (tried, ended, back) for e in entry(event)]) == [
        Said("", "connection", "router down: attempt 1 failed: refused"),
        Said("", "connection", "router down: given up after 2 attempts: refused", loud=True),
        Said("", "connection", "router up"),
    ]


def test_a_command_names_what_it_is_about() -> None:
    commands = [
        FlattenRequested("c", "me", "news", "ACME"),
        FlattenRequested("c", "me", "all out", ""),
        FlattenRequested("c", "me", "F: Ford is down", "F"),
        StrategyRevised("c", "removed", "s1", 9, "", ZERO, "s2 is better"),
        ClaimRequested("c", "me", "mine", "ACME", "s1", "5"),
        CancelRequested("c", "me", "stuck", "s1:1:7"),
        HaltRequested("c", "me", "odd", Scope.STRATEGY, "s1"),
    ]
    assert [line.text for command in commands for line in Narrator().audit(entry(command))] == [
        "ACME FlattenRequested: news",
        "FlattenRequested: all out",
        "F FlattenRequested: F: Ford is down",
        "strategy s1 removed: s2 is better",
        "ACME s1 ClaimRequested: mine",
        "s1:1:7 CancelRequested: stuck",
        "s1 HaltRequested: odd",
    ]


def test_the_same_reconciliation_is_said_once() -> None:
    narrator, clean = Narrator(), entry(ReconcileCompleted(1, True, (), 0, 0))
    assert [s.text for s in narrator.audit(clean)] == ["clean"]
    assert narrator.audit(clean) == []
    assert len(narrator.audit(entry(ReconcileCompleted(2, False, (), 1, 0)))) == 1
    assert len(narrator.audit(clean)) == 1


def test_a_flood_of_orders_is_counted_not_scrolled() -> None:
    said = Narrator().audit(entry(fill())[:1] * (ENTRIES_MAX + 7))
    assert len(said) == ENTRIES_MAX + 1
    assert said[-1].text == "7 more lines in the audit log"


def answer_after(events: Sequence[Event], name: str) -> dict[str, Any]:
    auditor = AuditorCore()
    for seq, event in enumerate(events, 1):
        auditor.apply(envelope(seq, event))
    return auditor.view(name)


def test_a_feed_that_goes_down_and_comes_back_is_said_each_time_once() -> None:
    narrator = Narrator()
    up, down = FeedStateChanged("files", FeedStatus.UP), FeedStateChanged("files", FeedStatus.DOWN, "cut")
    said = [narrator.health(answer_after(events, "health")) for events in ([up], [up], [up, down], [up, down, up])]
    assert [[(s.text, s.loud) for s in look] for look in said] == [
        [("feed.files up", False)],
        [],
        [("feed.files down cut", True)],
        [("feed.files up", False)],
    ]


def test_the_end_of_a_feed_is_told_from_its_silence() -> None:
    up, ended = FeedStateChanged("files", FeedStatus.UP), FeedStateChanged("files", FeedStatus.ENDED, "1000 rows")
    assert feeds_ended(answer_after([up, ended], "health"))
    assert not feeds_ended(answer_after([up], "health"))
    assert not feeds_ended(answer_after([up, ended, FeedStateChanged("more", FeedStatus.UP)], "health"))
    assert not feeds_ended(answer_after([], "health"))
    assert not feeds_ended({})


def test_the_heartbeat_comes_at_its_interval() -> None:
    narrator, status = Narrator(), answer_after([], "status")
    times = (0.0, 1.0, HEARTBEAT_S - 0.1, HEARTBEAT_S, HEARTBEAT_S + 1)
    beats = [narrator.heartbeat(status, at) for at in times]
    assert [len(b) for b in beats] == [1, 0, 0, 1, 0]
    assert beats[0][0].text == "disarmed, 0 open orders, 0 positions"


def test_plain_lines_carry_a_time_and_no_secret() -> None:
    out = io.StringIO()
    console = PlainConsole(Redactor(["s3cr3tvalue"]).text, out)
    console.say(Said("2024-01-02T15:04:05.123456Z", "order", "s1:1:1 with s3cr3tvalue"))
    console.show(View())
    assert out.getvalue() == "2024-01-02T15:04:05Z  order       s1:1:1 with ***\n"


def test_what_a_broker_says_moves_no_cursor_and_breaks_no_line() -> None:
    out = io.StringIO()
    said = Said("2024-01-02T15:04:05.123456Z", "rejected", "no\x1b[2J\nfill  s1:1:1 bought\r", loud=True)
    PlainConsole(Redactor([]).text, out).say(said)
    screen = Screen(Redactor([]).text, RichConsole(file=out, width=140))
    screen.say(said)
    screen.close()
    line = "2024-01-02T15:04:05Z  rejected    no?[2J?fill  s1:1:1 bought?"
    assert out.getvalue().split() == [*line.split(), *line.split()]


def test_the_screen_shows_services_money_positions_and_lines_without_secrets() -> None:
    out = io.StringIO()
    screen = Screen(Redactor(["s3cr3tvalue"]).text, RichConsole(file=out, force_terminal=True, width=140, height=50))
    positions = {"positions": [{"symbol": "ACME", "quantity": "10", "average_price": "99.5", "mark": 100.0, "currency": "EUR", "unrealised": "5"}]}
    status = {**answer_after([], "status"), "equity": "100005.5", "balances": [{"currency": "EUR", "amount": "-995"}]}
    view = View([ServiceView("bus", "ready", 2, 1, 1234, 0, 40.0)], status, positions)
    view.said.append(Said("2024-01-02T15:04:05Z", "fill", "s1:1:1 buy 10 ACME @ 99.5 s3cr3tvalue"))
    screen.show(view)
    screen.say(Said("", "DENIED", "s1:1:2", loud=True))
    screen.close()
    text = out.getvalue()
    for part in ("disarmed", "100005.5", "EUR -995", "bus", "1234", "ACME", "99.5", "s1:1:1", "DENIED"):
        assert part in text
    assert "s3cr3tvalue" not in text
