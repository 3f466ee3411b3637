"""A service's stand-in as a real process: `stand_in.py NAME HEALTH_DIR MODE`. Says it is ready and then does what its mode says.

steady: lives until SIGTERM. deaf: ignores SIGTERM. exits:STATUS: ready for a moment, then ends so. refuses:STATUS: ends so at once, with a
line. parent: starts a child of its own (its number in `<name>.child`). lost_bus_once: ends with status 5, the second time it is steady.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ALIVE_S = 60.0


def main() -> int:
    name, directory, mode = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    word, _, number = mode.partition(":")
    print(f'level=info service={name} event="began"', flush=True)
    if word == "refuses":
        print(f'level=critical service={name} event="cannot begin"', flush=True)
        return int(number)
    if word == "lost_bus_once":
        marker = directory / f"{name}.again"
        if not marker.exists():
            marker.touch()
            return 5
    if word == "parent":
        child = subprocess.Popen(["sleep", "60"])
        (directory / f"{name}.child").write_text(str(child.pid))
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: None if word == "deaf" else stopped.append(1))
    write_health(directory, name)
    if word == "exits":
        time.sleep(0.15)
        return int(number)
    end = time.monotonic() + ALIVE_S
    while not stopped and time.monotonic() < end:
        time.sleep(0.02)
    (directory / f"{name}.json").unlink(missing_ok=True)
    return 0


def write_health(directory: Path, name: str) -> None:
    body = {"state": "ready", "pid": os.getpid(), "at": time.time(), "epoch": 1, "cursor": 10**9, "lag": 0, "queue": 0, "memory_mb": 1.0}
    temporary = directory / f"{name}.tmp"
    temporary.write_text(json.dumps(body))
    temporary.replace(directory / f"{name}.json")


if __name__ == "__main__":
    sys.exit(main())
