"""Kills at named points of a running stack: who dies is started again at once with its next point. Counted by evidence, never by hope.

A kill counts when the process ended by SIGKILL while its point was armed and had written its own line, `PID POINT`, right before. Any other
death is kept as unexpected, with the service's last words. Everybody has a point at the same time, so services also die together.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.runtime.killpoints import LOG, POINT
from tests.support.faulty import POLL_S, RESTARTED, Faulty

STALL_S: Final = 240.0  # a point armed for that long is never passed: the campaign proves nothing and fails


@dataclass(frozen=True)
class KillPoint:
    """label: the step's name in RISK_AND_FAULTS 3.1. where: STEP/NAME[|NAME]. nth: drawn from this range, so that kills meet different moments."""

    label: str
    service: str
    where: str
    nth: tuple[int, int] = (4, 30)


WORK: Final = "OrderApproved|OrderSending|OrderAccepted|OrderFilled|OrderCanceled"
INTENTS: Final = "OrderIntent|CancelIntent|ReplaceIntent"
APPROVALS: Final = "OrderApproved|CancelApproved|ReplaceApproved"
OUTCOMES: Final = "OrderAccepted|OrderRejected|OrderUnknown"
POINTS: Final = (
    KillPoint("P0 strategy decided", "strategy_runner", f"decided/{INTENTS}", (20, 80)),
    KillPoint("P1 its intent is sent, not acknowledged", "strategy_runner", f"sent/{INTENTS}", (20, 80)),
    KillPoint("P1 its intent is durable", "strategy_runner", "durable/OrderIntent", (10, 40)),
    KillPoint("P14 strategy received a fill", "strategy_runner", "received/OrderFilled", (3, 15)),
    KillPoint("P2 bus received, not written", "bus", f"bus_received/{WORK}", (10, 60)),
    KillPoint("P3 bus committed, not published", "bus", f"bus_committed/{WORK}", (10, 60)),
    KillPoint("P3 bus published, not acknowledged", "bus", f"bus_published/{WORK}", (10, 60)),
    KillPoint("P4 bus acknowledged", "bus", f"bus_acked/{WORK}", (10, 60)),
    KillPoint("P5 risk received an intent", "risk_engine", f"received/{INTENTS}", (20, 80)),
    KillPoint("P6 risk decided, nothing sent", "risk_engine", f"decided/{APPROVALS}", (20, 80)),
    KillPoint("P6 its decision is sent", "risk_engine", f"sent/{APPROVALS}", (20, 80)),
    KillPoint("P7 its decision is durable", "risk_engine", "durable/OrderApproved", (10, 40)),
    KillPoint("P14 risk received a fill", "risk_engine", "received/OrderFilled", (3, 15)),
    KillPoint("P8 router received an approval", "order_router", "received/OrderApproved"),
    KillPoint("P8 its write-ahead is decided", "order_router", "decided/OrderSending"),
    KillPoint("P9 OrderSending is durable, no request", "order_router", "durable/OrderSending"),
    KillPoint("P9 ReplaceSending is durable", "order_router", "durable/ReplaceSending", (1, 5)),
    KillPoint("P9 CancelSending is durable", "order_router", "durable/CancelSending", (1, 5)),
    KillPoint("P10 at the socket write of a submission", "order_router", "permitted/OrderSending"),
    KillPoint("P10 at the socket write of a replace", "order_router", "permitted/ReplaceSending", (1, 5)),
    KillPoint("P10 venue received a submission", "paper_venue", "venue_received/submit", (4, 30)),
    KillPoint("P11 venue acted, nothing written", "paper_venue", "venue_acted/order", (4, 30)),
    KillPoint("P11 venue committed, no answer", "paper_venue", "venue_committed/submit", (4, 30)),
    KillPoint("P11 venue committed a replace, no answer", "paper_venue", "venue_committed/replace", (1, 6)),
    KillPoint("P11 venue committed a cancel, no answer", "paper_venue", "venue_committed/cancel", (1, 6)),
    KillPoint("P11 venue answered", "paper_venue", "venue_answered/submit", (4, 30)),
    KillPoint("P12 router read the answer to a submission", "order_router", "answered/OrderSending"),
    KillPoint("P12 router read the answer to a replace", "order_router", "answered/ReplaceSending", (1, 5)),
    KillPoint("P12 router read the answer to a cancel", "order_router", "answered/CancelSending", (1, 5)),
    KillPoint("P12 router saw a report, not appended", "order_router", "seen/BrokerOrderReported"),
    KillPoint("P13 the outcome is sent", "order_router", f"sent/{OUTCOMES}"),
    KillPoint("P13 the outcome is durable", "order_router", f"durable/{OUTCOMES}"),
    KillPoint("P14 fill read, not appended", "order_router", "seen/BrokerExecutionReported", (1, 5)),
    KillPoint("P14 fill appended, not booked", "order_router", "noted/BrokerExecutionReported", (1, 5)),
    KillPoint("P14 fill is durable", "order_router", "durable/OrderFilled", (1, 5)),
    KillPoint("gateway showed the venue a quote, not appended", "gateway", "seen/Quote", (20, 120)),
    KillPoint("gateway appended a quote", "gateway", "noted/Quote", (20, 120)),
    KillPoint("reconciler's request is durable", "reconciler", "durable/ReconcileRequested", (2, 5)),
    KillPoint("reconciler read the broker, not appended", "reconciler", "seen/BrokerStateReported", (2, 5)),
    KillPoint("reconciler's verdict is sent", "reconciler", "sent/ReconcileCompleted", (2, 5)),
    KillPoint("auditor wrote a line, not folded", "auditor", "observed/OrderFilled|OrderAccepted", (5, 40)),
    KillPoint("auditor's files are synced, no snapshot", "auditor", "saving/auditor", (1, 1)),
)


@dataclass
class _Armed:
    point: KillPoint
    text: str
    since: float


@dataclass
class Campaign:
    """passes: kills a point. fired: by point; restarts: ends that a supervisor answers with a restart; unexpected: all others, which are bugs."""

    stack: Faulty
    seed: int
    passes: int
    points: Sequence[KillPoint] = POINTS
    fired: Counter[KillPoint] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    _queues: dict[str, deque[KillPoint]] = field(default_factory=dict)
    _armed: dict[str, _Armed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        for service in {p.service for p in self.points}:
            queue = [p for p in self.points if p.service == service] * self.passes
            self._rng.shuffle(queue)
            self._queues[service] = deque(queue)

    def run(self) -> None:
        """Start every service, each with its first point, and go on until every queue is empty and everybody runs without one."""
        for service in self.stack.services:
            self._next(service)
        while self._armed:
            time.sleep(POLL_S)
            for service, process in list(self.stack.processes.items()):
                if process.poll() is not None:
                    self._died(service, process.pid, process.returncode)
            self._check_stall()

    def table(self) -> str:
        lines = [f"{self.fired[p]:4d}  {p.label:48s} {p.service:16s} {p.where}" for p in self.points]
        head = f"seed {self.seed}: {sum(self.fired.values())} kills at {len(self.points)} points; other restarts: {dict(self.restarts)}"
        return "\n".join([head, *lines])

    def short(self) -> list[KillPoint]:
        """Points that fired less often than they had to."""
        return [p for p in self.points if self.fired[p] < self.passes]

    def _next(self, service: str) -> None:
        """Start the service with its next point, or with none."""
        queue, log = self._queues.get(service), str(self.stack.kill_log)
        self._armed.pop(service, None)
        self.stack.special.pop(service, None)
        if queue:
            point = queue[0]
            text = f"{point.where}:{self._rng.randint(*point.nth)}"
            self.stack.special[service] = {POINT: text, LOG: log}
            self._armed[service] = _Armed(point, text, time.monotonic())
        self.stack.start(service)

    def _died(self, service: str, pid: int, status: int) -> None:
        armed = self._armed.get(service)
        if armed is not None and status == -signal.SIGKILL and f"{pid} {armed.text}" in self.stack.kill_log.read_text().splitlines():
            self.fired[armed.point] += 1
            self._queues[service].popleft()
        elif status in RESTARTED:
            self.restarts[f"{service} ended with {status}"] += 1
        else:
            self.unexpected.append(f"{service} ended with {status}, armed {armed and armed.text}\n{self.stack.tail(service)}")
        self._next(service)

    def _check_stall(self) -> None:
        for service, armed in self._armed.items():
            if time.monotonic() - armed.since > STALL_S:
                raise AssertionError(
                    f"{service} never passed {armed.text} ({armed.point.label})\n{self.table()}\n{self.stack.standing()}\n{self.stack.tails()}"
                )
