"""The router's session: does at the broker what the core wrote ahead, once, and brings back what it saw.

Two lines to the broker, each made and used by one thread: `perform` has the requests', `poll` the reports'. Nothing is tried twice, with one exception: a
venue with idempotent submission answers a repeated request with the first one's outcome, so in lock-step, where the feed waits for the
answer, a request without one is repeated for `repeat_s`. Nothing is sent while the two sides disagree about the stream's numbers.

Both come back as `live.reconnect` says (`shared/brokers/reconnect.py`). The line of reports does so by itself, tells of every attempt, and is
given up after so many. That of requests connects when something is to be asked, at the same pace and for as long as anybody asks: an exit
or a cancel is never refused because nothing was heard of the broker for long.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from shared.brokers.contract import (
    Accepted,
    Ambiguous,
    Cancellation,
    Capabilities,
    ExecutionSession,
    NotSent,
    Outcome,
    ReadFailed,
    Refused,
    Replacement,
    StreamDown,
    StreamItem,
    Submission,
)
from shared.brokers.pacing import Pacer
from shared.brokers.reconnect import LOST, Reconnect, Reconnecting, given_up_alert
from shared.events import (
    BrokerOrderNotFound,
    BrokerOrderReported,
    BrokerQueryFailed,
    CancelSending,
    Envelope,
    ErrorClass,
    OrderQuerySending,
    OrderSending,
    ReplaceSending,
)
from shared.runtime.actor import InvariantError
from shared.runtime.session import Evidence, Performed, Permit

from .answers import SESSION, Asked, Witness

CONNECT_TIMEOUT_S: Final = 5.0
JITTER: Final = random.SystemRandom().random
REPEAT_PAUSE_S: Final = 0.05
REPLACE_REQUESTS: Final = 2  # what it replaces is read first

MakeSession = Callable[[], ExecutionSession]

_UNANSWERED: Final = (Ambiguous, NotSent)
_EFFECTS: Final = frozenset({OrderSending, CancelSending, ReplaceSending, OrderQuerySending})


class RouterSession:
    """Implements `shared.runtime.session.Session`. able: the broker's capabilities; requests, reports: make a session, unconnected. repeat_s: how long an
    idempotent venue is asked again, 0 outside lock-step. per_second: requests let out in any second of this machine's clock, 0: no bound. clock: monotonic seconds. reconnect, drawn:
    how lost lines come back, and its jitter, 0 to 1."""

    def __init__(
        self,
        able: Capabilities,
        requests: MakeSession,
        reports: MakeSession,
        repeat_s: float = 0.0,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        per_second: int = 0,
        clock: Callable[[], float] = time.monotonic,
        reconnect: Reconnect | None = None,
        drawn: Callable[[], float] = JITTER,
    ) -> None:
        self._make_requests = requests
        self._make_reports = reports
        self._requests: ExecutionSession | None = None
        self._reports: ExecutionSession | None = None
        self._repeat_s = repeat_s if able.idempotent_submit else 0.0
        self._stream = f"venue.{able.broker}" if able.numbered_reports else ""
        self._witness = Witness("", self._stream, able.to_json())
        self._connect_timeout_s = connect_timeout_s
        self._pacer = Pacer(per_second)
        self._clock = clock
        self._known = 0
        policy = reconnect or Reconnect()
        self._to_reports = Reconnecting(policy, clock, drawn)
        self._to_requests = Reconnecting(policy.on_demand(), clock, drawn)
        self._renew = False  # that of requests is made anew before the next one

    @property
    def names(self) -> Sequence[tuple[str, int]]:
        """Outside names this session brings reports under."""
        return ((self._stream, 1),) if self._stream else ()

    def start(self, known: dict[tuple[str, int], int]) -> None:
        self._known = known.get((self._stream, 1), 0)

    def wants(self, e: Envelope) -> bool:
        return type(e.event) in _EFFECTS

    def perform(self, e: Envelope, permit: Permit) -> Performed:
        event, now = e.event, e.ts_ns
        self._pacer.wait(REPLACE_REQUESTS if isinstance(event, ReplaceSending) else 1)
        match event:
            case OrderSending():
                asked = Asked("submit", event.client_order_id)
                submission = Submission(event.client_order_id, event.terms, now, event.group, event.venue)
                return self._act(asked, permit, lambda line: line.submit(submission, permit))
            case ReplaceSending():
                asked = Asked("replace", event.client_order_id, event.replace_no)
                return self._act(asked, permit, lambda line: _replace(line, event, now, permit))
            case CancelSending():
                asked = Asked("cancel", event.client_order_id)
                cancellation = Cancellation(event.client_order_id, event.broker_order_id, event.attempt, now)
                return self._act(asked, permit, lambda line: line.cancel(cancellation, permit))
            case OrderQuerySending():
                return Performed((self._look_up(event),))
        raise InvariantError(f"{type(event).__name__} is no effect of the router")

    def poll(self, timeout_s: float) -> Sequence[Evidence]:
        """Reports in order. Without a line it waits out its pause in slices of timeout_s and tries to connect again."""
        if self._reports is None or not self._to_reports.up:
            wait = self._to_reports.wait_s()
            if wait > 0:
                time.sleep(min(wait, timeout_s))
                return ()
            return self._open_reports()
        items = self._reports.stream(timeout_s)
        told = [self._witness.seen(self._note(item)) for item in items]
        if items and isinstance(items[-1], StreamDown):
            self._to_reports.lost()
            self._doubt()
            told[-1:] = self._down(items[-1].text)
        return told

    def observed(self, e: Envelope) -> None:
        """For the driver's `observe`: a command may ask for what was given up."""
        self._to_reports.observed(e)

    def close(self) -> None:
        for line in (self._requests, self._reports):
            if line is not None:
                line.close()

    def _act(self, asked: Asked, permit: Permit, request: Callable[[ExecutionSession], Outcome]) -> Performed:
        """One try. On an idempotent venue in lock-step further ones while nobody answers; what one of them left open stays open."""
        until = self._clock() + self._repeat_s
        left_open: Ambiguous | None = None
        while True:
            outcome = self._try(request)
            if isinstance(outcome, Ambiguous):
                left_open = outcome
            elif isinstance(outcome, NotSent) and left_open is not None:
                outcome = left_open
            if not isinstance(outcome, _UNANSWERED):
                return self._witness.performed(asked, outcome)
            forbidden = permit()
            if isinstance(outcome, NotSent) and not forbidden:
                self._requests_lost()
            if forbidden or self._clock() >= until:
                return self._witness.performed(asked, outcome)
            time.sleep(REPEAT_PAUSE_S)

    def _try(self, request: Callable[[ExecutionSession], Outcome]) -> Outcome:
        try:
            return request(self._open_requests())
        except ReadFailed as error:
            return NotSent(str(error))

    def _look_up(self, e: OrderQuerySending) -> Evidence:
        account = self._witness.account
        try:
            row = self._open_requests().order_by_client_id(e.client_order_id)
        except ReadFailed as error:
            if error.error in LOST:
                self._requests_lost()
            return Evidence(BrokerQueryFailed(account, SESSION, "order", e.client_order_id, error.error, error.text))
        if row is None:
            return Evidence(BrokerOrderNotFound(account, SESSION, e.client_order_id, e.attempt))
        return Evidence(BrokerOrderReported(account, SESSION, row))

    def _open_requests(self) -> ExecutionSession:
        """The line of requests, connected when it is needed, its attempts no closer to each other than the policy says. Raises ReadFailed."""
        line = self._to_requests
        if self._renew:
            self._renew, line.up = False, False
            line.again()
        if self._requests is None or not line.up:
            wait = line.wait_s()
            if wait > 0:
                raise ReadFailed("connect", ErrorClass.NETWORK, f"not connected; the next attempt may be made in {wait:.1f} s")
            if self._requests is not None:
                self._requests.close()
            self._requests = self._make_requests()
            try:
                self._requests.connect(self._connect_timeout_s)
                if self._stream:
                    self._requests.resume(self._known)  # another ledger than the log's is sent nothing
            except ReadFailed:
                line.failed()
                raise
            line.good()
        return self._requests

    def _requests_lost(self) -> None:
        """Nothing can be asked over it: whoever asks next connects first."""
        if self._to_requests.up:
            self._to_requests.up = False
            self._to_requests.again()

    def _open_reports(self) -> Sequence[Evidence]:
        """Open the stream after the newest report the log knows; what to tell when that fails."""
        again = self._reports is not None
        if self._reports is not None:
            self._reports.close()
        self._reports = self._make_reports()
        try:
            account = self._reports.connect(self._connect_timeout_s)
            self._witness = Witness(account, self._stream, self._witness.capabilities)
            self._reports.resume(self._known)
        except ReadFailed as error:
            if error.error is ErrorClass.SCHEMA:
                self._doubt()
            self._to_reports.failed()
            return self._down(str(error))
        if again:
            self._renew = True
        self._to_reports.good()
        return ()

    def _doubt(self) -> None:
        """Where reports are numbered: who answers next may have another ledger, so the line of requests must show first that it has not."""
        if self._stream:
            self._renew = True

    def _down(self, text: str) -> list[Evidence]:
        line, said = self._to_reports, self._to_reports.told(text)
        told = [self._witness.down(said, line.attempts, given_up=line.given_up)]
        if line.given_up:
            told.append(Evidence(given_up_alert(SESSION, said)))
        return told

    def _note(self, item: StreamItem) -> StreamItem:
        report = getattr(item, "report", 0)
        if report > self._known:  # noqa: PLR1730 - three times an order: max() costs a call
            self._known = report
        return item


def _replace(line: ExecutionSession, e: ReplaceSending, now: int, permit: Permit) -> Outcome:
    """The write-ahead names the order by its broker id; the client id it bears now is read, since earlier replaces changed it. An order that
    is gone may have been replaced by an earlier try of this very request, which lock-step repeats."""
    try:
        replaced = next((row for row in line.open_orders() if row.broker_order_id == e.broker_order_id), None)
        if replaced is not None:
            return line.replace(Replacement(e.client_order_id, replaced.client_order_id, e.broker_order_id, e.terms, now), permit)
        successor = line.order_by_client_id(e.client_order_id)
    except ReadFailed as error:
        return Ambiguous(error.error, error.text)
    if successor is not None:
        return Accepted(successor)
    return Refused(ErrorClass.REJECTION, "not_open", f"{e.broker_order_id} is not open any more")
