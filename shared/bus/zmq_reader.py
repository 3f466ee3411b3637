"""The catch-up process's socket: one ROUTER. Decides nothing."""

from __future__ import annotations

from pathlib import Path

import zmq

from . import options
from .frame_reader import FrameReader
from .journal_reader import JournalReader
from .snapshots import SnapshotStore
from .zmq_server import Endpoints


class ZmqReader:
    """Used by one thread."""

    def __init__(self, journal: Path, snapshots: Path, endpoints: Endpoints) -> None:
        self._journal = JournalReader(journal)
        self._store = SnapshotStore(snapshots)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = options.router(self._context, endpoints.catchup)
        self._frames = FrameReader(self._journal, self._store)

    def run_once(self, timeout_ms: int = 200) -> bool:
        """Answer one request. False when there was none."""
        if not self._router.poll(timeout_ms, zmq.POLLIN):
            return False
        frames = self._router.recv_multipart()
        if len(frames) != 2:
            self._frames.counts["shape"] += 1
            return True
        try:
            self._router.send_multipart([frames[0], self._frames.answer(frames[1])], zmq.NOBLOCK)
        except zmq.ZMQError as error:  # a peer that is gone asks again
            self._frames.counts[f"unsent_{error.errno}"] += 1
        return True

    def close(self) -> None:
        self._router.close(0)
        self._context.term()
        self._journal.close()
        self._store.close()
