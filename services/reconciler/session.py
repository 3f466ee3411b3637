"""The reconciler's session: reads the whole account over its own line, or says that it could not. Never half a reading. A line that was lost is
made anew by the next reading; when that is, the core decides (`lost_line.py`).

An event has a size limit, so executions beyond `EXECUTIONS_MAX` (the first reading of an old account) are told one by one before the
reading; a reading too large all the same is a failed one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from shared.brokers.contract import AccountSession, ReadFailed, WholeState
from shared.brokers.pacing import Pacer
from shared.brokers.reconnect import LOST
from shared.events import (
    ActionPlaced,
    BrokerActionReported,
    BrokerExecutionReported,
    BrokerQueryFailed,
    BrokerStateReported,
    CodecError,
    Envelope,
    ErrorClass,
    ExecutionRow,
    HaltRequested,
    ReconcileRequested,
    encode_body,
)
from shared.runtime.actor import InvariantError
from shared.runtime.session import Evidence, Performed, Permit

from .killpath import KillPath
from .settings import SOURCE

CONNECT_TIMEOUT_S: Final = 5.0
EXECUTIONS_MAX: Final = 100
READING_REQUESTS: Final = 4  # orders, executions, positions, totals

_EFFECTS: Final = frozenset({ReconcileRequested, HaltRequested})


class ReconcilerSession:
    """Implements `shared.runtime.session.Session`. account: makes a session, unconnected, for the thread that reads. reports: source of the broker's numbered reports (`venue.<broker>`), empty where it
    numbers none; a lock-step feed waits until the reports a reading reflects are in the log. per_second: the reconciler's share of the
    account's requests, 0: no bound; a reading too soon after the one before waits. killpath: cancels, and says what it did."""

    names: Final = ()

    def __init__(
        self,
        account: Callable[[], AccountSession],
        reports: str = "",
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        *,
        per_second: int = 0,
        killpath: KillPath | None = None,
    ) -> None:
        self._killpath = killpath
        self._make = account
        self._session: AccountSession | None = None
        self._reports = reports
        self._connect_timeout_s = connect_timeout_s
        self._pacer = Pacer(per_second)
        self._account = ""
        self._up = False

    def start(self, known: dict[tuple[str, int], int]) -> None:
        """The line is opened by the first reading, and its failure is that reading's."""

    def wants(self, e: Envelope) -> bool:
        return type(e.event) in _EFFECTS

    def perform(self, e: Envelope, permit: Permit) -> Performed:  # noqa: ARG002 - it reads, and cancels what nobody may resume
        event, killpath = e.event, self._killpath
        if isinstance(event, HaltRequested) and killpath is not None:
            killpath.demand(event)
            return Performed()
        if not isinstance(event, ReconcileRequested):
            raise InvariantError(f"{type(event).__name__} is no effect of the reconciler")
        done = self._read(event)
        return done if killpath is None else Performed((*killpath.take(), *done.evidence), done.requires)

    def poll(self, timeout_s: float) -> tuple[Evidence, ...]:
        return () if self._killpath is None else self._killpath.news(timeout_s)

    def close(self) -> None:
        if self._session is not None:
            self._session.close()

    def _read(self, event: ReconcileRequested) -> Performed:
        self._pacer.wait(READING_REQUESTS)
        try:
            if self._session is None:
                self._session = self._make()
            if not self._up:
                self._account = self._session.connect(self._connect_timeout_s)
                self._up = True
            return self._told(event, self._session.whole_state(event.cursor))
        except ReadFailed as error:
            if error.error in LOST:
                self.close()
                self._session, self._up = None, False
            return self._failed(event, error.query, error.error, error.text)

    def _told(self, e: ReconcileRequested, state: WholeState) -> Performed:
        alone = max(0, len(state.executions) - EXECUTIONS_MAX)
        extra, kept = state.executions[:alone], state.executions[alone:]
        early = [a for a in state.actions if a.after < alone]
        late = tuple(ActionPlaced(a.action, a.after - alone) for a in state.actions if a.after >= alone)
        at, report, cursor = state.as_of, state.report, state.next_cursor
        whole = (state.orders, kept, state.positions, state.totals, at, report, cursor, late, state.clock)
        reading = BrokerStateReported(self._account, SOURCE, e.query, *whole)
        try:
            encode_body(reading)
        except CodecError as error:
            return self._failed(e, "orders", ErrorClass.SCHEMA, str(error))
        one_by_one = self._one_by_one(extra, early)
        requires = ((self._reports, 1, state.report),) if self._reports and state.report else ()
        return Performed((*one_by_one, Evidence(reading)), requires)

    def _one_by_one(self, executions: Sequence[ExecutionRow], actions: Sequence[ActionPlaced]) -> list[Evidence]:
        """In the broker's order."""
        told: list[Evidence] = []
        waiting = list(actions)
        for n, row in enumerate(executions):
            while waiting and waiting[0].after <= n:
                told.append(Evidence(BrokerActionReported(self._account, SOURCE, waiting.pop(0).action)))
            told.append(Evidence(BrokerExecutionReported(self._account, SOURCE, row)))
        return told

    def _failed(self, e: ReconcileRequested, query: str, error: ErrorClass, text: str) -> Performed:
        return Performed((Evidence(BrokerQueryFailed(self._account, SOURCE, query, str(e.query), error, text)),))
