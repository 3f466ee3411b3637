"""Which limits are in force, by the log: those a run of risk began with, and what operators made of them."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from decimal import Decimal

from shared import events as ev
from shared.events import Envelope

from .truth import hold

Limit = Decimal | None


class LimitsModel:
    """cap: a bound below all others, for a test that wants one met."""

    def __init__(self) -> None:
        self.cap: int | None = None
        self._base: dict[str, Decimal] = {}
        self._standing: dict[tuple[str, str], Limit] = {}
        self._asked: dict[str, ev.LimitChanged] = {}
        self._history: list[tuple[int, dict[tuple[str, str], Limit]]] = []  # from which seq on, what

    def run(self, e: ev.RunStarted, at: Envelope) -> None:
        if e.name == "risk_engine":
            self._base = {key: Decimal(value) for key, value in re.findall(r"(\w+)=(\d+)", e.fingerprint)}
            self._note(at.seq)

    def asked(self, e: ev.LimitChanged, _: Envelope) -> None:
        hold(e.command not in self._asked, "limit", f"{e.command} is asked twice")
        self._asked[e.command] = e

    def overridden(self, e: ev.LimitOverridden, at: Envelope) -> None:
        """Set as it was asked for, once; ended by a command or by its time."""
        name = (e.key.rpartition(".")[2], e.scope_key)
        if e.outcome == "expired":
            hold(e.expires_at and name in self._standing, "limit", f"{e} ends what does not stand")
            self._standing.pop(name)
        else:
            asked = self._asked.pop(e.command, None)
            hold(asked is not None, "limit", f"{e.command} is answered and was not asked, or twice")
            assert asked is not None
            if e.outcome == "set":
                hold((e.scope, e.scope_key, e.new, e.expires_at) == (asked.scope, asked.scope_key, asked.value, asked.expires_at), "limit", e)
                self._standing[name] = None if asked.value == "null" else Decimal(json.loads(asked.value))
            elif e.outcome == "cleared":
                hold(not asked.value and name in self._standing, "limit", f"{e} clears what does not stand")
                self._standing.pop(name)
        self._note(at.cause)

    def of(self, key: str, symbol: str, cause: int) -> Limit:
        """The account's limit and the symbol's, the stricter one, for what is decided of this event. None: there is none."""
        place = bisect_left(self._history, (cause,))
        in_force = self._history[place - 1][1] if place else {}
        limits = [in_force[name] for name in ((key, ""), (key, symbol)) if in_force.get(name) is not None]
        limits += [Decimal(self.cap)] if self.cap is not None else []
        return min(limits, default=None)  # type: ignore[type-var]  # no None among them

    def unanswered(self) -> list[str]:
        return sorted(self._asked)

    def _note(self, seq: int) -> None:
        in_force: dict[tuple[str, str], Limit] = {(key, ""): value for key, value in self._base.items()}
        for (key, scope_key), value in self._standing.items():
            in_force[(key.replace("max_position", "position_max"), scope_key)] = value
        self._history.append((seq, in_force))
