"""The log as such: places, times, names, epochs and runs (I1, I14, I16)."""

from __future__ import annotations

from shared import events as ev
from shared.events import Envelope

from .truth import hold


class LogModel:
    """head: newest seq; now: its time; times: by seq; epochs: the newest granted, by name."""

    def __init__(self) -> None:
        self.head = 0
        self.now = 0
        self.times: list[int] = [0]
        self.epochs: dict[str, int] = {}
        self._names: dict[tuple[str, int], int] = {}
        self._runs: dict[str, int] = {}

    def take(self, e: Envelope) -> None:
        hold(e.seq == self.head + 1, "I1", f"seq {e.seq} after {self.head}")
        hold(e.ts_ns >= self.now, "I16", f"time went back at seq {e.seq}")
        name = (e.source, e.run)
        hold(e.n == self._names.get(name, 0) + 1, "I1", f"{name} n {e.n} after {self._names.get(name, 0)}")
        hold(e.cause < e.seq, "I1", f"seq {e.seq} follows from seq {e.cause}")
        if e.epoch:
            hold(e.epoch == self.epochs.get(e.source), "I14", f"{e.source} appends under epoch {e.epoch}, {self.epochs.get(e.source)} is the newest")
            hold(e.run == self._runs.get(e.source), "I14", f"{e.source} speaks in run {e.run}, {self._runs.get(e.source)} is the newest")
        self._names[name] = e.n
        self.head, self.now = e.seq, e.ts_ns
        self.times.append(e.ts_ns)

    def lease(self, e: ev.LeaseGranted, _: Envelope) -> None:
        hold(e.lease_epoch > self.epochs.get(e.name, 0), "I14", f"epoch {e.lease_epoch} of {e.name} is granted twice")
        self.epochs[e.name] = e.lease_epoch

    def run(self, e: ev.RunStarted, _: Envelope) -> None:
        self._runs[e.name] = e.name_run
