"""The supervisor: one loop that starts the services in order, watches them, shows what they do, and stops them cleanly.

It decides nothing about trading, with one exception: when a service stays down, trading is halted by a journaled command, as an operator
would (the auditor's absence is an alert: trading goes on without it). It can die at any moment: the services go on, and the next supervisor
ends them before it starts its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.bus.port import BusError
from shared.config import Loaded
from shared.config.live import LiveConfig
from shared.events import Alert, Event, HaltRequested, Scope, Severity, SystemStarted
from shared.runtime.places import Places

from .asking import Auditor
from .audit_tail import AuditTail
from .child import Command
from .console import Console
from .ending import Ending
from .fleet import Change, Fleet, SlotState
from .leftovers import Roll
from .narrator import feeds_ended
from .operator import Conversation, new_command, tell
from .plan import Plan, Stage
from .reporter import Reporter
from .wakeups import Wakeups

STARTING_S: Final = 0.05  # how often health files are looked at while services start or stop
RUNNING_S: Final = 0.25
READY_S: Final = 60.0  # a stage that takes longer is said, and the next one starts all the same
TELL_S: Final = 5.0
HURRY_S: Final = 1.0  # the longest wait after a second request to stop

EXIT_DOWN: Final = 1
EXIT_REFUSED: Final = 2


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run. started: the event that opens the session; run_for_s: from the moment all are ready; None: until asked to stop."""

    loaded: Loaded
    live: LiveConfig
    places: Places
    plan: Plan
    command: Callable[[str], Command]
    started: SystemStarted
    run_for_s: float | None = None


class Supervisor:
    """Made in the main thread; `run` once. head_before: the log's newest seq when the session began, None when it did not."""

    def __init__(self, job: Job, console: Console) -> None:
        self._job = job
        self._roll = Roll(job.live.state_dir)
        self._fleet = Fleet(job.plan, job.command, job.places.health, job.places.logs, job.live.restart_max_per_min, self._roll)
        self._auditor = Auditor(job.places)
        self._reporter = Reporter(self._fleet, self._auditor, AuditTail(job.places.logs / "audit.log"), console, job.loaded.redactor)
        self._wake = Wakeups()
        self._stage = 0
        self._stage_begun: float | None = None
        self._running_since: float | None = None
        self._next_look = 0.0
        self._opening: Conversation | None = None
        self._refused = False
        self.head_before: int | None = None

    def run(self) -> int:
        """Exit status: 0 a clean stop, 1 a service stayed down, 2 the start was refused."""
        try:
            for name in self._roll.end_leftovers():
                self._reporter.say(name, "left by an earlier supervisor, ended", loud=True)
            while (reason := self._reason_to_stop()) is None:
                self._wake.wait(RUNNING_S if self._running_since is not None else STARTING_S)
                now = time.monotonic()
                self._watch(now)
                self._advance(now)
                self._open()
                self._look(now)
            self._end(reason)
        finally:
            self._fleet.ask_to_stop(self._fleet.running())  # nobody runs any more, unless we are here by a bug of ours
            if self._opening is not None:
                self._opening.close()
            self._auditor.close()
            self._wake.close()
        self._roll.clear()
        return EXIT_REFUSED if self._refused else EXIT_DOWN if self._fleet.down() else 0

    def _reason_to_stop(self) -> str | None:
        if self._wake.stops:
            return "asked to stop"
        if self._refused:
            return "a service refused to start"
        since, run_for = self._running_since, self._job.run_for_s
        if since is None:
            return None
        if run_for is not None and time.monotonic() - since >= run_for:
            return f"ran for {run_for:g} s, as asked"
        return "the feed has ended" if feeds_ended(self._reporter.health) else None

    def _look(self, now: float) -> None:
        if now >= self._next_look:
            self._next_look = now + RUNNING_S
            self._reporter.look(now)

    # -- starting

    def _advance(self, now: float) -> None:
        """Start the next stage when the one before it is ready."""
        while self._stage < len(self._job.plan.stages):
            stage = self._job.plan.stages[self._stage]
            if self._stage_begun is None:
                self._stage_begun = now
                for service in stage.services:
                    self._fleet.start(service)
            if stage.wait and (missing := self._not_ready(stage)):
                if now - self._stage_begun < READY_S:
                    return
                self._reporter.say("starting", f"{', '.join(missing)} not ready after {READY_S:g} s; going on", loud=True)
            if self._job.plan.bus in stage.services:
                self._greet()
            self._stage += 1
            self._stage_begun = None
        if self._running_since is None:
            self._running_since = now
            self._reporter.say("running", f"{len(self._fleet.running())} services are ready")

    def _not_ready(self, stage: Stage) -> list[str]:
        return [s for s in stage.services if not self._fleet.ready(s) and self._fleet.slots[s].state is not SlotState.DOWN]

    def _greet(self) -> None:
        """`SystemStarted`: said before any actor is there, journaled when the bus takes it. In lock-step that is when all have come, and
        before the first row of the feed, so that it has its one place in every replay."""
        try:
            self._opening = Conversation(self._job.places.bus, new_command(), TELL_S)
            self.head_before = self._opening.head_before
            self._opening.say(self._job.started)
        except BusError as error:
            self._reporter.say("bus", f"the start could not be journaled: {error}", loud=True)

    def _open(self) -> None:
        if self._opening is None:
            return
        try:
            if not self._opening.journaled(0.0):
                return
        except BusError as error:
            self._reporter.say("bus", f"the start could not be journaled: {error}", loud=True)
        self._opening.close()
        self._opening = None

    # -- failing

    def _watch(self, now: float) -> None:
        for change in self._fleet.watch(now):
            self._reporter.say(change.service, change.text, loud=change.down)
            if change.down:
                self._stays_down(change)

    def _stays_down(self, change: Change) -> None:
        if change.refused and self._running_since is None:
            self._refused = True
        elif change.service == self._job.plan.bus:
            self._reporter.say("bus", "nothing can trade; working orders stay at the broker until they are cancelled there", loud=True)
        elif change.service == self._job.plan.auditor:
            self._tell(Alert(Severity.CRITICAL, "auditor.down", f"the auditor stays down: {change.text}"))
        else:
            self._tell(HaltRequested(new_command(), "supervisor", f"{change.service} stays down: {change.text}", Scope.GLOBAL, ""))

    def _tell(self, event: Event) -> None:
        try:
            tell(self._job.places, new_command(), [event], TELL_S)
        except BusError as error:
            self._reporter.say("bus", f"{type(event).__name__} could not be journaled: {error}", loud=True)

    # -- ending

    def _end(self, reason: str) -> None:
        job, asked = self._job, self._wake.stops

        def wait(condition: Callable[[], bool], seconds: float) -> bool:
            begun = time.monotonic()
            while not (held := condition()):
                now = time.monotonic()
                if now - begun >= (min(seconds, HURRY_S) if self._wake.stops > asked else seconds):
                    break
                self._wake.wait(STARTING_S)
                self._watch(now)
                self._look(now)
            return held

        Ending(self._fleet, job.places, job.live.stop_policy, self._auditor, wait, self._reporter.say).run(reason)
        self._reporter.look(time.monotonic())
