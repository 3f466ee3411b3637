"""The clean stop: strategies told, orders left or cancelled by policy, services ended in reverse order of their start.

Working orders are cancelled, then the strategies are told (`SystemStopped`: their `on_stop` runs, and they decide nothing more), then what
that left working gets a while to fill and is cancelled too. Each wait is bounded, and a second request to stop ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from shared.bus.port import BusError
from shared.events import CancelRequested, Event, SystemStopped
from shared.runtime.places import Places

from .asking import Auditor
from .fleet import Fleet
from .operator import new_command, tell

TELL_S: Final = 5.0
SETTLE_S: Final = 5.0
ASK_S: Final = 0.5
GRACE_S: Final = 8.0
KILLED_S: Final = 2.0

Wait = Callable[[Callable[[], bool], float], bool]
"""Go on with everything else until the condition holds, at most so many seconds. Whether it held."""


class Say(Protocol):
    def __call__(self, word: str, text: str, *, loud: bool = False) -> None: ...


@dataclass(slots=True)
class Ending:
    """wait: the supervisor's own loop; say: a line on the console."""

    fleet: Fleet
    places: Places
    policy: Literal["leave", "cancel"]
    auditor: Auditor
    wait: Wait
    say: Say

    def run(self, reason: str) -> None:
        """Returns when no service runs."""
        self.say("stopping", reason)
        plan = self.fleet.plan
        if self.fleet.ready(plan.bus) and self.fleet.running([plan.strategies]):
            self._settle(reason)
        for stage in reversed(plan.stages):
            self._stop(stage.services)

    def _settle(self, reason: str) -> None:
        """The part that needs the log."""
        cancel: list[Event] = [self._cancel_all(reason)] if self.policy == "cancel" else []
        seq = self._tell([*cancel, SystemStopped(reason)])
        if not seq:
            return
        if not self.wait(lambda: self._folded(self.fleet.plan.strategies, seq), SETTLE_S):
            self.say("stopping", "the strategies did not all stop in time", loud=True)
        if self.policy == "cancel" and self.fleet.ready(self.fleet.plan.auditor):
            self._clear_orders(reason, seq)

    def _clear_orders(self, reason: str, seq: int) -> None:
        """Until nothing works at the broker."""
        if self.wait(lambda: self._folded(self.fleet.plan.auditor, seq) and self._open_orders() == 0, SETTLE_S):
            return
        self._tell([self._cancel_all(reason)])
        if not self.wait(lambda: self._open_orders() == 0, SETTLE_S):
            count = self._open_orders()
            self.say("stopping", f"{'an unknown number of' if count is None else count} orders may still work at the broker: look there", loud=True)

    def _stop(self, services: Sequence[str]) -> None:
        self.fleet.ask_to_stop(services)
        if self.wait(lambda: not self.fleet.running(services), GRACE_S):
            return
        for service in self.fleet.kill(services):
            self.say("stopping", f"{service} did not stop in time and was killed", loud=True)
        self.wait(lambda: not self.fleet.running(services), KILLED_S)

    def _cancel_all(self, reason: str) -> CancelRequested:
        return CancelRequested(new_command(), "supervisor", reason, "")

    def _tell(self, events: Sequence[Event]) -> int:
        try:
            return tell(self.places, new_command(), events, TELL_S)
        except BusError as error:
            self.say("stopping", f"the log could not be told: {error}", loud=True)
            return 0

    def _folded(self, service: str, seq: int) -> bool:
        """Whether a service has folded the log up to seq and everything it said about it is journaled; who does not run has nothing to say."""
        if service not in self.fleet.running([service]):
            return True
        said = self.fleet.health(service)
        if said is not None and said["epoch"] == 0:
            return True  # it holds no name: no strategy is left
        return said is not None and said["cursor"] >= seq and not said["queue"]

    def _open_orders(self) -> int | None:
        answer = self.auditor.try_ask("status", ASK_S)
        return None if answer is None else int(answer["open_orders"])
