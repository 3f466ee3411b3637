"""The risk engine's core: nothing reaches the router without its approval.

Order of a judgement: RISK_AND_FAULTS 2.1 (`limits.CHECKS`). Modules of one idea each: `intents`, `commands` and `outcomes` decide,
`fold` folds, `desk` holds the parts and the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from shared.events import Bar, BrokerStateReported, Envelope, Event, LimitOverridden, RegimeChanged, RunStarted, StrategyRevised
from shared.runtime.actor import SnapshotIncompatible

from . import bands, beginning, broker_line, clock_offset, commands, intents, outcomes, rates
from .commands import SOURCE
from .desk import Desk
from .fold import Fold
from .quiet_bars import quiet_bars
from .settings import RiskSettings
from .settlement import settling

__all__ = ["SOURCE", "TOPICS", "RiskCore"]

TOPICS: Final = ("m.", "t.", "c.")

Decider = Callable[[Envelope], Sequence[Event]]
Folder = Callable[[Envelope], None]


def _nothing(_e: Envelope) -> Sequence[Event]:
    return ()


def _unfolded(_e: Envelope) -> None:
    """Nothing changes."""


class RiskCore:
    """`shared.runtime.actor.Core` of source `risk_engine`."""

    def __init__(self, settings: RiskSettings) -> None:
        self._settings = settings
        self._sit(Desk(settings))

    def decide(self, e: Envelope) -> Sequence[Event]:
        decider = self._deciders.get(type(e.event))
        return () if decider is None else decider(e)

    def apply(self, e: Envelope) -> None:
        ages = self._ages
        if ages.watching and e.seq:  # own outputs stand at their cause
            if e.ts_ns >= ages.due:
                ages.sample(e)
            ages.newest = e
        fold = self._fold.get(type(e.event))
        if fold is not None:
            fold(e)

    @property
    def kinds(self) -> frozenset[type[Event]]:
        """Under the feed clock, where nobody's age is watched: events of any other type change nothing."""
        return frozenset(self._deciders) | frozenset(self._fold)

    def handlers(self, kind: type[Event]) -> tuple[Decider, Folder | None]:
        """`decide` and `apply` of one of the `kinds`, looked up once; under the feed clock only. None in place of `apply` where the first folds the
        event too."""
        decide, fold = self._deciders.get(kind, _nothing), self._fold.get(kind, _unfolded)
        quiet = quiet_bars(decide, fold, self._desk) if kind is Bar else None
        return (decide, fold) if quiet is None else (quiet, None)

    def snapshot(self) -> bytes:
        return self._desk.snapshot()

    def restore(self, state: bytes) -> None:
        try:
            self._sit(Desk.restored(self._settings, state))
        except ValueError as error:
            raise SnapshotIncompatible(f"risk engine: {error}") from None

    @property
    def desk(self) -> Desk:
        return self._desk

    @property
    def timer_moves(self) -> bool:
        """Whether a datum nothing follows from can change `next_timer`: by making a mark due, where marks are made between day ends."""
        return self._settings.mark_interval_ms > 0

    def next_timer(self) -> int:
        mark, end = self._desk.marking.state.due, self._desk.overrides.next_end()
        return min(mark, end) if mark and end else mark or end

    def _overridden(self, e: Envelope) -> None:
        """A limit is another one: the desk is built anew around its state, as after a restart."""
        event: LimitOverridden = e.event  # type: ignore[assignment]  # dispatched by type
        self._desk.unanswered.answered(event)
        if self._desk.overrides.fold(event):
            self._sit(self._desk.limited_anew(event))

    def _revised(self, e: Envelope) -> None:
        """A strategy more or less: the desk is built anew around its state, as after a restart."""
        event: StrategyRevised = e.event  # type: ignore[assignment]  # dispatched by type
        self._desk.unanswered.answered(event)
        if self._desk.revisions.fold(event):
            self._sit(self._desk.revised(event, e.ts_ns))

    def _regime_changed(self, e: Envelope) -> None:
        """Limits may be tighter, or no longer so: in force from here."""
        event: RegimeChanged = e.event  # type: ignore[assignment]  # dispatched by type
        desk = self._desk.in_regime(event.regime)
        if desk is not self._desk:
            self._sit(desk)

    def _state_reported(self, e: Envelope) -> None:
        event: BrokerStateReported = e.event  # type: ignore[assignment]  # dispatched by type
        self._desk.clock.reported(event, self._desk.settings.clock_offset_ms_max, self._desk.settings.soft_fraction)

    def _copy(self) -> RiskCore:
        core = RiskCore(self._settings)
        core.restore(self.snapshot())
        return core

    def _sit(self, desk: Desk) -> None:
        self._desk = desk
        self._ages = desk.ages
        self._fold = Fold(desk).on
        settling(self._fold, desk)
        beginning.owing(self._fold, desk)
        rates.rating(self._fold, desk)
        broker_line.following(self._fold, desk)
        self._fold[LimitOverridden] = self._overridden
        self._fold[StrategyRevised] = self._revised
        self._fold[RegimeChanged] = self._regime_changed
        self._fold[BrokerStateReported] = self._state_reported
        rare: Mapping[type[Event], Callable[..., Sequence[Event]]] = {
            **intents.ON,
            **commands.ON,
            **outcomes.ON,
            **bands.ON,
            **clock_offset.ON,
            **rates.ON,
            **broker_line.ON,
        }
        self._deciders: dict[type[Event], Callable[[Envelope], Sequence[Event]]] = {
            **{kind: partial(decider, desk=desk) for kind, decider in rare.items()},
            **outcomes.on_market(desk),
            RunStarted: partial(beginning.on_run, desk=desk, copy=self._copy),
        }
