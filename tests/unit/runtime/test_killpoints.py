"""Kill points: nothing when unset, refused when misspelt, and a process that ends exactly there and says so first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.events import BusStarted, ClockTicked
from shared.runtime import killpoints
from shared.runtime.killpoints import LOG, POINT, armed, parse

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
from shared.events import OrderAbandoned, OrderExpired
from shared.runtime.killpoints import passed
for n in range(1, 9):
    print(n, flush=True)
    passed("durable", OrderAbandoned("a:1:1", "a", ""))
    passed("sent", OrderExpired("a:1:1", "a", 0))
    passed("durable", "OrderRejected" if n == 2 else "OrderFilled")
"""


def test_without_a_kill_point_there_is_nothing_to_call() -> None:
    assert armed({}) is None
    assert killpoints.passed is None


@pytest.mark.parametrize(
    "point", ["durable", "durable:1", "durable/:1", "durable/A|:1", "durable/A", "durable/A:0", "durable/A:x", "durable/A:-1", "sometime/A:1", ":"]
)
def test_a_misspelt_kill_point_is_refused(point: str) -> None:
    with pytest.raises(ValueError, match=POINT):
        parse(point)


def test_other_steps_and_other_names_do_not_count() -> None:
    passed = armed({POINT: "received/ClockTicked:1"})
    assert passed is not None
    passed("received", BusStarted(1, 0))
    passed("durable", ClockTicked())
    passed("received", "submit")


def test_the_process_ends_at_the_nth_pass_and_says_so_before(tmp_path: Path) -> None:
    log = tmp_path / "kills"
    point = "durable/OrderAbandoned|OrderRejected:4"
    env = {**os.environ, "PYTHONPATH": str(ROOT), POINT: point, LOG: str(log)}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=env, stdout=subprocess.PIPE, text=True)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert out.split() == ["1", "2", "3"]
    assert log.read_text() == f"{process.pid} {point}\n"
