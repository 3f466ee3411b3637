"""The services of one session as processes: started, watched, restarted within their budget, stopped. Knows nothing of trading.

A dead service is restarted only after it was reaped, so two of one name never overlap. What is not tried again: a start that was refused
(configuration; a journal that was never usable in this session), a second fencing within a minute (two sessions fight for a name), and more deaths than the budget allows. A service that
died of a missing bus waits for the bus, and that costs it nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from shared.runtime.health import read_health

from .budget import RestartBudget
from .child import EXIT_BUS, EXIT_CONFIG, EXIT_FENCED, EXIT_JOURNAL, Child, Command, describe
from .leftovers import Roll
from .log_tail import LogTail
from .plan import Plan

FENCED_PER_MIN_MAX: Final = 1


class SlotState(StrEnum):
    WAITING = "waiting"  # for its turn or its restart
    RUNNING = "running"
    DOWN = "down"  # not tried again
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a service. down: it stays down; refused: it refused its configuration; text: for people."""

    service: str
    text: str
    down: bool = False
    refused: bool = False


@dataclass(slots=True)
class Slot:
    """A place for one service. due: monotonic second of its restart; needs_bus: it waits for the bus as well."""

    service: str
    tail: LogTail
    budget: RestartBudget
    fenced: RestartBudget
    state: SlotState = SlotState.WAITING
    child: Child | None = None
    due: float | None = None
    needs_bus: bool = False
    seen_ready: bool = False
    restarts: int = 0
    reason: str = ""


@dataclass(slots=True)
class Fleet:
    """command: how each service is started. health_dir, logs: directories."""

    plan: Plan
    command: Callable[[str], Command]
    health_dir: Path
    logs: Path
    restart_max_per_min: int
    roll: Roll
    slots: dict[str, Slot] = field(init=False)
    _stopping: bool = False

    def __post_init__(self) -> None:
        per_min = self.restart_max_per_min
        self.slots = {
            name: Slot(name, LogTail(self.logs / f"{name}.log"), RestartBudget(per_min), RestartBudget(min(per_min, FENCED_PER_MIN_MAX)))
            for name in self.services
        }

    @property
    def services(self) -> Sequence[str]:
        """In order of start."""
        return self.plan.services

    def start(self, service: str) -> None:
        """Raises OSError when the process cannot be made."""
        slot = self.slots[service]
        slot.child = Child(self.command(service), slot.tail.path)
        slot.state, slot.due, slot.needs_bus = SlotState.RUNNING, None, False
        self.roll.write((s.service, s.child.pid) for s in self.slots.values() if s.child is not None and s.state is SlotState.RUNNING)

    def watch(self, now_s: float) -> list[Change]:
        """Reap the dead, decide about them, restart who is due; nobody is restarted once stopping has begun. Raises OSError."""
        running = [(slot, slot.child) for slot in self.slots.values() if slot.state is SlotState.RUNNING and slot.child is not None]
        changes = [self._died(slot, status, now_s) for slot, child in running if (status := child.status()) is not None]
        for slot in self.slots.values():
            if self._stopping or slot.due is None or now_s < slot.due:
                continue
            if not slot.needs_bus or self.ready(self.plan.bus):
                slot.restarts += 1
                self.start(slot.service)
                changes.append(Change(slot.service, "restarted"))
        return changes

    def health(self, service: str) -> dict[str, Any] | None:
        """What the service that runs now last said of itself; a dead predecessor's word does not count."""
        slot = self.slots[service]
        if slot.child is None or slot.state is not SlotState.RUNNING:
            return None
        said = read_health(self.health_dir / f"{service}.json")
        return said if said is not None and said.get("pid") == slot.child.pid else None

    def ready(self, service: str) -> bool:
        said = self.health(service)
        ready = said is not None and said.get("state") in {"ready", "degraded"}
        self.slots[service].seen_ready |= ready
        return ready

    def log_lines(self) -> Iterator[tuple[str, str]]:
        """(service, line) written since the last call."""
        for slot in self.slots.values():
            for line in slot.tail.lines():
                yield slot.service, line

    def ask_to_stop(self, services: Sequence[str]) -> None:
        """SIGTERM; who is down or waits for a restart is not started again."""
        self._stopping = True
        for service in services:
            slot = self.slots[service]
            slot.due = None
            if slot.child is not None and slot.state is SlotState.RUNNING:
                slot.child.ask_to_stop()
            elif slot.state is SlotState.WAITING:
                slot.state = SlotState.STOPPED

    def kill(self, services: Sequence[str]) -> list[str]:
        """SIGKILL who still runs. Their names."""
        stubborn = [s for s in services if self.slots[s].state is SlotState.RUNNING]
        for service in stubborn:
            child = self.slots[service].child
            if child is not None:
                child.kill()
        return stubborn

    def running(self, services: Sequence[str] | None = None) -> list[str]:
        return [s for s in services or self.services if self.slots[s].state is SlotState.RUNNING]

    def down(self) -> list[str]:
        return [s.service for s in self.slots.values() if s.state is SlotState.DOWN]

    def _died(self, slot: Slot, status: int, now_s: float) -> Change:
        text = describe(status)
        if self._stopping:
            slot.state = SlotState.STOPPED
            return Change(slot.service, "stopped" if status == 0 else text)
        slot.state = SlotState.WAITING
        slot.needs_bus = slot.service != self.plan.bus
        if status == EXIT_CONFIG or (status == EXIT_JOURNAL and not slot.seen_ready):
            return self._down(slot, f"{text}: {slot.tail.last() or 'without a word'}", refused=True)
        if status == EXIT_BUS and not self.ready(self.plan.bus):
            slot.due = now_s
            return Change(slot.service, f"{text}; it is started again when the bus is back")
        if status == EXIT_FENCED and slot.fenced.take(now_s) is None:
            return self._down(slot, f"{text}, twice within a minute: another session may be on this log")
        delay = slot.budget.take(now_s)
        if delay is None:
            return self._down(slot, f"{text}; {self.restart_max_per_min} restarts within a minute are used up")
        slot.due = now_s + delay
        return Change(slot.service, f"{text}; restart {f'in {delay:g} s' if delay else 'now'}")

    def _down(self, slot: Slot, reason: str, *, refused: bool = False) -> Change:
        slot.state, slot.due, slot.reason = SlotState.DOWN, None, reason
        return Change(slot.service, f"{reason}. It stays down", down=True, refused=refused)
