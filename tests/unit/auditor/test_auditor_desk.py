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
from shared.bus.port import ClockMode
from shared.bus.server import BusSettings
from shared.config import load
from shared.runtime.places import Places
from shared.runtime.service import Setting
from tests.unit.control.conftest import CONFIG


class Office:
    """A log with a past, and an auditor that comes to it."""

    def __init__(self, directory: Path) -> None:
        path = directory / "live.yaml"
        path.write_text(CONFIG.format(directory=directory))
        loaded = load(path, offline=True)
        setting = Setting(loaded, Places.of(loaded.config), "a1")
        setting.places.make()
        self.desk = Desk(setting, MemoryBus(BusSettings(ClockMode.WALL), lambda: (time.time_ns(), time.monotonic_ns())))
        self.pool = ThreadPoolExecutor(1)
        self.client = self.pool.submit(LinkClient, setting.places.endpoint("queries")).result()

    def ask(self, view: str) -> Any:
        answer: Future[bytes] = self.pool.submit(self.client.request, view, b"", 30.0)
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
        office.ask("status")
    driver = office.desk.driver
    driver.start(0)
    with pytest.raises(LinkRefused, match="recovering"):
        office.ask("status")
    assert any(driver.pump(0.0) and driver.progress.recovered for _ in range(100))
    assert office.ask("status")["log_id"] == driver.connection.welcome.log_id
