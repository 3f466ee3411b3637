"""Where the processes of one configuration find each other: sockets in a private directory, files below the state directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.bus.zmq_server import Endpoints
from shared.config import Config

IPC_PATH_MAX: Final = 100  # sun_path holds 107 bytes
SOCKETS: Final = ("append", "events", "catchup", "venue", "venue_reports", "queries", "killpath")


class PlaceError(ValueError):
    """The directories of this configuration cannot be used; one line that names the key."""


@dataclass(frozen=True, slots=True)
class Places:
    """sockets: directory of the ipc sockets, mode 0700; journal, snapshots, ledger, killpath_outbox: files; health: a file a
    service; logs: audit log and others."""

    sockets: Path
    journal: Path
    snapshots: Path
    ledger: Path
    killpath_outbox: Path
    health: Path
    logs: Path

    @classmethod
    def of(cls, config: Config) -> Places:
        """Raises PlaceError. Makes nothing."""
        if config.live is None:
            raise PlaceError("live: the section is missing; it names the broker and the symbols")
        state = config.live.state_dir
        sockets = config.bus_directory.absolute()
        longest = max(len(str(sockets / name)) for name in SOCKETS)
        if longest > IPC_PATH_MAX:
            raise PlaceError(f"bus.directory: {sockets} is too long for a socket path by {longest - IPC_PATH_MAX} characters; name a shorter one")
        return cls(
            sockets=sockets,
            journal=config.journal_path,
            snapshots=state / "snapshots.db",
            ledger=state / "paper_ledger.db",
            killpath_outbox=state / "killpath_outbox.jsonl",
            health=state / "health",
            logs=config.live.log_dir,
        )

    def make(self) -> None:
        """Create the directories; that of the sockets is for this user alone. Raises PlaceError."""
        for directory in (self.journal.parent, self.snapshots.parent, self.health, self.logs):
            directory.mkdir(parents=True, exist_ok=True)
        self.sockets.mkdir(parents=True, exist_ok=True)
        self.sockets.chmod(0o700)

    def endpoint(self, name: str) -> str:
        return f"ipc://{self.sockets / name}"

    @property
    def bus(self) -> Endpoints:
        return Endpoints(self.endpoint("append"), self.endpoint("events"), self.endpoint("catchup"))
