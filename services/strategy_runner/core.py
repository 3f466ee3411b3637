"""The strategy actor: one user strategy on the log.

`step` folds an event and, where the strategy is alive, calls what it overrides; what the strategy asked for meanwhile is the answer.
`apply` folds alone and calls no user code: so come the facts back of runs before this one. Positions, orders and cash are always folded
from the log; a strategy's own memory is only ever its indicators.

Life: RunStarted of its name -> built and initialised -> warm-up bars, if any, are told with orders refused -> on_start -> running, until
the system stops (and on_start again when it starts), a command removes it or sets its parameters, or a callback raises or blocks. A failure ends the calls of
this strategy only; the orders of the event it failed at are taken back. `resume` of its own scope by an operator builds it anew. A change by
command (`StrategyRevised`) ends the run: what comes after, if anything, is another run, by an actor that was built for that change.

The hot path is a bar without a consequence: one table look-up, one history entry, the strategy's own arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from shared.config.revised import REFUSED
from shared.events import (
    TOPIC_ACCOUNT,
    TOPIC_CONTROL,
    Bar,
    ClockTicked,
    DayEnded,
    Envelope,
    Event,
    OrderEvent,
    RegimeChanged,
    ResumeRequested,
    RunStarted,
    Scope,
    StrategyBlocked,
    StrategyFailed,
    StrategyLogged,
    StrategyRevised,
    StrategyStarted,
    StrategyStopped,
    SystemStarted,
    SystemStopped,
    WarmupBar,
    WarmupEnded,
    topic_market,
    topic_orders,
)
from shared.runtime.actor import SnapshotIncompatible
from shared.strategy.desk import EXECUTIONS, Desk, Gate
from shared.strategy.loading import LoadedStrategy
from shared.strategy.own_orders import UPDATES
from shared.strategy.regime import RegimeTransition, regime_named
from shared.strategy.settings import StrategySettings

from .folding import Handler, facts_of, intents_of
from .saved import LAYOUT, ActorState, Phase, pack, unpack
from .user_code import Generators, NoGenerators, UserCode

_RUNNING: Final = Phase.RUNNING  # looked up once: asked for at every datum
_LIFELESS: Final = (Phase.IDLE, Phase.FAILED, Phase.OVER)
_GATES: Final = {Phase.WARMING: Gate.DEAF, Phase.RUNNING: Gate.OPEN}


class StrategyActor:
    """A FoldingCore. Raises TypeError for a class that defines half of save/load."""

    def __init__(self, settings: StrategySettings, strategy_factory: LoadedStrategy, generators: Generators | None = None) -> None:
        self.settings = settings
        self._desk = Desk(settings)
        self._user = UserCode(self._desk, strategy_factory, generators or NoGenerators())
        self._saved: tuple[bytes | None, bytes] = (None, b"")
        self._held_back: list[Bar] = []
        self._revised_at = 0
        self._facts = facts_of(self._desk) | intents_of(self._desk) | self._life_read_back()
        self._passive = facts_of(self._desk) | {
            RunStarted: self._run_started,
            StrategyBlocked: self._ended,
            StrategyRevised: self._revised,
            ResumeRequested: self._resumed,
            SystemStarted: self._system_started,
        }
        self._enter(Phase.IDLE)

    @property
    def deterministic(self) -> bool:
        return self._user.deterministic

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def run(self) -> int:
        """The strategy's run, 0 before the first."""
        return self._desk.run

    @property
    def callback(self) -> str:
        """The user code called last."""
        return self._user.callback

    @property
    def snapshottable(self) -> bool:
        """False while a strategy without save and load is alive: its run is replayed instead."""
        return self._user.savable or self._user.strategy is None

    @property
    def consults_account(self) -> bool:
        """Whether the strategy has read `ctx.account` in this process."""
        return self._desk.account.consulted

    def topics(self) -> tuple[str, ...]:
        """The lane it folds."""
        own = self.settings.id
        return (*(topic_market(s) for s in self.settings.symbols), topic_orders(own), f"w.{own}.", TOPIC_ACCOUNT, TOPIC_CONTROL)

    # -- the actor contract

    def step(self, e: Envelope) -> Sequence[Event]:
        handler = self._table.get(type(e.event))
        if handler is None:
            return ()
        desk = self._desk
        desk.now = e.ts_ns
        handler(e.event)
        if not desk.said:
            return ()
        said, desk.said = desk.said, []
        if self._user.strategy is None and self._phase is not Phase.OVER:
            self._end()
        return said

    def apply(self, e: Envelope) -> None:
        handler = self._facts.get(type(e.event))
        if handler is not None:
            self._desk.now = e.ts_ns
            handler(e.event)

    def step_blocked(self, e: Envelope) -> Sequence[Event]:
        """In place of `step` for an event whose callback did not return when it was first delivered: it is folded, and the strategy ends as it
        did then, without being called again. Nothing follows."""
        self.apply(e)
        if self._phase is not Phase.OVER:
            self._end()
        return ()

    def next_timer(self) -> int:
        return self._desk.timers.next_due if self._phase is _RUNNING else 0

    def snapshot(self) -> bytes:
        """Raises SaveError when the strategy's save() does not do its part. Of a strategy without save and load the bytes tell its state,
        but restore refuses them while it is alive."""
        strategy, generators = self._saved if self._user.strategy is None else self._user.save()
        desk, symbols = self._desk.to_state(), self.settings.symbols
        return pack(ActorState(LAYOUT, self._phase, desk, tuple(self._held_back), strategy, generators, self._revised_at, symbols))

    def restore(self, state: bytes) -> None:
        """The strategy itself is rebuilt at the next step: when that begins another run, its saved state is not needed."""
        s = unpack(state)
        if s.phase not in _LIFELESS and s.strategy is None:
            raise SnapshotIncompatible("the strategy has no save and load: its run is replayed")
        if s.symbols != self.settings.symbols:
            raise SnapshotIncompatible(f"it was told of {', '.join(s.symbols)}: of {', '.join(self.settings.symbols)} only the log knows")
        self._desk.restore(s.desk)
        self._user.strategy = None
        self._saved = (s.strategy, s.generators)
        self._held_back = list(s.held_back)
        self._revised_at = s.revised
        self._enter(s.phase)

    # -- life

    def _enter(self, phase: Phase) -> None:
        """Set the phase, whether orders are taken in it, and what is listened to. A strategy that should be alive and is not in memory is
        woken by the first event that concerns it."""
        self._phase = phase
        self._desk.gate = _GATES.get(phase, Gate.SHUT)
        self._table: dict[type[Event], Handler] = self._passive
        if phase in _LIFELESS:
            return
        if self._user.strategy is None:
            self._table = dict.fromkeys(self._passive | self._listening(), self._wake) | {RunStarted: self._run_started}
        elif phase is Phase.WARMING:
            self._table = self._passive | {Bar: self._hold_back, WarmupBar: self._warmup_bar, WarmupEnded: self._warmup_ended}
        elif phase is Phase.RUNNING:
            self._table = self._passive | self._listening()

    def _listening(self) -> dict[type[Event], Handler]:
        """What a running strategy answers to beside the facts; market data only where it overrides the callback."""
        order_events = dict.fromkeys(UPDATES, self._order_event)
        return (
            order_events
            | self._user.market_handlers()
            | {
                ClockTicked: self._clock_ticked,
                DayEnded: self._day_ended,
                RegimeChanged: self._regime_changed,
                SystemStopped: self._system_stopped,
                WarmupBar: self._too_late,
                WarmupEnded: self._too_late,
            }
        )

    def _run_started(self, event: RunStarted) -> None:
        if event.name != self.settings.source:
            return
        self._adopt_run(event)
        if self._phase is Phase.OVER or not self._user.build(f"{self.settings.id}:{event.name_run}"):
            return
        if self.settings.warmup_bars:
            self._enter(Phase.WARMING)
        else:
            self._start()

    def _adopt_run(self, event: RunStarted) -> None:
        if event.name == self.settings.source:
            self._end()
            self._desk.begin_run(event.name_run)
            changed_since = self._revised_at > self.settings.since  # by a command that this actor was not built for
            self._enter(Phase.OVER if changed_since else Phase.WARMING)

    def _start(self) -> None:
        self._enter(Phase.RUNNING)
        if self._user.call("on_start"):
            s = self.settings
            self._desk.said.append(StrategyStarted(s.id, self._desk.run, s.name, s.symbols, self.deterministic))

    def _stop(self, reason: str) -> None:
        if self._user.call("on_stop"):
            self._enter(Phase.STOPPED)
            self._desk.said.append(StrategyStopped(self.settings.id, self._desk.run, reason))

    def _end(self) -> None:
        """Failed or blocked: latched, nothing of the strategy is kept but its book and its orders."""
        self._user.strategy = None
        self._saved = (None, b"")
        self._held_back = []
        self._desk.timers.clear()
        self._enter(Phase.FAILED)

    def _wake(self, event: Event) -> None:
        """Continue after restore: build, let it load, go on in the phase it was in. What initialize says and schedules was said and
        scheduled when the run began, so it counts for nothing now."""
        (saved, generators), phase, timers = self._saved, self._phase, self._desk.timers.to_state()
        self._saved = (None, b"")
        if self._user.build(self._fresh_seed()):
            if saved is None:
                self._start()  # not deterministic, and killed before its first snapshot
            else:
                self._desk.said.clear()
                self._desk.timers.restore(timers)
                if self._user.load(saved, generators):
                    self._enter(phase)
        if self._user.strategy is None:
            self._end()
        handler = self._table.get(type(event))
        if handler is not None:
            handler(event)

    def _system_started(self, _event: SystemStarted) -> None:
        if self._phase is Phase.STOPPED:
            self._start()

    def _system_stopped(self, event: SystemStopped) -> None:
        self._stop(event.reason)

    def _revised(self, event: StrategyRevised) -> None:
        """A command removed it or set it otherwise: this run is over, wherever it was in its life."""
        if not self._concerns(event):
            return
        if self._phase is Phase.RUNNING and self._user.call("on_stop"):
            self._desk.said.append(StrategyStopped(self.settings.id, self._desk.run, f"{event.outcome} by {event.text}"))
        self._over(event)

    def _concerns(self, event: StrategyRevised) -> bool:
        return event.strategy == self.settings.id and event.outcome != REFUSED

    def _over(self, event: StrategyRevised) -> None:
        """Its book opens or closes with the change."""
        self._desk.ledger.apply(event)
        self._revised_at = event.since
        self._end()
        self._enter(Phase.OVER)

    def _resumed(self, event: ResumeRequested) -> None:
        """An operator clears the halt of a failed strategy: it begins anew in the same run, with the book and the history it has."""
        mine = event.scope is Scope.STRATEGY and event.key == self.settings.id
        if mine and self._phase is Phase.FAILED and self._user.build(self._fresh_seed()):
            self._start()

    def _ended(self, event: StrategyBlocked | StrategyFailed) -> None:
        mine = event.strategy == self.settings.id and event.strategy_run == self._desk.run
        if mine and self._phase is not Phase.OVER:
            self._end()

    def _fresh_seed(self) -> str:
        return f"{self.settings.id}:{self._desk.run}:{self._desk.now}"

    def _life_read_back(self) -> dict[type[Event], Handler]:
        """Its own life as the log tells it, where `apply` alone is used."""

        def entered(event: StrategyStarted | StrategyStopped) -> None:
            mine = event.strategy == self.settings.id and event.strategy_run == self._desk.run
            if mine and self._phase is not Phase.OVER:
                self._enter(Phase.RUNNING if isinstance(event, StrategyStarted) else Phase.STOPPED)

        def revised(event: StrategyRevised) -> None:
            if self._concerns(event):
                self._over(event)

        return {
            RunStarted: self._adopt_run,
            StrategyRevised: revised,
            WarmupBar: self._tell_history,
            StrategyStarted: entered,
            StrategyStopped: entered,
            StrategyFailed: self._ended,
            StrategyBlocked: self._ended,
        }

    # -- warm-up

    def _tell_history(self, event: WarmupBar) -> None:
        if event.strategy == self.settings.id and event.run == self._desk.run:
            self._desk.history.add_bar(event.bar)

    def _warmup_bar(self, event: WarmupBar) -> None:
        self._tell_history(event)
        if event.strategy == self.settings.id and event.run == self._desk.run:
            self._user.call_if_overridden("on_bar", event.bar)

    def _hold_back(self, bar: Bar) -> None:
        """A live bar during warm-up: told after the history it follows."""
        self._held_back.append(bar)
        if len(self._held_back) > self.settings.history_bars_max * len(self.settings.symbols):
            del self._held_back[0]

    def _warmup_ended(self, event: WarmupEnded) -> None:
        if event.strategy != self.settings.id or event.strategy_run != self._desk.run:
            return
        history, held_back = self._desk.history, self._held_back
        self._held_back = []
        for bar in held_back:
            newest = history.bar(bar.symbol)
            if newest is not None and bar.end <= newest.end:
                continue
            history.add_bar(bar)
            if not self._user.call_if_overridden("on_bar", bar):
                return
        if self._desk.refused:
            self._desk.say(StrategyLogged(self.settings.id, "warning", f"{self._desk.refused} orders refused during warm-up"))
            self._desk.refused = 0
        self._start()

    def _too_late(self, _event: Event) -> None:
        """Warm-up of a strategy that has started."""

    # -- what a running strategy is told

    def _order_event(self, event: OrderEvent) -> None:
        if event.strategy != self.settings.id:
            return
        order, user = self._desk.fold_order(event), self._user
        if order is not None and user.overrides("on_order_update") and not user.call("on_order_update", order.view()):
            return
        if isinstance(event, EXECUTIONS) and user.overrides("on_fill"):
            user.call("on_fill", self._desk.fill(event))

    def _clock_ticked(self, _event: ClockTicked) -> None:
        timers, now = self._desk.timers, self._desk.now
        while (timer_id := timers.take_due(now)) is not None:
            if not self._user.call_if_overridden("on_timer", timer_id):
                return

    def _day_ended(self, event: DayEnded) -> None:
        calendars = {i.calendar for i in self._desk.instruments.values()}
        if not calendars or event.calendar in calendars:
            self._user.call_if_overridden("on_end_of_day", date.fromisoformat(event.date))

    def _regime_changed(self, event: RegimeChanged) -> None:
        self._desk.fold_regime(event)
        change = RegimeTransition(regime_named(event.previous), regime_named(event.regime), event.confidence, self._desk.now)
        self._user.call_if_overridden("on_regime_change", change)
