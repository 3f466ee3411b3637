"""What the kill path does once somebody asked for it or is away: latch the halt, sweep, tell. Sans-thread: each act is a course of steps with pauses.

Promises: a halt that was not journaled is in the outbox, durable, before its first cancel (with a full disk it is not, and is told so); what a
sweep did is in the outbox when the act ends.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import msgspec

from shared.events import Alert, Event, HaltRequested, OrdersCanceledDirectly, Scope, Severity
from shared.runtime.killpath import HaltOrder, Swept

from .deadman import BY_BUS, BY_OPERATOR, BY_ROUTER
from .outbox import Outbox
from .settings import SOURCE
from .sweep import BrokerLine, Steps, Sweep, Wanted


class DirectActs:
    """clock: monotonic seconds; wall_ns: wall clock; token: a name nobody used. spare_protective: as `KillPathSettings`."""

    def __init__(
        self,
        line: BrokerLine,
        outbox: Outbox,
        log: Any,
        *,
        spare_protective: bool,
        clock: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
        token: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._line, self._outbox, self._log = line, outbox, log
        self._unmanned = Wanted(ours_only=True, spare_protective=spare_protective)
        self._clock, self._wall_ns, self._token = clock, wall_ns, token

    def operator(self, order: HaltOrder) -> Steps[Swept]:
        halt = HaltRequested(order.command, order.operator, order.reason, order.scope, order.key)
        lost = "" if order.journaled else self._keep(halt)
        self._log.warning("halt", command=order.command, operator=order.operator, journaled=order.journaled)
        swept = yield from Sweep(self._line, Wanted(order.scope, order.key, others_first=order.journaled)).steps(self._clock)
        if not order.journaled or swept.asked or swept.open_count or swept.failed:
            self._tell(halt, BY_OPERATOR, swept)
        return msgspec.structs.replace(swept, lost=lost)

    def bus_lost(self, after_s: float) -> Steps[None]:
        """Halt only for what was there to cancel: a bus that restarts while nothing works is no reason to stop trading."""
        reason = f"dead man's switch: the bus was away for {after_s:g} s"
        halt = HaltRequested(f"deadbus{self._token()}", SOURCE, reason, Scope.GLOBAL, "")
        swept = yield from Sweep(self._line, self._unmanned, lambda: self._keep(halt)).steps(self._clock)
        if swept.asked:
            self._tell(halt, BY_BUS, swept)
        elif swept.failed:
            self._log.error("the bus is away and the broker could not be read", error=swept.failed)

    def router_lost(self, halt: HaltRequested) -> Steps[None]:
        self._tell(halt, BY_ROUTER, (yield from Sweep(self._line, self._unmanned).steps(self._clock)))

    def _tell(self, halt: HaltRequested, cause: str, s: Swept) -> None:
        told = OrdersCanceledDirectly(halt.command, cause, s.found, s.asked, s.kept, s.open, s.open_count, s.failed, self._wall_ns())
        kept = f", {len(s.kept)} protective stops left" if s.kept else ""
        left = f"; {s.open_count} STILL OPEN, cancel them at the broker" if s.open_count else ""
        failed = f"; the broker could not be read: {s.failed}" if s.failed else ""
        text = f"the reconciler's own session cancelled {s.asked} of {s.found} working orders{kept}{left}{failed}: {halt.reason}"
        self._log.warning("cancelled directly", cause=cause, found=s.found, asked=s.asked, open=s.open_count, failed=s.failed, took_ms=s.took_ms)
        self._keep(told, Alert(Severity.CRITICAL, f"killpath.{cause}", text))

    def _keep(self, *events: Event) -> str:
        """Why they are not durable: a full disk must not keep orders from being cancelled."""
        try:
            self._outbox.put(*events)
        except OSError as error:
            self._log.critical("the outbox cannot be written", error=str(error), events=[type(e).__name__ for e in events])
            return str(error)
        return ""
