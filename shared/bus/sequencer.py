"""The sequencer: checks role, lease, epoch and name of what arrives and gives each event its place in the one total order.

Sans-I/O and the same for every transport: it numbers and collects; whoever drives it commits what `take` returns, then publishes and
acknowledges. Its state is a fold of the log, so `fold` over the journal's system events rebuilds it.

Who is at fault when it raises: `Fenced` and `Refused` are the appender's; any other exception is a bug here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from shared.events import (
    BusStarted,
    DeterminismFault,
    Envelope,
    Event,
    LeaseEnded,
    LeaseGranted,
    LogStarted,
    RunStarted,
    encode_body,
)

from .leases import Leases
from .port import ClockMode, Durability, Refused, Registration, Role, Welcome
from .roles import check_event, check_outside, check_source, role_of

NAMES_KEPT_MAX: Final = 65_536  # repeats of older names are answered from the journal
BUS: Final = "bus"


class Stamped(msgspec.Struct, gc=False):
    """An event with its place; body: its bytes when the transport already has them, else empty. record: its record's bytes, once a store has
    them: what is in the journal is what goes on the wire."""

    envelope: Envelope
    body: bytes
    record: bytes = b""


class Item(NamedTuple):
    """An event on its way in."""

    event: Event
    body: bytes = b""


@dataclass(slots=True)
class Run:
    number: int
    seq: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Known:
    """Where an already journaled name stands."""

    seq: int
    content: bytes | Event


Lookup = Callable[[str, int, int], Known | None]


def content_of(item: Item) -> bytes:
    return item.body or encode_body(item.event)


class Sequencer:
    """now: log time of what is stamped next, set by the driver (wall) or the lock-step. lookup: a journaled name beyond memory."""

    def __init__(self, clock: ClockMode, lease_ttl_ns: int, lookup: Lookup, names_kept: int = NAMES_KEPT_MAX) -> None:
        self.clock = clock
        self.leases = Leases(lease_ttl_ns)
        self.log_id = ""
        self.head = 0
        self.now = 0
        self._lookup = lookup
        self._names_kept = names_kept
        self._last_n: dict[tuple[str, int], int] = {}
        self._recent: OrderedDict[tuple[str, int, int], tuple[int, int]] = OrderedDict()
        self._runs: dict[str, Run] = {}
        self._out: list[Stamped] = []
        self.starts = 0

    # -- the log's own life

    def start(self, log_id: str, durability: Durability, recovered: int) -> None:
        """Journal the opening. A new log gets its id, and so does one that went on after a restore that lost events: client order ids carry
        it, and an id that may have been used must not be used again."""
        if self.log_id != log_id:
            self.log_id = log_id
            self.emit(LogStarted(log_id, str(self.clock), str(durability)))
        self.starts += 1
        self.emit(BusStarted(self.starts, recovered))

    def fold(self, e: Envelope, now_mono_ns: int) -> None:
        """One journaled event at recovery: the tags of `RECOVERY_TAGS` are enough, in order."""
        self._learn(e.event, e.seq, now_mono_ns)

    def resume(self, head: int, ts_ns: int, last_n: dict[tuple[str, int], int]) -> None:
        """Where the journal ends."""
        self.head, self.now = head, ts_ns
        self._last_n.update(last_n)

    def take(self) -> list[Stamped]:
        """What was stamped since the last call, in order: commit, then publish."""
        out, self._out = self._out, []
        return out

    def emit(self, event: Event, cause: int = 0) -> Envelope:
        """An event of the bus itself."""
        n = self._last_n.get((BUS, 1), 0) + 1
        return self.stamp(Item(event), BUS, 1, n, cause, 0)

    # -- connections

    def hello(self, reg: Registration, now_mono_ns: int) -> Welcome:
        """Grant the lease and find the run. Raises LeaseHeld, Refused(role)."""
        check_source(reg.role, reg.source)
        epoch = self.leases.claim(reg.source, reg.holder, now_mono_ns)
        head = self.head
        self._learn(self.emit(LeaseGranted(reg.source, reg.holder, epoch)).event, self.head, now_mono_ns)
        run = self._runs.get(reg.source)
        if reg.role is not Role.CONTROL and (run is None or run.fingerprint != reg.fingerprint):
            number = run.number + 1 if run is not None else 1
            started = self.emit(RunStarted(reg.source, number, reg.fingerprint))
            self._learn(started.event, started.seq, now_mono_ns)
            run = self._runs[reg.source]
        number, run_seq = (run.number, run.seq) if run is not None else (1, 0)
        last_n = self._last_n.get((reg.source, number), 0)
        return Welcome(self.log_id, self.clock, epoch, number, run_seq, last_n, head, head, self.leases.ttl_ns)

    def heard(self, source: str, epoch: int, now_mono_ns: int) -> None:
        """Raises Fenced."""
        self.leases.heard(source, epoch, now_mono_ns)

    def release(self, source: str, epoch: int) -> None:
        self.leases.check(source, epoch)
        self.leases.ended(source, epoch)
        self.emit(LeaseEnded(source, epoch, expired=False))

    def expire(self, now_mono_ns: int) -> None:
        for name, epoch in self.leases.expired(now_mono_ns):
            self.leases.ended(name, epoch)
            self.emit(LeaseEnded(name, epoch, expired=True))

    # -- appends

    def check_outputs(self, source: str, epoch: int, run: int, first_n: int, items: Sequence[Item], expected: int | None = None) -> int:
        """How many of the items are repeats of journaled names; the rest follow on. expected: the next n when outputs are held back. Raises
        Fenced, Refused(role | gap | determinism)."""
        self.leases.check(source, epoch)
        current = self._runs.get(source)
        if current is not None and current.number != run:
            raise Refused("lease", f"{source} run {run} is over; run {current.number} began at seq {current.seq}")
        role = role_of(source)
        if role is None:
            raise Refused("role", f"no role is called {source[:64]!r}")
        for item in items:
            check_event(role, source, item.event)
        return self._repeats(source, run, first_n, items, expected)

    def outputs(self, source: str, epoch: int, run: int, first_n: int, items: Sequence[Item], cause: int) -> None:
        """Stamp outputs of one cause; repeats of journaled names are dropped."""
        self.check_outputs(source, epoch, run, first_n, items)
        self.stamp_outputs(source, epoch, run, first_n, items, cause)

    def stamp_outputs(self, source: str, epoch: int, run: int, first_n: int, items: Sequence[Item], cause: int) -> None:
        """As `outputs`, of what was checked when it came: its author may have gone since."""
        skip = self._repeats(source, run, first_n, items, None)
        for i, item in enumerate(items[skip:], first_n + skip):
            self.stamp(item, source, run, i, cause, epoch)

    def check_outside(self, author: str, epoch: int, source: str, run: int, n: int, item: Item, expected: int | None = None) -> bool:
        """Whether an outside fact is new (False: a repeat). Raises Fenced, Refused."""
        self.leases.check(author, epoch)
        role = role_of(author)
        if role is None:
            raise Refused("role", f"no role is called {author[:64]!r}")
        check_outside(role, source)
        check_event(role, source if role is Role.STRATEGY else author, item.event)
        return self._repeats(source, run, n, (item,), expected) == 0

    def outside(self, author: str, epoch: int, source: str, run: int, n: int, item: Item) -> None:
        """Stamp an outside fact; a repeat of a journaled name is dropped."""
        if self.check_outside(author, epoch, source, run, n, item):
            self.stamp(item, source, run, n, 0, 0)

    def last_n(self, source: str, run: int) -> int:
        return self._last_n.get((source, run), 0)

    def stamp(self, item: Item, source: str, run: int, n: int, cause: int, epoch: int) -> Envelope:
        self.head += 1
        event = item.event
        e = Envelope(self.head, self.now, event.topic, source, run, n, cause, epoch, event)
        self._last_n[(source, run)] = n
        if self._names_kept and source != BUS:
            recent = self._recent
            recent[(source, run, n)] = (self.head, hash(item.body) if item.body else hash(event))
            if len(recent) > self._names_kept:
                recent.popitem(last=False)
        self._out.append(Stamped(e, item.body))
        return e

    def _repeats(self, source: str, run: int, first_n: int, items: Sequence[Item], expected: int | None) -> int:
        nxt = expected if expected is not None else self._last_n.get((source, run), 0) + 1
        if not 1 <= first_n <= nxt:
            raise Refused("gap", f"{source} run {run}: expected n {nxt}, got {first_n}", nxt)
        repeats = min(nxt - first_n, len(items))
        for i in range(repeats):
            self._same(source, run, first_n + i, items[i])
        return repeats

    def _same(self, source: str, run: int, n: int, item: Item) -> None:
        """A repeated name must say the same; else the actor is not deterministic and an operator looks."""
        recent = self._recent.get((source, run, n))
        if recent is not None:
            seq, was = recent
            same = was == (hash(item.body) if item.body else hash(item.event))
        else:
            known = self._lookup(source, run, n)
            if known is None:
                return  # pruned market data, or held back by lock-step: nothing to compare with
            seq = known.seq
            same = known.content == (content_of(item) if isinstance(known.content, bytes) else item.event)
        if not same:
            self.emit(DeterminismFault(source, run, n, seq))
            raise Refused("determinism", f"{source} run {run} n {n} was journaled at seq {seq} with other content")

    def _learn(self, event: Event, seq: int, now_mono_ns: int) -> None:
        match event:
            case LogStarted():
                self.log_id = event.log_id
            case LeaseGranted():
                self.leases.granted(event.name, event.holder, event.lease_epoch, now_mono_ns)
            case LeaseEnded():
                self.leases.ended(event.name, event.lease_epoch)
            case BusStarted():
                self.starts = event.bus_epoch
            case RunStarted():
                self._runs[event.name] = Run(event.name_run, seq, event.fingerprint)


RECOVERY_TAGS: Final = (LogStarted.TAG, BusStarted.TAG, LeaseGranted.TAG, LeaseEnded.TAG, RunStarted.TAG)
