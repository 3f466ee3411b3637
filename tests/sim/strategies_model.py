"""Strategies added, removed and set while running, written a second way: what each answer may be, and what may be approved and sent from its place in
the log on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from shared import events as ev
from shared.events import Envelope, Scope, TradingState

from .truth import hold

if TYPE_CHECKING:
    from .orders_model import OrdersModel

FILE: Final[dict[str, frozenset[str]]] = {"one": frozenset({"ABC", "XYZ"}), "two": frozenset({"ABC"})}
RISK: Final = "risk_engine"


@dataclass(frozen=True, slots=True)
class Entry:
    """In force from a sequence number. most: the largest order it may want itself."""

    symbols: frozenset[str]
    since: int = 0
    most: Decimal | None = None


class StrategiesModel:
    """By strategy: what is in force, since when it is removed, from where in the log it is halted for that; where each of its runs began."""

    def __init__(self, orders: OrdersModel, seen: Counter[str]) -> None:
        self._orders, self._seen = orders, seen
        self._entries = {name: Entry(symbols) for name, symbols in FILE.items()}
        self._removed: dict[str, int] = {}
        self._halted: dict[str, int] = {}
        self._asked: dict[str, tuple[int, ev.StrategyChanged]] = {}
        self._begun: dict[str, int] = {}
        self._risk_begins: set[int] = set()
        self._handlers: dict[type[ev.Event], Callable[[Any, Envelope], None]] = {
            ev.StrategyChanged: self._changed,
            ev.StrategyRevised: self._revised,
            ev.RunStarted: self._run,
            ev.TradingStateChanged: self._state,
            ev.OrderApproved: self._approved,
            ev.OrderSending: self._sending,
        }

    def take(self, e: Envelope) -> None:
        """One event, before the other models have it."""
        handler = self._handlers.get(type(e.event))
        if handler is not None:
            handler(e.event, e)

    def unanswered(self) -> list[str]:
        return sorted(self._asked)

    def in_force(self) -> list[str]:
        return sorted(self._entries)

    def removed(self, strategy: str) -> bool:
        """Whether what its orders trade is nobody's."""
        return strategy in self._removed

    # -- commands and answers

    def _changed(self, e: ev.StrategyChanged, at: Envelope) -> None:
        hold(e.command not in self._asked, "strategy", f"{e.command} is asked twice")
        self._asked[e.command] = (at.seq, e)

    def _revised(self, e: ev.StrategyRevised, at: Envelope) -> None:
        place, asked = self._asked.pop(e.command, (0, None))
        hold(asked is not None and asked.strategy == e.strategy, "strategy", f"{e} was not asked for, or twice")
        assert asked is not None
        hold(at.cause == place or (at.cause in self._risk_begins and place < at.cause), "strategy", f"{e} follows from seq {at.cause}")
        hold(e.since == at.cause, "strategy", f"{e} is said to be so from another place than {at.cause}")
        listed, want = e.strategy in self._entries, {"add": "added", "remove": "removed", "set": "set"}[asked.action]
        if e.outcome == "refused":
            too_much = asked.action == "add" and Decimal(json.loads(asked.definition)["budget"]) > 1_000
            hold(listed is (asked.action == "add") or too_much, "strategy", f"{asked} is refused: {e.text}")
        else:
            hold(e.outcome == want, "strategy", f"{asked} is answered with {e.outcome}")
            hold(listed is (asked.action != "add"), "strategy", f"{asked} is answered with {e.outcome}, in force are {self.in_force()}")
            {"added": self._added, "removed": self._gone, "set": self._set}[want](e, at, asked)
        self._seen[f"strategy {e.outcome}"] += 1

    def _added(self, e: ev.StrategyRevised, at: Envelope, asked: ev.StrategyChanged) -> None:
        entry = json.loads(asked.definition)
        hold(e.budget == Decimal(entry["budget"]), "strategy", e)
        most = entry.get("limits", {}).get("order_qty_max")
        self._entries[e.strategy] = Entry(frozenset(entry["symbols"]), at.cause, None if most is None else Decimal(most))
        self._removed.pop(e.strategy, None)
        self._halted.pop(e.strategy, None)

    def _gone(self, e: ev.StrategyRevised, at: Envelope, _: ev.StrategyChanged) -> None:
        """What it held and what works for it, as risk had it, is noted: a run that never meets these proves nothing about them."""
        del self._entries[e.strategy]
        self._removed[e.strategy] = at.cause
        works = [o for o in self._orders.orders.values() if o.strategy == e.strategy and o.worked(at.cause)]
        held = any(self._orders.account.books[e.strategy].values())
        halted = any(key == ("strategy", e.strategy) for key in self._orders.halts.in_force())
        found = {"orders": works, "an unknown order": any(o.unknown for o in works), "holdings": held, "a halt": halted}
        self._seen.update(f"removed with {what}" for what, there in found.items() if there)

    def _set(self, e: ev.StrategyRevised, _: Envelope, asked: ev.StrategyChanged) -> None:
        params = json.loads(e.definition)["params"]
        hold(all(params[key] == value for key, value in json.loads(asked.definition)["params"].items()), "strategy", e)

    # -- what may be

    def _run(self, e: ev.RunStarted, at: Envelope) -> None:
        if e.name == RISK:
            self._risk_begins.add(at.seq)
        elif e.name.startswith("strategy."):
            self._begun[f"{e.name.removeprefix('strategy.')}:{e.name_run}"] = at.seq

    def _state(self, e: ev.TradingStateChanged, at: Envelope) -> None:
        if e.scope is Scope.STRATEGY and e.state is TradingState.HALTED and self._removed.get(e.key) == at.cause:
            self._halted.setdefault(e.key, at.seq)

    def _approved(self, e: ev.OrderApproved, at: Envelope) -> None:
        if e.strategy == "risk":
            return
        removed = self._removed.get(e.strategy)
        hold(removed is None or at.cause <= removed, "strategy", f"{e.order_id} is approved, {e.strategy} was removed at seq {removed}")
        entry = self._entries.get(e.strategy)
        if removed is not None or e.order_id.startswith("risk:"):
            return
        assert entry is not None
        hold(at.cause >= entry.since, "strategy", f"{e.order_id} is approved before {e.strategy} is in force at seq {entry.since}")
        hold(e.terms.symbol in entry.symbols, "strategy", f"{e.order_id}: {e.strategy} does not trade {e.terms.symbol}")
        hold(
            entry.most is None or e.terms.quantity <= entry.most,
            "strategy",
            f"{e.order_id} is approved for {e.terms.quantity}, its own limit is {entry.most}",
        )
        begun = self._begun[e.order_id.rpartition(":")[0]]
        hold(begun > entry.since, "strategy", f"{e.order_id} is of a run from before {e.strategy} was added at seq {entry.since}")
        if entry.since:
            self._seen["order of an added strategy"] += 1

    def _sending(self, e: ev.OrderSending, at: Envelope) -> None:
        halted, order = self._halted.get(e.strategy), self._orders.orders.get(e.order_id)
        if halted is not None and order is not None:
            hold(not order.seq < halted < at.cause, "strategy", f"{e.order_id} is sent, {e.strategy} was removed at seq {halted}")
