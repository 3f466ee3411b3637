"""What was done while nobody could journal it: durable when said, numbered for the log, each record once."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.reconciler.outbox import RUN, SOURCE, Outbox
from shared.events import HaltRequested, Scope


def halt(n: int) -> HaltRequested:
    return HaltRequested(f"c{n}", "jo@desk", "why", Scope.GLOBAL, "")


def log(known: int = 0, log_id: str = "one") -> Any:
    """A connection to a log that holds `known` facts of the outbox."""
    return SimpleNamespace(welcome=SimpleNamespace(log_id=log_id), last_outside=lambda _source, _run: known)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.jsonl"


def named(outbox: Outbox) -> list[tuple[int, str]]:
    taken = outbox.take()
    assert all((e.source, e.run) == (SOURCE, RUN) for e in taken)
    return [(e.n, e.event.command) for e in taken]


def test_a_record_waits_for_a_log_and_is_given_to_it_once(path: Path) -> None:
    outbox = Outbox(path)
    outbox.put(halt(1), halt(2))
    assert named(outbox) == []
    outbox.opened(log())
    assert named(outbox) == [(1, "c1"), (2, "c2")]
    outbox.put(halt(3))
    assert named(outbox) == [(3, "c3")]
    assert named(outbox) == []
    assert outbox.pending == 3
    outbox.delivered(3)
    assert outbox.pending == 0


def test_what_a_frozen_predecessor_puts_once_it_wakes_is_given_by_its_successor(path: Path) -> None:
    first, second = Outbox(path), Outbox(path)
    second.opened(log())
    second.put(halt(1))
    first.put(halt(2))
    second.put(halt(3))

    assert named(second) == [(1, "c1"), (2, "c2"), (3, "c3")]
    assert Outbox(path).pending == second.pending == 3


def test_a_successor_gives_what_the_log_lacks(path: Path) -> None:
    first = Outbox(path)
    first.opened(log())
    first.put(halt(1), halt(2), halt(3))
    first.close()
    second = Outbox(path)
    second.opened(log(known=2))
    assert named(second) == [(3, "c3")]
    assert second.pending == 1


def test_a_new_log_gets_what_no_log_has_seen_and_nothing_older(path: Path) -> None:
    outbox = Outbox(path)
    outbox.opened(log())
    outbox.put(halt(1))
    outbox.delivered(1)
    outbox.put(halt(2))
    outbox.close()
    for _ in range(2):
        again = Outbox(path)
        again.opened(log(log_id="two"))
        assert named(again) == [(1, "c2")]
        again.close()


@pytest.mark.parametrize("torn", [1, 20])
def test_a_torn_last_line_was_never_answered_for(path: Path, torn: int) -> None:
    outbox = Outbox(path)
    outbox.put(halt(1))
    whole = path.stat().st_size
    outbox.put(halt(2))
    outbox.close()
    with path.open("r+b") as file:
        file.truncate(whole + torn)
    again = Outbox(path)
    again.put(halt(3))
    again.opened(log())
    assert named(again) == [(1, "c1"), (2, "c3")]


def test_damage_before_the_end_is_named(path: Path) -> None:
    outbox = Outbox(path)
    outbox.put(halt(1), halt(2))
    outbox.close()
    path.write_bytes(b"x" + path.read_bytes())
    with pytest.raises(ValueError, match=r"outbox\.jsonl: line 1 is damaged"):
        Outbox(path)


def test_a_full_disk_costs_the_durability_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(path)
    outbox.opened(log())
    with monkeypatch.context() as full:
        full.setattr("os.fsync", _no_space)
        with pytest.raises(OSError, match="No space"):
            outbox.put(halt(1))
    assert named(outbox) == [(1, "c1")]
    outbox.put(halt(2))
    outbox.close()
    again = Outbox(path)
    again.opened(log(known=1))
    assert named(again) == [(2, "c2")]


def _no_space(_fd: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
