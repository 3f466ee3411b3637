"""What is halted, from the log alone: what operators asked for and what the engine said (I8)."""

from __future__ import annotations

from collections import defaultdict

from shared import events as ev
from shared.events import Envelope, TradingState

from .truth import hold

Key = tuple[str, str]  # scope and its key


class Halts:
    """By scope: seqs of the cause of the halt in force, of the newest halt command, of resumes; operators' halts (true) and resumes by seq. Seqs at
    which a run of risk begins: what came before and was not answered is answered there. Where commands about strategies stand, by command; strategies
    added, by cause: that lifts their halt."""

    def __init__(self) -> None:
        self._halts: dict[Key, int] = {}
        self._commands: dict[Key, int] = {}
        self._resumes: dict[Key, set[int]] = defaultdict(set)
        self._wishes: dict[Key, list[tuple[int, bool]]] = defaultdict(list)
        self._begun: set[int] = set()
        self._changed: dict[str, int] = {}
        self._added: set[tuple[Key, int]] = set()

    @staticmethod
    def scopes(strategy: str, symbol: str) -> tuple[Key, ...]:
        return (("global", ""), ("strategy", strategy), ("symbol", symbol))

    def wanted(self, key: Key, seq: int) -> bool:
        """Whether a halt of the scope is in force before this seq: an operator's that none resumed since, or the engine's own."""
        before = [halt for at, halt in self._wishes[key] if at < seq]
        return (bool(before) and before[-1]) or self._halts.get(key, seq) < seq

    def commanded(self, key: Key) -> int:
        """Seq of the newest halt command of a scope that was not halted, 0 for none."""
        return self._commands.get(key, 0)

    def halted(self, e: ev.HaltRequested, at: Envelope) -> None:
        key = (str(e.scope), e.key)
        self._wishes[key].append((at.seq, True))
        if key not in self._halts:
            self._commands[key] = at.seq

    def resumed(self, e: ev.ResumeRequested, at: Envelope) -> None:
        self._resumes[(str(e.scope), e.key)].add(at.seq)
        self._wishes[(str(e.scope), e.key)].append((at.seq, False))

    def state(self, e: ev.TradingStateChanged, at: Envelope) -> None:
        key = (str(e.scope), e.key)
        halted = self._halts.get(key)
        if e.state is TradingState.HALTED:
            self._halts.setdefault(key, at.cause)
        elif halted is not None:
            hold(
                (key, at.cause) in self._added or at.cause in self._resumes[key] or self._overdue(key, halted, at.cause),
                "I8",
                f"the halt of {key} at seq {halted} is gone and nobody resumed",
            )
            del self._halts[key]

    def run(self, e: ev.RunStarted, at: Envelope) -> None:
        if e.name == "risk_engine":
            self._begun.add(at.seq)

    def changed(self, e: ev.StrategyChanged, at: Envelope) -> None:
        self._changed[e.command] = at.seq

    def revised(self, e: ev.StrategyRevised, at: Envelope) -> None:
        """A strategy that is added begins anew: what halted it before the command is over."""
        if e.outcome == "added":
            key = ("strategy", e.strategy)
            self._added.add((key, at.cause))
            self._wishes[key] = sorted([*self._wishes[key], (self._changed[e.command], False)])

    def in_force(self) -> list[Key]:
        return sorted(self._halts)

    def _overdue(self, key: Key, halted: int, cause: int) -> bool:
        """Whether what risk says as a run of it begins is the answer to a resume since that halt, the last word of any operator before the run."""
        before = [(seq, halt) for seq, halt in self._wishes[key] if seq < cause]
        return cause in self._begun and bool(before) and before[-1][0] > halted and not before[-1][1]
