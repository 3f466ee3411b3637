"""The whole stack as real processes over one directory, for end-to-end tests: start, kill -9, restart, wait on what the log says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from services.live.asking import Auditor
from shared.bus.journal_errors import JournalError
from shared.bus.journal_reader import JournalReader
from shared.bus.record import envelope_of
from shared.config import load
from shared.events import CATALOGUE, Envelope, Event, FeedStateChanged, FeedStatus
from shared.runtime.places import Places

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("bus", "paper_venue", "auditor", "gateway", "risk_engine", "order_router", "reconciler", "strategy_runner")
WAIT_S = 600.0
PATIENT = {"bus__lease_ms": 60_000, "live__deadman__after_s": 3_600}  # a machine that stands still for seconds fences nobody and looks like no death


def config_of(name: str, directory: Path, **changes: Any) -> Path:
    """A shipped configuration with its state in `directory`, `PATIENT` unless `changes` say otherwise; these: values by path with double
    underscores (`gateway__feed__speed`)."""
    tree = yaml.safe_load((ROOT / "configs" / name).read_text())
    tree["live"]["state_dir"], tree["live"]["log_dir"] = str(directory), str(directory / "logs")
    for path, value in (PATIENT | changes).items():
        *parents, last = path.split("__")
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
        node[last] = value
    target = directory / "config.yaml"
    directory.mkdir(parents=True, exist_ok=True)
    target.write_text(yaml.safe_dump(tree))
    return target


@dataclass
class Stack:
    """services: process by name. special: environment of one process alone. Each holds its leases under its own name, as under a
    supervisor: it is started again only when dead. A further worker is `strategy_runner-2`."""

    config: Path
    directory: Path
    services: tuple[str, ...] = SERVICES
    env: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    special: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def journal(self) -> Path:
        return self.directory / "journal.db"

    def start(self, *names: str) -> Stack:
        (self.directory / "out").mkdir(exist_ok=True)
        for name in names or self.services:
            env = {
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "PYTHONHASHSEED": "0",
                "REGIMEFLOW_INSTANCE": name,
                "REGIMEFLOW_DATA": str(ROOT.parent / "shared" / "data"),
                **self.env,
                **self.special.get(name, {}),
            }
            with (self.directory / "out" / f"{name}.log").open("ab") as log:
                command = [sys.executable, "-m", "services.control.main", "service", name.partition("-")[0], "--config", str(self.config)]
                self.processes[name] = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
        return self

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait(30)

    def alive(self) -> list[str]:
        return [name for name, process in self.processes.items() if process.poll() is None]

    def revive(self) -> list[str]:
        """Start again what died (as a supervisor does); their names."""
        dead = [name for name, process in self.processes.items() if process.poll() is not None]
        self.start(*dead) if dead else None
        return dead

    def stop(self) -> dict[str, int]:
        """SIGTERM in reverse order; exit statuses."""
        statuses = {}
        for name in [*(set(self.processes) - set(self.services)), *reversed(self.services)]:
            process = self.processes.get(name)
            if process is not None:
                if process.poll() is None:
                    process.terminate()
                try:
                    statuses[name] = process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    statuses[name] = process.wait(30)
        return statuses

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def events(self, *types: type[Event]) -> Iterator[Envelope]:
        """What the journal holds, of these types (all when none are named)."""
        tags = {t.TAG for t in types} or set(CATALOGUE)
        if not self.journal.exists():
            return
        try:
            reader = JournalReader(self.journal)
        except JournalError:  # the bus is just making it
            return
        after = 0
        while True:
            rows, upto = reader.page(after, ("",), 1_000)
            yield from (envelope_of(r) for r in rows if r.tag in tags)
            if upto <= after:
                reader.close()
                return
            after = upto

    def view(self, name: str) -> Any:
        """The auditor's answer, empty while there is none."""
        auditor = Auditor(Places.of(load(self.config, offline=True).config))
        try:
            return auditor.try_ask(name, 5.0) or {}
        finally:
            auditor.close()

    def command(self, *words: str) -> tuple[int, str]:
        """An operator's command as typed: exit status, and what it said."""
        arguments = [sys.executable, "-m", "services.control.main", *words, "--config", str(self.config)]
        env = {"PYTHONPATH": str(ROOT), "PATH": ""}
        done = subprocess.run(arguments, cwd=ROOT, env=env, capture_output=True, text=True, timeout=WAIT_S, check=False)
        return done.returncode, done.stdout or done.stderr

    def ended(self) -> bool:
        return any(e.event.status is FeedStatus.ENDED for e in self.events(FeedStateChanged))

    def wait(self, condition: Callable[[], bool], doing: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, f"{doing}: not in {WAIT_S:g} s; alive: {self.alive()}\n{self.tails()}"
            meanwhile()
            time.sleep(0.2)

    def tails(self) -> str:
        """The last lines of every service's log."""
        return "\n".join(f"== {p.name}\n" + "\n".join(p.read_text().splitlines()[-4:]) for p in sorted((self.directory / "out").glob("*.log")))
