"""One run of one actor, decided again from the journal and compared with it, output by output.

The actor is fed its lane from the first event as `shared/runtime/driver.py` feeds it: before its run began, journaled outputs are facts and
are applied at their causes; within the run it decides, and what it says must stand in the journal under the same name (source, run, n) with
the same cause and the same content. Nothing here reads a file; who runs it hands over envelopes in order of seq.

What it said last may be missing: a process that ends has decided what it could not append any more. That is borne only for the last words
of a run, and only where the log does not itself prove that they had been appended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.bus.port import NEVER
from shared.events import Envelope, Event, HealthReported, LeaseGranted, encode_body
from shared.runtime.actor import Core, FoldingCore, InvariantError
from shared.runtime.driver import as_own


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an actor in the log. seq: of its `RunStarted`; ended: of the next run's, `NEVER` where there is none."""

    source: str
    number: int
    seq: int
    ended: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where an actor and the journal part. n: of the output's name. cause: the event the actor was given. said: what it says
    now (None: nothing). journaled: what the log holds (None: nothing). error: it did not get as far as saying something."""

    source: str
    run: int
    n: int
    cause: Envelope
    said: Event | None
    journaled: Envelope | None
    error: str = ""


class OwnOutputs:
    """An actor's journaled outputs, looked up by cause; outputs: in order of seq, so of cause."""

    def __init__(self, outputs: Iterator[Envelope]) -> None:
        self._outputs = outputs
        self.next = next(outputs, None)

    def take(self, cause: int) -> list[Envelope]:
        """Those of one cause, where they come next."""
        found: list[Envelope] = []
        while self.next is not None and self.next.cause == cause:
            found.append(self.next)
            self.next = next(self._outputs, None)
        return found

    def before(self, seq: int) -> Envelope | None:
        """The next one when its cause has passed: taken by nobody."""
        return self.next if self.next is not None and self.next.cause < seq else None


class ReplayedRun:
    """feed_clock: the log is of a lock-step bus. decided: outputs compared; owed: said and not in the log, at its end."""

    def __init__(self, run: Run, core: Core | FoldingCore, own: OwnOutputs, *, feed_clock: bool) -> None:
        self.run = run
        self.decided = 0
        self.owed = 0
        self._core = core
        self._folding: FoldingCore | None = None if isinstance(core, Core) else core
        self._deciding: Core | None = core if isinstance(core, Core) else None
        self._own = own
        self._feed_clock = feed_clock
        self._epoch = 0
        self._n = 0
        self._first_owed: Difference | None = None

    def fold(self, e: Envelope) -> Difference | None:
        """The next event of the actor's lane. The first difference ends the replay: what comes after follows from it."""
        run, own = self.run, self._own
        if e.source == run.source:
            return None  # folded at its cause
        event = e.event
        if type(event) is LeaseGranted and event.name == run.source:
            self._epoch = event.lease_epoch
        if e.seq < run.seq:
            self._apply_facts(e)
            return None
        passed = own.before(e.seq)
        if passed is not None and passed.run == run.number:
            return Difference(run.source, run.number, passed.n, e, None, passed)
        if self._first_owed is not None and self._first_owed.cause.seq <= self._acknowledged(e):
            return self._first_owed
        return self._decide(e, own.take(e.seq))

    def end(self) -> Difference | None:
        """The log, or the run, is over: an output of it that nobody was asked for."""
        rest = self._own.next
        if rest is None or rest.run != self.run.number:
            return None
        return Difference(self.run.source, self.run.number, rest.n, rest, None, rest)

    def _apply_facts(self, e: Envelope) -> None:
        while self._own.before(e.seq) is not None:  # of a run whose lane was another: the driver does not fold it either
            self._own.take(self._own.next.cause if self._own.next is not None else 0)
        self._core.apply(e)
        for fact in self._own.take(e.seq):
            self._core.apply(as_own(fact.event, e, fact.run, fact.n, fact.epoch, self.run.source))

    def _decide(self, e: Envelope, journaled: Sequence[Envelope]) -> Difference | None:
        run, core = self.run, self._deciding
        try:
            if core is None:
                assert self._folding is not None
                said = self._folding.step(e)
            else:
                said = core.decide(e)
                core.apply(e)
        except InvariantError as error:
            return Difference(run.source, run.number, self._n + 1, e, None, journaled[0] if journaled else None, f"InvariantError: {error}")
        if said or journaled:
            difference = self._compare(e, said, journaled)
            if difference is not None:
                return difference
            if core is not None:
                for i, event in enumerate(said):
                    epoch = journaled[i].epoch if i < len(journaled) else self._epoch
                    core.apply(as_own(event, e, run.number, self._n + 1 + i, epoch, run.source))
            self._n += len(said)
        return None

    def _compare(self, e: Envelope, said: Sequence[Event], journaled: Sequence[Envelope]) -> Difference | None:
        run = self.run
        for i in range(max(len(said), len(journaled))):
            n = self._n + 1 + i
            now = said[i] if i < len(said) else None
            then = journaled[i] if i < len(journaled) else None
            if then is None:
                found = Difference(run.source, run.number, n, e, now, None)
                following = self._own.next
                if following is not None and following.run == run.number:
                    return found  # it went on in the log: this one cannot have been its last word
                self.owed += 1
                self._first_owed = self._first_owed or found
            elif now is None or (then.run, then.n) != (run.number, n) or not same(now, then.event):
                return Difference(run.source, run.number, n, e, now, then)
            else:
                self.decided += 1
        return None

    def _acknowledged(self, e: Envelope) -> int:
        """Up to which cause this event proves all outputs of this actor to be in the log before it. A service's report with an empty queue
        does for the actor whose name it bears; in lock-step a fact from outside is taken only when nothing is undelivered."""
        event = e.event
        if type(event) is HealthReported and event.queue == 0 and e.source == f"{self.run.source}.health":
            return event.cursor
        outside = not e.cause and e.source != "bus" and not e.source.endswith(".watchdog")
        return e.seq - 1 if self._feed_clock and outside else -1


def same(a: Event, b: Event) -> bool:
    """Equal in the log's eyes: a number that is none equals itself there."""
    return type(a) is type(b) and (a == b or encode_body(a) == encode_body(b))


def runs_of(started: Sequence[tuple[int, str, int, str]], source: str) -> list[Run]:
    """started: (seq, name, run, fingerprint) of every `RunStarted`, in order."""
    own = [(seq, number, mark) for seq, name, number, mark in started if name == source]
    ends = [*(seq for seq, _, _ in own[1:]), NEVER]
    return [Run(source, number, seq, ends[i], mark) for i, (seq, number, mark) in enumerate(own)]
