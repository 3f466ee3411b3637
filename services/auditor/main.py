"""`regimeflow service auditor`: wires the core, the audit files, the query endpoint and the bus; decides nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import orjson

from shared.bus.link import LinkServer
from shared.bus.port import Bus, Role
from shared.config import Loaded
from shared.runtime.driver import ActorDriver
from shared.runtime.service import Setting, run_service

from .audit_log import AuditFiles
from .core import AuditorCore
from .settings import auditor_settings
from .views import NAMES

SOURCE: Final = "auditor"
TOPICS: Final = ("m.", "t.", "c.")
SYNC_EVERY_S: Final = 1.0


class Desk:
    """The auditor beside the log: files written as events are folded, questions answered from what is folded."""

    def __init__(self, setting: Setting, bus: Bus) -> None:
        settings = auditor_settings(setting.config)
        self._core = AuditorCore(settings)
        self._files = AuditFiles(setting.places.logs, setting.live.audit.format, self._core.net, self._core.rated)
        self._queries = LinkServer(setting.places.endpoint("queries"))
        self._next_sync = 0.0
        registration = setting.registration(SOURCE, Role.AUDITOR, TOPICS, repr(settings))
        self.driver = ActorDriver(
            bus, registration, self._core, snapshot_every=setting.snapshot_every, observe=self._files.observe, before_snapshot=self._files.sync
        )

    def step(self) -> None:
        """Answer what was asked; bring the files to disk once a second. Who has not read the log yet has no answer, in place of an empty one."""
        for request in self._queries.poll(0.0):
            if not self.driver.progress.recovered:
                self._queries.fail(request, "recovering", f"it reads the log, so far to seq {self.driver.progress.cursor}")
            elif request.method in NAMES:
                self._queries.reply(request, orjson.dumps(self._core.view(request.method)))
            else:
                self._queries.fail(request, "unknown", f"no view {request.method!r}; there are {', '.join(NAMES)}")
        now = time.monotonic()
        if now >= self._next_sync:
            self._next_sync = now + SYNC_EVERY_S
            self._files.sync()

    def close(self) -> None:
        self._files.close()
        self._queries.close()


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`."""
    desks: list[Desk] = []

    def drivers(setting: Setting, bus: Bus) -> Sequence[ActorDriver]:
        desks.append(Desk(setting, bus))
        return [desks[0].driver]

    try:
        return run_service(SOURCE, loaded, instance, drivers, extra=lambda: desks[0].step())  # noqa: PLW0108 - filled later
    finally:
        for desk in desks:
            desk.close()
