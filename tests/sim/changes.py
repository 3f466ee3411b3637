"""An operator who adds, removes and sets strategies at bad moments: orders working or unknown, halted, whoever would have to know of it just killed."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, Final

from shared.events import HaltRequested, Scope, StrategyChanged

from .market import SYMBOLS

if TYPE_CHECKING:
    from .stack import Stack

SECOND: Final = 1_000_000_000
NAMES: Final = ("one", "two", "three")
AWAY: Final = ("risk_engine", "order_router", "gateway", "auditor", "strategy")

_ACTIONS: Final = (
    *(("add",), ("add",), ("remove",), ("remove",), ("set",), ("set",)),
    *(("remove", "add"), ("add", "remove"), ("set", "remove")),
)


class Changes:
    def __init__(self, stack: Stack, rng: random.Random) -> None:
        self._stack, self._rng = stack, rng

    def act(self) -> None:
        """One command or some in a row, now and then with somebody killed right before or after."""
        rng, world = self._rng, self._stack.world
        if rng.random() < 0.4:
            who = rng.choice(AWAY)
            world.fired[f"change and {who} dead"] += 1
            world.at(world.now + rng.choice((0, SECOND // 20)), lambda: self._stack.kill(who, rng.randint(0, 20) * SECOND // 10))
        strategy = rng.choice((*NAMES, "three"))
        if rng.random() < 0.2:
            world.fired["change while halted"] += 1
            self._stack.commands.append(HaltRequested(self._name(), "sim", "before a change", Scope.STRATEGY, strategy))
        for action in rng.choice(_ACTIONS):
            world.fired[f"strategy {action}"] += 1
            self._stack.commands.append(StrategyChanged(self._name(), "sim", "because", strategy, action, self._definition(action, strategy)))

    def _name(self) -> str:
        return f"c{len(self._stack.commands) + 1}"

    def _definition(self, action: str, strategy: str) -> str:
        rng = self._rng
        if action == "remove":
            return ""
        params = {"pace": rng.choice((20, 60))} if action == "set" or rng.random() < 0.5 else {}
        if action == "set":
            return json.dumps({"params": params})
        entry: dict[str, Any] = {"id": strategy, "path": f"tests.sim.gamblers:{rng.choice(('Gambler', 'Saver'))}", "params": params}
        entry["symbols"] = list(rng.choice((SYMBOLS, SYMBOLS[:1], SYMBOLS[1:])))
        entry["budget"] = rng.choice(("50000", "120000.25", "2000000"))
        if rng.random() < 0.5:
            entry["limits"] = {"order_qty_max": rng.choice((3, 8))}
        return json.dumps(entry)
