"""A real paper venue for tests: as a process, killed and restarted at will, or the same loop in a thread where nothing is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from services.paper_venue.ledger import Ledger
from services.paper_venue.main import serve
from services.paper_venue.service import VenueService
from shared.brokers import ReadFailed
from shared.brokers.paper import PaperAccount
from shared.bus.link import LinkServer
from shared.venue import VenueSettings


class VenueProcess:
    """Ends the process it started, and no other."""

    def __init__(self, folder: Path, clock: str = "feed", **settings):
        self.endpoint = f"ipc://{folder}/v"
        self.ledger = folder / "paper.db"
        self.log = folder / "venue.log"
        options = folder / "venue.json"
        options.write_text(json.dumps(settings))
        self._command = [sys.executable, "-m", "services.paper_venue.main", "--endpoint", self.endpoint, "--ledger", str(self.ledger)]
        self._command += ["--settings", str(options), "--clock", clock]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait=True):
        with self.log.open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        if wait:
            probe = PaperAccount(self.endpoint)
            try:
                probe.connect(20.0)
            except ReadFailed as failed:
                raise AssertionError(f"{failed}\n{self.log.read_text()}") from None
            finally:
                probe.close()
        return self

    def kill(self):
        self._process.kill()
        self._process.wait()

    def freeze(self):
        """SIGSTOP: it is there and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def stop(self):
        """SIGTERM; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(10)

    def wait(self):
        return self._process.wait(20)

    def end(self):
        if self._process is not None and self._process.poll() is None:
            self.kill()


class VenueThread:
    """The venue's own loop over its own ledger, in a thread that makes, uses and closes both."""

    def __init__(self, folder: Path):
        self.endpoint = f"ipc://{folder}/v"
        self._ledger = folder / "paper.db"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        ledger = Ledger(self._ledger)
        server = LinkServer(self.endpoint)
        serve(server, VenueService(ledger.restore(VenueSettings()), ledger, lambda: 0), wall=False, stopped=self._stop.is_set)
        server.close(linger_ms=0)
        ledger.close()

    def start(self):
        self._thread.start()
        return self

    def end(self):
        self._stop.set()
        self._thread.join(10)
