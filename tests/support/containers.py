"""The stack in containers, as an operator drives it: through `deploy/compose`, `docker` and the commands inside the containers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
WAIT_S = 180.0
CRASH = "import glob, json, os, signal; os.kill(json.load(open(glob.glob('/var/lib/regimeflow/health/*.json')[0]))['pid'], signal.SIGKILL)"


def engine_missing() -> str:
    """Why containers cannot be tested here; nothing when they can."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "no Docker engine answers; install one, or on a Debian machine of this project: ../shared/tools/docker-engine"
    if not any(
        subprocess.run(c, capture_output=True, check=False).returncode == 0 for c in (["docker", "compose", "version"], ["docker-compose", "version"])
    ):
        return "neither `docker compose` nor docker-compose is installed"
    return ""


@dataclass(frozen=True)
class Life:
    """One container as the engine sees it."""

    state: str
    health: str
    started: str
    restarts: int
    exit_status: int

    @property
    def healthy(self) -> bool:
        return self.state == "running" and self.health == "healthy"


def _life(body: dict[str, Any]) -> Life:
    state = body["State"]
    return Life(state["Status"], state["Health"]["Status"], state["StartedAt"], body["RestartCount"], state["ExitCode"])


@dataclass
class Containers:
    """A stack of its own: project and image are named apart from those of `make up`, so that nobody's data can be removed."""

    project: str
    image: str

    def run(self, *command: str | Path, check: bool = True, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        env = {**os.environ, "COMPOSE_PROJECT_NAME": self.project, "REGIMEFLOW_IMAGE": self.image}
        done = subprocess.run([str(c) for c in command], cwd=ROOT, env=env, input=data, capture_output=True, check=False)
        assert not check or done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}"
        return done

    def compose(self, *arguments: str, check: bool = True) -> str:
        return self.run(DEPLOY / "compose", *arguments, check=check).stdout.decode()

    def inside(self, service: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return self.run("docker", "exec", self.id_of(service), *command, check=check)

    def id_of(self, service: str) -> str:
        """Asked of the engine: docker-compose v1 takes a second for it."""
        labels = (f"label=com.docker.compose.project={self.project}", f"label=com.docker.compose.service={service}")
        found = self.run("docker", "ps", "--all", "--quiet", *(word for label in labels for word in ("--filter", label))).stdout.split()
        assert len(found) == 1, f"{service}: {len(found)} containers"
        return found[0].decode()

    def lives(self, *services: str) -> dict[str, Life]:
        found = json.loads(self.run("docker", "inspect", *map(self.id_of, services)).stdout)
        return {service: _life(body) for service, body in zip(services, found, strict=True)}

    def life(self, service: str) -> Life:
        return self.lives(service)[service]

    def status(self) -> dict[str, Any] | None:
        """What the auditor answers; None while it does not."""
        done = self.inside("auditor", "regimeflow", "status", "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def fills(self) -> int:
        """How many executions are booked; -1 while nobody can tell."""
        status = self.status()
        return -1 if status is None else int(status["counts"].get("fills", 0))

    def crash(self, service: str) -> None:
        """kill -9 of the service's process; the engine sees a container that died by itself, and restarts it. The killer may die with it."""
        self.inside(service, "python", "-c", CRASH, check=False)

    def kill(self, *services: str) -> None:
        """`docker kill`: the containers stay down until somebody starts them."""
        self.run("docker", "kill", "--signal", "KILL", *map(self.id_of, services))

    def volume(self, name: str, target: Path) -> Path:
        """A copy of what a volume holds, read through the image by its own user."""
        target.mkdir(parents=True)
        mount = f"{self.project}_{name}:/copy:ro"
        archive = self.run(
            "docker", "run", "--rm", "--network", "none", "--volume", mount, "--entrypoint", "tar", self.image, "-C", "/copy", "-c", "."
        ).stdout
        self.run("tar", "-C", target, "-x", data=archive)
        return target

    def wait(self, condition: Callable[[], bool], doing: str) -> None:
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, f"{doing}: not in {WAIT_S:g} s\n{self.compose('ps')}\n{self.compose('logs', '--no-color', '--tail', '8')}"
            time.sleep(0.5)
