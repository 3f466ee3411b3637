"""Trading states: who may trade now. Global, per strategy and per symbol; the strictest that applies decides.

| from, at | start (RunStarted, BusStarted) | clean reconcile | reduce | halt | resume |
|---|---|---|---|---|---|
| DISARMED | DISARMED | ACTIVE or REDUCING, if consented | DISARMED, REDUCING once armed | HALTED | consent; ACTIVE if reconciled |
| ACTIVE | DISARMED | - | REDUCING | HALTED | ACTIVE |
| REDUCING | DISARMED | - | REDUCING | HALTED | ACTIVE |
| HALTED | HALTED | HALTED | HALTED | HALTED, new epoch | ACTIVE if reconciled since start, else DISARMED |

So the global state is two facts: `mode` (active, reducing, halted), latched, an operator's to lift; and `armed`, lost at every start and
when services differ, and won back by reconciling (`arm: auto`; `manual` also wants a Resume after the start). Strategies and symbols have a
mode only. A third, `unwatched`, makes ACTIVE a REDUCING while the reconciler is missed, its readings fail or find a break, or the broker's line is
down; the next clean reading lifts that (an operator may where one is there to look), once the line is up: one asked for after that.
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

_ACTIVE: Final = TradingState.ACTIVE
_SEVERITY: Final = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.DISARMED: 2, TradingState.HALTED: 3}

UNWATCHED: Final = (Reason.RECONCILER_MISSING, Reason.RECONCILE_BREAK, Reason.BROKER_DISCONNECTED)  # of a global state: until a clean reading


class TradingStates(msgspec.Struct):
    """modes: by scope and key ("strategy:a", "symbol:X"), those not ACTIVE. reconciled, consented: since the last start. unwatched: nobody can
    say that the books agree; set where it is what binds."""

    mode: TradingState = TradingState.ACTIVE
    armed: bool = False
    reconciled: bool = False
    consented: bool = False
    halt_epoch: int = 0
    modes: dict[str, TradingState] = msgspec.field(default_factory=dict)
    paused: dict[str, bool] = msgspec.field(default_factory=dict)
    unwatched: bool = False

    # what holds

    def overall(self) -> TradingState:
        if self.mode is TradingState.HALTED or self.armed:
            return TradingState.REDUCING if self.unwatched and self.mode is TradingState.ACTIVE else self.mode
        return TradingState.DISARMED

    @property
    def unrestricted(self) -> bool:
        """Everybody may trade everything, as mostly."""
        return self.armed and self.mode is _ACTIVE and not self.modes and not self.paused and not self.unwatched

    def of(self, scope: Scope, key: str) -> TradingState:
        return self.overall() if scope is Scope.GLOBAL else self.modes.get(_name(scope, key), TradingState.ACTIVE)

    # what follows

    def start(self, arm: Arm, reconcile_required: bool, clock: str = "") -> TradingStateChanged | None:
        """After a start: disarmed, unless halted, which no restart lifts, or where a config asks for no reconcile and no operator. clock: why
        that keeps trading disarmed."""
        if self.mode is TradingState.HALTED:
            return None
        if not reconcile_required and arm is Arm.AUTO:
            return self._change(Scope.GLOBAL, "", self.mode, Reason.RECONCILED, "no reconcile required")
        reason = Reason.CLOCK_OFFSET if clock else Reason.DISARMED
        return self._change(Scope.GLOBAL, "", TradingState.DISARMED, reason, clock or "starting: waits to be armed")

    def arm(self, e: ReconcileCompleted, mismatch: str = "") -> TradingStateChanged | None:
        """After a reading of the broker: trading begins when the books agree, an operator or the config does, all services run the same
        and the clock is right (mismatch: why not). A reading also ends the time without any."""
        if self.mode is TradingState.HALTED or not agrees(e):
            return None
        if self.armed:
            back = "reconciled with the broker again"
            return self._change(Scope.GLOBAL, "", self.mode, Reason.RECONCILED, back) if self.unwatched else None
        if not self.consented or mismatch:
            return None
        return self._change(Scope.GLOBAL, "", self.mode, Reason.RECONCILED, "reconciled with the broker")

    def differ(self, mismatch: str) -> TradingStateChanged | None:
        """Services run different code or settings: disarmed, with who and what. None while halted, which is stricter and must show."""
        if self.mode is TradingState.HALTED:
            return None
        return self._change(Scope.GLOBAL, "", TradingState.DISARMED, Reason.BUILD_MISMATCH, mismatch)

    def keep_disarmed(self, reason: Reason, text: str) -> TradingStateChanged | None:
        """Why trading will not arm. None where it is armed already, or halted, which is stricter and must show."""
        if self.armed or self.mode is TradingState.HALTED:
            return None
        return self._change(Scope.GLOBAL, "", TradingState.DISARMED, reason, text)

    def unwatch(self, reason: Reason, text: str) -> TradingStateChanged | None:
        """Only what reduces until the next clean reading. None where the state is as strict already; a resume from there looks again."""
        if not self.armed or self.unwatched or self.mode is not TradingState.ACTIVE:
            return None
        return self._change(Scope.GLOBAL, "", TradingState.REDUCING, reason, text)

    def disconnected(self, text: str) -> TradingStateChanged | None:
        """The broker's line is down: no new risk until a clean reading after it is back. None where the state is as strict by somebody's word."""
        if self.mode is TradingState.HALTED or (self.armed and self.mode is TradingState.REDUCING):
            return None
        return self._change(Scope.GLOBAL, "", TradingState.REDUCING if self.armed else TradingState.DISARMED, Reason.BROKER_DISCONNECTED, text)

    def halt(self, scope: Scope, key: str, reason: Reason, text: str) -> TradingStateChanged:
        """Always an event: a second halt cancels again."""
        return self._change(scope, key, TradingState.HALTED, reason, text)

    def lift(self, strategy: str, reason: Reason, text: str) -> TradingStateChanged:
        """A strategy that begins anew: what restricted it was of its earlier life."""
        return self._change(Scope.STRATEGY, strategy, TradingState.ACTIVE, reason, text)

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

    def operator_resume(self, e: ResumeRequested, mismatch: str = "", *, missing: tuple[Reason, str] | None = None) -> TradingStateChanged | None:
        """Lifts the scope's mode; a global one never arms what was not reconciled since the start, or where services differ or the clock is off,
        and only reduces while the reconciler or the broker's line is missing."""
        if e.scope is not Scope.GLOBAL:
            return self._change(e.scope, e.key, TradingState.ACTIVE, Reason.OPERATOR, _act(e))
        if mismatch or not (self.armed or self.reconciled):
            return self._change(e.scope, e.key, TradingState.DISARMED, Reason.OPERATOR, "; ".join(filter(None, (_act(e), mismatch))))
        if missing is not None:
            return self._change(e.scope, e.key, TradingState.REDUCING, missing[0], f"{_act(e)}; {missing[1]}")
        return self._change(e.scope, e.key, TradingState.ACTIVE, Reason.OPERATOR, _act(e))

    # folding

    def started(self, arm: Arm, reconcile_required: bool) -> None:
        self.armed = False
        self.reconciled = not reconcile_required
        self.consented = arm is Arm.AUTO

    def completed(self, e: ReconcileCompleted) -> None:
        self.reconciled = self.reconciled or agrees(e)

    def resumed(self, e: ResumeRequested) -> None:
        self.consented = self.consented or e.scope is Scope.GLOBAL

    def pause(self, e: StrategyPaused) -> None:
        if e.paused:
            self.paused[e.strategy] = True
        else:
            self.paused.pop(e.strategy, None)

    def changed(self, e: TradingStateChanged) -> None:
        self.halt_epoch = max(self.halt_epoch, e.halt_epoch)
        if e.scope is not Scope.GLOBAL:
            if e.state is TradingState.ACTIVE:
                self.modes.pop(_name(e.scope, e.key), None)
            else:
                self.modes[_name(e.scope, e.key)] = e.state
            return
        self.unwatched = e.reason in UNWATCHED and e.state is not TradingState.DISARMED
        if e.state is TradingState.DISARMED:
            self.armed = False
            if e.reason is Reason.REDUCING_ONLY:
                self.mode = TradingState.REDUCING
            elif e.reason is Reason.OPERATOR:
                self.mode = TradingState.ACTIVE
        else:
            self.mode = TradingState.ACTIVE if self.unwatched else e.state
            self.armed = self.armed or e.state is not TradingState.HALTED

    def _change(self, scope: Scope, key: str, state: TradingState, reason: Reason, text: str) -> TradingStateChanged:
        return TradingStateChanged(scope, key, state, reason, text, self.halt_epoch + (state is TradingState.HALTED))


def _name(scope: Scope, key: str) -> str:
    return f"{scope.value}:{key}"


def agrees(e: ReconcileCompleted) -> bool:
    """Whether a reading says that the books are the broker's."""
    return e.clean and not e.pending


def _act(e: HaltRequested | ReduceRequested | ResumeRequested) -> str:
    return f"{e.operator}: {e.reason}"
