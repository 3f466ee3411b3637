"""One actor on one connection: recovery, folding, outputs, effects, snapshots. What every driver (process, single, simulated) runs.

Recovery and normal running are one path: the log is followed from the newest usable snapshot. Before the actor's run began, journaled
outputs are facts and are applied; after it, the actor decides again and what it says must equal what the journal holds (else it is not
deterministic and stops); what the journal does not hold yet is appended. An actor that says it is not deterministic is only told what
happened, up to the live point. Effects are performed only for events after that point, so a restart never repeats what an earlier process
did.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.bus.port import (
    Bus,
    BusRestarted,
    ClockMode,
    Connection,
    Cursor,
    Delivered,
    FeedTurn,
    Refused,
    Registration,
    Snapshot,
)
from shared.events import BusStarted, Envelope, Event

from . import killpoints
from .actor import Core, FoldingCore, InvariantError, SnapshotFailed, SnapshotIncompatible
from .session import Evidence, Permit
from .sessions import FeedHost, SessionHost

SNAPSHOT_EVERY: Final = 10_000
TURN_NS: Final = 100_000_000  # longest folding before the connection is looked after again
FRESH_NS: Final = 200_000_000  # twice as long as a process waits for its sockets: what is handled sooner than that came at once,
CAUGHT_UP_NS: Final = 1_000_000_000  # but for what was there when it woke from a longer pause, which may take so long to be read
LEASE_MARGIN_NS: Final = 500_000_000  # of the lease, before its end: a request is on the wire by then


@dataclass(slots=True)
class Progress:
    """For health: cursor, newest seq folded; recovered: the live point is reached; folded: events so far."""

    cursor: int = 0
    recovered: bool = False
    folded: int = 0


class ActorDriver:
    """session: the edge service's half that touches the world, hosted inline or in a thread. observe: called with each folded envelope, for
    the auditor's files and for tests. mono_ns: monotonic clock. prepare: called with the
    connection before anything is folded. before_snapshot: makes durable what stands beside the log. passed: called at each kill point."""

    def __init__(
        self,
        bus: Bus,
        registration: Registration,
        core: Core | FoldingCore,
        session: SessionHost | None = None,
        snapshot_every: int = SNAPSHOT_EVERY,
        observe: Callable[[Envelope], None] | None = None,
        mono_ns: Callable[[], int] = time.monotonic_ns,
        prepare: Callable[[Connection], None] | None = None,
        before_snapshot: Callable[[], None] | None = None,
        passed: killpoints.Passed | None = killpoints.passed,
    ) -> None:
        self._bus = bus
        self._reg = registration
        self.core = core
        self._deterministic: bool = getattr(core, "deterministic", True)
        self._deciding: Core | None = core if isinstance(core, Core) else None
        self._folding: FoldingCore | None = None if isinstance(core, Core) else core
        self._session = session
        self._snapshot_every = snapshot_every
        self._observe = observe
        self._mono_ns = mono_ns
        self._prepare = prepare
        self._before_snapshot = before_snapshot
        self._waiting: deque[Envelope] = deque()
        self._own: dict[int, list[Envelope]] = {}
        self._n = 0
        self._since_snapshot = 0
        self._numbers: dict[tuple[str, int], int] = {}
        self._log_ahead: int | None = None  # of the monotonic clock, at least
        self._doubtful = False  # a new bus's clock may stand elsewhere, and nothing of it was heard at once yet
        self._since = self._polled = self._woke = 0  # what is handled now came after that; newest look at the connection; newest after a pause
        self._handled_at = 0
        self._passed = passed
        self.progress = Progress()

    @property
    def source(self) -> str:
        return self._reg.source

    @property
    def lag(self) -> int:
        """Events of the lane known but not yet folded."""
        return len(self._waiting)

    # -- start

    def start(self, timeout_s: float = 30.0) -> None:
        """Claim the lease, restore, follow. Raises LeaseHeld, BusUnavailable, Refused."""
        self.connection: Connection = self._bus.connect(self._reg, timeout_s)
        w = self.connection.welcome
        self._lockstep = w.clock is ClockMode.FEED
        self._live_after = w.done if self._lockstep else w.head
        if self._prepare is not None:
            self._prepare(self.connection)
        cursor = self._restore()
        for e in self.connection.outputs_since(cursor.seq):
            self._own.setdefault(e.cause, []).append(e)
        self.progress.cursor = cursor.seq
        self.connection.follow(cursor)
        if self._session is not None:
            self._session.start(self.connection)
        if cursor.seq >= self._live_after:
            self._recovered()

    def _restore(self) -> Cursor:
        """The newest snapshot this build can read, of a state the run still stands on."""
        w = self.connection.welcome
        if not getattr(self.core, "snapshottable", True):
            return Cursor()
        for snapshot in self.connection.snapshots():
            if snapshot.run != w.run and snapshot.cursor.seq >= w.run_seq:
                continue
            try:
                self.core.restore(snapshot.state)
                self.connection.follow(snapshot.cursor)
            except (SnapshotIncompatible, Refused):
                continue
            self._n = snapshot.n if snapshot.run == w.run else 0
            return snapshot.cursor
        return Cursor()

    # -- run

    def pump(self, timeout_s: float) -> int:
        """Handle what is there, for about TURN_NS at most, waiting up to timeout_s for it. Events folded. Raises Fenced, InvariantError, Refused."""
        if not self._waiting:
            self._since = self._polled
        for notice in self.connection.poll(0.0 if self._waiting and not self.connection.full else timeout_s):
            if isinstance(notice, Delivered):
                self._waiting.append(notice.envelope)
            elif isinstance(notice, FeedTurn):
                self._feed().take_turn()
            elif isinstance(notice, BusRestarted):
                self._announce_feed()
        handled, now = 0, self._mono_ns()
        if now - self._polled > FRESH_NS:
            self._woke = now
        self._polled = now
        while self._waiting and not self.connection.full:
            self._handle(self._waiting.popleft())
            handled += 1
            if self._handled_at - now > TURN_NS:
                break  # a long history is folded in turns, so that the lease is kept meanwhile
        if self._session is not None:
            handled += self._collect(self._session)
        if not self._waiting:
            self._maybe_snapshot()
        return handled

    def _handle(self, e: Envelope) -> None:
        self._handled_at = now = self._mono_ns()
        if self._log_ahead is None or e.ts_ns - now > self._log_ahead or self._doubtful or type(e.event) is BusStarted:
            self._reckon(e, now)
        if self._observe is not None:
            self._observe(e)
            if self._passed is not None:
                self._passed("observed", e.event)
        if e.source == self._reg.source:
            self._durable(e)
        else:
            self._fold(e)
        self.progress.cursor = e.seq
        self.progress.folded += 1
        self._since_snapshot += 1
        if not self.progress.recovered and e.seq >= self._live_after:
            self._recovered()

    def _recovered(self) -> None:
        self.progress.recovered = True
        self._announce_feed()

    def _durable(self, e: Envelope) -> None:
        """An own output came back: it is in the journal. Live ones that are effects are performed now."""
        live = e.seq > self._live_after
        if live and self._passed is not None:
            self._passed("durable", e.event)
        if live and self._session is not None and self._session.wants(e):
            self._session.perform(e, self._permit(e))
        elif live and self._lockstep:
            self._report(e, ())

    def _permit(self, e: Envelope) -> Permit:
        """R3: only the epoch that journaled it, while its lease and deadline hold, asked at the socket write. Lock-step delivers an event again
        until it is done, to whoever holds the name, against a venue that knows each client id once."""
        deadline = getattr(e.event, "deadline_ns", 0)
        if self._lockstep:
            return lambda: "deadline passed" if deadline and e.ts_ns > deadline else ""

        def permit() -> str:
            if e.epoch != self.connection.welcome.epoch:
                return f"decided under epoch {e.epoch}"
            if self.connection.lease_left_ns() < LEASE_MARGIN_NS:
                return "the lease may be gone"
            if deadline and self.log_time() > deadline:
                return "deadline passed"
            if self._passed is not None:
                self._passed("permitted", e.event)
            return ""

        return permit

    def _reckon(self, e: Envelope, now: int) -> None:
        """Where the log's clock stands. What is handled late (a process that slept, a long lane) never makes it seem earlier, not even a new bus:
        that it stands elsewhere is believed of an event that came at once."""
        ahead = e.ts_ns - now
        self._doubtful = self._doubtful or type(e.event) is BusStarted
        at_once = self.progress.recovered and now - self._since < FRESH_NS and now - self._woke > CAUGHT_UP_NS
        if self._log_ahead is None or ahead > self._log_ahead or (self._doubtful and at_once):
            self._log_ahead = ahead
        self._doubtful = self._doubtful and not at_once

    def log_time(self) -> int:
        """Log time now, ns, under the wall clock: by the event that came quickest (`_reckon`)."""
        return 0 if self._log_ahead is None else self._log_ahead + self._mono_ns()

    # -- folding

    def _fold(self, e: Envelope) -> None:
        if self._passed is not None and e.seq > self._live_after:
            self._passed("received", e.event)
        w = self.connection.welcome
        journaled = self._own.pop(e.seq, ()) if self._own else ()
        if e.seq < w.run_seq or (not self._deterministic and e.seq <= self._live_after):
            self.core.apply(e)
            for own in journaled:
                self.core.apply(as_own(own.event, e, own.run, own.n, own.epoch, self._reg.source))
                if own.run == w.run:
                    self._n = own.n
            if self._lockstep and e.seq > self._live_after:
                self._report(e, ())
            return
        if self._folding is None:
            outputs = self._decide(e, journaled)
        else:
            outputs = self._folding.step(e)
            if journaled:
                self._check(e, outputs, journaled)
        first = self._n + 1
        self._n += len(outputs)
        fresh = outputs[len(journaled) :]
        if self._passed is not None:
            self._pass("decided", fresh)
        if self._lockstep:
            if e.seq > self._live_after:
                self._report(e, fresh, first + len(journaled))
            elif fresh:
                raise InvariantError(f"{self._reg.source}: seq {e.seq} is settled, yet {len(fresh)} of its outputs are not in the journal")
        elif fresh:
            self.connection.append(e, fresh, first + len(journaled))
        if self._passed is not None:
            self._pass("sent", fresh)

    def _pass(self, step: str, events: Sequence[Event]) -> None:
        """A kill point, where a test has set one."""
        if self._passed is not None:
            for event in events:
                self._passed(step, event)

    def _decide(self, e: Envelope, journaled: Sequence[Envelope]) -> Sequence[Event]:
        core = self._deciding
        assert core is not None
        outputs = core.decide(e)
        core.apply(e)
        if outputs:
            self._check(e, outputs, journaled)
            w = self.connection.welcome
            for i, event in enumerate(outputs):
                epoch = journaled[i].epoch if i < len(journaled) else w.epoch
                core.apply(as_own(event, e, w.run, self._n + 1 + i, epoch, self._reg.source))
        elif journaled:
            self._check(e, outputs, journaled)
        return outputs

    def _check(self, e: Envelope, outputs: Sequence[Event], journaled: Sequence[Envelope]) -> None:
        for i, own in enumerate(journaled):
            if i >= len(outputs) or outputs[i] != own.event or own.n != self._n + 1 + i:
                said = outputs[i] if i < len(outputs) else None
                raise InvariantError(f"{self._reg.source} is not deterministic: at seq {e.seq} it once said {own.event} (n {own.n}), now {said}")

    def _report(self, e: Envelope, outputs: Sequence[Event], first_n: int = 0, requires: Sequence[tuple[str, int, int]] = ()) -> None:
        self.connection.append(e, outputs, first_n or self._n + 1, self.core.next_timer(), requires)

    # -- the world

    def _feed(self) -> FeedHost:
        if not isinstance(self._session, FeedHost):
            raise InvariantError(f"{self._reg.source} was given the feed's turn but has no feed")
        return self._session

    def _announce_feed(self) -> None:
        if self._lockstep and self._reg.feed and self.progress.recovered and isinstance(self._session, FeedHost):
            self._session.announce()

    def _collect(self, session: SessionHost) -> int:
        """Append what the session saw, in its order; then report what it was asked to do as done."""
        taken = 0
        for item in session.collect():
            taken += 1
            for evidence in item.evidence:
                self._pass("seen", (evidence.event,))
                self._append_evidence(evidence, item.ts_ns, item.requires)
                self._pass("noted", (evidence.event,))
            if item.effect is not None and self._lockstep:
                self._report(item.effect, (), requires=item.requires)
            if item.next_ts is not None:
                self.connection.feed_next(item.next_ts, item.requires)
        return taken

    def _append_evidence(self, evidence: Evidence, ts_ns: int, requires: Sequence[tuple[str, int, int]]) -> None:
        source = evidence.source or f"{self._reg.source}.session"
        run = evidence.run or self.connection.welcome.epoch
        n = evidence.n
        if not n:
            n = self._numbers.get((source, run), 0) + 1
            self._numbers[(source, run)] = n
        self.connection.append_outside(source, run, n, evidence.event, max(ts_ns, evidence.ts_ns), requires)

    # -- snapshots and end

    def _maybe_snapshot(self) -> None:
        if self._since_snapshot >= self._snapshot_every and self.progress.recovered and self.connection.unacked() == 0:
            self.snapshot()

    def snapshot(self) -> bool:
        """Store the state at the cursor (rule R6: only when every output up to it is acknowledged). False when it may not be."""
        idle = self._session is None or self._session.idle
        if self.connection.unacked() or self._waiting or not idle or not getattr(self.core, "snapshottable", True):
            return False
        self._since_snapshot = 0
        if self._before_snapshot is not None:
            self._before_snapshot()
        try:
            state = self.core.snapshot()
        except SnapshotFailed:
            return False
        if self._passed is not None:
            self._passed("saving", self._reg.source)
        self.connection.save_snapshot(Snapshot(self.connection.cursor(), self.connection.welcome.run, self._n, state))
        return True

    def stop(self, release: bool = True) -> None:
        if self._session is not None:
            self._session.close()
        self.connection.close(release)


def as_own(event: Event, cause: Envelope, run: int, n: int, epoch: int, source: str) -> Envelope:
    """How an actor sees its own output: right after the cause, at the cause's time, without a place of its own."""
    return Envelope(0, cause.ts_ns, event.topic, source, run, n, cause.seq, epoch, event)


def fingerprint(*parts: str) -> str:
    """Hash of what decides an actor's outputs: code, parameters, limits."""
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=16).hexdigest()
