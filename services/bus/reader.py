"""The catch-up process: `python -m services.bus.reader JOURNAL SNAPSHOTS APPEND EVENTS CATCHUP`. Ends with its parent."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from shared.bus.zmq_reader import ZmqReader
from shared.bus.zmq_server import Endpoints


def main(arguments: list[str]) -> int:
    journal, snapshots, append, events, catchup = arguments
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C goes to the whole group; the parent says when
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    reader = ZmqReader(Path(journal), Path(snapshots), Endpoints(append, events, catchup))
    while os.getppid() == parent:
        reader.run_once()
    reader.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
