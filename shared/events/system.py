"""System family (tags 500-569): the log itself, leases, runs, health, strategies' lives, alerts. On `c.` unless said."""

from __future__ import annotations

from typing import ClassVar

from .base import Event, topic_orders
from .enums import HealthState, Severity


class LogStarted(Event, frozen=True):
    """First event of a log. log_id: random, part of every client_order_id."""

    TAG: ClassVar[int] = 500
    log_id: str
    clock: str
    durability: str


class ClockTicked(Event, frozen=True):
    """Time passed; `now` is the envelope's ts_ns. Under the feed clock it comes only where a timer is due."""

    TAG: ClassVar[int] = 501
    PRUNABLE: ClassVar[bool] = True


class LeaseGranted(Event, frozen=True):
    """A name is held by one process from here on; appends under an older epoch of it are refused."""

    TAG: ClassVar[int] = 502
    name: str
    holder: str
    lease_epoch: int


class LeaseEnded(Event, frozen=True):
    """A name is free: released or expired."""

    TAG: ClassVar[int] = 503
    name: str
    lease_epoch: int
    expired: bool


class RunStarted(Event, frozen=True):
    """An actor whose code, parameters or limits changed decides anew from here; before it, its journaled outputs are facts."""

    TAG: ClassVar[int] = 504
    name: str
    name_run: int
    fingerprint: str


class BusStarted(Event, frozen=True):
    """The sequencer opened the journal; recovered: events found in it."""

    TAG: ClassVar[int] = 505
    bus_epoch: int
    recovered: int


class MarketPruned(Event, frozen=True):
    """Market data up to and including `upto` left the journal; digests stay."""

    TAG: ClassVar[int] = 506
    upto: int


class DeterminismFault(Event, frozen=True):
    """An actor re-emitted a name with other content: it is halted, an operator looks."""

    TAG: ClassVar[int] = 507
    name: str
    name_run: int
    name_n: int
    seq_first: int


class ServiceAnnounced(Event, frozen=True):
    """Who runs: build, broker and bus settings hashes; trading stays disarmed while they differ between services."""

    TAG: ClassVar[int] = 510
    service: str
    build: str
    broker_settings: str
    bus_settings: str


class HealthReported(Event, frozen=True):
    """State of one service. cursor: newest seq it folded; lag: seqs behind; queue: outputs not acknowledged."""

    TAG: ClassVar[int] = 511
    PRUNABLE: ClassVar[bool] = True
    service: str
    state: HealthState
    cursor: int
    lag: int
    queue: int
    cpu_pct: float
    memory_mb: float
    loop_ms: float


class Alert(Event, frozen=True):
    """Something a person should know; key is stable for a condition, text says what to do."""

    TAG: ClassVar[int] = 512
    severity: Severity
    key: str
    text: str


class SystemStarted(Event, frozen=True):
    TAG: ClassVar[int] = 513
    version: str
    config_hash: str


class SystemStopped(Event, frozen=True):
    TAG: ClassVar[int] = 514
    reason: str


class StrategyEvent(Event, frozen=True):
    """An event of one strategy run, on its topic."""

    strategy: str

    @property
    def topic(self) -> str:
        return topic_orders(self.strategy)


class StrategyStarted(StrategyEvent, frozen=True):
    """initialize and on_start ran. symbols: what it trades."""

    TAG: ClassVar[int] = 540
    strategy_run: int
    name: str
    symbols: tuple[str, ...]
    deterministic: bool


class StrategyStopped(StrategyEvent, frozen=True):
    TAG: ClassVar[int] = 541
    strategy_run: int
    reason: str


class StrategyFailed(StrategyEvent, frozen=True):
    """A callback raised: this strategy alone is halted, latched; text: exception and line."""

    TAG: ClassVar[int] = 542
    strategy_run: int
    callback: str
    text: str


class StrategyBlocked(StrategyEvent, frozen=True):
    """A callback did not return in time: latched; journaled by the watchdog before its worker ends. seq: the event it was given."""

    TAG: ClassVar[int] = 543
    strategy_run: int
    callback: str
    blocked_ms: int
    seq: int = 0


class StrategyLogged(StrategyEvent, frozen=True):
    """What a strategy wrote with ctx.log."""

    TAG: ClassVar[int] = 544
    level: str
    text: str


class StrategyPaused(StrategyEvent, frozen=True):
    """Its worker is gone or lags beyond `lag_ms_max`; new intents wait."""

    TAG: ClassVar[int] = 545
    paused: bool
    text: str


class WarmupEnded(StrategyEvent, frozen=True):
    """All warm-up bars of the run are in the log."""

    TAG: ClassVar[int] = 546
    strategy_run: int
    bars: int


class WarmupRequested(Event, frozen=True):
    """The gateway's core asks its session for history of one strategy run: the newest `bars` bars a symbol that end by `until` (ns)."""

    TAG: ClassVar[int] = 547
    strategy: str
    strategy_run: int
    symbols: tuple[str, ...]
    bars: int
    until: int
