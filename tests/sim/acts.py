"""What is done to a seed's world while it trades: faults of the venue and of clocks, operators, other limits, people at the broker, services that stay
away. Each kind draws from a seed of its own where it came later than the others, so that it moves none of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from shared.events import (
    CancelRequested,
    ClaimRequested,
    Event,
    FlattenRequested,
    HaltRequested,
    LimitChanged,
    ReconcileNow,
    ResumeRequested,
    Scope,
)
from shared.runtime.killpath import HaltOrder

from .changes import Changes
from .market import SYMBOLS
from .model import Model
from .outside import Outside
from .stack import SECOND, STRATEGIES, Limits, Stack


class Acts:
    """seconds: how long there is trading. calm: nothing is done any more."""

    def __init__(self, seed: int, stack: Stack, model: Model, rng: random.Random, by_hand: random.Random, seconds: int) -> None:
        self._stack, self._world, self._model = stack, stack.world, model
        self._rng, self._by_hand = rng, by_hand
        self._at_list = random.Random(seed ^ 0x57A7)  # of who changes the list of strategies
        self._at_desk = random.Random(seed ^ 0xDE5C)  # of an operator who keeps at it while risk is away
        self._changes = Changes(stack, self._at_list)
        self._outside = Outside(stack.venue, by_hand, random.Random(seed ^ 0xE11), stack.world.fired)
        self._until = seconds * SECOND
        self.calm = False

    def hands_off(self) -> bool:
        """Whether nothing of a person's works at the broker any more; it is taken out."""
        return self._outside.leave()

    def plan(self) -> None:
        """When what comes. Each class is left out of a third of the seeds."""
        rng, world = self._rng, self._world
        faults = world.faults
        acts: dict[str, tuple[Callable[[], object], int]] = {
            "venue fault": (self._venue_fault, rng.choice((0, 4, 12))),
            "venue crash": (self._stack.venue.crash, rng.choice((0, 0, 2))),
            "operator": (partial(self._command, rng), rng.choice((0, 2, 5))),
            "clock jump": (self._clock_jump, rng.choice((0, 0, 2))),
            "limits": (self._limits, rng.choice((0, 0, 2))),
        }
        for name, (act, times) in acts.items():
            for _ in range(times):
                world.at(rng.randrange(SECOND // 2, self._until), lambda a=act, n=name: self._act(n, a))  # type: ignore[misc]
        for act in self._outside.acts.values():
            for _ in range(self._by_hand.choice((0, 0, 1, 3))):
                world.at(self._by_hand.randrange(SECOND // 4, self._until), lambda a=act: None if self.calm else a())  # type: ignore[misc]
        for _ in range(self._at_desk.choice((0, 0, 1, 2))):
            world.at(self._at_desk.randrange(SECOND, self._until), lambda: self._act("risk away", self._risk_away))
        for _ in range(self._at_list.choice((0, 0, 2, 5))):
            world.at(self._at_list.randrange(SECOND, self._until), lambda: self._act("strategies", self._changes.act))
        if self._by_hand.random() < 0.2:
            world.at(self._by_hand.randrange(SECOND, self._until), lambda: None if self.calm else self.halt_directly(self._by_hand.random() < 0.5))
        if self._stack.house.deadman and self._by_hand.random() < 0.25:
            world.at(self._by_hand.randrange(SECOND, self._until // 2), lambda: self._act("router away", self._router_away))
        torn = rng.choice((0.0, 0.0, 0.005)) if faults.crash_bus else 0.0
        self._stack.journal.tear = lambda: world.faults.crash_bus > 0 and world.happens(torn, "torn tail")

    def _act(self, name: str, act: Callable[[], object]) -> None:
        if not self.calm:
            self._world.fired[name] += 1
            act()

    def _venue_fault(self) -> None:
        venue = self._stack.venue
        if venue.up:
            self._world.fired[f"venue {venue.misbehave(self._rng)}"] += 1

    def _command(self, rng: random.Random) -> None:
        n = len(self._stack.commands) + 1
        who = (f"c{n}", "sim", "because")
        scope, key = rng.choice(((Scope.GLOBAL, ""), (Scope.SYMBOL, rng.choice(SYMBOLS)), (Scope.STRATEGY, rng.choice(sorted(STRATEGIES)))))
        commands: tuple[Event, ...] = (
            HaltRequested(*who, scope, key),
            ResumeRequested(*who, scope, key),
            ResumeRequested(*who, Scope.GLOBAL, ""),
            CancelRequested(*who, ""),
            FlattenRequested(*who, rng.choice(("", *SYMBOLS))),
            ReconcileNow(*who),
            self._limit(who, rng),
            ClaimRequested(*who, rng.choice(SYMBOLS), rng.choice(sorted(STRATEGIES)), rng.choice(("", "3", "-2", "11"))),
        )
        command = rng.choice(commands)
        self._world.fired[type(command).__name__] += 1
        self._stack.commands.append(command)

    def _limit(self, who: tuple[str, str, str], rng: random.Random) -> LimitChanged:
        """Tighter or wider than a run of risk may have, for good or for a while; or as it was."""
        key, values = rng.choice((("position_max", ("15", "30", "70", "null", "")), ("order_qty_max", ("5", "12", "25", "null", ""))))
        scope, scope_key = rng.choice(((Scope.GLOBAL, ""), (Scope.SYMBOL, rng.choice(SYMBOLS))))
        ends = rng.choice((0, self._world.wall_ns() + rng.randint(1, 4) * SECOND))
        return LimitChanged(*who, key, rng.choice(values), ends, scope, scope_key)

    def _clock_jump(self) -> None:
        self._model.jumped()
        self._world.wall_offset += self._rng.choice((-3_600, -2, 2, 3_600)) * SECOND

    def halt_directly(self, journaled: bool) -> None:
        """An operator's halt past the bus, or beside it once the bus has it; a bus that says nothing for two seconds is passed by."""
        command = f"direct{self._world.now:x}"
        if journaled:
            self._stack.commands.append(HaltRequested(command, "sim", "drill", Scope.GLOBAL, ""))
        self._ask_directly(command, self._world.now + (2 * SECOND if journaled else 0))

    def _ask_directly(self, command: str, patience: int) -> None:
        killpath, world = self._stack.killpath, self._world
        journaled = command in self._model.direct.halts
        if not journaled and world.now < patience:
            world.at(world.now + SECOND // 20, lambda: self._ask_directly(command, patience))
        elif killpath is not None and not killpath.closed:
            world.fired["kill path"] += 1
            killpath.halt(HaltOrder(command, "sim", "drill", Scope.GLOBAL, "", journaled))

    def _router_away(self) -> None:
        """For longer than its lease and the dead man's patience."""
        self._stack.kill("order_router", 6 * SECOND)

    def _risk_away(self) -> None:
        """For a while in which an operator commands: what waits for it is decided by the same run, or by another with other limits."""
        rng, away = self._at_desk, self._at_desk.randint(1, 3) * SECOND
        if rng.random() < 0.7:
            self._stack.limits = Limits(rng.choice((30, 50, 70)))
        self._stack.kill("risk_engine", away)
        for _ in range(rng.randint(1, 4)):
            self._world.at(self._world.now + rng.randrange(away), lambda: self._act("command to nobody", partial(self._command, rng)))

    def _limits(self) -> None:
        """Other limits, and risk starts anew with them: another run."""
        self._stack.limits = Limits(self._rng.choice((20, 40, 60)))
        self._stack.kill("risk_engine")
