"""The stack in real containers, as shipped: it is built and comes up in order, trades, survives the death of each container and of all at
once, stops with nothing at work, comes up again with the same log; and the paper venue's ledger then tells the same story as the journal.

`make compose-test`; minutes long, and it needs a Docker engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from shared.config import load
from tests.support.containers import DEPLOY, ROOT, Containers, engine_missing
from tests.support.stack import SERVICES
from tests.support.truth import disagreements

MISSING = "run it with `make compose-test`" if os.environ.get("REGIMEFLOW_COMPOSE") != "1" else engine_missing()
MORE_FILLS = 2

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Containers]:
    """Built, up and healthy; removed with its volumes at the end."""
    containers = Containers("regimeflow_test", "regimeflow-live:compose-test")
    containers.compose("down", "--volumes")
    containers.run(DEPLOY / "build", "--quiet")
    try:
        containers.compose("up", "--detach")
        all_healthy(containers)
        yield containers
    finally:
        containers.compose("down", "--volumes", check=False)


def all_healthy(stack: Containers) -> None:
    stack.wait(lambda: all(life.healthy for life in stack.lives(*SERVICES).values()), "all healthy")


def started(stack: Containers, services: Sequence[str]) -> dict[str, str]:
    return {service: life.started for service, life in stack.lives(*services).items()}


def trades_on(stack: Containers) -> None:
    before = stack.fills()
    stack.wait(lambda: stack.fills() >= max(before, 0) + MORE_FILLS, f"trading goes on after fill {before}")


def test_it_came_up_in_order_of_health_and_trades(stack: Containers) -> None:
    at = started(stack, SERVICES)
    assert at["bus"] < min(at["paper_venue"], at["auditor"])
    assert max(at["paper_venue"], at["auditor"]) < min(at[name] for name in ("gateway", "risk_engine", "order_router", "reconciler"))
    assert max(at.values()) == at["strategy_runner"]
    trades_on(stack)
    status = stack.status()
    assert status is not None
    assert status["trading_enabled"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_dies_and_trading_goes_on_with_the_same_log(stack: Containers, service: str) -> None:
    status = stack.status()
    assert status is not None
    others = [name for name in SERVICES if name != service]
    before, untouched = stack.life(service), started(stack, others)

    stack.crash(service)
    stack.wait(lambda: stack.life(service).started != before.started and stack.life(service).healthy, f"{service} is restarted by the engine")
    assert stack.life(service).restarts == before.restarts + 1
    trades_on(stack)

    stack.kill(service)
    assert stack.life(service).exit_status == 137
    stack.run("docker", "start", stack.id_of(service))
    stack.wait(lambda: stack.life(service).healthy, f"{service} comes back when it is started")
    trades_on(stack)

    after = stack.status()
    assert after is not None
    assert after["log_id"] == status["log_id"]
    assert started(stack, others) == untouched, "somebody else was taken down with it"


def test_all_die_at_once_and_trading_goes_on_with_the_same_log(stack: Containers) -> None:
    status = stack.status()
    assert status is not None
    stack.kill(*SERVICES)
    stack.compose("up", "--detach")
    all_healthy(stack)
    trades_on(stack)
    after = stack.status()
    assert after is not None
    assert after["log_id"] == status["log_id"]


def test_journal_and_audit_log_verify_while_it_runs(stack: Containers) -> None:
    assert b"clean" in stack.inside("bus", "regimeflow", "journal", "verify").stdout
    assert b"clean" in stack.inside("auditor", "regimeflow", "audit", "verify").stdout


def test_a_container_can_write_its_own_volume_and_nothing_else(stack: Containers) -> None:
    def may_write(service: str, path: str) -> bool:
        return stack.inside(service, "sh", "-c", f"touch {path}/probe && rm {path}/probe", check=False).returncode == 0

    for service in SERVICES:
        assert stack.inside(service, "id", "-u").stdout.strip() == b"10001"
        assert not any(may_write(service, place) for place in ("/", "/opt/regimeflow", "/etc/regimeflow"))
    own = {service for service in SERVICES if may_write(service, "/var/lib/regimeflow")}
    assert own == {"bus", "paper_venue", "reconciler"}
    assert [service for service in SERVICES if may_write(service, "/var/lib/regimeflow/logs")] == [
        service for service in SERVICES if service in own or service == "auditor"
    ]


def test_stopped_and_started_again_it_goes_on_and_the_venue_and_the_journal_agree(stack: Containers, tmp_path: Path) -> None:
    status = stack.status()
    assert status is not None
    stack.run(DEPLOY / "stop")
    assert stack.compose("ps", "-q").strip() == ""

    stack.compose("up", "--detach")
    all_healthy(stack)
    trades_on(stack)
    after = stack.status()
    assert after is not None
    assert after["log_id"] == status["log_id"]
    assert after["counts"]["fills"] > status["counts"]["fills"]
    stack.run(DEPLOY / "stop")

    journal = stack.volume("state", tmp_path / "state") / "journal.db"
    ledger = stack.volume("venue", tmp_path / "venue") / "paper_ledger.db"
    cash = Decimal(load(ROOT / "configs" / "paper.yaml").config.paper.initial_cash)
    assert disagreements(journal, ledger, cash) == []
