"""Lock-step: the feed clock's schedule. One event is delivered, everybody it concerns reports it done, their outputs are numbered by
(event, actor rank, index), and only when nothing is undelivered does the next fact from outside come in.

So a replay through real processes is the same run to run: a missing actor pauses the feed and changes nothing else, a late message waits
for its turn, and the order of arrival on sockets never decides anything. Sans-I/O; the in-memory bus and the bus process run this loop.

Order of what is taken when idle: outside facts by (rank of author, source, n), once every announced one is here; then a `ClockTicked` for
each timer that lies before the feed's next time; then the feed's turn, which must name the outside facts (the venue's reports) that precede
its row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.events import ClockTicked

from .port import NEVER, Names, Refused
from .sequencer import Item, Sequencer, Stamped


@dataclass(slots=True)
class Member:
    """An actor of the roster. timer: when it wants a clock event, 0 never."""

    source: str
    rank: int
    topics: tuple[str, ...] | None = None
    epoch: int = 0
    connected: bool = False
    timer: int = 0


@dataclass(slots=True)
class Outside:
    author: str
    epoch: int
    item: Item
    ts_ns: int


@dataclass(slots=True)
class Report:
    """What one member made of the current event."""

    epoch: int
    run: int
    first_n: int
    items: Sequence[Item]


@dataclass(slots=True)
class Feed:
    """source: who holds the feed. next_ts: time of the row it would offer (None: not said; NEVER: no more). granted: it has
    turn number `turn`. row: what it offered, held until its requirements are met; following: its claim for the turn after that."""

    source: str
    turn: int = 0
    next_ts: int | None = None
    granted: bool = False
    row: tuple[str, int, int, Outside] | None = None
    following: tuple[int, int] | None = None


@dataclass(slots=True)
class Effects:
    """What the driver must do after `pump`: deliver in order, then tell the feed its turn has come."""

    deliver: list[Stamped] = field(default_factory=list)
    turn: int = 0


class LockStep:
    """roster: sources that must take part, with their ranks. commit: makes what the sequencer stamped durable before it is delivered."""

    def __init__(self, sequencer: Sequencer, roster: dict[str, int], feed: str, commit: Callable[[list[Stamped]], None]) -> None:
        self._seq = sequencer
        self._members = {source: Member(source, rank) for source, rank in roster.items()}
        self._feed = Feed(feed)
        self._commit = commit
        self._queue: deque[Stamped] = deque()
        self._current: Stamped | None = None
        self._awaited: set[str] = set()
        self._reports: dict[str, Report] = {}
        self._outside: dict[tuple[int, str, int], dict[int, Outside]] = {}
        self._required: dict[tuple[str, int], int] = {}
        self.delivered = 0

    # -- members

    def recover(self, undelivered: Sequence[Stamped], settled: int) -> None:
        """After a restart: the journal's tail that may not have been settled is delivered again; members answer repeats from memory."""
        self._queue.extend(undelivered)
        self.delivered = settled

    def present(self, source: str, epoch: int, topics: tuple[str, ...]) -> None:
        """A member is heard again after this bus restarted."""
        member = self._members.get(source)
        if member is not None and not member.connected:
            self.joined(source, epoch, topics)

    def joined(self, source: str, epoch: int, topics: tuple[str, ...]) -> int:
        """A member's process came: what it had reported of the current event is void. The newest event it has done."""
        if source == self._feed.source:
            self._feed = Feed(source)  # it says anew what it has
        member = self._members.get(source)
        if member is None:
            return self.delivered
        member.epoch, member.topics, member.connected = epoch, topics, True
        current = self._current.envelope if self._current is not None else None
        if current is not None and self._reports.pop(source, None) is not None:
            self._awaited.add(source)
        if current is not None and source in self._awaited:
            if not current.topic.startswith(topics):
                self._awaited.discard(source)
                return current.seq
            return current.seq - 1
        return self.delivered

    def done(self, source: str, epoch: int, run: int, cause: int, first_n: int, items: Sequence[Item], timer: int, requires: Names) -> None:
        """A member finished an event. Raises Fenced, Refused; a report of an older event is a repeat and changes nothing."""
        member = self._members.get(source)
        if member is None:
            raise Refused("role", f"{source} is not in the lock-step roster")
        self._seq.check_outputs(source, epoch, run, first_n, items)
        if self._current is None or cause != self._current.envelope.seq or source not in self._awaited:
            return
        member.timer = timer
        self._require(requires)
        self._awaited.discard(source)
        self._reports[source] = Report(epoch, run, first_n, items)

    # -- outside facts and the feed

    def outside(self, author: str, epoch: int, source: str, run: int, n: int, item: Item, ts_ns: int, requires: Names) -> None:
        """Hold an outside fact until its turn. Raises Fenced, Refused."""
        if source.endswith(".watchdog"):  # it tells of a member that will never be done: it cannot wait for its turn
            self._seq.outside(author, epoch, source, run, n, item)
            return
        self._require(requires)
        held = self._outside.get((self._rank(author), source, run), {})
        expected = self._seq.last_n(source, run) + 1
        while expected in held:
            expected += 1
        if self._seq.check_outside(author, epoch, source, run, n, item, expected):
            fact = Outside(author, epoch, item, ts_ns)
            if author == self._feed.source and source == f"{author}.feed":
                self._feed.row = (source, run, n, fact)
            else:
                self._outside.setdefault((self._rank(author), source, run), {})[n] = fact

    def feed_next(self, author: str, turn: int, ts_ns: int, requires: Names) -> None:
        """The feed says when its next row is (NEVER: there is none). Raises Refused(role)."""
        if author != self._feed.source:
            raise Refused("role", f"{author} does not hold the feed")
        self._require(requires)
        if self._feed.row is not None:
            self._feed.following = (turn, ts_ns)
        else:
            self._feed.turn, self._feed.next_ts, self._feed.granted = turn, ts_ns, False

    def _require(self, names: Names) -> None:
        for source, run, n in names:
            self._required[(source, run)] = max(n, self._required.get((source, run), 0))

    # -- the loop

    def pump(self) -> Effects:
        """Run until something outside is needed."""
        effects = Effects()
        while True:
            self._flush()
            if self._current is not None:
                if self._awaited:
                    return effects
                self._settle()
            elif self._queue:
                self._deliver(self._queue.popleft(), effects)
            elif not self._idle(effects):
                return effects

    def _flush(self) -> None:
        stamped = self._seq.take()
        if stamped:
            self._commit(stamped)
            self._queue.extend(stamped)

    def _deliver(self, stamped: Stamped, effects: Effects) -> None:
        e = stamped.envelope
        self._current = stamped
        self.delivered = e.seq
        self._reports.clear()
        self._awaited = {m.source for m in self._members.values() if m.topics is None or e.topic.startswith(m.topics)}
        effects.deliver.append(stamped)

    def _settle(self) -> None:
        """Everybody is done with the current event: number their outputs by (rank, index)."""
        if self._current is None:
            raise AssertionError("nothing to settle")
        current = self._current.envelope
        self._seq.now = current.ts_ns
        for source in sorted(self._reports, key=self._rank):
            report = self._reports[source]
            if report.items:
                self._seq.stamp_outputs(source, report.epoch, report.run, report.first_n, report.items, current.seq)
        self._current = None

    def _idle(self, effects: Effects) -> bool:
        """Nothing is undelivered: take the next fact. False: wait."""
        if any(not m.connected for m in self._members.values()):
            return False
        if not all(self._arrived(source, run, n) for (source, run), n in self._required.items()):
            return False
        if self._take_outside():
            return True
        self._required.clear()
        feed = self._feed
        if feed.row is not None:
            source, run, n, fact = feed.row
            feed.row, feed.granted, feed.next_ts = None, False, None
            if feed.following is not None:
                feed.turn, feed.next_ts = feed.following
                feed.following = None
            self._stamp(source, run, n, fact)
            return True
        if feed.next_ts is None or feed.granted:
            return False
        due = NEVER
        if self._seq.now:  # before the first row there is no time for a timer to lie in
            due = min((m.timer for m in self._members.values() if m.timer > 0), default=NEVER)
        if due < feed.next_ts and feed.next_ts != NEVER:
            self._seq.now = max(self._seq.now, due)
            for member in self._members.values():
                if 0 < member.timer <= self._seq.now:
                    member.timer = 0  # it names its next one when it reports the clock event
            self._seq.emit(ClockTicked())
            return True
        if feed.next_ts != NEVER:
            feed.granted = True
            effects.turn = feed.turn
        return False

    def _arrived(self, source: str, run: int, n: int) -> bool:
        """Whether an outside fact that was announced is in the log or held. Until it is, no other is taken either: which of two sessions is
        quicker must not decide whose facts come first."""
        return self._seq.last_n(source, run) >= n or any(key[1:] == (source, run) and n in held for key, held in self._outside.items())

    def _take_outside(self) -> bool:
        for key in sorted(self._outside):
            _, source, run = key
            n = self._seq.last_n(source, run) + 1
            fact = self._outside[key].pop(n, None)
            if fact is not None:
                if not self._outside[key]:
                    del self._outside[key]
                self._stamp(source, run, n, fact)
                return True
        return False

    def _stamp(self, source: str, run: int, n: int, fact: Outside) -> None:
        """Its own time where it has one, never before the log's."""
        self._seq.now = max(self._seq.now, fact.ts_ns)
        self._seq.stamp(fact.item, source, run, n, 0, 0)

    def _rank(self, source: str) -> int:
        member = self._members.get(source)
        return member.rank if member is not None else len(self._members)

    def waiting_for(self) -> list[str]:
        """Who holds things up, for people."""
        if self._current is not None:
            return sorted(self._awaited)
        return sorted(m.source for m in self._members.values() if not m.connected)
