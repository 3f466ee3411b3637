"""The lock-step of one process: the rules of `shared.bus.lockstep`, inlined.

One event is given to every member whose lane it is on, in rank order; their outputs are numbered by (event, rank, index); when nothing is
undelivered the next outside fact is taken, by (rank of its author, source, n); then the clock, for each timer that lies before the feed's
next row; then that row, shown to the venue first, whose reports are settled before it. So a run gives the very events, numbers, names and
causes that the bus and its drivers give (`tests/unit/backtest/test_backtest_is_lockstep.py`).

What the bus does beside is left out, because in one process it cannot change an event: checks of roles and leases, memory of names against
repeats, encoding, queues a connection. An event is dropped as soon as it is settled; `sink` takes what should be kept.

A row that nobody answers (no report of the venue, no output, no timer due) costs a venue look-up, an envelope and the actors' own arithmetic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shared.bus.port import NEVER
from shared.events import (
    BusStarted,
    ClockTicked,
    Envelope,
    Event,
    LeaseGranted,
    LimitOverridden,
    LogStarted,
    OrderFilled,
    ReconcileNow,
    RegimeChanged,
    RunStarted,
    SessionChanged,
)
from shared.runtime.actor import InvariantError
from shared.runtime.session import Evidence
from shared.venue import Report

from .members import EPOCH, RUN, Apply, Decide, Member
from .venue_link import Venue

BUS: Final = "bus"
FEED: Final = "gateway.feed"
FEED_RUN: Final = 1
CONTROL: Final = "control.backtest"
HOLDER: Final = "backtest"

Sink = Callable[[Envelope], object]
Observers = Mapping[type[Event], Callable[[Envelope], object]]
Takers = tuple[tuple[Member, Decide, Apply | None], ...]
Plan = tuple[Callable[[Envelope], object] | None, Takers, Member | None]  # observer; whom it is given to; its author, where that may perform it


class Route:
    """Where rows of one type and symbol go. show: the venue's own handler of them."""

    __slots__ = ("show", "takers", "timers", "topic")

    def __init__(self, topic: str, show: Callable[[Any], Sequence[Report]], takers: Takers) -> None:
        self.topic = topic
        self.show = show
        self.takers = takers
        self.timers = tuple(member.next_timer for member, _, _ in takers if member.timer_moves)


class Engine:
    """members: in any order; each speaks under its rank. observers: by type, called with each settled event but the feed's rows. sink: called
    with every event when it gets its place. wants_reading: for a run whose own readings are far apart, asked with the number of fills since the
    newest whenever some are settled. seq, now: of the newest event."""

    def __init__(
        self,
        members: Sequence[Member],
        venue: Venue,
        log_id: str,
        observers: Observers | None = None,
        sink: Sink | None = None,
        *,
        wants_reading: Callable[[int], bool] | None = None,
    ) -> None:
        self._members = sorted(members, key=lambda member: member.rank)
        self._by_source = {member.source: member for member in self._members}
        self._polled = [member for member in self._members if member.polled]
        self._timers = [member.next_timer for member in self._members]
        self._venue = venue
        self._log_id = log_id
        self._observers: Observers = observers or {}
        self._sink = sink
        self._queue: deque[Envelope] = deque()
        self._outside: dict[tuple[int, str, int], deque[tuple[int, Event, int]]] = {}
        self._plans: dict[tuple[type[Event], str, str], Plan] = {}
        self._routes: dict[type[Event], dict[str, Route]] = {}
        self._heard = -1  # newest report of the venue the sessions were asked for
        self._bus_n = 0
        self._commands = 0
        self._wants_reading = wants_reading
        self._unread = 0  # fills since the account was read
        self._due = NEVER
        self._opening = 0
        self.seq = 0
        self.now = 0

    # -- the run

    def start(self, durability: str = "process") -> None:
        """The log opens, every member comes in rank order, and whatever follows is settled."""
        self._emit(LogStarted(self._log_id, "feed", durability))
        self._emit(BusStarted(1, 0))
        for member in self._members:
            self._emit(LeaseGranted(member.source, HOLDER, EPOCH))
            self._emit(RunStarted(member.source, RUN, member.fingerprint))
            member.begun = self.seq
        self._opening = self.seq
        for member in self._members:
            if member.session is not None:
                member.session.start({})
            if member.polled:
                self._poll(member)  # opens the line, which brings nothing yet
        self.settle()

    def fact(self, number: int, time: int, event: Event) -> None:
        """A row of the feed that says something of the feed itself."""
        self._clock(time)
        self.now = max(self.now, time)
        self._stamp(event, FEED, FEED_RUN, number, 0, 0)
        self.settle()

    def command(self, event: Event) -> None:
        """What an operator says to everybody."""
        self._command(event)
        self.settle()

    def read_account(self) -> None:
        """The reconciler reads the account and compares."""
        self._ask_reading("the data ended")
        self.settle()

    def rows(self, number: int, times: Sequence[int], events: Sequence[Event]) -> None:
        """Market data in order; number: of the first row. The hot path."""
        routes, sink = self._routes, self._sink
        now, seq, due = self.now, self.seq, self._due
        first = number
        for number, (time, event) in enumerate(zip(times, events, strict=True), first):  # noqa: PLR1704 - it counts on
            if time > due:
                self.now, self.seq = now, seq
                if number > first:
                    self._venue.reached(times[number - first - 1])
                self._clock(time)
                now, seq, due = self.now, self.seq, self._due
            try:
                route = routes[type(event)][event.symbol]  # type: ignore[attr-defined]  # market data has one
            except KeyError:
                route = self._route(event)
            reports = route.show(event)
            if reports:
                self.now, self.seq = now, seq
                self._venue.shown(number, time, reports)
                self.settle()
                now, seq, due = self.now, self.seq, self._due
            if time > now:  # noqa: PLR1730 - a third of what max() costs, on the hot path
                now = time
            seq += 1
            e = Envelope(seq, now, route.topic, FEED, FEED_RUN, number, 0, 0, event)
            if sink is not None:
                sink(e)
            spoke = False
            for member, decide, apply in route.takers:
                outputs = decide(e)
                if apply is not None:
                    apply(e)
                if outputs:
                    if not spoke:
                        self.now, self.seq, spoke = now, seq, True
                    self._say(member, outputs, e)
            if spoke:
                self._venue.reached(time)
                self.settle()
                now, seq, due = self.now, self.seq, self._due
            else:
                for timer in route.timers:
                    wanted = timer()
                    if 0 < wanted < due:
                        due = wanted
        self.now, self.seq, self._due = now, seq, due
        if times:
            self._venue.reached(times[-1])

    def settle(self) -> None:
        """Until nothing is undelivered and no outside fact waits."""
        queue = self._queue
        while True:
            while queue:
                self._deliver(queue.popleft())
            if not self._take_outside():
                break
        self._due = self._earliest()

    # -- the order of things

    def _clock(self, before: int) -> None:
        """Clock events for the timers that lie before a row."""
        while self.now and (due := self._earliest()) < before:
            self.now = max(self.now, due)
            self._emit(ClockTicked())
            self.settle()

    def _earliest(self) -> int:
        earliest = NEVER
        for timer in self._timers:
            due = timer()
            if 0 < due < earliest:
                earliest = due
        return earliest

    def _deliver(self, e: Envelope) -> None:
        kind = type(e.event)
        key = (kind, e.topic, e.source)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._plan(*key)
        observer, takers, performer = plan
        if kind is OrderFilled or (kind is SessionChanged and self._venue.awaits_settlement):
            self._unread += 1
        if observer is not None:
            observer(e)
        opening = e.seq <= self._opening
        for member, decide, apply in takers:
            if opening and e.seq < member.begun:
                member.core.apply(e)  # before its run began it has nothing to decide
                continue
            outputs = decide(e)
            if apply is not None:
                apply(e)
            if outputs:
                self._say(member, outputs, e)
        if kind is RegimeChanged:  # risk may sit at another desk now: as with LimitOverridden
            self._plans.clear()
            self._routes.clear()
        if performer is not None and performer.session.wants(e):  # type: ignore[union-attr]  # a performer has one
            self._perform(performer, e)

    def _say(self, member: Member, outputs: Sequence[Event], cause: Envelope) -> None:
        """Number outputs; their author folds them right after the cause."""
        now, source, seq, apply = cause.ts_ns, member.source, cause.seq, member.apply
        for event in outputs:
            member.n += 1
            topic = event.topic
            if apply is not None:
                apply(Envelope(0, now, topic, source, RUN, member.n, seq, EPOCH, event))
            if type(event) is LimitOverridden:  # its author sits at another desk now: its handlers are looked up again
                self._plans.clear()
                self._routes.clear()
            self._place(Envelope(self.seq + 1, now, topic, source, RUN, member.n, seq, EPOCH, event))

    def _perform(self, member: Member, e: Envelope) -> None:
        """An effect, now that it is in the log; what its session saw comes in by its turn."""
        assert member.session is not None
        deadline = getattr(e.event, "deadline_ns", 0)
        done = member.session.perform(e, lambda: "deadline passed" if deadline and e.ts_ns > deadline else "")
        for evidence in done.evidence:
            self._hold(member, evidence)

    def _poll(self, member: Member) -> None:
        assert member.session is not None
        for evidence in member.session.poll(0.0):
            self._hold(member, evidence)

    def _hold(self, author: Member, evidence: Evidence) -> None:
        source, run, n = evidence.source or f"{author.source}.session", evidence.run or EPOCH, evidence.n
        newest = author.numbers.get((source, run), 0)
        if not n:
            n = newest + 1
        elif n != newest + 1:
            raise InvariantError(f"{source} run {run}: expected n {newest + 1}, got {n}")
        author.numbers[(source, run)] = n
        held = self._outside.get((author.rank, source, run))
        if held is None:
            held = self._outside[(author.rank, source, run)] = deque()
        held.append((n, evidence.event, evidence.ts_ns))

    def _take_outside(self) -> bool:
        """The next fact of the world, the venue's newest reports included."""
        newest, outside = self._venue.head(), self._outside
        if newest != self._heard:
            self._heard = newest
            for member in self._polled:
                self._poll(member)
        if not outside:
            return self._unread > 0 and self._read_now()
        key = min(outside) if len(outside) > 1 else next(iter(outside))
        held = outside[key]
        n, event, ts_ns = held.popleft()
        if not held:
            del outside[key]
        if ts_ns > self.now:  # noqa: PLR1730 - as in `rows`
            self.now = ts_ns
        self._stamp(event, key[1], key[2], n, 0, 0)
        return True

    def _read_now(self) -> bool:
        """Ask for a reading of the account after fills, where one is wanted."""
        if self._wants_reading is None or not self._wants_reading(self._unread):
            return False
        self._ask_reading("after fills")
        return True

    def _ask_reading(self, why: str) -> None:
        self._unread = 0
        self._command(ReconcileNow(f"{HOLDER}-{self._commands + 1}", HOLDER, why))

    def _command(self, event: Event) -> None:
        self._commands += 1
        self._stamp(event, CONTROL, RUN, self._commands, 0, 0)

    def _emit(self, event: Event) -> None:
        """An event of the bus itself."""
        self._bus_n += 1
        self._stamp(event, BUS, 1, self._bus_n, 0, 0)

    def _stamp(self, event: Event, source: str, run: int, n: int, cause: int, epoch: int) -> None:
        self._place(Envelope(self.seq + 1, self.now, event.topic, source, run, n, cause, epoch, event))

    def _place(self, e: Envelope) -> None:
        self.seq = e.seq
        self._queue.append(e)
        if self._sink is not None:
            self._sink(e)

    # -- who takes what

    def _plan(self, kind: type[Event], topic: str, source: str) -> Plan:
        """What becomes of such events once they are in the log. Its own outputs an author has folded when it said them."""
        author = self._by_source.get(source)
        performs = author is not None and author.session is not None and author.hears(topic)
        takers = tuple(taker for taker in self._takers_of(kind, topic) if taker[0] is not author)
        return self._observers.get(kind), takers, author if performs else None

    def _takers_of(self, kind: type[Event], topic: str) -> Takers:
        found = ((member, member.handlers(kind)) for member in self._members if member.hears(topic))
        return tuple((member, *handlers) for member, handlers in found if handlers is not None)

    def _route(self, event: Event) -> Route:
        kind, symbol = type(event), event.symbol  # type: ignore[attr-defined]  # market data has one
        route = Route(event.topic, self._venue.handler(kind), self._takers_of(kind, event.topic))
        self._routes.setdefault(kind, {})[symbol] = route
        return route
