"""`regimeflow replay` on the journals of real sessions: identical as they are, kill -9 included; told differently, it says where.

The copies are sealed again, so `journal verify` finds nothing wrong with them: only deciding anew does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
import yaml

from services.control import replay
from services.control.main import run
from shared.bus.verify import verify
from shared.events import Bar, Envelope, Event, OrderDenied, OrderFilled, OrderIntent, OrderSide
from tests.support.rewritten import envelopes, rewritten
from tests.support.stack import ROOT, Stack, config_of
from tests.unit.bus.journal_builders import tamper

DATA = ROOT.parent / "shared" / "data" / "minute" / "SPY.bars.csv.gz"
STRATEGIES = [
    {"id": "cross", "name": "moving_average_cross", "symbols": ["ACME"], "budget": 50_000}
    | {"params": {"fast_period": 3, "slow_period": 8, "quantity": 10}},
    {"id": "greedy", "name": "moving_average_cross", "symbols": ["GLOBEX"], "budget": 50_000}
    | {"params": {"fast_period": 2, "slow_period": 4, "quantity": 1_000}},  # more than live.risk.limits.max_notional each time
]


@dataclass(frozen=True)
class Session:
    """A session that ended: its configuration and its journal."""

    config: Path
    journal: Path
    log: list[Envelope]

    def altered(self, target: Path, edit: Callable[[Envelope], Event | None]) -> Path:
        path = rewritten(self.journal, target / "journal.db", edit)
        assert verify(path).clean, "the copy must deceive verify, or it shows nothing about replay"
        return path

    def with_param(self, target: Path, name: str, value: object) -> Path:
        """The configuration with one parameter of the first strategy changed."""
        tree = yaml.safe_load(self.config.read_text())
        tree["live"]["strategies"][0]["params"][name] = value
        path = target / "config.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ran]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command in this process."""
    monkeypatch.setenv("PYTHONHASHSEED", replay.HASH_SEED)
    monkeypatch.setenv("REGIMEFLOW_DATA", str(ROOT.parent / "shared" / "data"))
    monkeypatch.delenv("REGIMEFLOW_CONFIG", raising=False)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    replay.add_to(app)

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        status = run(app, "regimeflow", [str(a) for a in arguments])
        return Ran(status, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Some market hours under the wall clock, through real processes; risk and a strategy worker are killed while they trade."""
    path = tmp_path_factory.mktemp("live")
    config = config_of("paper.yaml", path, live__strategies=STRATEGIES, bus__durability="process")
    with Stack(config, path).start() as stack:

        def count(*kinds: type[Event]) -> int:
            return sum(1 for _ in stack.events(*kinds))

        stack.wait(lambda: count(OrderFilled) >= 2 and count(OrderDenied) >= 1, "a denial and two fills")
        for victim in ("risk_engine", "strategy_runner"):
            stack.kill(victim)
        stack.revive()
        before = count(OrderFilled)
        stack.wait(lambda: count(OrderFilled) > before, "trading goes on")
        assert set(stack.stop().values()) == {0}, stack.tails()
    return Session(config, stack.journal, envelopes(stack.journal))


@pytest.fixture(scope="module")
def lockstep(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Two hours of real SPY minutes in lock-step."""
    if not DATA.exists():
        pytest.skip("needs ../shared/data beside the repository (real SPY minutes)")
    path = tmp_path_factory.mktemp("lockstep")
    config = config_of("replay.yaml", path, gateway__feed__end="2013-10-04T15:30:00Z")
    with Stack(config, path).start() as stack:
        stack.wait(stack.ended, "the feed's end")
        assert set(stack.stop().values()) == {0}, stack.tails()
    return Session(config, stack.journal, envelopes(stack.journal))


def test_a_live_session_is_decided_again_identically_kills_included(command: Command, live: Session) -> None:
    done = command("--journal", live.journal, "--config", live.config, "--json")
    assert (done.status, done.json["divergence"]) == (0, None), done.out
    said = [e for e in live.log if e.cause and e.source != "bus" and not e.source.startswith("control.")]
    newest = {r["source"]: r["run"] for r in done.json["runs"]}
    assert sum(r["compared"] for r in done.json["runs"]) >= sum(e.run == newest[e.source] for e in said)
    summary = done.json["summary"]
    assert summary["events.total"] == len(live.log) == sum(summary[f"events.{kind}"] for kind in ("market", "order", "system", "user"))
    assert summary["events.order"] > 10

    only = command("--input", live.journal, "--config", live.config, "--summary-only")
    assert only.status == 0
    assert [line.partition(":")[0] for line in only.out.splitlines()] == list(summary)


def test_a_lock_step_session_is_decided_again_identically(command: Command, lockstep: Session) -> None:
    done = command("--journal", lockstep.journal, "--config", lockstep.config, "--json")
    assert (done.status, done.json["divergence"]) == (0, None), done.out
    fills = sum(isinstance(e.event, OrderFilled) for e in lockstep.log)
    assert fills
    assert all(r["compared"] for r in done.json["runs"] if r["source"] in ("strategy.cross", "risk_engine", "order_router"))
    middle = len(lockstep.log) // 2
    cut = command("--journal", lockstep.journal, "--config", lockstep.config, "--json", "--until", middle)
    assert (cut.status, cut.json["upto"], cut.json["summary"]["events.total"]) == (0, middle, middle)


def test_one_price_altered(command: Command, live: Session, tmp_path: Path) -> None:
    bars = {e.seq: e for e in live.log if isinstance(e.event, Bar)}
    intent = next(e for e in reversed(live.log) if isinstance(e.event, OrderIntent) and e.event.strategy == "cross" and e.cause in bars)
    factor = 0.5 if intent.event.terms.side is OrderSide.BUY else 2.0  # type: ignore[attr-defined]
    copy = live.altered(
        tmp_path, lambda e: msgspec.structs.replace(e.event, close=bars[e.seq].event.close * factor) if e.seq == intent.cause else e.event
    )
    done = command("--journal", copy, "--config", live.config)
    assert done.status == 2
    assert f"first divergence at seq {intent.cause}: strategy.cross run {intent.run} n {intent.n}" in done.out
    assert f"  journal  seq {intent.seq}, n {intent.n}: OrderIntent order_id={intent.event.order_id}" in done.out  # type: ignore[attr-defined]
    assert "  replay   nothing" in done.out
    assert f"  cause    seq {intent.cause}, " in done.out
    assert f"close={bars[intent.cause].event.close * factor}" in done.out  # type: ignore[attr-defined]


def test_one_denial_removed(command: Command, live: Session, tmp_path: Path) -> None:
    denial = next(e for e in live.log if isinstance(e.event, OrderDenied))
    copy = live.altered(tmp_path, lambda e: None if e.seq == denial.seq else e.event)
    done = command("--journal", copy, "--config", live.config, "--json")
    assert done.status == 2
    found = done.json["divergence"]
    assert (found["source"], found["seq"], found["run"], found["n"]) == ("risk_engine", denial.cause, denial.run, denial.n)
    assert found["replay"]["type"] == "OrderDenied"
    assert found["replay"]["data"]["order_id"] == denial.event.order_id  # type: ignore[attr-defined]
    assert found["journal"] is None
    assert found["cause"]["type"] == "OrderIntent"
    assert (found["symbol"], found["market"]["data"]["symbol"]) == ("GLOBEX", "GLOBEX")
    assert found["market"]["seq"] < denial.cause


@pytest.mark.parametrize("which", ["live", "lockstep"])
def test_one_strategy_parameter_changed(command: Command, request: pytest.FixtureRequest, which: str, tmp_path: Path) -> None:
    session: Session = request.getfixturevalue(which)
    first = next(e for e in session.log if isinstance(e.event, OrderIntent) and e.event.strategy == "cross")
    config = session.with_param(tmp_path, "quantity", 7)
    done = command("--journal", session.journal, "--config", config)
    assert done.status == 2
    assert f"first divergence at seq {first.cause}: strategy.cross run 1 n {first.n}" in done.out
    assert "quantity=7 " in done.out
    assert "  differs  terms: " in done.out
    assert "ran under other code or settings" in done.out


def test_a_journal_that_does_not_verify_is_refused_first(command: Command, live: Session, tmp_path: Path) -> None:
    for name in ("journal.db", "journal.head"):
        shutil.copy(live.journal.parent / name, tmp_path / name)
    denial = next(e for e in live.log if isinstance(e.event, OrderDenied))
    tamper(tmp_path / "journal.db", f"DELETE FROM events WHERE seq = {denial.seq}")
    done = command("--journal", tmp_path / "journal.db", "--config", live.config)
    assert (done.status, done.out) == (1, "")
    assert "does not verify" in done.err
    assert str(denial.seq) in done.err


def test_wrong_calls_end_with_one(command: Command, live: Session, tmp_path: Path) -> None:
    for arguments in (
        ("--journal", live.journal),
        ("--journal", tmp_path / "nowhere.db", "--config", live.config),
        ("--journal", live.journal, "--config", tmp_path / "nowhere.yaml"),
        ("--journal", live.journal, "--config", live.config, "--until", "soon"),
    ):
        done = command(*arguments)
        assert (done.status, done.out) == (1, ""), arguments
        assert len(done.err.splitlines()) == 1, done.err
