"""Strategies added, removed and set while running: which answers stand, what they make of the configuration, what becomes of a command.

An answer (`StrategyRevised`) is a fact, in force from the sequence number it names. It outlives restarts; the configuration lies under it. A command
that no run decided is answered as the next one begins (`unanswered`).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from shared.config import revised
from shared.domain.exact import ZERO, text
from shared.events import RunStarted, StrategyChanged, StrategyRevised

from .build import bounds_of
from .settings import RiskSettings, StrategySettings

ID_SHOWN: Final = 32


class Revisions(msgspec.Struct):
    """standing: the newest answer of each strategy a command changed. runs: the newest of each; earlier: the newest of an earlier life."""

    standing: dict[str, StrategyRevised] = msgspec.field(default_factory=dict)
    runs: dict[str, int] = msgspec.field(default_factory=dict)
    earlier: dict[str, int] = msgspec.field(default_factory=dict)

    def fold(self, e: StrategyRevised) -> bool:
        """Whether the list is another one now."""
        if e.outcome == revised.ADDED:
            self.earlier[e.strategy] = e.runs
        return revised.fold(self.standing, e)

    def began(self, e: RunStarted) -> None:
        """A process may know for a while no better than that its strategy goes on as before it was removed."""
        kind, _, strategy = e.name.partition(".")
        if kind == "strategy":
            self.runs[strategy] = e.name_run

    def removed(self, strategy: str) -> bool:
        answer = self.standing.get(strategy)
        return answer is not None and answer.outcome == revised.REMOVED


def with_revisions(config: RiskSettings, revisions: Revisions) -> RiskSettings:
    """The configuration's strategies as they stand now: in its order, then added ones by id."""
    standing = revisions.standing
    if not standing:
        return config
    added = {id_: _entry(e) for id_, e in sorted(standing.items()) if revised.is_whole(e.definition)}
    entries = [added.pop(s.id, s) for s in config.strategies if not revisions.removed(s.id)]
    return msgspec.structs.replace(config, strategies=(*entries, *added.values()))


def _entry(e: StrategyRevised) -> StrategySettings:
    entry = revised.entry_of(e.definition)
    tree = {"id": entry.id, "symbols": entry.symbols, "budget": entry.budget, "limits": bounds_of(entry.limits)}
    return msgspec.convert(tree, StrategySettings, strict=False)


class Account:
    """What answers are judged by. symbols: those the gateway has told of. free: cash that is unassigned; exits: the newest order of risk's own, by run
    and number; wall: whether time is the wall clock's."""

    def __init__(self, symbols: Iterable[str], free: Decimal, exits: tuple[int, int], *, wall: bool) -> None:
        self.symbols = frozenset(symbols)
        self.free = free
        self.exits = exits
        self.wall = wall


def answer(e: StrategyChanged, since: int, settings: RiskSettings, revisions: Revisions, account: Account) -> StrategyRevised:
    """What becomes of a command. settings: with the strategies there are now."""
    try:
        return _answer(e, since, f"{e.operator}: {e.reason}"[:200], settings, revisions, account)
    except ValueError as error:
        return StrategyRevised(e.command, revised.REFUSED, e.strategy[:ID_SHOWN], since, "", ZERO, str(error)[:200])


def _answer(e: StrategyChanged, since: int, said: str, settings: RiskSettings, now: Revisions, account: Account) -> StrategyRevised:
    """Raises ValueError, one line."""
    if len(e.definition) > revised.DEFINITION_MAX:
        raise ValueError(f"the definition has {len(e.definition)} characters, at most {revised.DEFINITION_MAX}")
    if not account.wall:
        raise ValueError("the log's clock is the feed's: strategies change with the configuration")
    if e.action == revised.ADD:
        return _added(e, since, said, settings, account, now.runs.get(e.strategy, 0))
    if settings.strategy(e.strategy) is None:
        raise ValueError(f"{'removed already' if now.removed(e.strategy) else 'no strategy is called'}: {e.strategy[:ID_SHOWN]}")
    if e.action == revised.REMOVE:
        return StrategyRevised(e.command, revised.REMOVED, e.strategy, since, "", ZERO, said)
    if e.action != revised.SET:
        raise ValueError(f"no such action: {e.action[:ID_SHOWN]}")
    if not revised.params_of(e.definition):
        raise ValueError("params: none is given")
    standing = now.standing.get(e.strategy)
    definition = revised.laid_over(standing.definition if standing is not None else "", e.definition)
    if revised.is_whole(definition):
        revised.entry_of(definition)
    return StrategyRevised(e.command, revised.CHANGED, e.strategy, since, definition, ZERO, said)


def _added(e: StrategyChanged, since: int, said: str, settings: RiskSettings, account: Account, runs: int) -> StrategyRevised:
    entry = revised.entry_of(e.definition)
    if entry.id != e.strategy:
        raise ValueError(f"id: {entry.id} is not {e.strategy[:ID_SHOWN]}")
    if settings.strategy(entry.id) is not None:
        raise ValueError(f"id: {entry.id} trades already; remove it first, or `set` its parameters")
    if entry.budget is None:
        raise ValueError("budget: required key is missing")
    if not entry.symbols:
        raise ValueError("symbols: required key is missing")
    for symbol in entry.symbols:
        if symbol not in account.symbols:
            raise ValueError(f"symbols: no feed subscribes {symbol}; list it in live.symbols")
    if entry.budget > account.free:
        raise ValueError(f"budget: {text(entry.budget)} is more than the {text(account.free)} that is unassigned")
    bounds_of(entry.limits)
    return StrategyRevised(e.command, revised.ADDED, entry.id, since, e.definition, entry.budget, said, runs, account.exits)
