"""The bus itself, free of any transport: what arrives as calls leaves as committed, ordered events to deliver.

Promises: `flush` returns only what the journal holds; nothing is acknowledged before. A transport (ZeroMQ, in-memory, simulated) decodes
frames into these calls, calls `flush`, and delivers. Errors it raises are the caller's fault (`Fenced`, `Refused`, `LeaseHeld`), but for
`JournalFailed`, which ends the bus.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from shared.events import ClockTicked, Event

from .clock import WallClock
from .lockstep import LockStep
from .port import ClockMode, Durability, Names, Registration, Welcome
from .record import Record, encode_record, envelope_of, record_of
from .sequencer import NAMES_KEPT_MAX, RECOVERY_TAGS, Item, Known, Sequencer, Stamped


class Store(Protocol):
    """What the bus needs of a journal."""

    log_id: str

    @property
    def head_seq(self) -> int: ...
    @property
    def last_ts_ns(self) -> int: ...
    def append(self, rows: Sequence[Record], encoded: Sequence[bytes]) -> None: ...
    def find(self, source: str, run: int, n: int) -> Record | None: ...
    def last_n(self) -> dict[tuple[str, int], int]: ...
    def system_rows(self, tags: Sequence[int]) -> Sequence[Record]: ...
    def tail(self, after: int) -> Sequence[Record]: ...
    def settled(self) -> int: ...


@dataclass(frozen=True, slots=True)
class BusSettings:
    """roster: actors that take part in lock-step, with their ranks; feed: who holds the feed. tick_ns: wall clock events. ttl: leases."""

    clock: ClockMode
    durability: Durability = Durability.PROCESS
    roster: dict[str, int] = field(default_factory=dict)
    feed: str = "gateway"
    tick_ns: int = 100_000_000
    lease_ttl_ns: int = 3_000_000_000
    names_kept: int = NAMES_KEPT_MAX


@dataclass(slots=True)
class Flushed:
    """deliver: committed events, in order. turn: number of the turn the feed has got (0: none)."""

    deliver: list[Stamped] = field(default_factory=list)
    turn: int = 0


Sink = Callable[[Sequence[Stamped]], None]


class BusServer:
    """sink: takes what is committed where there is no store. wall_ns, mono_ns: readings of both clocks at the start, taken together. store None: a log in memory only."""

    def __init__(self, settings: BusSettings, store: Store | None, wall_ns: int, mono_ns: int, sink: Sink | None = None) -> None:
        self.settings = settings
        self._sink = sink
        self._store = store
        self._seq = Sequencer(settings.clock, settings.lease_ttl_ns, self._lookup, settings.names_kept)
        recovered = self._flushed = self._recover(mono_ns)
        self._wall = WallClock(wall_ns, mono_ns, self._seq.now) if settings.clock is ClockMode.WALL else None
        self._next_tick = mono_ns + settings.tick_ns
        self._steps: LockStep | None = None
        if settings.clock is ClockMode.FEED:
            self._steps = LockStep(self._seq, settings.roster, settings.feed, self._commit)
            if store is not None and recovered:
                settled = store.settled()
                self._steps.recover([Stamped(envelope_of(r), r.body) for r in store.tail(settled)], settled)
        self._time(wall_ns, mono_ns)
        self._seq.start(store.log_id if store is not None else secrets.token_hex(8), settings.durability, recovered)

    @property
    def log_id(self) -> str:
        return self._seq.log_id

    @property
    def instance(self) -> int:
        """Counts the starts of this log's bus."""
        return self._seq.starts

    @property
    def head(self) -> int:
        """Newest seq that may be delivered."""
        return self._steps.delivered if self._steps is not None else self._flushed

    def last_n(self, source: str, run: int) -> int:
        return self._seq.last_n(source, run)

    # -- calls of actors

    def hello(self, reg: Registration, mono_ns: int) -> Welcome:
        """Raises LeaseHeld, Refused(role)."""
        welcome = self._seq.hello(reg, mono_ns)
        if self._steps is not None:
            done = self._steps.joined(reg.source, welcome.epoch, reg.topics)
            welcome = replace(welcome, head=self._steps.delivered, done=done)
        return welcome

    def beat(self, source: str, epoch: int, topics: tuple[str, ...], mono_ns: int) -> None:
        """The holder lives. Raises Fenced."""
        self._seq.heard(source, epoch, mono_ns)
        if self._steps is not None:
            self._steps.present(source, epoch, topics)

    def append(
        self, source: str, epoch: int, run: int, cause: int, first_n: int, items: Sequence[Item], timer: int = 0, requires: Names = ()
    ) -> None:
        """Raises Fenced, Refused."""
        if self._steps is not None:
            self._steps.done(source, epoch, run, cause, first_n, items, timer, requires)
        else:
            self._seq.outputs(source, epoch, run, first_n, items, cause)

    def outside(self, author: str, epoch: int, source: str, run: int, n: int, item: Item, ts_ns: int, requires: Names = ()) -> None:
        """Raises Fenced, Refused."""
        if self._steps is not None:
            self._steps.outside(author, epoch, source, run, n, item, ts_ns, requires)
        else:
            self._seq.outside(author, epoch, source, run, n, item)

    def feed_next(self, author: str, epoch: int, turn: int, ts_ns: int, requires: Names, mono_ns: int) -> None:
        """Raises Fenced, Refused(role)."""
        self._seq.heard(author, epoch, mono_ns)
        if self._steps is not None:
            self._steps.feed_next(author, turn, ts_ns, requires)

    def release(self, source: str, epoch: int) -> None:
        """Raises Fenced."""
        self._seq.release(source, epoch)

    def announce(self, event: Event) -> None:
        """An event of the bus itself (`MarketPruned`)."""
        self._seq.emit(event)

    # -- time and output

    def tick(self, wall_ns: int, mono_ns: int) -> None:
        """Read the clocks: log time moves, silent leases end, the wall's clock event comes when due."""
        self._time(wall_ns, mono_ns)
        self._seq.expire(mono_ns)
        if self._wall is not None and mono_ns >= self._next_tick:
            self._next_tick = mono_ns + self.settings.tick_ns
            self._seq.emit(ClockTicked())

    def flush(self) -> Flushed:
        """Commit what was stamped. Raises JournalFailed."""
        if self._steps is not None:
            effects = self._steps.pump()
            return Flushed(effects.deliver, effects.turn)
        stamped = self._seq.take()
        if stamped:
            self._commit(stamped)
            self._flushed = stamped[-1].envelope.seq
        return Flushed(stamped)

    def waiting_for(self) -> list[str]:
        """Lock-step: who holds things up."""
        return self._steps.waiting_for() if self._steps is not None else []

    # -- inside

    def _time(self, wall_ns: int, mono_ns: int) -> None:
        if self._wall is not None:
            self._seq.now = self._wall.read(wall_ns, mono_ns)

    def _commit(self, stamped: Sequence[Stamped]) -> None:
        if self._store is not None:
            rows = [record_of(s.envelope, s.body or None) for s in stamped]
            encoded = [encode_record(row) for row in rows]
            self._store.append(rows, encoded)
            for s, record in zip(stamped, encoded, strict=True):
                s.record = record
        elif self._sink is not None:
            self._sink(stamped)

    def _lookup(self, source: str, run: int, n: int) -> Known | None:
        row = self._store.find(source, run, n) if self._store is not None else None
        return None if row is None else Known(row.seq, row.body)

    def _recover(self, mono_ns: int) -> int:
        store = self._store
        if store is None or store.head_seq == 0:
            return 0
        for row in store.system_rows(RECOVERY_TAGS):
            self._seq.fold(envelope_of(row), mono_ns)
        self._seq.resume(store.head_seq, store.last_ts_ns, store.last_n())
        return store.head_seq
