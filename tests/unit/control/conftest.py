"""The program called as a user calls it, and a stack to call it for: a real bus process, and the auditor's queries over a real core."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from services.auditor.core import AuditorCore
from services.control.main import main
from shared.bus.journal_reader import JournalReader
from shared.bus.link import LinkServer
from shared.bus.record import envelope_of
from shared.config import load
from shared.events import Envelope, Event
from shared.runtime.health import read_health
from shared.runtime.places import Places

ROOT = Path(__file__).resolve().parents[3]
CONFIG = """
live:
  broker: paper
  symbols: [ACME, GLOBEX]
  calendar: 24x7
  state_dir: {directory}/s
  log_dir: {directory}/logs
  strategies:
    - {{id: cross, name: moving_average_cross, symbols: [ACME]}}
    - {{id: hold, name: buy_and_hold, symbols: [GLOBEX]}}
"""


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """`run("halt", "--reason", "x")`: status and what was printed."""

    def call(*arguments: object) -> Ran:
        capfd.readouterr()
        status = main([str(a) for a in arguments])
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Ran(status, out, err)

    return call


@dataclass
class Stack:
    """A configuration in a directory of its own, short enough for socket paths."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "live.yaml"

    @property
    def places(self) -> Places:
        return Places.of(load(self.config).config)

    def commands(self) -> list[Event]:
        """What operators said, in order."""
        reader = JournalReader(self.places.journal)
        rows, _ = reader.page(0, ("c.",), 5_000)
        reader.close()
        return [envelope_of(r).event for r in rows if r.source.startswith("control.")]


@pytest.fixture(scope="session")
def _stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="rf") as directory:
        stack = Stack(Path(directory))
        stack.config.write_text(CONFIG.format(directory=directory))
        stack.places.make()
        yield stack


@pytest.fixture
def stack(_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The stack, and no other of this user in sight."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("REGIMEFLOW_CONFIG", raising=False)
    return _stack


@pytest.fixture(scope="session")
def _bus(_stack: Stack) -> Iterator[None]:
    arguments = [sys.executable, "-m", "services.control.main", "service", "bus", "--config", str(_stack.config)]
    log = (_stack.directory / "bus.log").open("wb")
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30.0
        while (said := read_health(_stack.places.health / "bus.json")) is None or said["state"] != "ready":
            assert process.poll() is None, (_stack.directory / "bus.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        assert process.wait(20) == 0
        log.close()


@pytest.fixture
def bus(stack: Stack, _bus: None) -> Stack:
    """The stack with its bus running."""
    return stack


@pytest.fixture
def audited(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Sequence[Event]], Stack]]:
    """The stack with a query endpoint that answers as an auditor does that has folded these events, however slow this machine is."""
    monkeypatch.setattr("services.control.answers.ANSWER_S", 30.0)
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(events: Sequence[Event]) -> Stack:
        core, bound = AuditorCore(), threading.Event()
        for seq, event in enumerate(events, 1):
            core.apply(Envelope(seq, 1_704_204_600_000_000_000 + seq, event.topic, "x", 1, seq, 0, 0, event))

        def serve() -> None:
            server = LinkServer(stack.places.endpoint("queries"))
            bound.set()
            while not stop.is_set():
                for request in server.poll(0.02):
                    server.reply(request, orjson.dumps(core.view(request.method)))
            server.close()

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        assert bound.wait(10)
        return stack

    yield start
    stop.set()
    for thread in threads:
        thread.join(10)
