"""A command that names what there is not: an operator in a hurry is told at once, where anybody knows; and told what a reading on demand found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from services.control.errors import AWAY
from shared.events import (
    AccountOpened,
    Break,
    CancelRequested,
    Event,
    FlattenRequested,
    HaltRequested,
    OrderIntent,
    OrderSide,
    OrderTerms,
    OrderType,
    ReconcileCompleted,
    ReconcileFailed,
    ReconcileNow,
    ReconcileRequested,
    Scope,
    StrategyRevised,
)
from tests.unit.control.conftest import Run, Stack

Audited = Callable[[Sequence[Event]], Stack]
HELD = AccountOpened("acc", "USD", Decimal(1), Decimal(1), ("OLD",), (Decimal(60),), (Decimal("80.5"),))


def test_a_flatten_of_what_is_neither_traded_nor_held_is_refused_and_not_journaled(run: Run, bus: Stack, audited: Audited) -> None:
    audited([HELD])
    before = len(bus.commands())
    done = run("flatten", "--symbol", "AMCE", "--config", bus.config)
    assert (done.status, done.err) == (2, "regimeflow: 'AMCE' is not held, nor in live.symbols: ACME, GLOBEX\n")
    assert len(bus.commands()) == before
    for symbol in ("OLD", "GLOBEX"):
        assert run("flatten", "--symbol", symbol, "--config", bus.config).status == 0
    assert [e.symbol for e in bus.commands()[before:] if isinstance(e, FlattenRequested)] == ["OLD", "GLOBEX"]


def test_what_is_held_is_halted_though_the_file_does_not_list_it(run: Run, bus: Stack, audited: Audited) -> None:
    audited([HELD])
    done = run("halt", "--symbol", "OLD", "--reason", "odd", "--config", bus.config)
    assert (done.status, done.err) == (0, "")
    halt = bus.commands()[-1]
    assert isinstance(halt, HaltRequested)
    assert (halt.scope, halt.key) == (Scope.SYMBOL, "OLD")


def test_of_a_symbol_the_file_does_not_list_nobody_says_that_it_is_not_held_while_the_auditor_is_away(run: Run, bus: Stack) -> None:
    for command in (("flatten",), ("halt", "--reason", "odd")):
        done = run(*command, "--symbol", "OLD", "--config", bus.config)
        assert (done.status, done.err) == (
            0,
            "live.symbols does not list 'OLD', and the auditor does not answer: nobody says whether it is held\n",
        )


ADDED = StrategyRevised("c1", "added", "swing", 9, '{"id":"swing","name":"buy_and_hold"}', Decimal(1), "ann: trial")


def test_a_strategy_that_a_command_added_is_halted_also_while_the_auditor_is_away(run: Run, bus: Stack) -> None:
    done = run("halt", "--strategy", "swing", "--reason", "odd", "--config", bus.config)
    assert (done.status, done.err) == (
        0,
        "the file lists no strategy 'swing', and the auditor does not answer: nobody says whether it was added since\n",
    )
    halt = bus.commands()[-1]
    assert isinstance(halt, HaltRequested)
    assert (halt.scope, halt.key) == (Scope.STRATEGY, "swing")


def test_where_the_auditor_answers_a_halt_goes_to_whom_there_is_and_to_nobody_else(run: Run, bus: Stack, audited: Audited) -> None:
    audited([ADDED])
    before = len(bus.commands())
    done = run("halt", "--strategy", "swin", "--reason", "odd", "--config", bus.config)
    assert (done.status, done.err) == (2, "regimeflow: no strategy is called 'swin'; there are cross, hold, swing\n")
    assert len(bus.commands()) == before
    done = run("halt", "--strategy", "swing", "--reason", "odd", "--config", bus.config)
    assert (done.status, done.err) == (0, "")


def test_a_cancel_of_an_order_nobody_knows_is_journaled_all_the_same_and_says_so(run: Run, bus: Stack, audited: Audited) -> None:
    terms = OrderTerms("ACME", OrderSide.BUY, OrderType.LIMIT, Decimal(1), Decimal(90))
    audited([OrderIntent("cross:1:1", "cross", terms)])
    known = run("cancel", "cross:1:1", "--config", bus.config)
    assert (known.status, known.err) == (0, "")
    done = run("cancel", "cross:1:7", "--config", bus.config)
    assert (done.status, done.err) == (1, "regimeflow: no order that is open is called 'cross:1:7'; `regimeflow orders` shows which are\n")
    assert [e.order_id for e in bus.commands()[-2:] if isinstance(e, CancelRequested)] == ["cross:1:1", "cross:1:7"]


BREAK = Break("position", "ACME", "5", "7")
READ = ReconcileCompleted(4, clean=True, breaks=(), pending=0, report=9)  # asked for before the command: no answer to it


@pytest.mark.parametrize(
    ("then", "status", "said"),
    [
        ([READ, ReconcileRequested(5, "", "operator"), ReconcileCompleted(5, clean=True, breaks=(), pending=0, report=9)], 0, "log and broker agree"),
        (
            [READ, ReconcileRequested(5, "", "operator"), ReconcileCompleted(5, clean=False, breaks=(), pending=2, report=9)],
            0,
            "2 differences are inside",
        ),
        (
            [READ, ReconcileRequested(5, "", "operator"), ReconcileCompleted(5, clean=False, breaks=(BREAK,), pending=0, report=9)],
            1,
            "position ACME: ours 5, theirs 7; nobody reported what changed the position",
        ),
        ([READ, ReconcileRequested(5, "", "operator"), ReconcileFailed(5, "timeout")], 1, "the broker could not be read: timeout"),
        ([READ, ReconcileRequested(5, "", "operator"), ReconcileRequested(1, "", "start"), ReconcileFailed(1, "down")], 1, "could not be read: down"),
        ([READ], AWAY, "no reading since within 0.5 s"),
    ],
    ids=["clean", "pending", "breaks", "failed", "by its successor", "none yet"],
)
def test_reconcile_tells_of_the_first_reading_that_was_asked_for_after_it(
    run: Run, bus: Stack, audited: Audited, monkeypatch: pytest.MonkeyPatch, then: list[Event], status: int, said: str
) -> None:
    name = f"names{len(bus.commands())}"
    monkeypatch.setattr("services.live.operator.new_command", lambda: name)
    if status == AWAY:
        monkeypatch.setattr("services.control.reconcile.ANSWER_S", 0.5)
    audited([ReconcileRequested(4, "", "interval"), ReconcileNow(name, "ann", "why"), *then])
    done = run("reconcile", "--reason", "why", "--config", bus.config)
    assert (done.status, said in done.out + done.err) == (status, True), done
    assert isinstance(bus.commands()[-1], ReconcileNow)


def test_reconcile_for_scripts(run: Run, bus: Stack, audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.live.operator.new_command", lambda: "forscripts")
    audited(
        [
            ReconcileNow("forscripts", "ann", "why"),
            ReconcileRequested(1, "", "operator"),
            ReconcileCompleted(1, clean=True, breaks=(), pending=0, report=9),
        ]
    )
    said = json.loads(run("reconcile", "--reason", "why", "--json", "--config", bus.config).out)
    assert (said["event"], said["command"], said["outcome"]["clean"]) == ("ReconcileNow", "forscripts", True)
