"""`strategy add|remove|set|list`: what is asked is checked as the file would be, journaled whole, and the answer is risk's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from services.control import answers, strategies
from shared.bus.journal import Journal
from shared.bus.port import Durability
from shared.bus.record import record_of
from shared.events import Envelope, Event, StrategyChanged, StrategyRevised, StrategyStarted
from tests.unit.control.conftest import CONFIG, Run, Stack

MINE = "from shared.strategy import Strategy\n\n\nclass Mine(Strategy):\n    pass\n"
CROSS = ["--name", "moving_average_cross", "--params", "fast_period=2", "--params", "slow_period=5"]


@pytest.fixture(autouse=True)
def impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers here: what waits for a word does not wait long."""
    if "audited" not in request.fixturenames:
        monkeypatch.setattr(answers, "ANSWER_S", 0.1)
        monkeypatch.setattr(strategies, "ANSWER_S", 0.2)


def journaled(run: Run, bus: Stack, *arguments: object) -> StrategyChanged:
    """The command in the log; nobody answers it here."""
    before = len(bus.commands())
    done = run("strategy", *arguments, "--reason", "why", "--config", bus.config)
    assert (done.status, done.err) == (0, ""), done.err
    assert "journaled at seq " in done.out
    assert "risk has not answered within 0.2 s" in done.out
    (event,) = bus.commands()[before:]
    assert isinstance(event, StrategyChanged)
    assert event.reason == "why"
    return event


def test_a_built_in_one_is_journaled_with_all_that_was_written(run: Run, bus: Stack, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("fast_period: 2\nquantity: 1\n")
    options = ["--params", file, "--params", "slow_period=5", "--symbols", "ACME", "--budget", "20000.50", "--limit", "max_notional=5000"]
    event = journaled(run, bus, "add", "--id", "swing", "--name", "moving_average_cross", *options, "--warmup-bars", "20")
    assert (event.strategy, event.action) == ("swing", "add")
    assert json.loads(event.definition) == {
        "id": "swing",
        "name": "moving_average_cross",
        "params": {"fast_period": 2, "quantity": 1, "slow_period": 5},
        "symbols": ["ACME"],
        "budget": "20000.5",
        "limits": {"max_notional": "5000"},
        "warmup_bars": 20,
    }


def test_a_file_of_ones_own_and_the_files_own_entry(run: Run, bus: Stack) -> None:
    (bus.directory / "mine.py").write_text(MINE)
    event = journaled(run, bus, "add", "--id", "mine", "--path", "mine.py:Mine", "--budget", "1")
    assert json.loads(event.definition)["symbols"] == ["ACME", "GLOBEX"], "all there are, by name"
    event = journaled(run, bus, "add", "--id", "cross")
    assert json.loads(event.definition) == {"id": "cross", "name": "moving_average_cross", "symbols": ["ACME"], "budget": "50000.00"}


def test_remove_and_set(run: Run, bus: Stack) -> None:
    event = journaled(run, bus, "remove", "cross")
    assert (event.strategy, event.action, event.definition) == ("cross", "remove", "")
    event = journaled(run, bus, "set", "cross", "slow_period=30", "quantity=0.5")
    assert (event.action, event.definition) == ("set", '{"params":{"quantity":0.5,"slow_period":30}}')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "--id", "Swing", *CROSS, "--budget", "1"], "id: "),
        (["add", "--id", "swing", "--budget", "1"], "name: required key is missing (or `path`); the file lists no 'swing'"),
        (["add", "--id", "swing", *CROSS], "--budget: required"),
        (["add", "--id", "swing", *CROSS, "--budget", "-1"], "budget: "),
        (["add", "--id", "swing", *CROSS, "--budget", "1", "--symbols", "ACME,NONE"], "symbols: no feed subscribes NONE; live.symbols: ACME, GLOBEX"),
        (["add", "--id", "swing", *CROSS, "--budget", "1", "--limit", "max_notinal=1"], "limits.max_notinal: unknown key; nearest: max_notional"),
        (["add", "--id", "swing", *CROSS, "--budget", "1", "--params", "slow_period=1"], "slow_period"),
        (["add", "--id", "swing", *CROSS, "--budget", "1", "--params", "speed=1"], "params.speed: unknown key"),
        (["add", "--id", "swing", "--name", "moving_avrage", "--budget", "1"], "nearest: moving_average_cross"),
        (["add", "--id", "swing", "--path", "none.py:Mine", "--budget", "1"], "none.py is no file"),
        (["add", "--id", "swing", "--path", "broken.py:Mine", "--budget", "1"], "broken.py:Mine: ZeroDivisionError"),
        (["add", "--id", "swing", *CROSS, "--budget", "1", "--params", "gone.yaml"], "--params: gone.yaml: No such file"),
        (["set", "cross", "slow_period"], "parameter: 'slow_period' is not KEY=VALUE"),
        (["set", "cross", "slow_period=[1"], "parameter: slow_period: '[1' is not JSON"),
        (["set", "cross", "slow_priod=3"], "params.slow_priod: unknown key; nearest: slow_period"),
        (["set", "swing", "slow_period=3"], "no strategy is called 'swing'; `regimeflow strategy list`"),
    ],
)
def test_what_the_file_could_not_say_is_refused_in_one_line_and_not_journaled(
    run: Run, bus: Stack, audited: Callable[[Sequence[Event]], Stack], arguments: list[str], said: str
) -> None:
    audited(())
    (bus.directory / "broken.py").write_text("1 / 0\n")
    before = len(bus.commands())
    done = run("strategy", *arguments, "--reason", "x", "--config", bus.config)
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert said in done.err
    assert len(bus.commands()) == before


def test_of_a_strategy_the_file_does_not_list_nobody_says_that_there_is_none_while_the_auditor_is_away(run: Run, bus: Stack) -> None:
    before = len(bus.commands())
    done = run("strategy", "set", "swing", "slow_period=3", "--reason", "x", "--config", bus.config)
    said = "regimeflow: the file lists no strategy 'swing', and the auditor does not answer: what was added since is not known\n"
    assert (done.status, done.err) == (5, said)
    assert len(bus.commands()) == before


def test_risks_refusal_is_the_commands(run: Run, bus: Stack, audited: Callable[[Sequence[Event]], Stack], monkeypatch: pytest.MonkeyPatch) -> None:
    audited([StrategyRevised("c0ffee", "refused", "cross", 9, "", Decimal(0), "removed already: cross")])
    monkeypatch.setattr("services.live.operator.new_command", lambda: "c0ffee")
    done = run("strategy", "remove", "cross", "--reason", "x", "--config", bus.config)
    assert (done.status, done.err) == (1, "regimeflow: strategy remove cross: removed already: cross\n")


def test_the_list_is_the_file_with_what_commands_made_of_it(run: Run, audited: Callable[[Sequence[Event]], Stack]) -> None:
    entry = '{"budget":"500","id":"swing","name":"buy_and_hold","params":{"quantity":2},"symbols":["ACME"]}'
    stack = audited(
        [
            StrategyStarted("cross", 1, "moving_average_cross", ("ACME",), deterministic=True),
            StrategyRevised("c1", "set", "cross", 17, '{"params":{"slow_period":9}}', Decimal(0), "ann: slower"),
            StrategyRevised("c2", "removed", "hold", 18, "", Decimal(0), "ann: weak"),
            StrategyRevised("c3", "added", "swing", 19, entry, Decimal(500), "ann: trial"),
        ]
    )
    rows = {row["strategy"]: row for row in json.loads(run("strategy", "list", "--json", "--config", stack.config).out)}
    assert {key: (row["state"], row["changed"], row["in_force_from"], row["params"], row["budget"]) for key, row in rows.items()} == {
        "cross": ("running", "set", 17, "slow_period=9", "50000.00"),
        "hold": ("removed", "removed", 18, "", None),
        "swing": ("waiting", "added", 19, "quantity=2", "500"),
    }
    assert "in force from" in run("strategy", "list", "--config", stack.config).out
    shown = run("status", "--config", stack.config).out
    assert "`regimeflow strategy add --id hold --reason TEXT` brings it back as the file has it" in shown
    said = run("halt", "--strategy", "nobody", "--reason", "x", "--config", stack.config).err
    assert said == "regimeflow: no strategy is called 'nobody'; there are cross, hold, swing\n"


def test_config_check_says_what_lies_over_the_file(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "live.yaml"
    config.write_text(CONFIG.format(directory=tmp_path))
    assert run("config", "check", config).out == f"{config}: in order\n", "no journal is nothing changed"
    (tmp_path / "s").mkdir()
    journal = Journal.open(tmp_path / "s" / "journal.db", Durability.PROCESS)
    for n, outcome in enumerate(("set", "removed"), 1):
        event = StrategyRevised("c", outcome, "hold", n, "", Decimal(0), "ann: weak")
        journal.append([record_of(Envelope(journal.head_seq + 1, n, event.topic, "risk_engine", 1, n, 0, 1, event))])
    journal.close()
    assert "strategy hold: removed while running, in force from seq 2, over this file" in run("config", "check", config).out
    assert json.loads(run("config", "check", config, "--json").out)["changed"] == [{"strategy": "hold", "changed": "removed", "in_force_from": 2}]


def test_config_check_says_that_a_journal_cannot_be_read(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "live.yaml"
    config.write_text(CONFIG.format(directory=tmp_path))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "journal.db").write_bytes(b"not a journal" * 100)
    assert "what operators changed while running is not known" in run("config", "check", config).out
    said = json.loads(run("config", "check", config, "--json").out)
    assert (said["changed"], "journal.db" in said["unread"]) == (None, True)
