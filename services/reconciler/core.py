"""The reconciler's core: asks for readings, compares them with the log, says what differs and locks what it concerns.

Promises: a failed reading changes nothing but its own age; a difference becomes a break only when it outlived the grace and nothing in
the reading explains it; a second reading of the same state says nothing new but that it was made. Never: book a fill, move a position,
send anything, or cancel but as the dead man's switch (`deadman.py`). Recovery of missing fills is the router's, from the same evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from shared.domain.ledger import Ledger
from shared.domain.order_fold import FOLDED, OrderFold
from shared.events import (
    AccountOpened,
    AccountReported,
    AccountRow,
    Alert,
    BrokerConnectionChanged,
    BrokerQueryFailed,
    BrokerStateReported,
    ClockTicked,
    Envelope,
    Event,
    FillMismatch,
    LeaseGranted,
    OrderEvent,
    OrderStatus,
    ReconcileCompleted,
    ReconcileFailed,
    ReconcileNow,
    ReconcileRequested,
    ResumeRequested,
    RunStarted,
    Scope,
    Severity,
)
from shared.runtime.actor import SnapshotIncompatible

from . import locks
from .deadman import WATCHED, RouterWatch
from .differences import Comparison, Unbooked, find_booked, rivals_after, shown_by
from .fold import NOTED, Holdings, fold
from .judge import Judgement, judge
from .lost_line import FOLDED as LINE
from .lost_line import OwnLine
from .settings import SOURCE, ReconcilerSettings
from .state import Books, Readings, ReconcilerState, Watch

VERSION: Final = 3

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(ReconcilerState).decode
_UNKNOWN: Final = OrderStatus.UNKNOWN
_LOCKING: Final[frozenset[type[Event]]] = FOLDED | {FillMismatch, ResumeRequested}


class Judged(NamedTuple):
    """A reading as of a moment of our own state, in its two uses."""

    reading: BrokerStateReported
    now: int
    unbooked: Sequence[Unbooked]
    judgement: Judgement


class Change(NamedTuple):
    """What an event of one type may change: a reading that is judged, locks, our own line, notes, the ledger, an order."""

    reading: bool
    locks: bool
    watched: bool
    line: bool
    noted: bool
    booked: bool
    ordered: bool


class ReconcilerCore:
    """Implements `shared.runtime.actor.Core`; source `reconciler`, topics `t.` and `c.`."""

    def __init__(self, settings: ReconcilerSettings | None = None) -> None:
        self._settings = settings or ReconcilerSettings()
        self._judged: Judged | None = None
        self._restore(Readings(), Watch(), Books(), OrderFold(), Ledger(), RouterWatch(), OwnLine())
        self._decisions: dict[type[Event], Callable[[Any, int], Sequence[Event]]] = {
            RunStarted: self._run_started,
            LeaseGranted: self._lease_granted,
            ReconcileNow: self._reconcile_now,
            BrokerConnectionChanged: self._connection,
            ClockTicked: self._ticked,
            BrokerQueryFailed: self._query_failed,
            BrokerStateReported: self._state_reported,
            **dict.fromkeys(_LOCKING, self._locking),
            ResumeRequested: self._resumed,
        }
        self.kinds: Final[frozenset[type[Event]]] = (
            NOTED | FOLDED | WATCHED | LINE | frozenset(self._decisions) | self._ledger.kinds
        )  # others change nothing
        self._changes: Final[dict[type[Event], Change]] = {kind: self._change_of(kind) for kind in self.kinds}

    def decide(self, e: Envelope) -> Sequence[Event]:
        handler = self._decisions.get(type(e.event))
        return handler(e.event, e.ts_ns) if handler is not None else ()

    def apply(self, e: Envelope) -> None:
        event: Any = e.event
        now, change = e.ts_ns, self._changes.get(type(event))
        if change is None:
            return
        if change.reading:
            self._apply_reading(event, now)
        elif change.locks and not locks.changes_nothing(self._watch, event):
            self._watch.locks = locks.locks_after(self._watch, self._orders, event, now, self._settings, None)
        self._judged = None
        if change.watched and (type(event) is not ClockTicked or self._router_due(now)):
            self._router.fold(event, now)
        if change.line:
            self._line.fold(event)
        if change.noted:
            fold(self._holdings, event, now)
        if change.booked:
            self._ledger.apply(event)
        if change.ordered and self._orders.apply(event, now) is not None:
            for name in locks.named(event):
                self._follow(name, now)

    def handlers(self, kind: type[Event]) -> tuple[Callable[[Envelope], Sequence[Event]], Callable[[Envelope], None] | None]:
        """`decide` and `apply` of one of the `kinds`, looked up once; None in place of `apply` where the first folds the event too."""
        change = self._changes[kind]
        also = change.watched or change.noted or change.booked or "child" in kind.__struct_fields__
        harmless = change.ordered and kind in locks.HARMLESS and not also
        return (self._harmless, None) if harmless else (self.decide, self.apply)

    def _harmless(self, e: Envelope) -> Sequence[Event]:
        """`decide` and `apply` in one of an event that nothing follows from but how its order stands, as of nearly every event of an order."""
        event: Any = e.event
        watch, now = self._watch, e.ts_ns
        if watch.locks or watch.unknown_since:
            outputs = self.decide(e)
            self.apply(e)
            return outputs
        self._judged = None
        if self._orders.apply(event, now) is not None:
            self._follow(event.order_id, now)
        return ()

    def _change_of(self, kind: type[Event]) -> Change:
        reading = kind is BrokerStateReported
        locking = kind in _LOCKING or kind is ClockTicked
        ordered = kind in FOLDED and issubclass(kind, OrderEvent)
        watched = kind in WATCHED or kind is ClockTicked
        return Change(reading, locking, watched, kind in LINE, kind in NOTED and not reading, kind in self._ledger.kinds, ordered)

    def _apply_reading(self, e: BrokerStateReported, now: int) -> None:
        """What it says; nothing where nobody waits for it."""
        judged = self._judge(e, now)
        judgement = judged.judgement if judged is not None else None
        self._watch.locks = locks.locks_after(self._watch, self._orders, e, now, self._settings, judgement)
        if judged is not None:
            self._line.reached = True
            self._note_reading(e, judged, now)
            fold(self._holdings, e, now)

    def snapshot(self) -> bytes:
        ledger, orders, denied = self._ledger.to_state(), self._orders.orders, list(self._orders.denied)
        return _encode(ReconcilerState(VERSION, self._readings, self._watch, self._books, ledger, orders, self._router, denied, self._line))

    def restore(self, state: bytes) -> None:
        try:
            s = _decode(state)
        except msgspec.MsgspecError as error:
            raise SnapshotIncompatible(str(error)) from None
        if s.version != VERSION:
            raise SnapshotIncompatible(f"layout {s.version}, this build has {VERSION}")
        self._restore(s.readings, s.watch, s.books, OrderFold(s.orders, s.denied), Ledger.from_state(s.ledger), s.router, s.line)

    def next_timer(self) -> int:
        readings = self._readings
        reading = readings.asked_ns + self._settings.answer_ns if readings.in_flight else readings.next_at
        aging = locks.next_aging(self._watch, self._orders, self._settings) if self._watch.unknown_since else 0
        router = self._router.due(self._settings.router_away_ns)
        if not aging and not router:  # as mostly
            return reading
        return min((t for t in (reading, aging, router) if t), default=0)

    def _restore(self, readings: Readings, watch: Watch, books: Books, orders: OrderFold, ledger: Ledger, router: RouterWatch, line: OwnLine) -> None:
        self._router, self._line = router, line
        self._readings, self._watch, self._books, self._orders, self._ledger = readings, watch, books, orders, ledger
        self._holdings = Holdings(self._settings, readings, books, orders, ledger, line)
        self._judged = None

    def _router_due(self, now: int) -> bool:
        return 0 < self._router.due(self._settings.router_away_ns) <= now

    # When to read.

    def _request(self, trigger: str) -> ReconcileRequested:
        return ReconcileRequested(self._readings.queries + 1, self._readings.cursor, trigger)

    def _run_started(self, e: RunStarted, _now: int) -> Sequence[Event]:
        return (self._request("start"),) if e.name == SOURCE and not self._readings.in_flight else ()

    def _lease_granted(self, e: LeaseGranted, _now: int) -> Sequence[Event]:
        """A halt whose sweep nobody told of may not have had one: the process before us is gone."""
        if e.name != SOURCE:
            return ()
        again = (self._router.fallen(self._settings.router_away_ns),) if self._router.pending else ()
        return (*again, self._request("start"))

    def _reconcile_now(self, _e: ReconcileNow, _now: int) -> Sequence[Event]:
        return () if self._readings.in_flight else (self._request("operator"),)

    def _resumed(self, e: ResumeRequested, now: int) -> Sequence[Event]:
        """An operator who wants trading back has our own line tried too, at once."""
        asks = e.scope is Scope.GLOBAL and self._line.down and not self._readings.in_flight
        return (*self._locking(e, now), *((self._request("operator"),) if asks else ()))

    def _connection(self, e: BrokerConnectionChanged, _now: int) -> Sequence[Event]:
        """The router's line is up: fills while it was not are fetched before anything else is believed. A router that begins anew never said that it
        went, so every connection asks; what we gave up is tried again with it, since the broker is there."""
        up = e.session == "router" and e.connected
        return (self._request("reconnect"),) if up and not self._readings.in_flight else ()

    def _ticked(self, e: ClockTicked, now: int) -> Sequence[Event]:
        due = self.next_timer()
        if not 0 < due <= now:
            return ()
        readings, outputs = self._readings, [*self._locking(e, now)]
        if self._router_due(now) and any(r.client_order_id or r.broker_order_id for r in self._orders.open()):
            outputs.append(self._router.fallen(self._settings.router_away_ns))
        if readings.in_flight:
            if readings.asked_ns + self._settings.answer_ns <= now:
                outputs.append(ReconcileFailed(readings.in_flight, "no answer from the session"))
        elif 0 < readings.next_at <= now:
            outputs.append(self._request("interval"))
        return outputs

    # What a reading says.

    def _query_failed(self, e: BrokerQueryFailed, _now: int) -> Sequence[Event]:
        readings = self._readings
        if e.session != SOURCE or not readings.in_flight or e.subject != str(readings.in_flight):
            return ()
        failed = (*self._line.failed(e, self._settings.reconnect), ReconcileFailed(readings.in_flight, f"{e.query}: {e.error}: {e.text}"))
        return (*failed, self._request(readings.again)) if readings.again else failed

    def _state_reported(self, e: BrokerStateReported, now: int) -> Sequence[Event]:
        judged = self._judge(e, now)
        if judged is None:
            return ()
        judgement = judged.judgement
        outputs: list[Event] = [*self._line.made(e.account, e.query)]
        if not self._books.opened:
            outputs.append(_opening(e))
        if judgement.clean and self._books.totals != e.totals:
            t = e.totals
            outputs.append(AccountReported(e.account, t.currency, t.cash, t.equity, t.buying_power, t.unsettled, t.balances))
        after = locks.locks_after(self._watch, self._orders, e, now, self._settings, judgement)
        outputs += locks.lock_events(self._watch.locks, after)
        outputs += [_break_alert(d) for d in judgement.breaks if d.key not in self._watch.breaks]
        outputs.append(ReconcileCompleted(e.query, judgement.clean, tuple(d.found for d in judgement.breaks), judgement.pending, e.report))
        if self._readings.again:
            outputs.append(ReconcileRequested(e.query + 1, e.next_cursor, self._readings.again))
        return outputs

    def _judge(self, e: BrokerStateReported, now: int) -> Judged | None:
        """None for a reading nobody waits for: another session's, or one asked for by a process that is gone. What `decide` worked out serves the
        `apply` of the same event, between which nothing is folded."""
        if e.session != SOURCE or e.query != self._readings.in_flight:
            return None
        judged = self._judged
        if judged is None or judged.reading is not e or judged.now != now:
            comparison = Comparison(self._settings, self._books, self._orders, self._ledger, e)
            judgement = judge(comparison.differences(), self._watch, now, self._settings.grace_ns)
            judged = self._judged = Judged(e, now, comparison.unbooked, judgement)
        return judged

    def _note_reading(self, e: BrokerStateReported, judged: Judged, now: int) -> None:
        settings, books, judgement = self._settings, self._books, judged.judgement
        self._watch.since = judgement.since
        self._watch.breaks = {d.key: True for d in judgement.breaks}
        books.awaited = {u.row.execution_id: u.row for u in judged.unbooked if find_booked(books, u.row) is None}
        books.rivals = rivals_after(books, e)
        books.recent = {name: r for name, r in books.recent.items() if not shown_by(e, r, now, settings.grace_ns)}
        books.order_reports = {name: report for name, report in books.order_reports.items() if report > e.report}
        pause = settings.grace_ns if judgement.pending else settings.interval_ns
        self._readings.next_at = now + pause if pause else 0

    # What locks an instrument.

    def _locking(self, e: Event, now: int) -> Sequence[Event]:
        if locks.changes_nothing(self._watch, e):
            return ()
        before = self._watch.locks
        after = locks.locks_after(self._watch, self._orders, e, now, self._settings, None)
        if after == before:
            return []
        return [*locks.lock_events(before, after), *(_aged_alert(order_id) for order_id in locks.newly_aged(before, after))]

    def _follow(self, order_id: str, now: int) -> None:
        if self._orders.orders[order_id].status is _UNKNOWN:
            self._watch.unknown_since.setdefault(order_id, now)
        elif self._watch.unknown_since:
            self._watch.unknown_since.pop(order_id, None)


def _opening(e: BrokerStateReported) -> AccountOpened:
    held = sorted(e.positions, key=lambda row: row.symbol)
    totals: AccountRow = e.totals
    return AccountOpened(
        e.account,
        totals.currency,
        totals.cash,
        totals.equity,
        tuple(row.symbol for row in held),
        tuple(row.quantity for row in held),
        tuple(row.average_price for row in held),
        totals.unsettled or (),
        totals.balances,
    )


def _break_alert(d: Any) -> Alert:
    found = d.found
    hint = f" It would be explained by: {d.hint}." if d.hint else ""
    locked = f" {d.symbol} is locked;" if d.symbol else ""
    text = f"{found.kind} of {found.subject}: we have {found.ours or 'nothing'}, the broker {found.theirs or 'nothing'}.{hint}{locked} compare with the broker's statement"
    return Alert(Severity.CRITICAL, f"break:{d.key}", text)


def _aged_alert(order_id: str) -> Alert:
    text = f"the outcome of {order_id} is still unknown; its exposure stays counted and its instrument is locked. Look for it at the broker"
    return Alert(Severity.CRITICAL, f"unknown_age:{order_id}", text)
