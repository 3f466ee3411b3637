"""The strategies as `status` shows them: how each lives, and what commands made of it since the file."""

from __future__ import annotations

from typing import Any, Final

from shared.config.revised import REMOVED
from shared.events import Reason, StrategyRevised

from . import advice
from .state import Picture, StrategyLife
from .times import iso

NEVER_BEGUN: Final = StrategyLife(0, "", "waiting", "no worker has begun it", 0)
BACK: Final = "`regimeflow strategy add --id {id} --reason TEXT` brings it back as the file has it; with --name or --path as another one"


def rows(p: Picture) -> list[dict[str, Any]]:
    """One a strategy that ran or that a command changed. in_force_from: seq of that change, None as the file has it."""
    return [_row(p, key) for key in sorted({*p.strategies, *p.revised})]


def revisions(p: Picture, shown: int) -> list[dict[str, Any]]:
    """The newest answers to commands that change strategies, newest first."""
    return [_answer(e) for e in reversed(p.revisions[-shown:])]


def what_to_do(p: Picture, strategy: str, reason: Reason, text: str) -> str:
    """Advice for a restricted strategy: none of it is lifted from one that is removed."""
    return _back(strategy) if reason is Reason.OPERATOR and removed(p, strategy) else text


def removed(p: Picture, key: str) -> bool:
    revised = p.revised.get(key)
    return revised is not None and revised.outcome == REMOVED


def _row(p: Picture, key: str) -> dict[str, Any]:
    life, revised, gone = p.strategies.get(key, NEVER_BEGUN), p.revised.get(key), removed(p, key)
    return {
        "strategy": key,
        "name": life.name,
        "run": life.run,
        "state": REMOVED if gone else life.state,
        "text": revised.text if gone and revised is not None else life.text,
        "since": iso(life.since_ns),
        "in_force_from": revised.since if revised is not None else None,
        "changed": revised.outcome if revised is not None else "",
        "definition": revised.definition if revised is not None else "",
        "what_to_do": _back(key) if gone else advice.for_strategy(key, life.state),
    }


def _back(key: str) -> str:
    return BACK.replace("{id}", key)


def _answer(e: StrategyRevised) -> dict[str, Any]:
    return {"command": e.command, "strategy": e.strategy, "outcome": e.outcome, "in_force_from": e.since, "text": e.text}
