"""The catch-up process: `python -m services.bus.reader PARENT JOURNAL SNAPSHOTS APPEND EVENTS CATCHUP`. Ends with its parent, whose process number
it is given: a parent that is gone before the first look must not be mistaken for another."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from shared.bus.zmq_reader import ZmqReader
from shared.bus.zmq_server import Endpoints


def main(arguments: list[str]) -> int:
    parent, journal, snapshots, append, events, catchup = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C goes to the whole group; the parent says when
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    reader = ZmqReader(Path(journal), Path(snapshots), Endpoints(append, events, catchup))
    while os.getppid() == int(parent):
        reader.run_once()
    os._exit(0)  # no close: it would remove the socket's path, which a successor may have bound by now


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
