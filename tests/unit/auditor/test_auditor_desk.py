"""The auditor beside the log: who asks while it still reads the log is told so, and is never given an empty account for an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.auditor.main import Desk
from shared.bus.link import LinkClient, LinkRefused
from shared.bus.memory import MemoryBus
from shared.bus.port import ClockMode, Registration, Role
from shared.bus.server import BusSettings
from shared.config import load
from shared.events import BrokerConnectionChanged
from shared.runtime.driver import ActorDriver
from shared.runtime.places import Places
from shared.runtime.service import Setting
from tests.sim.toys import Quiet

CONFIG = """
live:
  broker: paper
  symbols: [ACME]
  calendar: 24x7
  state_dir: {directory}/s
  log_dir: {directory}/logs
  strategies: [{{id: hold, name: buy_and_hold}}]
"""


class Office:
    """A log with a past, and an auditor that comes to it."""

    def __init__(self, directory: Path) -> None:
        path = directory / "live.yaml"
        path.write_text(CONFIG.format(directory=directory))
        loaded = load(path, offline=True)
        self.setting = Setting(loaded, Places.of(loaded.config), "a1")
        self.setting.places.make()
        self.bus = MemoryBus(BusSettings(ClockMode.WALL), lambda: (time.time_ns(), time.monotonic_ns()))
        router = ActorDriver(self.bus, Registration("order_router", Role.ROUTER, "f", ("c.",), 0, "r"), Quiet())
        router.start(0)
        router.connection.append_outside("order_router.session", 1, 1, BrokerConnectionChanged("paper", "router", connected=True, text="up"))
        self.bus.pump()
        self.desk = Desk(self.setting, self.bus)
        self.client = LinkClient(self.setting.places.endpoint("queries"))
        self.pool = ThreadPoolExecutor(1)

    def ask(self, view: str) -> Any:
        answer: Future[bytes] = self.pool.submit(self.client.request, view, b"", 10.0)
        while not answer.done():
            self.desk.step()
            time.sleep(0.005)
        return orjson.loads(answer.result())

    def close(self) -> None:
        self.pool.submit(self.client.close).result()
        self.pool.shutdown()
        self.desk.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.close()


def test_who_reads_the_log_still_says_so_and_answers_from_the_moment_it_has_it_all(office: Office) -> None:
    with pytest.raises(LinkRefused, match="recovering: it reads the log, so far to seq 0"):
        office.ask("health")
    office.desk.driver.start(0)
    with pytest.raises(LinkRefused, match="recovering"):
        office.ask("health")
    office.desk.driver.pump(0.0)
    assert [line["name"] for line in office.ask("health")["lines"]] == ["broker.router"]
