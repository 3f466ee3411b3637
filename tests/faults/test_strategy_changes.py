"""A service killed at the very moment of a change of strategies, asked for by `regimeflow strategy` as an operator does: whoever it is and wherever
the change was, the command is answered once, all end with one list, the right one, and replay tells the same.

`make test` kills two services of a seeded choice; `make faults` every service at every point with every command. FAULTS_SEED chooses another order.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from services.backtest.replay_run import replay
from shared.config import load
from shared.config.revised import ADD, REMOVE, SET, fold
from shared.events import StrategyRevised, StrategyStarted
from shared.runtime.health import read_health
from shared.runtime.killpoints import POINT
from shared.runtime.places import Places
from tests.support.stack import ROOT, WAIT_S, Stack, config_of

WHOLE: Final = bool(int(os.environ.get("FAULTS_PASSES", "0")))
SEED: Final = int(os.environ.get("FAULTS_SEED", "20240105"))
HOLD: Final = {"id": "hold", "name": "buy_and_hold", "params": {"symbol": "GLOBEX", "quantity": 25}, "symbols": ["GLOBEX"], "budget": 50_000}
CROSS: Final = ("--name", "moving_average_cross", "--params", "fast_period=2", "--params", "slow_period=3", "--symbols", "ACME", "--budget", "1000")
VERBS: Final = (ADD, SET, REMOVE)
LIVE_MAX: Final = 3
SLICE: Final = 2
POINTS: Final = (
    ("risk_engine", "received/StrategyChanged"),
    ("risk_engine", "decided/StrategyRevised"),
    ("risk_engine", "sent/StrategyRevised"),
    ("risk_engine", "durable/StrategyRevised"),
    ("bus", "bus_committed/StrategyChanged"),
    ("bus", "bus_received/StrategyRevised"),
    ("bus", "bus_committed/StrategyRevised"),
    ("bus", "bus_acked/StrategyRevised"),
    ("gateway", "received/StrategyRevised"),
    ("auditor", "observed/StrategyRevised"),
    ("strategy_runner", "received/StrategyRevised"),
    ("strategy_runner", "decided/StrategyStopped"),
)
ENDS: Final = ("strategy_runner",)  # its points are passed by the strategy that ends: not by one that is added


@dataclass(frozen=True)
class Kill:
    service: str
    point: str
    verb: str


def kills(rng: random.Random) -> list[Kill]:
    """In an order in which there is always something to set or remove: both take from what `add` gave."""
    every = [Kill(service, point, verb) for service, point in POINTS for verb in VERBS if not (service in ENDS and verb == ADD)]
    rng.shuffle(every)
    if not WHOLE:
        first = {kill.service: kill for kill in reversed(every)}
        return [first[service] for service in rng.sample(sorted(first), SLICE)]
    return every


class Desk:
    """The operator: what stands by the answers so far, and what can be asked next. expected: (outcome, strategy) in order."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.n = rng, 0
        self.live = ["hold"]
        self.slow: dict[str, int] = {}
        self.names = ["hold"]
        self.expected: list[tuple[str, str]] = []

    def settable(self) -> list[str]:
        return [name for name in self.live if name != "hold"]

    def can(self, verb: str) -> bool:
        return bool(len(self.live) < LIVE_MAX if verb == ADD else self.settable() if verb == SET else self.live)

    def command(self, verb: str) -> tuple[str, ...]:
        """The words of a command, which is expected to be done from here on."""
        if verb == ADD:
            self.n += 1
            name = f"s{self.n}"
            self.live.append(name)
            self.names.append(name)
            self.expected.append(("added", name))
            return (ADD, "--id", name, *CROSS)
        if verb == SET:
            name = self.rng.choice(self.settable())
            self.slow[name] = self.slow.get(name, 3) + 1
            self.expected.append(("set", name))
            return (SET, name, f"slow_period={self.slow[name]}")
        name = self.rng.choice(self.live)
        self.live.remove(name)
        self.expected.append(("removed", name))
        return (REMOVE, name)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """No snapshots: who starts again folds every change so far, which the auditor's kill point counts on."""
    running = Stack(config_of("paper.yaml", tmp_path, live__strategies=[HOLD], journal={"snapshot_events": 1_000_000}), tmp_path)
    yield running.start()
    running.stop()


def lives(stack: Stack) -> dict[str, str]:
    return {row["strategy"]: row["state"] for row in stack.view("status").get("strategies", ())}


def ready(stack: Stack, service: str) -> bool:
    """Past its recovery: from here on its kill points mean what comes."""
    said = read_health(Places.of(load(stack.config, offline=True).config).health / f"{service}.json")
    return said is not None and (said["state"], said["pid"]) == ("ready", stack.processes[service].pid)


def answered(stack: Stack) -> list[StrategyRevised]:
    return [e.event for e in stack.events(StrategyRevised)]


def begun_since(stack: Stack, names: Sequence[str]) -> bool:
    """Whether each has begun a run after its newest answer: changes that come while its worker is away are one new run."""
    newest = {e.event.strategy: e.seq for e in stack.events(StrategyRevised)}
    begun = {e.event.strategy: e.seq for e in stack.events(StrategyStarted)}
    return all(begun.get(name, -1) > newest.get(name, 0) for name in names)


def asked(stack: Stack, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "services.control.main", "strategy", *words, "--reason", "drill", "--config", str(stack.config)]
    with (stack.directory / "out" / "operator.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)


def killed_at_a_command(stack: Stack, kill: Kill, words: tuple[str, ...]) -> None:
    """The service dies at its point while the command is on its way, and is started again as a supervisor does."""
    before = len(answered(stack))
    point = f"{kill.point}:{before + 1 if kill.service == 'auditor' else 1}"
    stack.wait(lambda: all(ready(stack, s) for s in stack.services), f"all are ready before {point}", stack.revive)
    stack.kill(kill.service)
    stack.special[kill.service] = {POINT: point}
    stack.start(kill.service)
    stack.wait(lambda: ready(stack, kill.service), f"{kill.service} is ready to die at {point}")

    operator = asked(stack, *words)
    try:
        stack.wait(lambda: kill.service not in stack.alive(), f"{kill.service} is killed at {point} by {words}")
        assert stack.processes[kill.service].returncode == -signal.SIGKILL
        del stack.special[kill.service]
        stack.wait(lambda: len(answered(stack)) > before, f"{words} is answered after {point}", stack.revive)
        stack.wait(lambda: operator.poll() is not None, f"{words} is told", stack.revive)
    finally:
        operator.kill()
        operator.wait(30)
    if kill.service != "bus":  # with the bus gone for longer than the operator waits, nobody can tell them
        assert operator.returncode == 0, (stack.directory / "out" / "operator.log").read_text()


@pytest.mark.timeout(4 * 3_600 if WHOLE else 900)
def test_whoever_dies_at_the_moment_of_a_change_all_end_with_one_list(stack: Stack) -> None:
    rng = random.Random(SEED)
    desk = Desk(rng)
    campaign = kills(rng)
    print(f"seed {SEED}: {len(campaign)} kills")
    stack.wait(lambda: lives(stack) == {"hold": "running"}, "hold runs", stack.revive)
    waiting = list(campaign)
    while waiting:
        kill = next((k for k in waiting if desk.can(k.verb)), None)
        if kill is None:  # none of what is left can be asked: what makes room, or fills it, meets no kill
            words = desk.command(ADD if len(desk.live) < LIVE_MAX else REMOVE)
            assert asked(stack, *words).wait(WAIT_S) == 0
            stack.wait(lambda: len(answered(stack)) == len(desk.expected), f"{words} is answered", stack.revive)
        else:
            waiting.remove(kill)
            killed_at_a_command(stack, kill, desk.command(kill.verb))

    assert [(e.outcome, e.strategy) for e in answered(stack)] == desk.expected
    standing: dict[str, StrategyRevised] = {}
    for answer in answered(stack):
        fold(standing, answer)
    expected = {name: "running" if name in desk.live else "removed" for name in desk.names}
    stack.wait(lambda: lives(stack) == expected, f"all have one list: {expected}", stack.revive)
    for name in set(desk.live) & desk.slow.keys():
        assert json.loads(standing[name].definition)["params"]["slow_period"] == desk.slow[name]
    stack.wait(lambda: begun_since(stack, desk.live), "what stands runs as its newest answer says", stack.revive)
    stack.stop()
    assert replay(stack.journal, load(stack.config, offline=True)).identical
