"""Trading states: who may trade now. Global, per strategy and per symbol; the strictest that applies decides.

| from, at | start (RunStarted, BusStarted) | clean reconcile | reduce | halt | resume |
|---|---|---|---|---|---|
| DISARMED | DISARMED | ACTIVE or REDUCING, if consented | DISARMED, REDUCING once armed | HALTED | consent; ACTIVE if reconciled |
| ACTIVE | DISARMED | - | REDUCING | HALTED | ACTIVE |
| REDUCING | DISARMED | - | REDUCING | HALTED | ACTIVE |
| HALTED | HALTED | HALTED | HALTED | HALTED, new epoch | ACTIVE if reconciled since start, else DISARMED |

So the global state is two facts: `mode` (active, reducing, halted), latched, an operator's to lift; and `armed`, lost at every start and
won back by reconciling (`arm: auto`; `manual` also wants a Resume after the start). Strategies and symbols have a mode only.
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared.events import (
    HaltRequested,
    Reason,
    ReconcileCompleted,
    ReduceRequested,
    ResumeRequested,
    Scope,
    StrategyPaused,
    TradingState,
    TradingStateChanged,
)

from .settings import Arm

_SEVERITY: Final = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.DISARMED: 2, TradingState.HALTED: 3}


class TradingStates(msgspec.Struct):
    """modes: by scope and key ("strategy:a", "symbol:X"), those not ACTIVE. reconciled, consented: since the last start. halts, reduces: commands
    by scope and key that no run answered yet, because the configuration changed while the engine was away."""

    mode: TradingState = TradingState.ACTIVE
    armed: bool = False
    reconciled: bool = False
    consented: bool = False
    halt_epoch: int = 0
    modes: dict[str, TradingState] = msgspec.field(default_factory=dict)
    paused: set[str] = msgspec.field(default_factory=set)
    halts: dict[str, HaltRequested] = msgspec.field(default_factory=dict)
    reduces: dict[str, ReduceRequested] = msgspec.field(default_factory=dict)

    # what holds

    def overall(self) -> TradingState:
        if self.mode is TradingState.HALTED or self.armed:
            return self.mode
        return TradingState.DISARMED

    @property
    def unrestricted(self) -> bool:
        """Everybody may trade everything, as mostly."""
        return self.armed and self.mode is TradingState.ACTIVE and not self.modes and not self.paused

    def of(self, scope: Scope, key: str) -> TradingState:
        return self.overall() if scope is Scope.GLOBAL else self.modes.get(_name(scope, key), TradingState.ACTIVE)

    # what follows

    def start(self, arm: Arm, reconcile_required: bool) -> TradingStateChanged | None:
        """After a start: disarmed, unless halted, which no restart lifts, or where a config asks for no reconcile and no operator."""
        if self.mode is TradingState.HALTED:
            return None
        if not reconcile_required and arm is Arm.AUTO:
            return self._change(Scope.GLOBAL, "", self.mode, Reason.RECONCILED, "no reconcile required")
        return self._change(Scope.GLOBAL, "", TradingState.DISARMED, Reason.DISARMED, "starting: waits to be armed")

    def arm(self, e: ReconcileCompleted) -> TradingStateChanged | None:
        """After a reading of the broker: trading begins when the books agree and an operator or the config does."""
        if self.armed or self.mode is TradingState.HALTED or not self.consented or not _agrees(e):
            return None
        return self._change(Scope.GLOBAL, "", self.mode, Reason.RECONCILED, "reconciled with the broker")

    def halt(self, scope: Scope, key: str, reason: Reason, text: str) -> TradingStateChanged:
        """Always an event: a second halt cancels again."""
        return self._change(scope, key, TradingState.HALTED, reason, text)

    def reduce(self, scope: Scope, key: str, reason: Reason, text: str) -> TradingStateChanged | None:
        """None where the state is as strict already."""
        if scope is Scope.GLOBAL and not self.armed and self.mode is TradingState.ACTIVE:
            return self._change(scope, key, TradingState.DISARMED, Reason.REDUCING_ONLY, text)
        mode = self.mode if scope is Scope.GLOBAL else self.of(scope, key)
        if _SEVERITY[mode] >= _SEVERITY[TradingState.REDUCING]:
            return None
        return self._change(scope, key, TradingState.REDUCING, reason, text)

    def restrict(self, scope: Scope, key: str, state: TradingState, reason: Reason, text: str) -> TradingStateChanged | None:
        """To HALTED or REDUCING by a limit; None where the scope is as strict already: a breach that stands does not repeat itself."""
        if state is TradingState.REDUCING:
            return self.reduce(scope, key, reason, text)
        mode = self.mode if scope is Scope.GLOBAL else self.of(scope, key)
        return None if mode is TradingState.HALTED else self.halt(scope, key, reason, text)

    def operator_halt(self, e: HaltRequested) -> TradingStateChanged:
        return self.halt(e.scope, e.key, Reason.OPERATOR, _act(e))

    def operator_reduce(self, e: ReduceRequested) -> TradingStateChanged | None:
        return self.reduce(e.scope, e.key, Reason.OPERATOR, _act(e))

    def operator_resume(self, e: ResumeRequested) -> TradingStateChanged | None:
        """Lifts the scope's mode; a global one never arms what was not reconciled since the start."""
        ready = self.armed or self.reconciled
        state = TradingState.ACTIVE if ready or e.scope is not Scope.GLOBAL else TradingState.DISARMED
        return self._change(e.scope, e.key, state, Reason.OPERATOR, _act(e))

    def answers(self) -> list[TradingStateChanged]:
        """To what was asked while nobody decided."""
        halted: list[TradingStateChanged | None] = [self.operator_halt(e) for e in self.halts.values()]
        reduced = [self.operator_reduce(e) for name, e in self.reduces.items() if name not in self.halts]
        return [change for change in (*halted, *reduced) if change is not None]

    # folding

    def ask_halt(self, e: HaltRequested) -> None:
        self.halts[_name(e.scope, e.key)] = e

    def ask_reduce(self, e: ReduceRequested) -> None:
        self.reduces[_name(e.scope, e.key)] = e

    def started(self, arm: Arm, reconcile_required: bool) -> None:
        self.armed = False
        self.reconciled = not reconcile_required
        self.consented = arm is Arm.AUTO

    def completed(self, e: ReconcileCompleted) -> None:
        self.reconciled = self.reconciled or _agrees(e)

    def resumed(self, e: ResumeRequested) -> None:
        self.consented = self.consented or e.scope is Scope.GLOBAL
        self._answered(e.scope, e.key)

    def pause(self, e: StrategyPaused) -> None:
        if e.paused:
            self.paused.add(e.strategy)
        else:
            self.paused.discard(e.strategy)

    def changed(self, e: TradingStateChanged) -> None:
        self.halt_epoch = max(self.halt_epoch, e.halt_epoch)
        self._answered(e.scope, e.key)
        if e.scope is not Scope.GLOBAL:
            if e.state is TradingState.ACTIVE:
                self.modes.pop(_name(e.scope, e.key), None)
            else:
                self.modes[_name(e.scope, e.key)] = e.state
        elif e.state is TradingState.DISARMED:
            self.armed = False
            if e.reason is Reason.REDUCING_ONLY:
                self.mode = TradingState.REDUCING
            elif e.reason is Reason.OPERATOR:
                self.mode = TradingState.ACTIVE
        else:
            self.mode = e.state
            self.armed = self.armed or e.state is not TradingState.HALTED

    def _answered(self, scope: Scope, key: str) -> None:
        if self.halts or self.reduces:
            self.halts.pop(_name(scope, key), None)
            self.reduces.pop(_name(scope, key), None)

    def _change(self, scope: Scope, key: str, state: TradingState, reason: Reason, text: str) -> TradingStateChanged:
        return TradingStateChanged(scope, key, state, reason, text, self.halt_epoch + (state is TradingState.HALTED))


def _name(scope: Scope, key: str) -> str:
    return f"{scope.value}:{key}"


def _agrees(e: ReconcileCompleted) -> bool:
    return e.clean and not e.pending


def _act(e: HaltRequested | ReduceRequested | ResumeRequested) -> str:
    return f"{e.operator}: {e.reason}"
