"""Is a strategy fit for the log? Run it in processes of its own, with other hash seeds and cut at random points, and compare what it says.

A strategy that answers the same log differently cannot be restarted or replayed: the bus would refuse its outputs. This finds it before it
trades: it compares every order, cancel, replace and log line, names the first difference, and tells of callbacks that fail or block.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

import msgspec

from shared.events import CATALOGUE, Event, OrderIntent, StrategyBlocked, StrategyFailed, decode_body, encode_body
from shared.strategy.settings import StrategySettings
from shared.strategy.times import Timestamp

from .trial import Said

HASH_SEEDS: Final = (0, 1, 4242)
CUTS: Final = 12


class Verdict(IntEnum):
    """The exit status of `check-strategy`."""

    FIT = 0
    UNFIT = 1
    BROKEN = 2  # it could not be tried: it does not load, or its process died


class TrialTask(msgspec.Struct, frozen=True):
    """What a trial process is given on its standard input. cuts: how many, at points drawn from cut_seed."""

    spec: str
    base: str
    settings: bytes
    rows: tuple[tuple[int, int, bytes], ...]
    cuts: int
    cut_seed: int
    callback_ms_max: int


class TrialResult(msgspec.Struct, frozen=True):
    """What it answers. error: why nothing could be tried. blocked: a body of StrategyBlocked."""

    said: tuple[tuple[int, int, bytes], ...] = ()
    saves: bool = False
    deterministic: bool = True
    blocked: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """findings: one line each, empty when fit. orders: of the first trial."""

    verdict: Verdict
    orders: int
    saves: bool
    findings: tuple[str, ...]

    def __str__(self) -> str:
        how = "save/load at random points" if self.saves else "replay at random points (it defines no save/load)"
        if self.verdict is Verdict.FIT:
            return f"fit: {self.orders} orders, the same across {len(HASH_SEEDS)} hash seeds and {how}"
        return "\n".join(self.findings)


def check_strategy(
    settings: StrategySettings,
    events: Sequence[tuple[int, Event]],
    *,
    base: Path | None = None,
    callback_ms_max: int = 2_000,
    timeout_s: float = 300.0,
    cut_seed: int = 7,
) -> Report:
    """settings.name: the spec to load. events: (ts_ns, event) in order. timeout_s: a trial process that takes longer is ended and reported."""

    def trial(hash_seed: int, cuts: int) -> TrialResult:
        task = TrialTask(settings.name, str((base or Path()).resolve()), pack_settings(settings), rows, cuts, cut_seed, callback_ms_max)
        return _in_process(task, hash_seed, timeout_s)

    rows = pack_rows(events)
    first = trial(HASH_SEEDS[0], 0)
    if first.error:
        return Report(Verdict.BROKEN, 0, saves=False, findings=(first.error,))
    said = unpack_rows(first.said)
    orders = sum(isinstance(event, OrderIntent) for _, event in said)
    findings = _faults(first, said)
    if not findings and first.deterministic:
        for seed in HASH_SEEDS[1:]:
            findings += _compare(said, trial(seed, 0), f"hash seed {HASH_SEEDS[0]}", f"hash seed {seed}")
        how = "save and load" if first.saves else "replay"
        findings += _compare(said, trial(HASH_SEEDS[0], CUTS), "uncut", f"cut by {how}")
    return Report(Verdict.UNFIT if findings else Verdict.FIT, orders, first.saves, tuple(findings))


def _faults(result: TrialResult, said: Sequence[Said]) -> list[str]:
    found = []
    if result.blocked:
        blocked = decode_body(StrategyBlocked.TAG, result.blocked)
        assert isinstance(blocked, StrategyBlocked)
        callback = blocked.callback.partition("@")[0]
        found.append(f"{callback} did not return within {blocked.blocked_ms} ms")
    found.extend(f"{event.callback} raised {event.text}" for _, event in said if isinstance(event, StrategyFailed))
    return found


def _compare(said: Sequence[Said], other: TrialResult, name: str, other_name: str) -> list[str]:
    """The first difference, as one finding."""
    if other.error:
        return [f"{other_name}: {other.error}"]
    others = unpack_rows(other.said)
    for i in range(max(len(said), len(others))):
        a, b = said[i] if i < len(said) else None, others[i] if i < len(others) else None
        if a != b:
            return [f"not deterministic: output {i + 1} is {_words(a)} with {name}, {_words(b)} with {other_name}"]
    return []


def _words(said: Said | None) -> str:
    if said is None:
        return "nothing"
    ts_ns, event = said
    text = repr(event)
    if isinstance(event, OrderIntent):
        t = event.terms
        prices = "".join(f" {name} {price}" for name, price in (("limit", t.limit_price), ("stop", t.stop_price)) if price is not None)
        text = f"order {event.order_id}: {t.side} {t.quantity} {t.symbol} {t.type}{prices}"
    return f"[{text} at {Timestamp(ts_ns).to_datetime().isoformat()}]"


def _in_process(task: TrialTask, hash_seed: int, timeout_s: float) -> TrialResult:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "services.strategy_runner.trial_main"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no shell
            command, input=msgspec.msgpack.encode(task), capture_output=True, timeout=timeout_s, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return TrialResult(error=f"the trial did not end within {timeout_s:g} s")
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return TrialResult(error=f"the trial process ended with status {done.returncode}: {lines[-1] if lines else 'without a word'}")
    return msgspec.msgpack.decode(done.stdout, type=TrialResult)


def pack_rows(rows: Sequence[tuple[int, Event]]) -> tuple[tuple[int, int, bytes], ...]:
    return tuple((ts_ns, event.TAG, encode_body(event)) for ts_ns, event in rows)


def unpack_rows(rows: Sequence[tuple[int, int, bytes]]) -> list[tuple[int, Event]]:
    return [(ts_ns, decode_body(tag, body)) for ts_ns, tag, body in rows if tag in CATALOGUE]


def pack_settings(settings: StrategySettings) -> bytes:
    return msgspec.msgpack.encode(settings)


def unpack_settings(raw: bytes) -> StrategySettings:
    return msgspec.msgpack.decode(raw, type=StrategySettings)
