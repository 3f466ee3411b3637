"""Gathers what the console shows: the services' own words, the audit log, the auditor's answers, the supervisor's lines."""

from __future__ import annotations

from typing import Any, Final

from shared.config import Redactor

from .asking import Auditor
from .audit_tail import AuditTail
from .console import Console
from .fleet import Fleet, SlotState
from .log_tail import is_loud, without_traceback
from .narrator import Narrator, Said
from .view import ServiceView, View

ASK_S: Final = 0.3
ASK_AGAIN_S: Final = 2.0  # after no answer: a hanging auditor must not hold up the watching of the others
SAID_KEPT: Final = 200


class Reporter:
    """health: the auditor's newest answer, empty before the first."""

    def __init__(self, fleet: Fleet, auditor: Auditor, audit: AuditTail, console: Console, redactor: Redactor) -> None:
        self._fleet = fleet
        self._auditor = auditor
        self._audit = audit
        self._console = console
        self._redact = redactor.text
        self._narrator = Narrator()
        self._view = View()
        self._ask_from = 0.0
        self.health: dict[str, Any] = {}

    def say(self, word: str, text: str, *, loud: bool = False) -> None:
        """A line of the supervisor's own."""
        self._emit(Said("", word, text, loud))

    def look(self, now_s: float) -> None:
        """Say what is new and show the rest. The auditor is asked only while it is ready, and not waited for long."""
        for service, line in self._fleet.log_lines():
            if is_loud(line):
                self._emit(Said("", service, without_traceback(line), loud=True))
        for said in self._narrator.audit(self._audit.entries()):
            self._emit(said)
        if now_s >= self._ask_from and self._fleet.ready(self._fleet.plan.auditor):
            self._ask(now_s)
        self._view.services = [self._service(name) for name in self._fleet.services]
        self._console.show(self._view)

    def _ask(self, now_s: float) -> None:
        health = self._auditor.try_ask("health", ASK_S)
        status = self._auditor.try_ask("status", ASK_S) if health is not None else None
        if health is None or status is None:
            self._ask_from = now_s + ASK_AGAIN_S
            return
        self.health, self._view.status = health, status
        self._view.positions = self._auditor.try_ask("positions", ASK_S) or self._view.positions
        for said in (*self._narrator.health(health), *self._narrator.heartbeat(status, now_s)):
            self._emit(said)

    def _service(self, service: str) -> ServiceView:
        slot, said = self._fleet.slots[service], self._fleet.health(service)
        if said is None:
            return ServiceView(service, "starting" if slot.state is SlotState.RUNNING else str(slot.state), slot.restarts)
        return ServiceView(service, said["state"], slot.restarts, said["epoch"], said["cursor"], said["lag"], said["memory_mb"])

    def _emit(self, said: Said) -> None:
        said = said._replace(text=self._redact(said.text))
        self._view.said.append(said)
        del self._view.said[:-SAID_KEPT]
        self._console.say(said)
