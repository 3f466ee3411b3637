"""A row of the matrix: a control, what is configured, what is done one step below its limit, at it and one above, and what must follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.events import Event, LimitBreached, OrderDenied, Reason, ReplaceDenied

from .scene import START, Act, Ask

SIDES = ("buy", "sell")
BELOW, AT, ABOVE = -1, 0, 1
Log = Sequence[Event]
Value = str | Mapping[str, str] | Callable[[str, int], str]


def other(side: str) -> str:
    return "sell" if side == "buy" else "buy"


def shown(value: Value, side: str, step: int) -> str:
    return value if isinstance(value, str) else value[side] if isinstance(value, Mapping) else value(side, step)


@dataclass(frozen=True)
class Denied:
    """The last order, or replace, is denied with this."""

    reason: Reason
    key: str
    limit: Value
    value: Value = ""

    def seen(self, log: Log, side: str, step: int) -> str:
        """What is wrong with a log in which it must follow."""
        limit = shown(self.limit, side, step)
        found = [(e.reason, e.key, e.limit, e.value) for e in log if isinstance(e, OrderDenied | ReplaceDenied)]
        wanted = (self.reason, self.key, limit, shown(self.value, side, step))
        return "" if found == [wanted] else f"denied {found}, not {wanted}"

    def unseen(self, log: Log) -> str:
        """What is wrong with a log in which it must not."""
        found = [e for e in log if isinstance(e, OrderDenied | ReplaceDenied)]
        return f"denied {found}" if found else ""


@dataclass(frozen=True)
class Breach:
    """A limit is met, and then an event of this kind follows. limit and value: "?" where they are times. then: attributes of the event."""

    reason: Reason
    key: str
    limit: str
    value: Value
    kind: type[Event]
    then: Mapping[str, object]

    def seen(self, log: Log, side: str, step: int) -> str:
        told = [(e.reason, e.key, e.limit, e.value) for e in log if isinstance(e, LimitBreached) and e.hard]
        wanted = (self.reason, self.key, self.limit, shown(self.value, side, step))
        if not any(found == wanted or (found[:2] == wanted[:2] and self.limit == "?") for found in told):
            return f"told {told}, not {wanted}"
        return "" if follows(log, self.kind, self.then) else f"no {self.kind.__name__} {dict(self.then)}"

    def unseen(self, log: Log) -> str:
        found = [e for e in log if isinstance(e, LimitBreached) and e.hard]
        return f"told {found}" if found else ""


@dataclass(frozen=True)
class Follows:
    """An event of this kind with these attributes; denied: and the last order is denied for that reason."""

    kind: type[Event]
    then: Mapping[str, object]

    def seen(self, log: Log, _side: str, _step: int) -> str:
        return "" if follows(log, self.kind, self.then) else f"no {self.kind.__name__} {dict(self.then)}"

    def unseen(self, log: Log) -> str:
        return f"{self.kind.__name__} {dict(self.then)}" if follows(log, self.kind, self.then) else ""


def follows(log: Log, kind: type[Event], then: Mapping[str, object]) -> bool:
    return any(isinstance(e, kind) and all(getattr(e, name) == value for name, value in then.items()) for e in log)


Configured = dict[str, Any] | Callable[[int], dict[str, Any]]
Acts = Callable[[str, int], Sequence[Act]]


@dataclass(frozen=True)
class Row:
    """page: the control's key as `docs/risk_controls.md` writes it, its name there where it has none. acts: by side and step. risk: below
    `live.risk`. own: limits of strategy a's book. met: the first step at which it follows. adds: units a working order could take of the limit
    first, 0 where orders do not add up. soft: (step that is not past the soft part, its key). where: who can play it. told: what the gateway
    would say first."""

    page: str
    acts: Acts
    expected: Denied | Breach | Follows
    risk: Configured = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    met: int = ABOVE
    sides: tuple[str, ...] = SIDES
    adds: int = 0
    soft: int | None = None
    where: tuple[str, ...] = ("core", "backtest", "live")
    told: Callable[[int], Sequence[Event]] = lambda _: ()
    start: Callable[[int], int] = lambda _: START
    stalled: tuple[str, Callable[[int], int]] = ("", lambda _: 0)
    rejects: bool = False
    clock: str = "feed"

    def risk_at(self, step: int) -> dict[str, Any]:
        return self.risk(step) if callable(self.risk) else self.risk

    @property
    def steady(self) -> bool:
        """Whether every step has the same configuration."""
        return not callable(self.risk)

    def complaint(self, log: Log, side: str, step: int) -> str:
        """What is wrong with the log of this step; empty when nothing is."""
        return self.expected.seen(log, side, step) if step >= self.met else self.expected.unseen(log)


def units(base: int, limit: object = 100, symbol: str = "X", before: Callable[[str], Sequence[Act]] = lambda _: ()) -> Acts:
    """An order of so many units, more or fewer by the step."""
    return lambda side, step: [*before(side), Ask(side, base + step, limit, symbol)]


def works(quantity: int, limit: object = 50, symbol: str = "Y") -> Callable[[str], Sequence[Act]]:
    """An order that rests on the order's side."""
    return lambda side: [Ask(side, quantity, limit, symbol)]
