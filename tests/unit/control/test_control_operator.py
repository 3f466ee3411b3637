"""Operator commands: journaled before the command says so, exactly as asked; refused where they would do nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from shared.events import (
    AccountOpened,
    Alert,
    CancelRequested,
    ClaimRequested,
    Event,
    FlattenRequested,
    HaltRequested,
    HoldingAssigned,
    LimitChanged,
    LimitOverridden,
    ReduceRequested,
    ResumeRequested,
    Scope,
    Severity,
)
from shared.events.control import Command
from tests.unit.control.conftest import Run, Stack


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["halt", "--reason", "why"], HaltRequested("", "", "why", Scope.GLOBAL, "")),
        (["halt", "--reason", "why", "--strategy", "cross"], HaltRequested("", "", "why", Scope.STRATEGY, "cross")),
        (["resume", "--reason", "why", "--symbol", "ACME"], ResumeRequested("", "", "why", Scope.SYMBOL, "ACME")),
        (["reduce", "--reason", "why"], ReduceRequested("", "", "why", Scope.GLOBAL, "")),
        (["flatten"], FlattenRequested("", "", "", "")),
        (["flatten", "--symbol", "ACME", "--reason", "found there"], FlattenRequested("", "", "found there", "ACME")),
        (["cancel", "cross:1:17"], CancelRequested("", "", "", "cross:1:17")),
        (["cancel", "--all", "--reason", "why"], CancelRequested("", "", "why", "")),
    ],
)
def test_a_command_is_in_the_log_when_it_returns(run: Run, bus: Stack, arguments: list[str], expected: Command) -> None:
    before = len(bus.commands())

    done = run(*arguments, "--config", bus.config, "--json")

    assert (done.status, done.err) == (0, "")
    (journaled,) = bus.commands()[before:]
    said = json.loads(done.out)
    assert isinstance(journaled, Command)
    assert type(journaled) is type(expected)
    fields = [name for name in expected.__struct_fields__ if name not in ("command", "operator")]
    assert [getattr(journaled, f) for f in fields] == [getattr(expected, f) for f in fields]
    assert said["event"] == type(expected).__name__
    assert (said["command"], said["operator"]) == (journaled.command, journaled.operator)
    assert "@" in journaled.operator
    assert said["seq"] > 0


def test_a_claim_is_journaled_and_says_so_where_nobody_answers(run: Run, bus: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.control.claim.ANSWER_S", 0.1)
    done = run("claim", "--symbol", "ACME", "--strategy", "cross", "--quantity", "-5", "--reason", "why", "--config", bus.config)
    journaled = bus.commands()[-1]
    assert isinstance(journaled, ClaimRequested)
    assert (journaled.symbol, journaled.strategy, journaled.quantity, journaled.reason) == ("ACME", "cross", "-5", "why")
    assert done.status == 0
    assert "risk has not answered within" in done.out


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (HoldingAssigned("ACME", "cross", Decimal(60), Decimal("80.5"), "abc"), 0, "claim: 60 ACME for cross at 80.5, command abc"),
        (Alert(Severity.WARNING, "claim:abc", "claim of ACME for cross refused: 70 is not within the 60 unassigned"), 1, "refused: 70 is not within"),
    ],
)
def test_a_claim_says_what_became_of_it(
    run: Run,
    bus: Stack,
    audited: Callable[[Sequence[Event]], Stack],
    monkeypatch: pytest.MonkeyPatch,
    answer: Event,
    status: int,
    said: str,
) -> None:
    monkeypatch.setattr("services.live.operator.new_command", lambda: "abc")
    audited([AccountOpened("acc", "USD", Decimal(1), Decimal(1), ("ACME",), (Decimal(60),), (Decimal("80.5"),)), answer])
    done = run("claim", "--symbol", "ACME", "--strategy", "cross", "--reason", "why", "--config", bus.config)
    assert (done.status, said in (done.out + done.err)) == (status, True), done
    assert run("positions", "--config", bus.config).status == 0


def test_a_reason_is_one_line_of_some_length_whatever_was_typed(run: Run, bus: Stack) -> None:
    said = "why\n\x1b[31mred" + "x" * 40_000
    assert run("reduce", "--reason", said, "--config", bus.config).status == 0
    journaled = bus.commands()[-1]
    assert isinstance(journaled, ReduceRequested)
    assert journaled.reason == ("why??[31mred" + "x" * 40_000)[:500]


def test_two_commands_have_two_names(run: Run, bus: Stack) -> None:
    for _ in range(2):
        run("reduce", "--reason", "x", "--config", bus.config)
    one, two = bus.commands()[-2:]
    assert isinstance(one, Command)
    assert isinstance(two, Command)
    assert one.command != two.command


def test_people_are_told_where_it_stands(run: Run, bus: Stack) -> None:
    done = run("halt", "--reason", "x", "--strategy", "hold", "--config", bus.config)
    assert done.out.startswith("halt of strategy hold: journaled at seq ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["halt", "--reason", "x", "--strategy", "cros"], "no strategy is called 'cros'; there are cross, hold"),
        (["halt", "--reason", "x", "--symbol", "AMCE"], "'AMCE' is not held, nor in live.symbols: ACME, GLOBEX"),
        (["halt", "--reason", "x", "--symbol", "ACME", "--strategy", "cross"], "name a strategy or a symbol, not both"),
        (["cancel", "cross:1:1", "--all"], "name one order, or say --all"),
        (["claim", "--symbol", "ACME", "--strategy", "cros", "--reason", "x"], "no strategy is called 'cros'; there are cross, hold"),
        (["claim", "--symbol", "ACME", "--strategy", "hold", "--quantity", "ten", "--reason", "x"], "--quantity: 'ten' is no number"),
    ],
)
def test_what_would_do_nothing_is_refused_and_not_journaled(
    run: Run, bus: Stack, audited: Callable[[Sequence[Event]], Stack], arguments: list[str], said: str
) -> None:
    audited(())
    before = len(bus.commands())
    done = run(*arguments, "--config", bus.config)
    assert (done.status, done.err) == (2, f"regimeflow: {said}\n")
    assert len(bus.commands()) == before


def test_without_a_bus_nothing_is_claimed(run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory) -> None:
    monkeypatch.setattr("services.control.commands.ACKNOWLEDGE_S", 0.2)
    elsewhere = stack.config.with_name("elsewhere.yaml")
    elsewhere.write_text(stack.config.read_text().replace("/s\n", "/other\n"))
    done = run("halt", "--reason", "x", "--config", elsewhere)
    assert done.status == 5
    assert done.err.startswith("regimeflow: the bus does not answer")
    assert not done.out


def test_a_limit_is_changed_and_given_back(run: Run, bus: Stack) -> None:
    before = len(bus.commands())
    said = run("limit", "set", "max_notional", "25000", "--strategy", "cross", "--reason", "thin", "--expires", "2h", "--config", bus.config)
    run("limit", "clear", "limits.max_notional", "--strategy", "cross", "--reason", "done", "--config", bus.config)

    changed, cleared = bus.commands()[before:]
    assert said.out.startswith("limit limits.max_notional = 25000 of strategy cross: journaled at seq ")
    assert isinstance(changed, LimitChanged)
    assert isinstance(cleared, LimitChanged)
    assert (changed.key, changed.value, changed.scope, changed.scope_key) == ("limits.max_notional", "25000", Scope.STRATEGY, "cross")
    assert 0 < changed.expires_at - time.time_ns() <= 7_200_000_000_000
    assert (cleared.key, cleared.value, cleared.expires_at) == ("limits.max_notional", "", 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["max_notinal", "1"], "max_notinal: no limit that can change while running; did you mean max_notional?"),
        (["max_notional", "nan"], "limits.max_notional: 'nan' is no value such as 50000, 0.5, true or null"),
        (["max_position_pct", "20"], "limits.max_position_pct: should be less than or equal to 4, got 20"),
        (["collar_bps", "50", "--strategy", "cross"], "collar_bps: is a limit of the account, not of a strategy or symbol"),
        (["max_notional", "1", "--expires", "soon"], "'soon' is no duration such as 30s, 5m or 1h"),
    ],
)
def test_a_limit_the_file_may_not_have_is_refused_and_not_journaled(run: Run, bus: Stack, arguments: list[str], said: str) -> None:
    before = len(bus.commands())
    done = run("limit", "set", *arguments, "--reason", "x", "--config", bus.config)
    assert done.status == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert len(bus.commands()) == before


def test_what_is_changed_is_listed(run: Run, audited: Callable[[Sequence[Event]], Stack]) -> None:
    stack = audited([LimitOverridden("c1", "set", Scope.SYMBOL, "ACME", "limits.max_position", "null", "100", 0, "ann: thin")])
    assert "ACME" in run("limit", "list", "--config", stack.config).out
    (row,) = json.loads(run("limit", "list", "--json", "--config", stack.config).out)
    assert (row["key"], row["value"], row["before"]) == ("limits.max_position", "100", "null")
    assert row["what_to_do"] == "`regimeflow limit clear limits.max_position --symbol ACME --reason TEXT` gives back the configuration's value"
