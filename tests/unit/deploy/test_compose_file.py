"""The compose file and the Dockerfile against the services and the configuration they must fit, without an engine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.control.service import Service
from shared.config import is_secret_name, load
from shared.runtime.places import Places

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
STATE = "/var/lib/regimeflow"
BROKER_SESSIONS = {"gateway", "order_router", "reconciler"}

each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def default(text: str) -> str:
    """A value with its variables left unset."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def mounts(name: str) -> dict[str, str]:
    """Target to source."""
    parts = [default(text).split(":") for text in SERVICES[name]["volumes"]]
    return {target: source for source, target, *_ in parts}


def needed(name: str) -> set[str]:
    """Everything that was healthy before this one starts."""
    direct = set(SERVICES[name].get("depends_on", {}))
    return direct.union(*(needed(other) for other in direct)) if direct else direct


def in_container(name: str, config: Path) -> Places:
    """Where a service finds things, by the environment the compose file gives it."""
    return Places.of(load(config, SERVICES[name]["environment"]).config)


def test_every_service_has_one_container() -> None:
    all_in_one = {Service.SINGLE}
    assert set(SERVICES) == set(Service) - all_in_one


@each_service
def test_a_container_runs_its_service_under_its_own_name(name: str) -> None:
    service = SERVICES[name]
    assert service["command"] == ["service", name]
    assert service["environment"]["REGIMEFLOW_INSTANCE"] == name
    assert service["environment"]["PYTHONHASHSEED"] == "0"
    assert default(service["image"]) == f"regimeflow-live:{VERSION}"


@each_service
def test_a_container_may_do_little(name: str) -> None:
    service = SERVICES[name]
    user = service["user"].split(":")[0]
    assert user.isdecimal()
    assert user != "0"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"privileged", "cap_add", "ports", "devices"} & set(service)
    assert service["network_mode"] == ("bridge" if name in BROKER_SESSIONS else "none")


@each_service
def test_a_container_stops_in_time_and_restarts_within_a_budget(name: str) -> None:
    service = SERVICES[name]
    assert service["init"]
    assert int(service["stop_grace_period"].removesuffix("s")) >= 10
    assert re.fullmatch(r"on-failure:[1-9]\d?", service["restart"])


@each_service
def test_health_is_read_where_the_service_writes_it(name: str) -> None:
    test = SERVICES[name]["healthcheck"]["test"]
    assert test[:-1] == ["CMD", "python", "-m", "shared.runtime.health"]
    assert test[-1] == str(in_container(name, ROOT / "configs" / "paper.yaml").health)
    assert any(line.split(":")[0] == test[-1] for line in SERVICES[name]["tmpfs"]), "a report must not outlive its container"


def test_the_start_is_ordered_by_health() -> None:
    conditions = {link["condition"] for service in SERVICES.values() for link in service.get("depends_on", {}).values()}
    assert conditions == {"service_healthy"}
    assert needed("bus") == set()
    assert needed("paper_venue") == needed("auditor") == {"bus"}
    for name in ("gateway", "risk_engine", "order_router", "reconciler"):
        assert needed(name) == {"bus", "paper_venue", "auditor"}
    assert needed("strategy_runner") == set(SERVICES) - {"strategy_runner"}


@each_service
def test_it_finds_its_volumes_where_the_configuration_says(name: str) -> None:
    places, mounted = in_container(name, ROOT / "configs" / "paper.yaml"), mounts(name)
    assert mounted[str(places.sockets)] == "run"
    own = {
        "bus": ("state", places.journal.parent),
        "paper_venue": ("venue", places.ledger.parent),
        "auditor": ("logs", places.logs),
        "reconciler": ("halts", places.killpath_outbox.parent),
    }
    held = {source for source in mounted.values() if source in COMPOSE["volumes"]} - {"run"}
    assert held == ({own[name][0]} if name in own else set()), "each volume has one service that writes it"
    if name in own:
        volume, place = own[name]
        assert mounted[str(place)] == volume
    assert places.snapshots.parent == places.journal.parent == Path(STATE)


@each_service
def test_the_configuration_is_mounted_read_only_and_is_there(name: str) -> None:
    inside = Path(default(SERVICES[name]["environment"]["REGIMEFLOW_CONFIG"]))
    source = mounts(name)[str(inside.parent)]
    assert (DEPLOY / source / inside.name).resolve() == ROOT / "configs" / "paper.yaml"
    assert all(text.endswith(":ro") for text in map(default, SERVICES[name]["volumes"]) if text.startswith("."))


@each_service
def test_secrets_come_by_file_and_only_where_a_broker_is_spoken_to(name: str) -> None:
    secret = {key: value for key, value in SERVICES[name]["environment"].items() if is_secret_name(key.removesuffix("_FILE"))}
    assert all(key.endswith("_FILE") and value.startswith("/run/secrets/") for key, value in secret.items())
    assert bool(secret) == ("/run/secrets" in mounts(name)) == (name in BROKER_SESSIONS)


def test_no_file_of_deploy_holds_a_secret_an_address_or_a_floating_tag() -> None:
    for path in (p for p in DEPLOY.rglob("*") if p.is_file() and p.name != ".env" and (p.parent.name != "secrets" or p.name == ".gitignore")):
        text = path.read_text()
        assert ":latest" not in text, path
        assert not re.search(r"\b(https?|file)://", text), path
    assert "secrets/" not in (ROOT / ".dockerignore").read_text()


def test_the_image_is_built_from_the_sources_alone_and_runs_as_nobody_of_the_host() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert bases == ["${PYTHON_IMAGE}"] * 2
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+-slim-\w+$", text, re.MULTILINE)
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == [SERVICES["bus"]["user"]]
    copied = {source for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for source in line.split()[:-1]}
    ignored, *kept = (line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#"))
    assert ignored == "*"
    assert {line.removeprefix("!") for line in kept if line.startswith("!")} == copied


@pytest.mark.parametrize("script", ["build", "compose", "stop"])
def test_a_script_may_be_run_and_parses(script: str) -> None:
    path = DEPLOY / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", path], check=True)
