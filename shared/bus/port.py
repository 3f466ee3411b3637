"""The bus port: append by dense name, follow a lane from a cursor, snapshot, lease. Nothing outside `shared/bus` knows which bus runs.

Promises of every implementation (`tests/contract`): one total order; an event is delivered only after it is in the journal;
a name (source, run, n) is journaled once; a follower sees every event of its topics after its cursor, in order, once; an append under an
old epoch is refused; an output is never dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from shared.events import Envelope, Event

NEVER: Final = 1 << 62  # a time that does not come


class ClockMode(StrEnum):
    WALL = "wall"
    FEED = "feed"


class Durability(StrEnum):
    PROCESS = "process"
    ORDERS = "orders"
    DISK = "disk"


class Role(StrEnum):
    """What a connection may append; `shared/bus/roles.py` holds the table."""

    GATEWAY = "gateway"
    STRATEGY = "strategy"
    RISK = "risk_engine"
    ROUTER = "order_router"
    RECONCILER = "reconciler"
    AUDITOR = "auditor"
    CONTROL = "control"
    BUS = "bus"


class BusError(Exception):
    """Base of what the port raises."""


class LeaseHeld(BusError):
    """Another live holder has the name; try again after its lease."""


class Fenced(BusError):
    """This connection's epoch is old: another holder took over. The process must end."""


class Refused(BusError):
    """The bus refused an append for good. code: role | lease | codec | gap | determinism | cursor. expected:
    the n that is missing, with gap."""

    def __init__(self, code: str, text: str, expected: int = 0) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.expected = expected


class BusUnavailable(BusError):
    """No answer in time."""


@dataclass(frozen=True, slots=True)
class Registration:
    """source: lease name and author of the outputs (`risk_engine`, `strategy.<id>`). fingerprint: hash of code, parameters and limits; another
    one starts a new run. topics: the lane, prefixes with their dots (always with `c.`). rank: place among the outputs of one event in
    lock-step. holder: which process, for messages. feed: this connection appends the lock-step feed."""

    source: str
    role: Role
    fingerprint: str
    topics: tuple[str, ...]
    rank: int
    holder: str
    feed: bool = False


@dataclass(frozen=True, slots=True)
class Welcome:
    """run_seq: seq of this run's `RunStarted`; up to it the log is folded by `apply` alone. last_n: newest journaled output of the run.
    head: newest seq when the lease was granted: up to it, delivery is recovery (effects are not performed), except what lock-step still
    waits for, which is after `done`. lease_ns: silence after which the name may go to another."""

    log_id: str
    clock: ClockMode
    epoch: int
    run: int
    run_seq: int
    last_n: int
    head: int
    done: int
    lease_ns: int = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in one log: everything of the lane up to seq is folded. digest: of the event at seq (empty at 0); refused when that is not in
    the log's history."""

    seq: int = 0
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of an actor at a cursor. n: outputs of `run` emitted so far, all acknowledged."""

    cursor: Cursor
    run: int
    n: int
    state: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """The next event of the lane."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Acked:
    """Outputs up to n (of this run) are in the journal."""

    n: int


@dataclass(frozen=True, slots=True)
class FeedTurn:
    """Lock-step: nothing is undelivered; the feed may offer what comes next."""

    head: int


@dataclass(frozen=True, slots=True)
class BusRestarted:
    """Another bus process answers. Unacknowledged appends are repeated by the connection; a feed says anew what its next row is."""

    instance: int


Notice = Delivered | Acked | FeedTurn | BusRestarted
Names = Sequence[tuple[str, int, int]]  # outside names (source, run, n)


class Connection(Protocol):
    """One actor's end of the bus. Used by one thread."""

    @property
    def welcome(self) -> Welcome: ...

    def follow(self, cursor: Cursor) -> None:
        """Deliver what comes after the cursor. Raises Refused(cursor) when it is not of this log or was pruned."""

    def poll(self, timeout_s: float) -> Sequence[Notice]:
        """What is there, waiting up to timeout_s when nothing is. Raises Fenced, Refused."""

    def append(self, cause: Envelope, events: Sequence[Event], first_n: int, next_timer: int = 0, requires: Names = ()) -> None:
        """Outputs of one cause, named first_n.. in order; pipelined, kept and repeated until acknowledged. In lock-step this is also the report
        that the cause is done, so it is called with no events too (under wall an empty call is free). requires: outside facts that what
        was done brings; the feed waits until they are in the log and settled."""

    def append_outside(self, source: str, run: int, n: int, event: Event, ts_ns: int = 0, requires: Names = ()) -> None:
        """An outside fact. ts_ns: data time, feed clock only. Repeats of a name are ignored."""

    def feed_next(self, ts_ns: int, requires: Names = ()) -> None:
        """Lock-step: the feed's next row is of this time (NEVER: none is left); a `FeedTurn` follows when everything before it is settled."""

    def last_outside(self, source: str, run: int) -> int:
        """Newest n of an outside name in the log, 0 if none."""

    def cursor(self) -> Cursor:
        """Where the newest delivered event stands."""

    @property
    def behind(self) -> int:
        """Newest seq of the lane that is known of and not delivered yet; 0: none."""

    def watch(self, fd: int) -> None:
        """`poll` also returns when this descriptor is readable; whoever registered it drains it."""

    @property
    def full(self) -> bool:
        """The actor must pause until something is acknowledged."""

    def lease_left_ns(self) -> int:
        """For how long the name is surely ours, by monotonic time since the bus last answered. Any thread may ask."""

    def unacked(self) -> int:
        """Outputs and outside facts not yet acknowledged."""

    def outputs_since(self, cause_after: int) -> Iterator[Envelope]:
        """Own journaled outputs, of every run, with cause > cause_after, in order."""

    def facts_of(self, source: str) -> Iterator[Envelope]:
        """Outside facts of a source in the log, in order."""

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Best effort, without waiting: an older snapshot serves too."""

    def snapshots(self) -> Iterator[Snapshot]:
        """Newest first, each fetched as it is asked for: most starts need one. Damaged ones are left out."""

    def close(self, release: bool = True) -> None:
        """release: give the lease back at once."""


class Bus(Protocol):
    """What a driver is given."""

    def connect(self, registration: Registration, timeout_s: float = 30.0) -> Connection:
        """Claim the lease. Raises LeaseHeld, BusUnavailable, Refused(role)."""

    def wait(self, timeout_s: float) -> None:
        """Until something is there for one of this process's connections, at most timeout_s."""

    def close(self) -> None: ...
