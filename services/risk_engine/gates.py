"""Facts of the market that close the gate for a symbol: its calendar's phase, a venue halt, a gap in its data, stale data, a lock.

Promise: what is not known is closed: a symbol without an instrument, a calendar whose phase nobody reported.
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared.domain.instrument import ALWAYS_OPEN, Instrument
from shared.events import (
    Alert,
    BrokerConnectionChanged,
    DataGap,
    FreshnessChanged,
    InstrumentDefined,
    InstrumentHalted,
    InstrumentLocked,
    InstrumentUnlocked,
    OrderType,
    SessionChanged,
    SessionPhase,
    TimeInForce,
)

BLIND: Final = "blind:"  # key of that alert, before the symbol


class Declared(msgspec.Struct, frozen=True):
    """What matters here of a broker's capabilities."""

    orders: dict[OrderType, tuple[TimeInForce, ...]] = {}


_declared = msgspec.json.Decoder(Declared).decode


class Gates(msgspec.Struct):
    """gaps: by symbol, ns up to which data is missing. halted, locked: by symbol, why. stale: symbols their gateway calls stale. aging: of those
    the ns of the newest datum, until their working orders had to go. broker_takes: times in force by order type, as the broker's session
    declared them; empty before it did. closes: by calendar, ns at which the day's regular hours end, 0 without any."""

    instruments: dict[str, Instrument] = msgspec.field(default_factory=dict)
    phases: dict[str, SessionPhase] = msgspec.field(default_factory=dict)
    halted: dict[str, str] = msgspec.field(default_factory=dict)
    locked: dict[str, str] = msgspec.field(default_factory=dict)
    gaps: dict[str, int] = msgspec.field(default_factory=dict)
    stale: dict[str, bool] = msgspec.field(default_factory=dict)
    aging: dict[str, int] = msgspec.field(default_factory=dict)
    broker_takes: dict[OrderType, tuple[TimeInForce, ...]] = msgspec.field(default_factory=dict)
    closes: dict[str, int] = msgspec.field(default_factory=dict)

    def phase(self, instrument: Instrument) -> SessionPhase | None:
        """Phase of the instrument's calendar; None while nobody reported it."""
        reported = self.phases.get(instrument.calendar)
        return SessionPhase.OPEN if reported is None and instrument.calendar == ALWAYS_OPEN else reported

    def connected(self, e: BrokerConnectionChanged) -> None:
        if e.capabilities:
            self.broker_takes = _declared(e.capabilities).orders

    def define(self, e: InstrumentDefined) -> None:
        self.instruments[e.symbol] = Instrument.of(e)

    def session(self, e: SessionChanged) -> None:
        self.phases[e.calendar] = e.phase
        self.closes[e.calendar] = e.close_ns

    def halt(self, e: InstrumentHalted) -> None:
        if e.halted:
            self.halted[e.symbol] = e.reason
        else:
            self.halted.pop(e.symbol, None)

    def lock(self, e: InstrumentLocked) -> None:
        self.locked[e.symbol] = e.reason.name

    def unlock(self, e: InstrumentUnlocked) -> None:
        self.locked.pop(e.symbol, None)

    def gap(self, e: DataGap) -> None:
        self.gaps[e.symbol] = max(e.end, self.gaps.get(e.symbol, 0))

    def close_gap(self, symbol: str, newest_ns: int) -> None:
        """Data of the symbol up to newest_ns is there: a gap that ends before it is over."""
        if newest_ns > self.gaps.get(symbol, newest_ns):
            del self.gaps[symbol]

    def freshness(self, e: FreshnessChanged) -> None:
        if e.fresh:
            self.stale.pop(e.symbol, None)
            self.aging.pop(e.symbol, None)
        else:
            self.stale[e.symbol] = True
            if e.last:
                self.aging[e.symbol] = e.last

    def alerted(self, e: Alert) -> None:
        """We said that a symbol's data is too old to leave orders working."""
        if e.key.startswith(BLIND):
            self.aging.pop(e.key.removeprefix(BLIND), None)
