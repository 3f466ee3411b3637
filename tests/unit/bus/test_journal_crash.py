"""Real processes: a writer is killed, runs out of disk, or its disk fails; everything it acknowledged is in the journal afterwards."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.bus.journal import Journal
from shared.bus.port import Durability
from shared.bus.verify import verify
from tests.unit.bus.journal_builders import all_rows

ROOT = Path(__file__).resolve().parents[3]
KILLS = 4
LIMIT_BYTES = 200_000


def writer(
    journal: Path, durability: Durability, *, batches: int = 1_000_000, limit: int = 0, env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """limit: bytes a file may have in that process, which stands for a full disk."""
    arguments = [sys.executable, "-m", "tests.unit.bus.journal_writer", str(journal), durability.value, str(batches)]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})})
    if limit:
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (limit, limit))
    return child


def acknowledged(lines: list[str]) -> int:
    return max((int(line) for line in lines if line.isdigit()), default=0)


@pytest.mark.parametrize("durability", list(Durability))
def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path, durability: Durability) -> None:
    """Given a writer killed at some moment, again and again, when the journal is opened, then every acknowledged seq is there, whole."""
    path = tmp_path / "journal.db"
    promised = 0
    for kill in range(KILLS):
        child = writer(path, durability)
        assert child.stdout is not None
        lines = [child.stdout.readline().strip() for _ in range(3 + 29 * kill)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().split("\n")[:-1]
        child.wait()
        promised = max(promised, acknowledged(lines))
        report = verify(path)
        assert report.clean, report.findings
        assert report.head_seq >= promised
    journal = Journal.open(path, durability)
    assert journal.head_seq >= promised > 0
    assert journal.notes == ()
    journal.close()
    assert [row.seq for row in all_rows(path)] == list(range(1, journal.head_seq + 1))


def test_a_full_disk_stops_the_writer_and_forgets_nothing(tmp_path: Path) -> None:
    """When a write finds no space, then the writer refuses that batch and all later ones; with space again the journal opens clean."""
    path = tmp_path / "journal.db"
    child = writer(path, Durability.PROCESS, limit=LIMIT_BYTES)
    out, _ = child.communicate(timeout=60)
    lines = out.split("\n")
    assert child.returncode == 3
    assert any(line.startswith("failed append failed") for line in lines)
    assert "refuses True" in lines
    journal = Journal.open(path, Durability.PROCESS)
    assert journal.head_seq == acknowledged(lines) > 0
    journal.close()
    assert verify(path).clean


@pytest.fixture
def failing_disk(tmp_path: Path) -> dict[str, str]:
    """Environment under which fsync fails once the file `trigger` exists."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the failing fsync cannot be built")
    library = tmp_path / "fsync_fails.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, Path(__file__).with_name("fsync_fails.c"), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "FSYNC_FAILS": str(tmp_path / "trigger")}


@pytest.mark.parametrize("durability", [Durability.ORDERS, Durability.DISK])
def test_a_failed_fsync_stops_the_writer_and_is_not_retried(tmp_path: Path, failing_disk: dict[str, str], durability: Durability) -> None:
    """When one fsync fails, then nothing more is acknowledged, and neither a later append nor closing asks the device again."""
    path = tmp_path / "journal.db"
    child = writer(path, durability, env=failing_disk)
    assert child.stdout is not None
    lines = [child.stdout.readline().strip() for _ in range(20)]
    trigger = tmp_path / "trigger"
    trigger.touch()
    lines += child.stdout.read().split("\n")
    assert child.wait(30) == 3
    assert any(line.startswith("failed") for line in lines)
    assert "refuses True" in lines
    assert trigger.read_text() == "x", "one fsync failed, and no other was tried"
    trigger.unlink()
    journal = Journal.open(path, durability)
    assert journal.head_seq in (acknowledged(lines), acknowledged(lines) + 3), "at most the batch that was never acknowledged is there besides"
    journal.close()
    assert verify(path).clean


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    child = writer(path, Durability.PROCESS)
    assert child.stdout is not None
    child.stdout.readline()
    child.kill()
    child.wait()
    child.stdout.close()
    Journal.open(path, Durability.PROCESS).close()
