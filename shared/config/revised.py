"""The strategies in force: what the file lists, with what operators added, removed or set while running laid over it.

Everybody folds risk's answers (`StrategyRevised`) and keeps the newest of each strategy; from them and the file this says which entries trade, in
one order. A whole entry (it has an `id`) stands in place of the file's; parameters alone are laid over the file's entry and wait while
the file lists none. What was removed stays removed until it is added again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from shared.events import StrategyRevised

from .checks import entry_faults
from .nearest import nearest
from .root import Config
from .strategies import StrategyConfig
from .tree import dotted

ADD: Final = "add"
SET: Final = "set"
REMOVE: Final = "remove"
ADDED: Final = "added"
CHANGED: Final = "set"
REMOVED: Final = "removed"
REFUSED: Final = "refused"
DEFINITION_MAX: Final = 16_384  # characters

Standing = Mapping[str, StrategyRevised]
"""The newest answer of each strategy that a command changed, refusals left out."""


@dataclass(frozen=True, slots=True)
class InForce:
    """entry: as it trades. budget: cash its book opens with. since: the sequence number it is so from, 0 as the file has it."""

    entry: StrategyConfig
    budget: Decimal
    since: int


def in_force(config: Config, standing: Standing) -> tuple[InForce, ...]:
    """What trades: the file's strategies in its order, then added ones by id. The shares of what the file does not budget stay those of the
    whole file. Raises ValueError where a parameter that stands does not go with the file's entry any more."""
    found = []
    budgets = config.budgets(config.paper.initial_cash)
    for entry in config.strategies:
        revised = standing.get(entry.id)
        if revised is None:
            found.append(InForce(entry, budgets[entry.id], 0))
        elif revised.outcome == REMOVED:
            continue
        elif is_whole(revised.definition):
            found.append(_added(revised))
        else:
            params = {**entry.params, **params_of(revised.definition)}
            found.append(InForce(checked(entry.model_copy(update={"params": params})), budgets[entry.id], revised.since))
    listed = {entry.id for entry in config.strategies}
    found += [_added(standing[id_]) for id_ in sorted(standing) if id_ not in listed and is_whole(standing[id_].definition)]
    return tuple(found)


def _added(revised: StrategyRevised) -> InForce:
    entry = entry_of(revised.definition)
    return InForce(entry, entry.budget or Decimal(0), revised.since)


def fold(standing: dict[str, StrategyRevised], e: StrategyRevised) -> bool:
    """Whether the list is another one now."""
    if e.outcome == REFUSED:
        return False
    standing[e.strategy] = e
    return True


def is_whole(definition: str) -> bool:
    """Whether it is a whole entry; not, for parameters alone and where a removal left none."""
    return "id" in _read(definition) if definition else False


def entry_of(definition: str) -> StrategyConfig:
    """The entry of a definition, by the rules of the file. Raises ValueError, one line that names the key."""
    try:
        entry = StrategyConfig.model_validate(_read(definition))
    except ValidationError as error:
        raise ValueError(_said(error)) from None
    return checked(entry)


def checked(entry: StrategyConfig) -> StrategyConfig:
    """The entry itself. Raises ValueError for the first thing that is wrong with it."""
    for path, text in entry_faults(entry):
        raise ValueError(f"{dotted(path)}: {text}")
    return entry


def params_of(definition: str) -> dict[str, Any]:
    """The parameters of a definition. Raises ValueError."""
    params = _read(definition).get("params", {})
    if not isinstance(params, dict):
        raise ValueError("params: must be a section (keys and values)")  # noqa: TRY004 - as of any value in a file
    return params


def laid_over(definition: str, change: str) -> str:
    """The definition with the parameters of a change in place of its own. Raises ValueError."""
    under = _read(definition) if definition else {}
    params = {**params_of(definition), **params_of(change)} if definition else params_of(change)
    return written({**under, "params": params})


def definition_of(entry: StrategyConfig, symbols: tuple[str, ...], budget: Decimal) -> str:
    """An entry as a command carries it: symbols and budget in full, nothing else that was not written."""
    tree = entry.model_dump(mode="json", exclude_unset=True)
    return written({**tree, "id": entry.id, "symbols": list(symbols), "budget": str(budget)})


def written(tree: dict[str, Any]) -> str:
    """JSON, one spelling a definition. Raises ValueError where it is too long."""
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)
    if len(text) > DEFINITION_MAX:
        raise ValueError(f"its definition has {len(text)} characters, at most {DEFINITION_MAX}")
    return text


def _read(definition: str) -> dict[str, Any]:
    try:
        tree = json.loads(definition, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise ValueError("the definition is not JSON") from None
    if not isinstance(tree, dict):
        raise ValueError("the definition is no section (keys and values)")  # noqa: TRY004 - as of any value in a file
    return tree


def _refused(constant: str) -> float:
    raise ValueError(constant)


def _said(error: ValidationError) -> str:
    """The first problem."""
    first = error.errors(include_url=False)[0]
    path = tuple(first["loc"])
    if first["type"] == "extra_forbidden":
        model = StrategyConfig if len(path) == 1 else StrategyConfig.model_fields[str(path[0])].annotation
        near = nearest(str(path[-1]), getattr(model, "model_fields", {}))[0]
        return f"{dotted(path)}: unknown key; nearest: {near}"
    text: str = first["msg"]
    return f"{dotted(path)}: {text.removeprefix('Value error, ').removeprefix('Input ')}"
